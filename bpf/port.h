/* SPDX-License-Identifier: GPL-2.0-only */
/* Which attachment sent the packet, and may it say what it says. */
#pragma once

#include "maps.h"
#include "parse.h"

/* The row of the attachment behind the interface: mostly without a hash. */
static __always_inline bool port_row(struct pkt *p)
{
	__u32 ifindex = p->ctx->ifindex, at = ifindex % NSF_IFACE_ROWS, *slot;

	slot = bpf_map_lookup_elem(&nsf_iface_rows, &at);
	if (!slot)
		return false;
	p->slot = *slot;
	p->port = array_row(&nsf_ports, p->slot);
	if (likely(p->port && p->port->ifindex == ifindex))
		return true;
	slot = bpf_map_lookup_elem(&nsf_ifaces, &ifindex);
	if (!slot)
		return false;
	p->slot = *slot;
	p->port = array_row(&nsf_ports, p->slot);
	return p->port;
}

/* Finds the attachment behind the interface and its network. */
static __always_inline enum verdict port_find(struct pkt *p)
{
	if (!port_row(p) || p->port->role == NSF_ROLE_NONE)
		return drop(p, NSF_DROP_NO_PORT);
	p->net_id = p->port->net;
	p->net = array_row(&nsf_nets, p->net_id);
	if (!p->net)
		return drop(p, NSF_DROP_NO_PORT);
	return NEXT;
}

/* Nor is what a multicast router asks (RFC 3376, RFC 3810): a piece of a message may be one of that. */
static __always_inline bool port_asks(const struct pkt *p)
{
	__u8 type = 0;

	if ((p->port->flags & (NSF_PORT_MANAGED | NSF_PORT_SERVES)) != NSF_PORT_MANAGED)
		return false;
	if (p->family == 6)
		return p->icmp_type == MLD_QUERY;
	return p->frag || bpf_skb_load_bytes(p->ctx, p->l4, &type, sizeof(type)) || type == IGMP_QUERY;
}

/* What a DHCP server says (RFC 2131 section 4.1, RFC 8415 section 7.2) is not a container's to say. One test of all: what
 * several find out of the packet, the verifier of Linux 6.1 would follow from here on. */
static __always_inline enum verdict port_serves(struct pkt *p)
{
	const bool six = p->family == 6;
	__u32 other = (p->dport ^ bpf_htons(six ? 546 : 68)) | (p->sport ^ bpf_htons(six ? 547 : 67)) |
		      (p->proto ^ IPPROTO_UDP) |
		      ((p->port->flags ^ NSF_PORT_MANAGED) & (NSF_PORT_MANAGED | NSF_PORT_SERVES));

	bounded(other);
	if (unlikely(!other))
		return drop(p, NSF_DROP_DHCP_SERVER);
	if (unlikely(p->proto == (six ? IPPROTO_ICMPV6 : IPPROTO_IGMP)) && port_asks(p))
		return drop(p, NSF_DROP_QUERIER);
	return NEXT;
}

/* True for VLAN 0: a priority alone, which a receiver takes off to find what was not looked at here. */
static __noinline bool port_untags(struct __sk_buff *ctx)
{
	__u8 tci[2] = {};

	if (ctx->vlan_present)
		return !(ctx->vlan_tci & 0xfff);
	return bpf_skb_load_bytes(ctx, ETH_HLEN, tci, sizeof(tci)) || !((tci[0] & 0xf) | tci[1]);
}

/* The source MAC, as a bridge checks it, and more closely for managed ports. */
static __always_inline enum verdict port_source(struct pkt *p)
{
	if (unlikely(p->smac[0] & 1))
		return drop(p, NSF_DROP_SRC_MULTICAST);
	if (likely(p->port->flags & NSF_PORT_MANAGED)) {
		if (!mac_equal(p->smac, p->port->mac))
			return drop(p, mac_zero(p->smac)                 ? NSF_DROP_SRC_ZERO
				       : mac_equal(p->smac, p->net->mac) ? NSF_DROP_SRC_GATEWAY
									 : NSF_DROP_SPOOF_MAC);
		if (unlikely(p->tagged)) /* what a trunk's tags hide is another segment's */
			return p->port->trunk && !port_untags(p->ctx) ? NEXT : drop(p, NSF_DROP_VLAN);
		if (p->ethertype == bpf_htons(ETH_P_IP)) {
			if (unlikely(p->bad == NSF_DROP_SHORT_IP4 || p->bad == NSF_DROP_BAD_IP4))
				return drop(p, p->bad);
			/* 0.0.0.0 is what a DHCP client says before it has an address */
			if (p->saddr != p->port->addr4 && p->saddr)
				return drop(p, NSF_DROP_SPOOF_IP4);
		}
		return NEXT;
	}
	if (unlikely(p->tagged) && port_untags(p->ctx))
		return drop(p, NSF_DROP_VLAN);
	if (unlikely(mac_zero(p->smac)))
		return drop(p, NSF_DROP_SRC_ZERO);
	if (unlikely(mac_equal(p->smac, p->net->mac)))
		return drop(p, NSF_DROP_SRC_GATEWAY);
	return NEXT;
}
