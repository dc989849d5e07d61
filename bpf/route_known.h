/* SPDX-License-Identifier: GPL-2.0-only */
/* The route that was found for the same question a moment ago; see include/nsfast/route.h. */
#pragma once

#include "hop.h"

#define ROUTE_TOS 0x1c /* what routes look at of it */

static __always_inline struct nsf_route *route_row(const struct pkt *p)
{
	__u32 at = (p->saddr * 0x9e3779b1u ^ p->daddr) * 0x85ebca6bu >> (32 - NSF_ROUTES_BITS);

	return bpf_map_lookup_elem(&nsf_routes, &at);
}

/* True if there is one, for which the packet is neither too long nor at its end: the plan is then as route() leaves it, and
 * flow_nexthop() need not look for the hop. p->routes is the number of now. */
static __always_inline bool route_known(struct pkt *p, __u32 now)
{
	const struct nsf_route *r = p->family == 6 ? NULL : route_row(p);
	const struct nsf_hop *h;

	if (!r || r->tick != now ||
	    (r->saddr ^ p->saddr) | (r->daddr ^ p->daddr) | (r->net ^ p->net_id) | (r->tos ^ (p->tos & ROUTE_TOS)) |
		    (__u16)(r->way ^ p->routes))
		return false;
	h = hop_held(r->hop, r->way, p->net, now);
	if (!h || p->ttl <= 1 || p->wire > r->mtu)
		return false;
	p->out = p->net->uplink;
	p->hop_family = h->hop_family;
	p->hop[0] = h->addr[0];
	p->hop_row = r->hop;
	p->hop_way = r->way;
	p->mtu = r->mtu;
	p->macs = 1;
	mac_copy(p->out_dmac, h->mac);
	mac_copy(p->out_smac, p->net->uplink_mac);
	return true;
}

/* Remembers what route() found for this packet, as its flow knows it by now. */
static __noinline void route_remember(const struct pkt *p, const struct nsf_flow *f, __u32 now)
{
	struct nsf_route *r = p->family == 6 || !ctx_routes_alike(p->ctx) ? NULL : route_row(p);

	if (!r)
		return;
	*r = (struct nsf_route){
		.saddr = p->saddr,
		.daddr = p->daddr,
		.net = p->net_id,
		.tick = now,
		.way = f->way,
		.hop = f->hop,
		.mtu = f->mtu,
		.tos = p->tos & ROUTE_TOS,
	};
}
