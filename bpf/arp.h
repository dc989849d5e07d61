/* SPDX-License-Identifier: GPL-2.0-only */
/* ARP (RFC 826): checks what a managed port says of itself, answers for the gateway. */
#pragma once

#include "held.h"

static __noinline enum verdict arp_message(struct pkt *p)
{
	struct parse_arp a;
	__be32 spa, tpa;

	if (!parse_arp(p->ctx, &a))
		return drop(p, NSF_DROP_SHORT_ARP);
	if (!parse_is_arp4(&a))
		return p->port->flags & NSF_PORT_MANAGED ? drop(p, NSF_DROP_SPOOF_ARP) : NEXT;
	__builtin_memcpy(&spa, a.spa, sizeof(spa));
	__builtin_memcpy(&tpa, a.tpa, sizeof(tpa));
	/* sender 0.0.0.0 is a probe for duplicates (RFC 5227), which claims nothing */
	if (p->port->flags & NSF_PORT_MANAGED && (!mac_equal(a.sha, p->port->mac) || (spa && spa != p->port->addr4)))
		return drop(p, NSF_DROP_SPOOF_ARP);
	if (held4(p, spa))
		return drop(p, NSF_DROP_SPOOF_ARP);
	if (a.op != bpf_htons(ARPOP_REQUEST))
		return NEXT;
	if (tpa != p->net->addr4)
		return answer4(p, tpa);
	if (p->port->vlan != NSF_VLAN_DEFAULT) /* the gateway is not there */
		return NEXT;
	p->edit = EDIT_ARP;
	mac_copy(p->out_smac, p->net->mac);
	return REPLY;
}

/* In a trunk's VLANs: nobody is asked for there, but nobody speaks for what is somebody's for good either. */
static __noinline enum verdict arp_tagged(struct pkt *p)
{
	struct parse_arp a;
	__be32 spa;

	if (!p->port->trunk || !parse_arp(p->ctx, &a) || !parse_is_arp4(&a))
		return NEXT;
	__builtin_memcpy(&spa, a.spa, sizeof(spa));
	return held_by4(p, spa) ? drop(p, NSF_DROP_SPOOF_ARP) : NEXT;
}

static __always_inline enum verdict arp(struct pkt *p)
{
	if (likely(p->ethertype != bpf_htons(ETH_P_ARP)))
		return NEXT;
	return unlikely(p->tagged) ? arp_tagged(p) : arp_message(p);
}
