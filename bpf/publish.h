/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes: which rule is for an address and a port of the host. The table's order stands at struct nsf_publish. */
#pragma once

#include "maps.h"

/* family << 8 | protocol, as rules are sorted by it. */
#define PUBLISH_KIND(family, proto) ((__u32)(family) << 8 | (proto))

/* Steps of a search: one for each bit. */
#define PUBLISH_STEPS (32 - __builtin_clz(NSF_PUBLISH_MAX))

static __always_inline __u64 publish_order(__u32 kind, __be32 addr, __u32 port)
{
	return (__u64)kind << 48 | (__u64)bpf_ntohl(addr) << 16 | port;
}

static __always_inline __u64 publish_begin(const struct nsf_publish *r)
{
	return publish_order(PUBLISH_KIND(r->family, r->proto), r->addr, r->first);
}

struct publish_search {
	__u64 want;
	__u32 half; /* row at which the table begins */
	__u32 n;    /* rules */
	__u32 base; /* rules known to begin at or below what is wanted */
};

/* Step i of a binary search. */
static long publish_step(__u32 i, struct publish_search *s)
{
	__u32 step = NSF_PUBLISH_MAX >> i, at = s->half + s->base + step - 1;
	const struct nsf_publish *r = s->base + step <= s->n ? bpf_map_lookup_elem(&nsf_publish, &at) : NULL;

	if (r && publish_begin(r) <= s->want)
		s->base += step;
	return 0;
}

/* Row of the rule for exactly this address (0: rules for any address) and port, in host order; -1 if there is none. */
__noinline int publish_row(__u32 kind, __be32 addr, __u32 port)
{
	struct publish_search s = { .want = publish_order(kind, addr, port) };
	__u32 i = 0, *live = bpf_map_lookup_elem(&nsf_publish_live, &i);
	const struct nsf_publish *r;

	if (!live || !*live)
		return -1;
	i = *(volatile __u32 *)live;
	s.half = (i >> NSF_PUBLISH_HALF) * NSF_PUBLISH_MAX;
	s.n = i & ((1U << NSF_PUBLISH_HALF) - 1);
	bpf_loop(PUBLISH_STEPS, publish_step, &s, 0);
	i = s.half + s.base - 1;
	r = s.base ? bpf_map_lookup_elem(&nsf_publish, &i) : NULL;
	if (!r || (publish_begin(r) ^ s.want) >> 16 || port > r->last) /* it does not begin above */
		return -1;
	return i;
}

static __always_inline bool publish_any(void)
{
	__u32 zero = 0, *live = bpf_map_lookup_elem(&nsf_publish_live, &zero);

	return live && *live & ((1U << NSF_PUBLISH_HALF) - 1);
}

/* The rule for an address and a port of the host, one for this very address first. -1 if there is none. */
static __always_inline int publish_find(__u32 kind, __be32 addr, __u32 port)
{
	int r = publish_row(kind, addr, port);

	return r >= 0 ? r : publish_row(kind, 0, port);
}
