/* SPDX-License-Identifier: GPL-2.0-only */
/* From a container to an external endpoint of this host (RFC 4787 REQ-9): out and in again, in one pass. */
#pragma once

/*
 * Two flows meet: the sender's own, whose peer is the external endpoint, and the receiver's, whose peer is the sender's
 * external endpoint. Each lives and dies as if the other end were outside, so the source seen is the external one.
 */

#include "inbound.h"

/* The packet of a known flow, its external source already in p->src: here it comes in again. */
static __noinline enum verdict hairpin(struct pkt *p)
{
	struct nsf_flow_key k = {
		.saddr = p->src.addr,
		.daddr = p->daddr,
		.sport = p->src.port,
		.dport = p->dport,
		.proto = p->proto,
		.family = p->family,
	};
	struct nsf_flow *f = flow_find(p, &k);

	if (!f || !six_same(p, f, false))
		return HAIRPIN;
	flow_touch(p, f, tick(), false);
	return flow_port(p, f);
}

/* The first packet of the receiver's flow. */
static __always_inline enum verdict hairpin_enter(struct pkt *p)
{
	__be32 saddr = p->saddr;
	__be16 sport = p->sport;
	enum verdict v;

	p->flow = NULL;
	p->saddr = p->src.addr;
	p->sport = p->src.port;
	v = inbound_enter(p);
	p->saddr = saddr; /* the edit begins with what stands in the packet */
	p->sport = sport;
	return v == NEXT ? drop(p, NSF_DROP_UNSOLICITED) : v;
}

/*
 * A packet of no flow for an address of the host. HOST: for the host itself. What a publish or a mapping answers for
 * opens a flow of the sender's, and goes on as any packet of it.
 */
static __always_inline enum verdict hairpin_open(struct pkt *p)
{
	const struct nsf_ext *ext = flow_ext(p);
	__u32 proto = ledger_proto(p->proto), port = bpf_ntohs(p->dport);
	struct nsf_ledger *e = NULL;

	if (!flow_snats(p) || proto >= NSF_LEDGER_MAX || proto == NSF_LEDGER_ICMP ||
	    (p->frag == FRAG_LATER && !p->back))
		return HOST;
	if (ext)
		e = ledger_row(ext->ledger, proto, port);
	if (!(e && e->owner) && publish_find(PUBLISH_KIND(p->family, p->proto), p->daddr, port) < 0)
		return HOST;
	TRY(nat_opens(p));
	return nat_open(p, NSF_FLOW_HAIRPIN) ? HAIRPIN : nat_refuse(p, p->reason);
}
