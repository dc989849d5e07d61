/* SPDX-License-Identifier: GPL-2.0-only */
/* What route.h asks and is told, for IPv6. */
#pragma once

#include "parse6.h"

/* The question; what both families have in common is filled in by route(). */
static __always_inline bool route6_ask(struct pkt *p, struct bpf_fib_lookup *q)
{
	const struct ipv6hdr *ip = data(p) + ETH_HLEN;

	if ((void *)(ip + 1) > data_end(p))
		return false;
	q->family = AF_INET6;
	q->flowinfo = bpf_htonl((__u32)(p->tos & 0xfc) << 20);
	__builtin_memcpy(q->ipv6_src, &ip->saddr, sizeof(q->ipv6_src));
	__builtin_memcpy(q->ipv6_dst, &ip->daddr, sizeof(q->ipv6_dst));
	return true;
}

/* The answer: next hop, which is the destination itself on the link. */
static __always_inline void route6_hop(struct pkt *p, const struct bpf_fib_lookup *q)
{
	p->hop_family = 6;
	__builtin_memcpy(p->hop, q->ipv6_dst, sizeof(p->hop));
}

/* Copies the source or the destination. */
static __always_inline bool route6_addr(const struct pkt *p, bool source, __u8 *ret)
{
	const struct ipv6hdr *ip = data(p) + ETH_HLEN;

	if ((void *)(ip + 1) > data_end(p))
		return false;
	__builtin_memcpy(ret, source ? &ip->saddr : &ip->daddr, sizeof(ip->daddr));
	return true;
}

/* The network whose subnet the destination is in, NULL if there is none (NSF_NET_ROUTED6). */
static __always_inline const __u32 *route6_subnet(struct pkt *p)
{
	struct nsf_subnet6 k = { .plen = 128 };

	if (!route6_addr(p, false, k.addr6))
		return NULL;
	return bpf_map_lookup_elem(&nsf_subnets6, &k);
}

/* The next hop is who it is for, on the network's link. */
static __always_inline bool route6_direct(struct pkt *p)
{
	p->hop_family = 6;
	return route6_addr(p, false, (__u8 *)p->hop);
}
