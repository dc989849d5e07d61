/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own conversations, where one would leave the uplink with the two ends of a container's. */
#pragma once

/*
 * Who comes first keeps the ends. A container never gets the number of a host's socket (ledger_host_holds); a socket of
 * the host that comes later is treated as one more inner endpoint: its packets leave with another number, and what comes
 * back is turned again. Such a flow is found by the ends that it wanted; should the container's flow end first, its outer
 * key goes on leading here.
 */

#include "nat.h"

/* The host's flow with the ends of the packet, made if there is none. */
static __noinline struct nsf_flow *host_flow(struct pkt *p, struct nsf_flow *held)
{
	struct nat_scratch *s = nat_scratch();
	struct nsf_flow_key k;
	struct nsf_flow *f;

	flow_key(p, p->net_id, &k);
	f = flow_find_inner(p, &k);
	if (f || !s || nat_opens(p) != NEXT)
		return f;
	__builtin_memset(s, 0, sizeof(*s));
	s->b.flags = NSF_FLOW_HOST | NSF_FLOW_KEYED;
	s->b.inner = s->b.ext = s->c.ext = p->saddr;
	s->b.peer = p->daddr;
	s->b.inner_port = p->sport;
	s->b.peer_port = p->dport;
	s->b.snat = s->c.snat = held->snat;
	s->b.now = s->c.now = tick();
	s->c.owner = ledger_owner(p->saddr, p->sport, 0);
	s->c.proto = ledger_proto(p->proto);
	s->c.kind = PUBLISH_KIND(p->family, p->proto);
	s->c.inner = bpf_ntohs(p->sport);
	s->c.min = 1024;
	s->c.max = 65535;
	s->c.random = 1;
	nat_tuple(p, &s->c);
	if (s->c.proto >= NSF_LEDGER_MAX || ledger_claim(p->ctx, &s->c) != LEDGER_OK)
		return NULL;
	s->b.ext_port = bpf_htons(s->c.port);
	f = nat_make(p, &s->b);
	if (!p->made)
		nat_unclaim(p, &s->c, &s->b);
	else
		__sync_fetch_and_or(&held->flags, NSF_FLOW_SHADOW);
	return f;
}

/* The flow that has the packet's two ends already. */
static __noinline struct nsf_flow *host_held(struct pkt *p)
{
	struct nsf_flow_key k = {
		.saddr = p->daddr,
		.daddr = p->saddr,
		.sport = p->dport,
		.dport = p->sport,
		.proto = p->proto,
		.family = p->family,
	};

	return flow_find(p, &k);
}

/* A packet of the host's own on its way out of an uplink. */
static __always_inline enum verdict host(struct pkt *p)
{
	struct nsf_flow *f;

	if (icmp_is_proto(p) && p->icmp_type != icmp_echo(p->family))
		return PASS;
	f = host_held(p);
	if (likely(!f))
		return PASS;
	if (!(f->flags & NSF_FLOW_HOST))
		f = host_flow(p, f);
	if (!f)
		return drop(p, NSF_DROP_TUPLE_TAKEN);
	p->edit = EDIT_NAT;
	p->nat = NAT_SRC;
	p->hops = 0;
	flow_end_at(&p->src, f, false);
	flow_touch(p, f, tick(), true);
	return ON;
}
