/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own sockets: which addresses are the host's, and what a socket asked for. */
#pragma once

#include <linux/bpf.h>

#include "abi.h"

/* Here an IPv4 address is ::ffff:a.b.c.d. */

/* Key of map nsf_locals, a hash (value __u32, 1): the host's addresses but its loopback ones, kept by user space. */
struct nsf_local {
	__be32 addr[4];
};
_Static_assert(sizeof(struct nsf_local) == 16, "nsf_local");
#define NSF_LOCALS_MAX 65536

struct nsf_asked_end {
	__be32 addr[4];
	__be16 port; /* 0: none */
	__u16 pad;
};
_Static_assert(sizeof(struct nsf_asked_end) == 20, "nsf_asked_end");

/*
 * Map nsf_asked: storage of each socket that has asked for a published port, for as long as the socket lives. The latest
 * NSF_ASKED_MAX, by what it got; a power of two.
 */
#define NSF_ASKED_MAX 8
struct nsf_asked {
	struct bpf_spin_lock lock;
	__u32 next; /* in v, for what is new */
	struct nsf_asked_pair {
		struct nsf_asked_end asked, got;
	} v[NSF_ASKED_MAX];
};
_Static_assert(sizeof(struct nsf_asked) == 8 + NSF_ASKED_MAX * 40, "nsf_asked");
