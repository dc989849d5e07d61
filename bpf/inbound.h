/* SPDX-License-Identifier: GPL-2.0-only */
/* The first packet of a conversation that the peer begins: publishes, mappings that let anyone in, and what nobody asked
 * for. */
#pragma once

#include "ip6.h"
#include "nat.h"

/* True if the address is the host's own: nsf_exts knows it, or the kernel does. */
static __noinline bool inbound_local(struct pkt *p, const struct nsf_net *net)
{
	struct bpf_fib_lookup q = {
		.family = AF_INET,
		.ifindex = net->fib,
		.ipv4_src = p->saddr,
		.ipv4_dst = p->daddr,
	};

	if (flow_ext(p) || p->daddr == net->addr4)
		return true;
	if (p->family == 6)
		return six_local(p, net);
	if (bpf_ntohl(p->daddr) >> 24 == 127) /* local too, but no packet from elsewhere may be for it */
		return false;
	return bpf_fib_lookup(p->ctx, &q, sizeof(q), 0) == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/* True unless the source is one that no wire brings: the network's own subnet, the host itself, nobody, or many. */
static __noinline bool inbound_believed(const struct pkt *p, const struct nsf_net *net)
{
	struct parse6_addrs a;
	__u32 s = bpf_ntohl(p->saddr);

	if (p->port) /* from another container: looked at as any packet of its port */
		return true;
	if (p->family == 6)
		return parse6_addrs(p->ctx, &a) && !ip6_martian(a.src) && !ip6_multicast(a.src) &&
		       !(net->plen6 && ip6_near(a.src, (const __u32 *)net->gateway6, net->plen6));
	return s >> 24 != 0 && s >> 24 != 127 && s < 0xe0000000 && ((p->saddr ^ net->addr4) & net->mask4);
}

/* A flow from the peer to the endpoint; p->flow if there is one now. */
static __always_inline bool inbound_make(struct pkt *p, struct birth *b)
{
	struct nsf_flow *f;

	b->peer = p->saddr;
	b->peer_port = p->sport;
	b->ext = p->daddr;
	b->ext_port = p->dport;
	b->now = tick();
	b->flags |= NSF_FLOW_INBOUND | NSF_FLOW_SHARED | NSF_FLOW_KEYED;
	if (p->port)
		b->flags |= NSF_FLOW_HAIRPIN;
	f = nat_make(p, b);
	p->flow = f;
	return f;
}

/* The published endpoint of a rule for what the packet asks for. */
static __noinline enum verdict inbound_publish(struct pkt *p, __u32 row)
{
	const struct nsf_publish *r = bpf_map_lookup_elem(&nsf_publish, &row);
	struct nat_scratch *s = nat_scratch();
	const struct nsf_port *port;
	const struct nsf_net *net;
	__u32 net_id, slot;

	if (!r || !s)
		return NEXT;
	net_id = r->net;
	slot = r->slot;
	net = bpf_map_lookup_elem(&nsf_nets, &net_id);
	port = bpf_map_lookup_elem(&nsf_ports, &slot);
	if (!net || !port || port->gen != r->port_gen)
		return NEXT;
	if (r->addr ? !six_published(p, r) : !inbound_local(p, net))
		return NEXT;
	if (!inbound_believed(p, net)) {
		p->net_id = net_id;
		return drop(p, NSF_DROP_MARTIAN_SRC);
	}
	/* the host's stack answers what opens nothing: the peer of a flow that is over learns it by its RST */
	if (nat_opens(p) != NEXT)
		return p->port ? DROP : PASS;
	__builtin_memset(&s->b, 0, sizeof(s->b));
	s->b.flags = NSF_FLOW_PUBLISH;
	s->b.net = net_id;
	s->b.slot = slot;
	s->b.port_gen = port->gen;
	s->b.inner = r->to;
	s->b.inner_port = bpf_htons(r->to_first + bpf_ntohs(p->dport) - r->first);
	mac_copy(s->b.mac, port->mac);
	return inbound_make(p, &s->b) ? NEXT : drop(p, p->reason);
}

/* A stranger at a mapping whose network lets strangers in (RFC 4787 REQ-8). Only to managed ports, whose address leads
 * to them. */
static __noinline enum verdict inbound_mapping(struct pkt *p, const struct nsf_ext *ext, __u64 owner)
{
	struct nsf_addr k = { .addr = owner >> 32, .net = owner, .family = p->family };
	struct nat_scratch *s = nat_scratch();
	const struct nsf_port *port;
	const struct nsf_net *net;
	__u32 *slot = bpf_map_lookup_elem(&nsf_addrs, &k), net_id = k.net;

	if (!slot || !s)
		return NEXT;
	port = bpf_map_lookup_elem(&nsf_ports, slot);
	net = bpf_map_lookup_elem(&nsf_nets, &net_id);
	if (!port || !net || nat_opens(p) != NEXT)
		return NEXT;
	if (!inbound_believed(p, net)) {
		p->net_id = net_id;
		return drop(p, NSF_DROP_MARTIAN_SRC);
	}
	__builtin_memset(&s->b, 0, sizeof(s->b));
	s->b.net = k.net;
	s->b.slot = *slot;
	s->b.port_gen = port->gen;
	s->b.inner = k.addr;
	s->b.inner_port = owner >> 16;
	s->b.snat = ext->ledger;
	mac_copy(s->b.mac, port->mac);
	return inbound_make(p, &s->b) ? NEXT : drop(p, p->reason);
}

/*
 * From outside, of no flow and no publish, to an SNAT address. A mapping's number and the numbers that mappings are taken
 * from are silent, unless a socket of the host has it (RFC 5382 REQ-4); all else is the host's. *ret_owner: of the mapping.
 */
static __noinline enum verdict inbound_unasked(struct pkt *p, const struct nsf_ext *ext, __u64 *ret_owner)
{
	__u32 proto = ledger_proto(p->proto), port = bpf_ntohs(p->dport);
	struct bpf_sock_tuple t = {};
	struct nsf_ledger *e;

	if (proto >= NSF_LEDGER_MAX || proto == NSF_LEDGER_ICMP)
		return NEXT;
	e = ledger_row(ext->ledger, proto, port);
	*ret_owner = e ? e->owner : 0;
	if (!*ret_owner &&
	    ((p->tcp & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN || port < ext->port_min || port > ext->port_max))
		return NEXT;
	if (p->family == 6) {
		six_tuple_in(p, &t);
	} else {
		t.ipv4.saddr = p->saddr;
		t.ipv4.daddr = p->daddr;
		t.ipv4.sport = p->sport;
		t.ipv4.dport = p->dport;
	}
	return ledger_socket(p->ctx, &t, p->family, proto) ? NEXT : drop(p, NSF_DROP_UNSOLICITED);
}

/* True if strangers may reach the mapping. */
static __always_inline bool inbound_open(__u64 owner)
{
	__u32 id = owner & 0xffff;
	const struct nsf_net *net = bpf_map_lookup_elem(&nsf_nets, &id);

	return owner && net && net->flags & NSF_NET_EIF;
}

/* Row of the rule for where the packet goes, -1 if nothing is published there. */
static __always_inline int inbound_rule(const struct pkt *p)
{
	return publish_find(PUBLISH_KIND(p->family, p->proto), p->daddr, bpf_ntohs(p->dport));
}

/* A packet from outside of no flow. ENTER: it may open one. NEXT: it is nobody's of ours. */
static __always_inline enum verdict inbound(struct pkt *p)
{
	const struct nsf_ext *ext;
	enum verdict v;
	__u64 owner = 0;

	if (inbound_rule(p) >= 0)
		return ENTER;
	ext = flow_ext(p);
	if (likely(!ext))
		return NEXT;
	v = inbound_unasked(p, ext, &owner);
	return v == DROP && inbound_open(owner) ? ENTER : v;
}

/* The same packet where flows are made. */
static __always_inline enum verdict inbound_enter(struct pkt *p)
{
	const struct nsf_ext *ext;
	enum verdict v = NEXT;
	__u64 owner = 0;
	int row;

	row = inbound_rule(p);
	if (row >= 0)
		TRY(inbound_publish(p, row));
	ext = flow_ext(p);
	if (!p->flow && ext) {
		v = inbound_unasked(p, ext, &owner);
		if (v == DROP && inbound_open(owner))
			TRY(inbound_mapping(p, ext, owner));
	}
	if (!p->flow)
		return v;
	p->edit = EDIT_NAT;
	flow_touch(p, p->flow, tick(), false);
	return flow_port(p, p->flow);
}
