/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet's way, one function a path: read this first. */
#pragma once

/*
 *   read    parse.h fills struct pkt; nothing else looks at raw bytes
 *   decide  port, vlan, arp, nd, held, fdb, group, ip, flow, route, nat: maps only, no byte is written
 *   edit    edit_tc.h applies the plan
 *   leave   leave.h counts, names the drop, redirects
 *
 * At an uplink with XDP, wire.h sees frames before all this, by parse_xdp.h and edit_xdp.h. Most IPv4 packets of what is
 * known leave by fast.h, and are not seen here.
 *
 * A stage says NEXT if it has no opinion. The program at a packet's first hook takes every decision: no second hook sees
 * the packet. What makes a flow is a program of its own, to which the first one jumps: the path of what is known stays
 * short, for the verifier too.
 */

#include "access.h"
#include "arp.h"
#include "fdb.h"
#include "flow.h"
#include "frag.h"
#include "hairpin.h"
#include "held.h"
#include "hop.h"
#include "host.h"
#include "ip.h"
#include "nd.h"
#include "port.h"
#include "route.h"
#include "route_known.h"
#include "wire.h"

/* Each family has programs of its own, see nsfast.bpf.c: no other family's headers are read in them. */
static __always_inline enum verdict path_read(struct pkt *p)
{
	__u32 why = p->family == 6 ? parse6(p->ctx, &p->facts) : parse4(p->ctx, &p->facts);

	if (why)
		return drop(p, why);
	return p->family == 4 && p->ethertype == bpf_htons(ETH_P_IPV6) ? drop(p, NSF_DROP_NOT_IP) : NEXT;
}

/* A packet that came back from the defragmenter: whose it is, and with its ports. */
static __always_inline enum verdict path_back(struct pkt *p)
{
	TRY(frag_find(p));
	TRY(path_read(p));
	return frag_back(p);
}

/* True if addresses towards this destination, of the outside, stay as they are: the packet's, or its source. */
static __noinline bool path_excepted(struct pkt *p, bool source)
{
	struct nsf_except k = { .plen = 64, .net = p->net_id, .family = p->family };

	if (likely(!(p->net->flags & NSF_NET_EXCEPT)))
		return false;
	if (p->family == 6) {
		k.plen = 160;
		if (!route6_addr(p, source, k.addr))
			return false;
	} else {
		__builtin_memcpy(k.addr, source ? &p->saddr : &p->daddr, sizeof(p->daddr));
	}
	return bpf_map_lookup_elem(&nsf_excepts, &k);
}

/* The network's flags as NSF_NET_SNAT and NSF_NET_ROUTED, for the packet's family. */
static __always_inline __u32 path_policy(const struct pkt *p)
{
	/* read once: what is neither is in the middle of a change, and nothing leaves untranslated then */
	__u32 flags = *(const volatile __u32 *)&p->net->flags;

	return (p->family == 6 ? flags / NSF_NET_SNAT6 : flags) & (NSF_NET_SNAT | NSF_NET_ROUTED);
}

/* True if it is for the gateway's own address, and no publish stands there. */
static __always_inline bool path_to_gateway(struct pkt *p)
{
	return ip_for_gateway(p) && inbound_rule(p) < 0;
}

/* An IP packet from a container for the gateway's MAC. */
static __always_inline enum verdict path_inner(struct pkt *p, bool hints)
{
	TRY(ip(p));
	TRY(frag_inner(p)); /* what cannot be understood alone: leaves here, and comes back by path_from_frag() */
	TRY(flow_inner(p, hints)); /* known: leaves here with its record's plan */
	if (unlikely(p->flow))
		return hairpin(p);
	if (path_to_gateway(p))
		return access_free(p) ? HOST : OPEN;
	if (path_policy(p) & NSF_NET_SNAT || !access_free(p))
		return OPEN;
	TRY(route(p)); /* for another address of the host: leaves here */
	if (p->out == p->net->gateway)
		return route_back(p);
	if (path_policy(p) & NSF_NET_ROUTED)
		return route_plain(p);
	if (p->family == 6) /* a subnet on a host that has no address for it outside */
		return icmp_answer(p, NSF_DROP_NO_UPLINK, ICMP_SAY_NET);
	return drop(p, NSF_DROP_NO_UPLINK);
}

/* Who sent it and what it says, once more. */
static __always_inline enum verdict path_again(struct pkt *p)
{
	if (unlikely(frag_came(p)))
		return path_back(p);
	TRY(port_find(p));
	return path_read(p);
}

/* The same packet where flows are made. */
static __always_inline enum verdict path_open(struct pkt *p)
{
	__u32 flags, now = tick();
	enum verdict v;
	bool gateway;

	TRY(path_again(p));
	if (!p->port)
		return drop(p, NSF_DROP_NO_PORT);
	gateway = ip_for_gateway(p);
	p->routes = hop_routes(p, now);
	v = gateway ? HOST : route_known(p, now) ? NEXT : route(p);
	if (v == HOST)
		v = hairpin_open(p);
	if (v != NEXT)
		return v == HOST ? access(p, gateway) : v;
	if (p->out == p->net->gateway)
		return route_back(p);
	flags = path_policy(p);
	if (flags & NSF_NET_SNAT)
		return path_excepted(p, false) ? route_plain(p) : nat(p);
	return flags & NSF_NET_ROUTED ? route_plain(p) : drop(p, NSF_DROP_NO_UPLINK);
}

/* A frame from a container, at its port's host side. */
static __always_inline enum verdict path_from_port(struct pkt *p)
{
	TRY(port_find(p));
	TRY(path_read(p));
	TRY(port_source(p));
	TRY(vlan(p));
	TRY(port6(p));
	TRY(arp(p));
	TRY(nd(p));
	TRY(held(p));
	TRY(fdb(p)); /* not for the gateway's MAC: leaves here */
	return path_inner(p, true);
}

/* A frame from the host's stack, at the gateway. */
static __always_inline enum verdict path_from_host(struct pkt *p)
{
	TRY(port_find(p));
	TRY(path_read(p));
	TRY(vlan(p));
	if (unlikely(p->dmac[0] & 1))
		TRY(answer_host(p));
	return fdb(p);
}

/* An error to the outside is the packet's destination's where that is the host's address, and here it is a container's. */
static __always_inline enum verdict path_gateway_says(struct pkt *p, enum verdict v)
{
	p->error_src = p->net->addr4;
	return v;
}

/* Without translation only subnets of routed networks are reached from outside, by way of the gateway; others only from
 * where their own addresses are known (SnatExcept). */
static __noinline enum verdict path_routed(struct pkt *p)
{
	struct nsf_subnet k = { .plen = 32, .addr4 = p->daddr };
	const __u32 *id = p->family == 6 ? route6_subnet(p) : bpf_map_lookup_elem(&nsf_subnets, &k);

	if (!id)
		return PASS;
	p->net_id = *id;
	p->net = array_row(&nsf_nets, p->net_id);
	if (!p->net || p->net->uplink != p->ctx->ifindex || ip_for_gateway(p))
		return PASS;
	if (!(path_policy(p) & NSF_NET_ROUTED) && !path_excepted(p, true))
		return PASS;
	p->slot = p->net->uplink_slot;
	if (p->ttl <= 1)
		return path_gateway_says(p, icmp_answer(p, NSF_DROP_TTL, ICMP_SAY_TTL));
	if (p->wire > p->net->mtu)
		return path_gateway_says(p, frag_too_big(p, p->net->mtu));
	p->out = p->net->gateway;
	if (p->family != 6) {
		p->hop_family = 4;
		p->hop[0] = p->daddr;
	} else if (!route6_direct(p)) {
		return PASS;
	}
	return route_plain(p);
}

/* At the uplink: not what a container may have sent or may get. */
static __always_inline bool path_foreign(struct pkt *p, enum verdict read)
{
	if (read != NEXT || p->tagged || p->bad)
		return true;
	return p->family == 6 ? ip6_stays(p) : p->ethertype != bpf_htons(ETH_P_IP);
}

static __always_inline enum verdict path_outer(struct pkt *p, bool hints)
{
	TRY(flow_outer(p, hints));
	TRY(inbound(p));
	return path_routed(p);
}

/* A packet from outside: what belongs to no flow, publish or routed network passes on untouched. */
static __always_inline enum verdict path_from_uplink(struct pkt *p)
{
	if (edit_note_take(p)) /* it passes through */
		return NEIGH;
	if (p->ctx->pkt_type != PACKET_HOST || path_foreign(p, path_read(p)))
		return PASS;
	if (unlikely(p->frag))
		return flow_ext(p) || publish_any() ? frag_from_uplink(p) : path_routed(p);
	return path_outer(p, true);
}

/* The same before it is a packet, where XDP is on. */
static __always_inline enum verdict path_from_wire(struct pkt *p)
{
	enum parse_xdp what = parse_xdp(p);

	if (what == PARSE_XDP_NONE)
		return PASS;
	if (what == PARSE_XDP_ALL)
		TRY(wire(p));
	return through(p);
}

/* What comes back from the defragmenter: complete, in order, and from then on as any other packet. */
static __always_inline enum verdict path_from_frag(struct pkt *p)
{
	TRY(path_back(p));
	frag_left(p);
	return p->port ? path_inner(p, false) : path_outer(p, false);
}

/* What came in by an interface has been decided upon, by us or by the host. */
static __always_inline bool path_decided(const struct __sk_buff *ctx)
{
	return ctx->ingress_ifindex;
}

/* A packet of the host's own, on its way out of the uplink. */
static __always_inline enum verdict path_to_uplink(struct pkt *p)
{
	if (path_foreign(p, path_read(p)) || p->frag == FRAG_LATER)
		return PASS;
	return host(p);
}

/* A packet from outside that may open a flow to a container. */
static __always_inline enum verdict path_enter(struct pkt *p)
{
	if (frag_came(p))
		TRY(path_back(p));
	else if (p->ctx->pkt_type != PACKET_HOST || path_foreign(p, path_read(p)))
		return PASS;
	TRY(inbound_enter(p));
	return path_routed(p);
}

/* The same from another container, by way of a flow of its own, which is new; the receiver's may be known: it has sent
 * to this peer before. */
static __always_inline enum verdict path_hairpin(struct pkt *p)
{
	enum verdict v;

	TRY(path_again(p));
	if (!p->port)
		return drop(p, NSF_DROP_NO_PORT);
	TRY(flow_inner(p, false));
	if (!p->flow)
		return drop(p, NSF_DROP_FLOW_RACE);
	v = hairpin(p);
	return v == HAIRPIN ? hairpin_enter(p) : v;
}
