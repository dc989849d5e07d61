/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet's way, one function a path: read this first. */
#pragma once

/*
 *   read    parse.h fills struct pkt; nothing else looks at raw bytes
 *   decide  port, arp, nd, fdb, ip, flow, route, nat: maps only, no byte is written
 *   edit    edit_tc.h applies the plan
 *   leave   leave.h counts, names the drop, redirects
 *
 * A stage says NEXT if it has no opinion. The program at a packet's first hook takes every decision: no second one sees
 * the packet.
 */

#include "arp.h"
#include "fdb.h"
#include "flow.h"
#include "ip.h"
#include "nat.h"
#include "nd.h"
#include "port.h"
#include "route.h"

/* A frame from a container, at its port's host side. */
static __always_inline enum verdict path_from_port(struct pkt *p)
{
	__u8 flags;

	TRY(port_find(p));
	TRY(parse(p));
	TRY(port_source(p));
	TRY(arp(p));
	TRY(nd(p));
	TRY(fdb(p));        /* not for the gateway's MAC: leaves here */
	TRY(ip(p));         /* for the gateway's address: leaves here */
	TRY(flow_inner(p)); /* known: leaves here with its record's plan */
	TRY(route(p));      /* for another address of the host: leaves here */
	if (p->out == p->net->gateway)
		return route_plain(p);
	/* read once: what is neither is in the middle of a change, and nothing leaves untranslated then */
	flags = *(const volatile __u8 *)&p->net->flags;
	if (flags & NSF_NET_SNAT)
		return nat(p);
	return flags & NSF_NET_ROUTED ? route_plain(p) : drop(p, NSF_DROP_NO_UPLINK);
}

/* A frame from the host's stack, at the gateway. */
static __always_inline enum verdict path_from_host(struct pkt *p)
{
	TRY(port_find(p));
	TRY(parse(p));
	return fdb(p);
}

/* Without translation only subnets of routed networks are reached from outside, by way of the gateway. */
static __noinline enum verdict path_routed(struct pkt *p)
{
	struct nsf_subnet k = { .plen = 32, .addr4 = p->daddr };
	__u32 *id = bpf_map_lookup_elem(&nsf_subnets, &k);

	if (!id)
		return PASS;
	p->net_id = *id;
	p->net = bpf_map_lookup_elem(&nsf_nets, &p->net_id);
	if (!p->net || p->net->uplink != p->ctx->ifindex || p->daddr == p->net->addr4)
		return PASS;
	p->slot = p->net->uplink_slot;
	if (p->ttl <= 1)
		return icmp_answer(p, NSF_DROP_TTL, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL);
	if (p->wire > p->net->mtu)
		return icmp_too_big(p, p->net->mtu);
	p->out = p->net->gateway;
	p->hop = p->daddr;
	return route_plain(p);
}

/* A packet from outside: what belongs to no flow and no routed network passes on untouched. */
static __always_inline enum verdict path_from_uplink(struct pkt *p)
{
	if (p->ctx->pkt_type != PACKET_HOST || p->ctx->protocol != bpf_htons(ETH_P_IP))
		return PASS;
	if (parse(p) != NEXT || p->tagged || p->bad || p->frag)
		return PASS;
	TRY(flow_outer(p));
	return path_routed(p);
}
