/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows that began elsewhere, in the kernel's own connection tracking: born here without a packet. */
#pragma once

#include "nat.h"

/* The external end of a flow that a container began: its port is the endpoint's, as if it had been claimed by a packet. A
 * port that is another's by now is used towards this peer alone. */
static __noinline bool carry_claim(const struct nsf_carry *in, struct birth *b)
{
	__u32 net_id = in->net, proto = ledger_proto(in->proto), port = bpf_ntohs(in->ext_port);
	const struct nsf_net *net = bpf_map_lookup_elem(&nsf_nets, &net_id);
	const struct nsf_snat *snat = net ? flow_snat(net, in->inner, in->family) : NULL;
	struct nsf_moved_key moved = { .owner = ledger_owner(in->inner, in->inner_port, net_id), .proto = proto };
	struct nsf_ledger *e;
	bool held;

	if (!snat || snat->addr != in->ext) /* the network has other addresses now */
		return false;
	b->snat = snat->ledger;
	if (in->ext_port != in->inner_port)
		b->flags |= NSF_FLOW_KEYED;
	e = proto < NSF_LEDGER_MAX ? ledger_row(b->snat, proto, port) : NULL;
	held = e && e->owner;
	if (!e || ledger_take(b->snat, proto, port, moved.owner) != LEDGER_OK) {
		b->flags |= NSF_FLOW_SHARED;
		return true;
	}
	if (!held)
		share_ports(in->slot, 1);
	moved.snat = b->snat;
	if (b->flags & NSF_FLOW_KEYED)
		ledger_move(&moved, port);
	return true;
}

static __always_inline void carry_unclaim(const struct nsf_carry *in, const struct birth *b)
{
	if (!(b->flags & NSF_FLOW_SHARED) && ledger_put(b->snat, ledger_proto(in->proto), bpf_ntohs(in->ext_port),
							ledger_owner(in->inner, in->inner_port, in->net)) == 1)
		share_ports(in->slot, -1);
}

/* What both sides have said so far, in an order that they may have said it. */
static __always_inline void carry_tcp(const struct nsf_carry *in, struct nsf_flow *f, __u32 slot)
{
	if (in->tcp & NSF_TCP_SYN_IN)
		flow_tcp_event(f, slot, TCP_SYN, true);
	if (in->tcp & NSF_TCP_SYN_PEER)
		flow_tcp_event(f, slot, TCP_SYN, false);
	if ((in->tcp & FLOW_SYNS) == FLOW_SYNS)
		flow_tcp_event(f, slot, TCP_ACK, false);
	if (in->tcp & NSF_TCP_FIN_IN)
		flow_tcp_event(f, slot, TCP_FIN, true);
	if (in->tcp & NSF_TCP_FIN_PEER)
		flow_tcp_event(f, slot, TCP_FIN, false);
	if (in->tcp & NSF_TCP_RST)
		flow_tcp_event(f, slot, TCP_RST, false);
}

static __always_inline void carry_fill(const struct nsf_carry *in, struct birth *b, __u32 port_gen)
{
	__builtin_memset(b, 0, sizeof(*b));
	b->slot = in->slot;
	b->port_gen = port_gen;
	b->net = in->net;
	b->flags = in->flags & (NSF_FLOW_INBOUND | NSF_FLOW_HAIRPIN | NSF_FLOW_PUBLISH);
	b->inner = in->inner;
	b->peer = in->peer;
	b->ext = in->ext;
	b->inner_port = in->inner_port;
	b->peer_port = in->peer_port;
	b->ext_port = in->ext_port;
	b->now = tick() - in->idle;
	mac_copy(b->mac, in->mac);
	b->proto = in->proto;
	b->family = in->family;
	addr6_copy(b->inner6, in->inner6);
	addr6_copy(b->peer6, in->peer6);
	addr6_copy(b->ext6, in->ext6);
}

/* 0: there is such a flow now; else why there is none, enum nsf_drop. */
static __always_inline int carry(struct __sk_buff *ctx)
{
	struct nat_scratch *s = array_row(&nsf_scratch, NSF_SCRATCH_CARRY);
	const struct nsf_port *port;
	struct nsf_carry in;
	struct nsf_flow *f;
	__u32 slot;
	int r;

	if (!s || bpf_skb_load_bytes(ctx, 0, &in, sizeof(in)))
		return NSF_DROP_FLOWS_FULL;
	slot = in.slot;
	port = bpf_map_lookup_elem(&nsf_ports, &slot);
	if (!port)
		return NSF_DROP_PORT_GONE;
	carry_fill(&in, &s->b, port->gen);
	if (in.flags & NSF_FLOW_INBOUND)
		s->b.flags |= NSF_FLOW_SHARED | NSF_FLOW_KEYED;
	else if (!carry_claim(&in, &s->b))
		return NSF_DROP_NO_UPLINK;
	r = birth(NSF_SCRATCH_CARRY);
	if (!s->b.made)
		carry_unclaim(&in, &s->b);
	f = r ? NULL : array_row(&nsf_flows, s->b.flow);
	if (f && s->b.made)
		carry_tcp(&in, f, s->b.flow);
	return r;
}
