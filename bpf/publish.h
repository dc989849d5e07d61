/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes: which rule is for an address and a port of the host. The table's order stands at struct nsf_publish. */
#pragma once

#include "maps.h"

/* family << 8 | protocol, as rules are sorted by it. */
#define PUBLISH_KIND(family, proto) ((__u32)(family) << 8 | (proto))

static __always_inline __u64 publish_order(__u32 kind, __be32 addr, __u32 port)
{
	return (__u64)kind << 48 | (__u64)bpf_ntohl(addr) << 16 | port;
}

static __always_inline __u64 publish_begin(const struct nsf_publish *r)
{
	return publish_order(PUBLISH_KIND(r->family, r->proto), r->addr, r->first);
}

/*
 * Row of the rule for exactly this address (0: rules for any address) and port, in host order; -1 if there is none.
 * Binary search without a branch: the verifier walks through it once, and not through each way that it can go.
 */
__noinline int publish_row(__u32 kind, __be32 addr, __u32 port)
{
	__u32 i = 0, *live = bpf_map_lookup_elem(&nsf_publish_live, &i), half, n, base = 0, step;
	const struct nsf_publish *r;
	__u64 want = publish_order(kind, addr, port), have, not_above;

	if (!live || !*live)
		return -1;
	n = *(volatile __u32 *)live;
	half = (n >> NSF_PUBLISH_HALF) * NSF_PUBLISH_MAX;
	n &= (1U << NSF_PUBLISH_HALF) - 1;
	/* base: rules known to begin at or below what is wanted */
	for (step = NSF_PUBLISH_MAX; step; step >>= 1) {
		i = base + step - 1;
		i &= (__u32)(((__u64)i - n) >> 32); /* behind the last rule: the first one is looked at instead */
		i += half;
		r = bpf_map_lookup_elem(&nsf_publish, &i);
		if (!r)
			continue;
		have = publish_begin(r);
		not_above = ~((want - have) >> 63) & ~(((__u64)n - base - step) >> 63) & 1;
		bounded(not_above);
		base += step * not_above;
	}
	i = half + base - 1;
	r = base ? bpf_map_lookup_elem(&nsf_publish, &i) : NULL;
	if (!r || (publish_begin(r) ^ want) >> 16 || (want & 0xffff) > r->last) /* it does not begin above */
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
