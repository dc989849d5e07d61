/* SPDX-License-Identifier: GPL-2.0-only */
/* The first packet of a conversation with the outside: makes its flow. */
#pragma once

#include "flow.h"
#include "route_known.h"

/* Why what such a packet says opens no flow, NSF_DROP_NONE if it may. Not static: verified once, see struct facts. */
__noinline int nat_forbids(const struct facts *p, __u32 family)
{
	if (!p || (p->frag && !p->back))
		return NSF_DROP_FRAGMENT;
	if (p->frag == FRAG_LATER) /* the flow that its first one found or made is gone */
		return NSF_DROP_FRAGMENT_LOST;
	switch (p->proto) {
	case IPPROTO_TCP:
	case IPPROTO_SCTP:
		if ((p->tcp & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
			return NSF_DROP_TCP_NO_FLOW;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (p->proto != icmp_proto(family) || p->icmp_type != icmp_echo(family) || p->icmp_code)
			return NSF_DROP_ICMP_NO_FLOW;
		break;
	case 0: /* hop-by-hop options of the other family */
	case IPPROTO_IGMP:
	case 255: /* reserved */
		return NSF_DROP_PROTOCOL;
	}
	return NSF_DROP_NONE;
}

/* May this packet open a flow? What creates state is verified first. */
static __always_inline enum verdict nat_opens(struct pkt *p)
{
	const enum nsf_drop why = nat_forbids(&p->facts, p->family);

	if (why)
		return drop(p, why);
	if (p->family == 4 && !parse_ip4_whole(p))
		return drop(p, NSF_DROP_BAD_IP4_SUM);
	return parse_l4_whole(p) ? NEXT : drop(p, NSF_DROP_SHORT_L4);
}

/* The flow of this packet: made, or another CPU's that was quicker. NULL: p->reason. */
static __always_inline struct nsf_flow *nat_make(struct pkt *p, struct birth *b)
{
	b->proto = p->proto;
	b->family = p->family;
	p->reason = p->family == 6 && !six_birth(p, b) ? NSF_DROP_FLOWS_FULL : birth(NSF_SCRATCH_PACKET);
	if (p->reason)
		return NULL;
	p->flow_slot = b->flow;
	p->made = b->made;
	return array_row(&nsf_flows, b->flow);
}

/* As packets from the peer carry it, for asking the host's sockets. */
static __always_inline void nat_tuple(const struct pkt *p, struct ledger_claim *c)
{
	if (p->family == 6) {
		six_tuple(p, &c->tuple);
		return;
	}
	c->tuple.ipv4.saddr = p->daddr;
	c->tuple.ipv4.daddr = c->ext;
	c->tuple.ipv4.sport = p->dport;
}

/*
 * All external ports are held: one is shared, by other flows towards other peers, so that nothing fails that would not
 * fail with the kernel's own NAT. Counted; RFC 4787 REQ-3 is kept for all that came before.
 */
#define NAT_OVERLOAD_TRIES 64

struct nat_share {
	struct __sk_buff *ctx;
	struct ledger_claim *c;
	struct nsf_flow_key k;
	__u32 found;
};

static long nat_share_one(__u32 i, struct nat_share *s)
{
	__u32 port = s->c->low + bpf_get_prandom_u32() % s->c->n, slot;

	if ((port ^ s->c->inner) & 1 && i < NAT_OVERLOAD_TRIES / 2) /* parity, while there is a choice */
		return 0;
	s->k.dport = bpf_htons(port);
	if (!port || birth_find_outer(&s->k, &slot) || ledger_host_holds(s->ctx, s->c, port))
		return 0;
	s->c->port = port;
	s->found = 1;
	return 1;
}

static __noinline bool nat_overload(struct pkt *p, struct ledger_claim *c)
{
	struct nat_share s = {
		.ctx = p->ctx,
		.c = c,
		.k = { .saddr = p->daddr, .daddr = c->ext, .sport = p->dport, .proto = p->proto, .family = p->family },
	};
	struct nsf_flow_state *state;
	__u32 zero = 0;

	if (p->net->flags & NSF_NET_STRICT || !c->n)
		return false;
	bpf_loop(NAT_OVERLOAD_TRIES, nat_share_one, &s, 0);
	if (!s.found)
		return false;
	state = bpf_map_lookup_elem(&nsf_flow_state, &zero);
	if (state)
		__sync_fetch_and_add(&state->overloaded, 1);
	return true;
}

/* The endpoint's external port into b. NSF_DROP_NONE, or why there is none. */
static __noinline enum nsf_drop nat_claim(struct pkt *p, struct ledger_claim *c, struct birth *b)
{
	struct nsf_share *share = share_row(p->slot);
	enum ledger_result r;

	c->no_new = share && share->ports >= share->max_ports;
	r = ledger_claim(p->ctx, c);
	if (r == LEDGER_FULL && end_closed(256, 1))
		r = ledger_claim(p->ctx, c);
	switch (r) {
	case LEDGER_OK:
		if (c->fresh)
			share_ports(p->slot, 1);
		break;
	case LEDGER_BUSY:
		return NSF_DROP_FLOW_RACE;
	case LEDGER_QUOTA:
		return NSF_DROP_PORTS_QUOTA;
	case LEDGER_TAKEN:
	case LEDGER_FULL:
		if (!nat_overload(p, c))
			return NSF_DROP_PORTS_FULL;
		b->flags |= NSF_FLOW_SHARED;
	}
	b->ext_port = bpf_htons(c->port);
	/* the guess that leads to the outer key from inside does not hold for every port number */
	if (b->ext_port != b->inner_port)
		b->flags |= NSF_FLOW_KEYED;
	return NSF_DROP_NONE;
}

/* Gives back what the flow that was not made had claimed. */
static __always_inline void nat_unclaim(const struct pkt *p, const struct ledger_claim *c, const struct birth *b)
{
	if (c->proto < NSF_LEDGER_MAX && !(b->flags & NSF_FLOW_SHARED) &&
	    ledger_put(c->snat, c->proto, c->port, c->owner) == 1)
		share_ports(p->slot, -1);
}

static __noinline enum verdict nat_refuse(struct pkt *p, enum nsf_drop reason)
{
	if (p->net->flags & NSF_NET_SILENT)
		return drop(p, reason);
	return icmp_answer(p, reason, ICMP_SAY_ADMIN);
}

/* RFC 4787 REQ-1 and the comment at flow.h: claim, make, and undo the claim if that failed or another was quicker. */
static __noinline struct nsf_flow *nat_open(struct pkt *p, __u32 flags)
{
	const struct nsf_snat *snat = flow_snat(p->net, p->saddr, p->family);
	union {
		__u64 whole;
		struct nsf_snat s;
	} pair; /* read at once: a change of the pool writes it so */
	struct nat_scratch *s = nat_scratch();
	struct ledger_claim *c = &s->c;
	struct birth *b = &s->b;
	struct nsf_flow *f;

	p->reason = NSF_DROP_NO_UPLINK;
	if (!snat || !s)
		return NULL;
	pair.whole = *(const volatile __u64 *)snat;
	__builtin_memset(s, 0, sizeof(*s));
	b->slot = p->slot;
	b->port_gen = p->port->gen;
	b->net = p->net_id;
	b->flags = flags;
	b->inner = p->saddr;
	b->peer = p->daddr;
	b->ext = pair.s.addr;
	b->snat = pair.s.ledger;
	b->inner_port = p->sport;
	b->peer_port = p->dport;
	b->now = tick();
	mac_copy(b->mac, p->smac);
	c->owner = ledger_owner(p->saddr, p->sport, p->net_id);
	c->proto = ledger_proto(p->proto);
	c->snat = pair.s.ledger;
	c->kind = PUBLISH_KIND(p->family, p->proto);
	c->ext = pair.s.addr;
	c->inner = bpf_ntohs(p->sport);
	c->min = p->net->port_min;
	c->max = p->net->port_max;
	c->random = !!(p->net->flags & NSF_NET_RANDOM);
	c->now = b->now;
	if (c->proto < NSF_LEDGER_MAX) {
		nat_tuple(p, c);
		p->reason = nat_claim(p, c, b);
		if (p->reason)
			return NULL;
	} else {
		b->flags |= NSF_FLOW_SHARED; /* by address alone: one endpoint for each protocol and peer */
	}
	f = nat_make(p, b);
	if (!p->made)
		nat_unclaim(p, c, b);
	return f;
}

static __always_inline enum verdict nat(struct pkt *p)
{
	enum verdict v;
	struct nsf_flow *f;
	__u32 now = tick();

	TRY(nat_opens(p));
	f = nat_open(p, 0);
	if (!f)
		return nat_refuse(p, p->reason);
	flow_translate(p, f, now);
	p->out_slot = p->net->uplink_slot;
	v = flow_nexthop(p, f, now);
	if (f->hop && !p->hop_row)
		route_remember(p, f, now);
	return v;
}
