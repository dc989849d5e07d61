/* SPDX-License-Identifier: GPL-2.0-only */
/* The next hop of a flow, remembered; see include/nsfast/hop.h. */
#pragma once

#include "maps.h"
#include "pkt.h"

/*
 * A number that changes with the host's routes. The kernel's own (rt_cache_flush()) goes up with rules, addresses and links
 * too, but not with what it learns of a path's MTU: so all are asked for anew every few minutes. IPv6 has none that goes up
 * with routes that are removed: there it changes every tick.
 */
#define HOP_ROUTES_SHIFT 8 /* ticks after which nothing is believed any more */

static __always_inline __u16 hop_routes(const struct pkt *p, __u32 now)
{
	return p->family == 6 || !ctx_has_route_id() ? now : ctx_route_id(p->ctx) + (now >> HOP_ROUTES_SHIFT);
}

static __always_inline bool hop_is(const struct nsf_hop *h, const struct facts *p, __u32 family)
{
	return !((h->out ^ p->out) | (h->family ^ family) | (h->hop_family ^ p->hop_family) |
		 addr6_differ(h->addr, p->hop));
}

/* The row of the next hop that route() found: its own, or the one of those that it may have which was asked for longest
 * ago. Not static: verified once, see struct facts. */
__noinline int hop_row(const struct facts *p, __u32 family, __u32 now)
{
	__u32 first, best = 0, age = 0, i;

	if (!p)
		return 0;
	first = (p->hop[0] ^ p->hop[1] ^ p->hop[2] ^ p->hop[3] ^ p->out) * 0x9e3779b1u >> (32 - NSF_HOPS_BITS);
	for (i = 0; i < NSF_HOPS_WAYS; i++) {
		__u32 at = 1 + (first ^ i);
		const struct nsf_hop *h = array_row(&nsf_hops, at);

		if (!h)
			continue;
		if (hop_is(h, p, family))
			return at;
		if (!best || now - h->tick > age) {
			best = at;
			age = now - h->tick;
		}
	}
	return best;
}

/* Notes what route() found, in the row and in the flow. True if it was asked for in this tick before. */
static __always_inline bool hop_note(const struct pkt *p, struct nsf_flow *f, __u32 now)
{
	__u32 at = hop_row(&p->facts, p->family, now), way;
	struct nsf_hop *h = array_row(&nsf_hops, at);
	bool fresh;

	if (!h)
		return false;
	bpf_spin_lock(&h->lock);
	fresh = h->tick == now;
	if (!hop_is(h, &p->facts, p->family)) {
		fresh = false;
		h->way += 1 << 16;
		h->out = p->out;
		h->family = p->family;
		h->hop_family = p->hop_family;
		addr6_copy(h->addr, p->hop);
	}
	h->way = (h->way & 0xffff0000) | p->routes;
	h->tick = now;
	mac_copy(h->mac, p->out_dmac);
	way = h->way;
	bpf_spin_unlock(&h->lock);
	f->hop = at;
	f->way = way;
	return fresh;
}

/* Who holds a row, if it is as it was, and was asked for in this tick; else NULL. */
static __always_inline const struct nsf_hop *hop_held(__u32 at, __u32 way, const struct nsf_net *net, __u32 now)
{
	const struct nsf_hop *h = array_row(&nsf_hops, at);

	return likely(h && !((h->tick ^ now) | (h->way ^ way) | (h->out ^ net->uplink))) ? h : NULL;
}

/* The flow's, NULL if the kernel must be asked. */
static __always_inline const struct nsf_hop *hop_known(const struct nsf_flow *f, const struct nsf_net *net, __u32 now)
{
	return hop_held(f->hop, f->way, net, now);
}
