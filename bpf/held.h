/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses that are somebody's for good, the gateway's and managed ports': nobody else speaks from them. */
#pragma once

#include "answer.h"

/* True for the gateway's addresses. */
static __always_inline bool held_gateway6(const struct nsf_net *net, const __u32 *a)
{
	return addr6_equal(a, net->addr6) || (addr6_equal(a, net->gateway6) && !port6_none(a));
}

/* True for the gateway's and managed ports' addresses. */
static __always_inline bool held_by4(const struct pkt *p, __be32 a)
{
	return a == p->net->addr4 || answer_slot(p->net_id, a, 4);
}

static __always_inline bool held_by6(const struct pkt *p, const __u32 *a)
{
	return held_gateway6(p->net, a) || answer_has6(answer_port(p, answer_slot6(p->net_id, a)), a);
}

/* True for what the port may not speak for. What a managed one says is compared with its own addresses elsewhere. */
static __always_inline bool held4(const struct pkt *p, __be32 a)
{
	return a == p->net->addr4 || (!(p->port->flags & NSF_PORT_MANAGED) && answer_slot(p->net_id, a, 4));
}

static __always_inline bool held6(const struct pkt *p, const __u32 *a)
{
	return held_gateway6(p->net, a) || (!(p->port->flags & NSF_PORT_MANAGED) && held_by6(p, a));
}

static __noinline bool held_source6(const struct pkt *p)
{
	struct parse6_addrs a;

	return parse6_addrs(p->ctx, &a) && held_by6(p, a.src);
}

/* True if the source is looked at elsewhere, a managed port's, or not at all: where there are no VLANs, what is behind a tag
 * is nobody's business. */
static __always_inline bool held_free(const struct pkt *p)
{
	return likely(p->port->flags & NSF_PORT_MANAGED && !p->tagged) || (p->tagged && !p->port->trunk);
}

/* The source of a packet from a learning port or in a trunk's VLAN, whatever else its headers say. Comes after arp() and
 * nd(). */
static __always_inline enum verdict held(struct pkt *p)
{
	if (held_free(p))
		return NEXT;
	if (p->family == 6)
		return held_source6(p) ? drop(p, NSF_DROP_SPOOF_IP6) : NEXT;
	return p->ethertype == bpf_htons(ETH_P_IP) && held_by4(p, p->saddr) ? drop(p, NSF_DROP_SPOOF_IP4) : NEXT;
}
