/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of interfaces begin with: a namespace of their own, a socket in it, veth pairs. */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <sched.h>

#include <cmocka.h>

#include "link.h"
#include "util.h"

static const __u8 mac_a[6] = { 2, 0, 0, 0, 0, 0xa }, mac_b[6] = { 2, 0, 0, 0, 0, 0xb };

static inline int fresh(void **state)
{
	struct nl *nl;

	if (unshare(CLONE_NEWNET) || nl_open(&nl))
		return -1;
	*state = nl;
	return 0;
}

static inline int done(void **state)
{
	nl_close(*state);
	return 0;
}

static inline void make_pair(struct nl *nl, const char *name, const char *peer_name, __u32 mtu)
{
	struct veth v = { name, peer_name, mac_a, mac_b, mtu, -1 };

	assert_int_equal(link_add_veth(nl, &v), 0);
}

static inline struct link get(struct nl *nl, const char *name)
{
	struct link l;

	assert_int_equal(link_get(nl, name, 0, &l), 0);
	return l;
}

static inline void set(struct nl *nl, const char *name, struct link_change c)
{
	assert_int_equal(link_set(nl, get(nl, name).ifindex, &c), 0);
}

static inline struct addr addr(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

#define IN_NETNS(test) cmocka_unit_test_setup_teardown(test, fresh, done)
