/* SPDX-License-Identifier: GPL-2.0-only */
/* Neighbour discovery (RFC 4861): checks what a managed port says of itself, answers for the gateway. */
#pragma once

#include "held.h"

#define ND_OPTIONS 8 /* options of one message; real ones have one or two */
#define ND_SRC_MAC 1
#define ND_DST_MAC 2

/* True if all options are whole, and those that tell a link-layer address tell this one. */
__noinline int nd_options_own(struct __sk_buff *ctx, __u32 at, __u32 end, __u64 mac)
{
	struct {
		__u8 type, len, mac[6];
	} o;

	for (int i = 0; i < ND_OPTIONS; i++) {
		__u64 told = 0;

		if (at == end)
			return true;
		if (at + sizeof(o) > end || bpf_skb_load_bytes(ctx, at, &o, sizeof(o)) || !o.len)
			return false;
		__builtin_memcpy(&told, o.mac, sizeof(o.mac));
		if ((o.type == ND_SRC_MAC || o.type == ND_DST_MAC) && (o.len != 1 || told != mac))
			return false;
		at += o.len * 8;
	}
	return at == end;
}

/* Bytes between the first four of the message's body and its options. */
static __always_inline __u32 nd_fixed(__u8 type)
{
	return type == ND_ROUTER_SOL ? 0 : type == ND_ROUTER_ADV ? 8 : sizeof(struct in6_addr);
}

/* May a managed port say this? Its source address was compared before. */
static __always_inline bool nd_own(const struct pkt *p, const struct parse_ns *n)
{
	const __u32 *target = n->target.s6_addr32;
	__u32 at = PARSE6_L4 + sizeof(n->icmp) + nd_fixed(p->icmp_type);
	__u64 mac = 0;

	if ((p->icmp_type == ND_ROUTER_ADV && !(p->port->flags & NSF_PORT_SERVES)) || p->icmp_type == ND_REDIRECT)
		return false;
	if (p->icmp_type == ND_NEIGHBOUR_ADV && !port6_own(p->port, target))
		return false;
	/* who looks for duplicates of an address claims it; of the gateway's, it hears the answer */
	if (p->icmp_type == ND_NEIGHBOUR_SOL && port6_none(n->ip.saddr.s6_addr32) && !port6_own(p->port, target) &&
	    !held_gateway6(p->net, target))
		return false;
	__builtin_memcpy(&mac, p->port->mac, ETH_ALEN);
	return nd_options_own(p->ctx, at, ETH_HLEN + p->wire, mac);
}

static __noinline enum verdict nd_message(struct pkt *p)
{
	bool managed = p->port->flags & NSF_PORT_MANAGED;
	struct parse_ns n;

	/* behind extension headers or in fragments it is nobody's honest message (RFC 6980) */
	if (p->l4 != PARSE6_L4 || p->frag)
		return drop(p, NSF_DROP_SPOOF_ND);
	if (!parse_nd(p->ctx, p->icmp_type != ND_ROUTER_SOL && p->icmp_type != ND_ROUTER_ADV, &n))
		return managed ? drop(p, NSF_DROP_SPOOF_ND) : NEXT;
	if (managed && !nd_own(p, &n))
		return drop(p, NSF_DROP_SPOOF_ND);
	if (held6(p, n.ip.saddr.s6_addr32) || (p->icmp_type == ND_NEIGHBOUR_ADV && held6(p, n.target.s6_addr32)))
		return drop(p, NSF_DROP_SPOOF_ND);
	/* section 7.1.1: a hop limit of 255 shows that no router forwarded it */
	if (p->icmp_type != ND_NEIGHBOUR_SOL || p->icmp_code || p->ttl != 255)
		return NEXT;
	if (!held_gateway6(p->net, n.target.s6_addr32))
		return answer6(p, n.target.s6_addr32);
	if (p->port->vlan != NSF_VLAN_DEFAULT) /* the gateway is not there */
		return NEXT;
	p->edit = EDIT_ND;
	mac_copy(p->out_smac, p->net->mac);
	return REPLY;
}

/* In a trunk's VLANs, as ARP there. */
static __noinline enum verdict nd_tagged(struct pkt *p)
{
	const bool serves = p->port->flags & NSF_PORT_SERVES || !(p->port->flags & NSF_PORT_MANAGED);
	struct parse_ns n;

	if (!p->port->trunk)
		return NEXT;
	if (p->l4 != PARSE6_L4 || p->frag || (p->icmp_type == ND_ROUTER_ADV && !serves))
		return drop(p, NSF_DROP_SPOOF_ND);
	if (!parse_nd(p->ctx, p->icmp_type != ND_ROUTER_SOL && p->icmp_type != ND_ROUTER_ADV, &n))
		return NEXT;
	if (held_by6(p, n.ip.saddr.s6_addr32) || (p->icmp_type == ND_NEIGHBOUR_ADV && held_by6(p, n.target.s6_addr32)))
		return drop(p, NSF_DROP_SPOOF_ND);
	return NEXT;
}

static __always_inline enum verdict nd(struct pkt *p)
{
	if (likely(p->family != 6 || p->proto != IPPROTO_ICMPV6) || p->bad || p->icmp_type < ND_ROUTER_SOL ||
	    p->icmp_type > ND_REDIRECT)
		return NEXT;
	return unlikely(p->tagged) ? nd_tagged(p) : nd_message(p);
}
