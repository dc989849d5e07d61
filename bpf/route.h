/* SPDX-License-Identifier: GPL-2.0-only */
/* The way out by the host's own routing table. */
#pragma once

#include "frag.h"
#include "icmp.h"
#include "port.h"
#include "route6.h"
#include "route_known.h"

/* What the kernel's answer means. NEXT: there is a way, and the packet fits through. */
static __always_inline enum verdict route_answer(struct pkt *p, const struct bpf_fib_lookup *q, long r)
{
	switch (r) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		p->mtu = q->mtu_result;
		return NEXT;
	case BPF_FIB_LKUP_RET_NO_NEIGH: /* long enough for this packet; the MTU itself is not told */
		return NEXT;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return frag_too_big(p, q->mtu_result);
	case BPF_FIB_LKUP_RET_NOT_FWDED:
		/*
		 * An address of the host, or nowhere: no lookup tells which, for the tables local and main are one
		 * until somebody adds a rule. The gateway does not forward, so the host keeps what is its own, and
		 * discards the rest, of IPv4 in silence.
		 */
		return HOST;
	case BPF_FIB_LKUP_RET_BLACKHOLE:
		return drop(p, NSF_DROP_BLACKHOLE);
	case BPF_FIB_LKUP_RET_UNREACHABLE:
		return icmp_answer(p, NSF_DROP_UNREACHABLE, ICMP_SAY_HOST);
	case BPF_FIB_LKUP_RET_PROHIBIT:
		return icmp_answer(p, NSF_DROP_PROHIBITED, ICMP_SAY_ADMIN);
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		return drop(p, NSF_DROP_FORWARD_OFF);
	}
	return icmp_answer(p, NSF_DROP_NO_ROUTE, ICMP_SAY_NET);
}

/* The answer: next hop. An IPv4 route by way of an IPv6 router (RFC 5549) is the kernel's to follow; here it tells such
 * routers apart. */
static __always_inline void route_hop(struct pkt *p, const struct bpf_fib_lookup *q)
{
	p->hop_family = q->family == AF_INET ? 4 : 0;
	if (p->hop_family)
		p->hop[0] = q->ipv4_dst;
	else
		addr6_copy(p->hop, q->ipv6_dst);
}

/* The way leads to where the network has none. */
static __always_inline enum verdict route_elsewhere(struct pkt *p, __u32 ifindex)
{
	if (bpf_map_lookup_elem(&nsf_ifaces, &ifindex))
		return icmp_answer(p, NSF_DROP_OTHER_NET, ICMP_SAY_ADMIN);
	return icmp_answer(p, p->net->uplink ? NSF_DROP_NOT_UPLINK : NSF_DROP_NO_UPLINK, ICMP_SAY_NET);
}

/*
 * Asks the kernel. Lookups come from the gateway's far end: the kernel answers only for an interface with forwarding
 * on, and that one never hands a packet to the stack. NEXT: p->out is the network's uplink or gateway, p->hop the next
 * hop (hop_family 0: the kernel must find it itself); p->macs tells whether the MACs and p->mtu, the route's, are known. The packet
 * fits through.
 */
static __noinline enum verdict route(struct pkt *p)
{
	struct bpf_fib_lookup q = {
		.l4_protocol = p->proto,
		.sport = p->sport,
		.dport = p->dport,
		.tot_len = p->wire, /* and the route's MTU comes back in its place */
		.ifindex = p->net->fib,
	};
	long r;

	if (p->family == 6) {
		if (!route6_ask(p, &q))
			return drop(p, NSF_DROP_SHORT_IP6);
	} else {
		q.family = AF_INET;
		q.tos = p->tos & ROUTE_TOS;
		q.ipv4_src = p->saddr;
		q.ipv4_dst = p->daddr;
	}
	r = bpf_fib_lookup(p->ctx, &q, sizeof(q), 0);
	if (unlikely(r == BPF_FIB_LKUP_RET_FRAG_NEEDED) && frag_fits(p)) { /* others on the way may cut it */
		q.tot_len = 0;
		r = bpf_fib_lookup(p->ctx, &q, sizeof(q), 0);
	}
	TRY(route_answer(p, &q, r));
	if (q.ifindex != p->net->uplink && q.ifindex != p->net->gateway)
		return route_elsewhere(p, q.ifindex);
	if (unlikely(p->ttl <= 1))
		return icmp_answer(p, NSF_DROP_TTL, ICMP_SAY_TTL);
	p->out = q.ifindex;
	if (p->family == 6) {
		route6_hop(p, &q);
	} else {
		route_hop(p, &q);
	}
	p->macs = r == BPF_FIB_LKUP_RET_SUCCESS;
	mac_copy(p->out_dmac, q.dmac);
	mac_copy(p->out_smac, q.smac);
	return NEXT;
}

/* Leaves without translation: within the subnet by way of the gateway, or out of a network that is routed. */
static __always_inline enum verdict route_plain(struct pkt *p)
{
	p->edit = EDIT_TTL;
	p->macs = 0; /* the kernel writes them */
	p->out_slot = p->out == p->net->uplink ? p->net->uplink_slot : 0;
	return NEIGH;
}

/* Back into the network by way of the gateway, where isolated ports would meet after all. */
static __always_inline enum verdict route_back(struct pkt *p)
{
	return unlikely(p->port->flags & NSF_PORT_ISOLATED) ? drop(p, NSF_DROP_ISOLATED) : route_plain(p);
}
