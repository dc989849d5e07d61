/* SPDX-License-Identifier: GPL-2.0-only */
/* Neighbour discovery (RFC 4861): answers solicitations for the gateway's link-local address. */
#pragma once

#include "port.h"

static __noinline enum verdict nd_message(struct pkt *p)
{
	struct parse_ns n;

	if (!parse_ns(p, &n))
		return NEXT;
	/* section 7.1.1: a hop limit of 255 shows that no router forwarded it */
	if (n.ip.version != 6 || n.ip.nexthdr != IPPROTO_ICMPV6 || n.ip.hop_limit != 255 || n.icmp.icmp6_type != 135 ||
	    n.icmp.icmp6_code != 0)
		return NEXT;
	if (!addr6_equal(&n.target, p->net->addr6))
		return NEXT;
	p->edit = EDIT_ND;
	return REPLY;
}

static __always_inline enum verdict nd(struct pkt *p)
{
	if (likely(p->ethertype != bpf_htons(ETH_P_IPV6)) || p->tagged)
		return NEXT;
	return nd_message(p);
}
