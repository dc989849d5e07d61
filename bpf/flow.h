/* SPDX-License-Identifier: GPL-2.0-only */
/* Known conversations: a hit fills the whole plan. The design stands in include/nsfast/flow.h. */
#pragma once

#include "end.h"
#include "flow_find.h"
#include "frag.h"
#include "hop.h"
#include "icmp.h"
#include "port.h"
#include "route.h"
#include "six.h"

/* The SNAT address of this host that the packet is for, NULL if it is for none. */
static __always_inline const struct nsf_ext *flow_ext(const struct pkt *p)
{
	struct nsf_ext_key k = { .addr = p->daddr, .family = p->family };

	return bpf_map_lookup_elem(&nsf_exts, &k);
}

static __always_inline bool flow_snats(const struct pkt *p)
{
	return p->net->flags & (p->family == 6 ? NSF_NET_SNAT6 : NSF_NET_SNAT);
}

#define FLOW_SYNS (NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER)

/* Opened by both sides. */
static __always_inline bool flow_open(__u8 tcp)
{
	return (tcp & (FLOW_SYNS | NSF_TCP_UNSURE)) == FLOW_SYNS;
}

/* What SYN, FIN and RST change; RFC 7857 section 2, the legal moves stand at enum nsf_tcp_bit. unsure: bits that a flow has
 * when it starts afresh. Not static: verified once, see struct facts. */
__noinline int flow_tcp_next(__u32 now, __u32 tcp, __u32 inner, __u32 unsure)
{
	const __u32 syn = inner ? NSF_TCP_SYN_IN : NSF_TCP_SYN_PEER, fin = inner ? NSF_TCP_FIN_IN : NSF_TCP_FIN_PEER;

	if (tcp & TCP_RST)
		return now | NSF_TCP_RST;
	if (tcp & TCP_SYN && !(tcp & TCP_ACK) && (now & NSF_TCP_RST || (now & END_FINS) == END_FINS))
		now = syn | unsure;
	now &= ~NSF_TCP_RST;
	if (tcp & TCP_SYN)
		now |= syn;
	else if (!inner && tcp & TCP_ACK && now & NSF_TCP_SYN_IN)
		now &= ~NSF_TCP_UNSURE;
	return tcp & TCP_FIN ? now | fin : now;
}

/* A flow that both sides have closed leaves its port's share, and waits in line for those who need room; one that starts
 * afresh comes back. */
__noinline int flow_tcp_event(struct nsf_flow *f, __u32 slot, __u32 tcp, __u32 inner)
{
	struct nsf_flow_ref ref = { .slot = slot };
	struct nsf_share *s;
	__u32 flags, old, now;

	if (!f)
		return 0;
	old = f->tcp;
	now = flow_tcp_next(old, tcp, inner, f->flags & NSF_FLOW_INBOUND ? NSF_TCP_UNSURE : 0);
	if (now == old)
		return 0;
	f->tcp = now;
	ref.gen = f->gen;
	if (flow_open(now) && f->flags & SHARE_OPENING) {
		flags = __sync_fetch_and_and(&f->flags, ~SHARE_OPENING);
		share_put(f->slot, f->port_gen, flags & SHARE_OPENING);
	}
	if ((now & END_FINS) == END_FINS && (old & END_FINS) != END_FINS) {
		flags = __sync_fetch_and_and(&f->flags, ~(NSF_FLOW_COUNTED | SHARE_OPENING));
		share_put(f->slot, f->port_gen, flags);
		bpf_map_push_elem(&nsf_flow_closed, &ref, BPF_EXIST);
	} else if ((old & END_FINS) == END_FINS && (now & END_FINS) != END_FINS) {
		s = share_row(f->slot);
		flags = __sync_fetch_and_or(&f->flags, NSF_FLOW_COUNTED);
		if (s && !(flags & NSF_FLOW_COUNTED))
			__sync_fetch_and_add(&s->flows, 1);
	}
	return 0;
}

/* TCP's flags, ACK only if that acknowledges the container's SYN. Its number is kept by its upper half, so that the first data
 * that was sent with that SYN may be acknowledged with it. */
static __noinline __u32 flow_number(struct __sk_buff *ctx, struct nsf_flow *f, __u32 l4, __u32 tcp, __u32 inner)
{
	__be32 number;

	/* its own number, or what it acknowledges */
	if (bpf_skb_load_bytes(ctx, l4 + (inner ? 4 : 8), &number, sizeof(number)))
		return tcp & ~TCP_ACK;
	if (inner)
		f->isn = (bpf_ntohl(number) + 1) >> 16;
	else if ((__u16)((bpf_ntohl(number) >> 16) - f->isn) > 1)
		return tcp & ~TCP_ACK;
	return tcp;
}

/* What a packet of a flow whose peer may be nobody says, in TCP's flags. SCTP has nothing that is as short: whoever goes on
 * after INIT is believed. */
static __always_inline __u32 flow_said(const struct pkt *p, struct nsf_flow *f, bool inner)
{
	if (p->proto == IPPROTO_SCTP)
		return p->tcp;
	if (p->proto != IPPROTO_TCP)
		return inner ? TCP_SYN : TCP_ACK;
	if (p->frame || p->frag == FRAG_LATER)
		return 0;
	return inner && !(p->tcp & TCP_SYN) ? p->tcp : flow_number(p->ctx, f, p->l4, p->tcp, inner);
}

/* A packet that changes what is known of its flow. */
static __always_inline void flow_event(const struct pkt *p, struct nsf_flow *f, bool inner)
{
	flow_tcp_event(f, p->flow_slot, f->tcp & NSF_TCP_UNSURE ? flow_said(p, f, inner) : p->tcp, inner);
}

/* What every packet of a flow writes: its counters, and once a tick when it was. */
static __always_inline void flow_touch(const struct pkt *p, struct nsf_flow *f, __u32 now, bool inner)
{
	struct nsf_flow_count *c = array_row(&nsf_flow_counts, p->flow_slot);

	if (c && inner) {
		c->out_packets++;
		c->out_bytes += p->len;
	} else if (c) {
		c->in_packets++;
		c->in_bytes += p->len;
	}
	/* who was let in unasked keeps nothing alive (RFC 7857 section 7) */
	if (f->seen != now && (inner || (f->flags & (NSF_FLOW_INBOUND | NSF_FLOW_PUBLISH)) != NSF_FLOW_INBOUND))
		f->seen = now;
	if (unlikely(p->tcp & (TCP_SYN | TCP_FIN | TCP_RST) || f->tcp & (NSF_TCP_RST | NSF_TCP_UNSURE)))
		flow_event(p, f, inner);
}

/*
 * Notes the way out that route() found. The first packet of a tick leaves by the kernel's neighbour table, which keeps the
 * neighbour fresh; a lookup alone never does.
 */
static __always_inline enum verdict flow_nexthop(struct pkt *p, struct nsf_flow *f, __u32 now)
{
	if (p->hop_row) {
		f->hop = p->hop_row;
		f->way = p->hop_way;
		f->mtu = p->mtu;
		return SEND;
	}
	/* frames with another source MAC than the network knows leave by the kernel alone */
	if (!p->macs || !mac_equal(p->out_smac, p->net->uplink_mac)) {
		f->hop = 0;
	} else {
		f->mtu = p->mtu;
		if (hop_note(p, f, now))
			return SEND;
	}
	p->macs = 0; /* the kernel writes them */
	return NEIGH;
}

/* A route or gateway that changed is followed, without anyone watching. */
static __noinline enum verdict flow_reroute(struct pkt *p, struct nsf_flow *f, __u32 now)
{
	__u8 edit = p->edit;

	p->edit = EDIT_NONE; /* what route() gives to the host, goes up as it came */
	p->routes = hop_routes(p, now);
	TRY(route(p));
	if (p->out != p->net->uplink)
		return drop(p, NSF_DROP_NOT_UPLINK);
	p->edit = edit;
	return flow_nexthop(p, f, now);
}

/* The flow's inner end, or its external one. */
static __always_inline void flow_end_at(struct end *e, const struct nsf_flow *f, bool inner)
{
	e->addr = inner ? f->inner : f->ext;
	e->port = inner ? f->inner_port : f->ext_port;
	e->six = f->six;
	e->inner = inner;
}

/* The way out that the record knows. */
static __always_inline enum verdict flow_way(struct pkt *p, const struct nsf_hop *hop)
{
	p->out_slot = p->net->uplink_slot;
	p->out = p->net->uplink;
	p->macs = 1;
	mac_copy(p->out_dmac, hop->mac);
	mac_copy(p->out_smac, p->net->uplink_mac);
	return SEND;
}

/* The same, or another one. */
static __always_inline enum verdict flow_send(struct pkt *p, struct nsf_flow *f, __u32 now)
{
	const struct nsf_hop *hop = hop_known(f, p->net, now);

	p->out_slot = p->net->uplink_slot;
	if (unlikely(!hop))
		return flow_reroute(p, f, now);
	if (unlikely(p->wire > f->mtu) && !frag_fits(p))
		return frag_too_big(p, f->mtu);
	return flow_way(p, hop);
}

/* A mapping that let a stranger in is the endpoint's own way out from its first answer on. */
static __noinline void flow_answer(struct nsf_flow *f)
{
	__u32 proto = ledger_proto(f->proto);

	if (proto < NSF_LEDGER_MAX && ledger_join(f->snat, proto, bpf_ntohs(f->ext_port),
						  ledger_owner(f->inner, f->inner_port, f->net)) == LEDGER_OK)
		__sync_fetch_and_and(&f->flags, ~(NSF_FLOW_INBOUND | NSF_FLOW_SHARED));
}

/* What every packet of the inner endpoint needs, the first one too; the way out comes after. */
static __always_inline void flow_translate(struct pkt *p, struct nsf_flow *f, __u32 now)
{
	p->flow = f;
	p->edit = EDIT_NAT;
	p->nat = NAT_SRC;
	flow_end_at(&p->src, f, false);
	flow_touch(p, f, now, true);
	if (!(p->port->flags & NSF_PORT_MANAGED) && !mac_equal(f->inner_mac, p->smac))
		mac_copy(f->inner_mac, p->smac);
	/* a refusal is no answer: RFC 7857 section 8 */
	if (unlikely((f->flags & (NSF_FLOW_INBOUND | NSF_FLOW_PUBLISH)) == NSF_FLOW_INBOUND) && !(p->tcp & TCP_RST))
		flow_answer(f);
}

/* True if it is another port's, or that of one that had this slot before. */
static __always_inline bool flow_elsewhere(const struct pkt *p, const struct nsf_flow *f)
{
	return f->slot != p->slot || f->port_gen != p->port->gen;
}

/*
 * A flow is its port's alone; but an endpoint behind a learning port may move to another one, as its MAC may. Nobody
 * takes it from a managed port. One that is the gateway's still goes to the first learning port from which its inner
 * endpoint speaks: with the MAC that is known of it or, if none is, with any, as whoever speaks first for an address
 * behind learning ports has it anyway.
 */
static __noinline bool flow_moves(const struct pkt *p, struct nsf_flow *f)
{
	const struct nsf_port *was;
	__u32 slot = f->slot, counted;
	struct nsf_share *s = share_row(p->slot);

	was = bpf_map_lookup_elem(&nsf_ports, &slot);
	if (!was || !s || was->gen != f->port_gen || (was->flags | p->port->flags) & NSF_PORT_MANAGED)
		return false;
	if (!mac_equal(f->inner_mac, p->smac) && (was->role != NSF_ROLE_GATEWAY || !mac_zero(f->inner_mac)))
		return false;
	/* one CPU does it, and the counts go with it once; another one's packet might have done it as well */
	if (__sync_fetch_and_or(&f->flags, NSF_FLOW_MOVING) & NSF_FLOW_MOVING)
		return true;
	if (flow_elsewhere(p, f)) {
		mac_copy(f->inner_mac, p->smac);
		counted = NSF_FLOW_COUNTED | SHARE_OPENING;
		counted &= __sync_fetch_and_and(&f->flags, ~(NSF_FLOW_COUNTED | SHARE_OPENING));
		share_put(f->slot, f->port_gen, counted);
		share_get(s, counted);
		f->slot = p->slot;
		f->port_gen = p->port->gen;
		__sync_fetch_and_or(&f->flags, counted);
	}
	__sync_fetch_and_and(&f->flags, ~NSF_FLOW_MOVING);
	return true;
}

static __noinline enum verdict flow_quoted_inner(struct pkt *p);

/*
 * A packet from a port for the gateway's MAC. NEXT with p->flow: known, its source is translated, and the peer is an
 * external endpoint of this host. NEXT without: of no flow. hints: programs that few packets come to go without, and have
 * their stack for other things.
 */
static __always_inline enum verdict flow_inner(struct pkt *p, bool hints)
{
	struct nsf_flow *f;
	__u32 now;

	if (unlikely(p->frag && !p->back) || !(p->net->flags & (NSF_NET_SNAT | NSF_NET_SNAT6 | NSF_NET_PUBLISH)))
		return NEXT;
	/* other messages have no identifier here, which looks like that of an echo with 0 */
	if (unlikely(icmp_is_proto(p) && p->icmp_type != icmp_echo(p->family)))
		return icmp_is_error(p) ? flow_quoted_inner(p) : NEXT;
	f = hints ? flow_known_from(p) : flow_learn_from(p);
	if (!f || !six_same(p, f, true) || (unlikely(flow_elsewhere(p, f)) && !flow_moves(p, f)))
		return NEXT;
	if (unlikely(p->ttl <= p->hops))
		return icmp_answer(p, NSF_DROP_TTL, ICMP_SAY_TTL);
	now = tick();
	flow_translate(p, f, now);
	return unlikely(f->flags & NSF_FLOW_HAIRPIN) ? NEXT : flow_send(p, f, now);
}

/* Nobody knows yet behind which port the inner endpoint is: the host asks all of them, as for a packet of its own. */
static __noinline enum verdict flow_seek(struct pkt *p, const struct nsf_flow *f)
{
	const struct nsf_flow6 *six;

	p->macs = 0;
	p->hop_family = p->family;
	p->hop[0] = f->inner;
	if (p->family != 6)
		return NEIGH;
	six = array_row(&nsf_flows, f->six);
	if (!six)
		return drop(p, NSF_DROP_PORT_GONE);
	addr6_copy(p->hop, six->inner);
	return NEIGH;
}

/* The port of a flow, and its network into p; NULL if the port was removed or its slot given to another. */
static __always_inline const struct nsf_port *flow_port_row(struct pkt *p, const struct nsf_flow *f)
{
	const struct nsf_port *to;
	__u32 i = f->net; /* one place on a stack that is short */

	p->net_id = i;
	p->net = bpf_map_lookup_elem(&nsf_nets, &i);
	i = f->slot;
	to = bpf_map_lookup_elem(&nsf_ports, &i);
	return p->net && to && to->gen == f->port_gen ? to : NULL;
}

/* The same, but NULL too if flow_port() would do more than to send the packet there. */
static __always_inline const struct nsf_port *flow_port_plain(struct pkt *p, const struct nsf_flow *f)
{
	const struct nsf_port *to = flow_port_row(p, f);

	return to && p->ttl > 1 && p->wire <= to->mtu ? to : NULL;
}

/* The plan that leads there. */
static __always_inline void flow_aim(struct pkt *p, const struct nsf_flow *f, const struct nsf_port *to)
{
	p->out = to->ifindex;
	p->out_slot = f->slot;
	p->macs = 1;
	mac_copy(p->out_dmac, f->inner_mac);
	mac_copy(p->out_smac, p->net->mac);
	p->nat |= NAT_DST;
	flow_end_at(&p->dst, f, true);
}

/* Where a flow's packets from outside go. */
static __always_inline enum verdict flow_port(struct pkt *p, struct nsf_flow *f)
{
	const struct nsf_port *to = flow_port_row(p, f);

	if (!to)
		return drop(p, NSF_DROP_PORT_GONE);
	if (!p->port)
		p->slot = p->net->uplink_slot;
	if (unlikely(p->ttl <= p->hops))
		return icmp_answer(p, NSF_DROP_TTL, ICMP_SAY_TTL);
	if (unlikely(p->wire > to->mtu))
		return frag_too_big(p, to->mtu);
	flow_aim(p, f, to);
	if (to->flags & NSF_PORT_PEER)
		return HAND;
	return unlikely(to->role == NSF_ROLE_GATEWAY) ? flow_seek(p, f) : SEND;
}

/* A conversation of the host's own that has not got its own number outside. */
static __always_inline enum verdict flow_to_host(struct pkt *p, struct nsf_flow *f)
{
	p->nat = NAT_DST;
	p->hops = 0;
	flow_end_at(&p->dst, f, true);
	return ON;
}

/* The two ends of a quoted packet, seen from who would have got it: as the outer key of the answer to it. */
static __always_inline bool flow_quote_key(const struct pkt *p, const struct parse_quote *q, struct nsf_flow_key *k)
{
	*k = (struct nsf_flow_key){ .saddr = q->daddr, .daddr = q->saddr, .proto = q->proto, .family = p->family };
	if (q->later)
		return false;
	switch (q->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
	case IPPROTO_UDPLITE:
		k->sport = *(__be16 *)(q->l4 + 2);
		k->dport = *(__be16 *)q->l4;
		return true;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (q->l4[0] == icmp_echo(p->family)) /* the identifier is the sender's */
			k->dport = *(__be16 *)(q->l4 + 4);
		else if (q->l4[0] == icmp_echo_reply(p->family)) /* the receiver's */
			k->sport = *(__be16 *)(q->l4 + 4);
		else
			return false;
		return true;
	}
	return true;
}

/* An ICMP error from outside about a packet of ours; not ours: NEXT, the host may be meant (RFC 5508 REQ-4)
 * or a network that is routed. */
static __noinline enum verdict flow_quoted(struct pkt *p)
{
	struct nsf_flow_key k;
	struct parse_quote q;
	struct nsf_flow *f;

	if (!icmp_forwards(p))
		return PASS;
	if (!parse_any_quote(p, &q)) /* nobody could tell whose it is */
		return flow_ext(p) ? drop(p, NSF_DROP_ICMP_QUOTE) : NEXT;
	if (!flow_quote_key(p, &q, &k))
		return NEXT;
	f = flow_find(p, &k);
	if (!f || p->daddr != f->ext || !six_quoted(p, f, false))
		return NEXT;
	if (!parse_any_sum_ok(p))
		return drop(p, NSF_DROP_ICMP_SUM);
	p->flow = f;
	p->edit = EDIT_QUOTE;
	p->quote_proto = f->proto;
	if (f->flags & NSF_FLOW_HOST)
		return flow_to_host(p, f);
	return flow_port(p, f); /* neither refreshed nor ended: RFC 5508 REQ-6 */
}

/* The second half of a hairpinned error: the peer of the flow is another flow's external end. */
static __always_inline enum verdict flow_quoted_hairpin(struct pkt *p, const struct nsf_flow *f)
{
	struct nsf_flow_key k = {
		.saddr = f->ext,
		.daddr = f->peer,
		.sport = f->ext_port,
		.dport = f->peer_port,
		.proto = f->proto,
		.family = f->family,
	};
	struct nsf_flow *far = flow_find(p, &k);

	if (!far)
		return drop(p, NSF_DROP_ICMP_QUOTE);
	return flow_port(p, far);
}

/*
 * An ICMP error from a container about a packet that came to it (RFC 5508 REQ-5): its source and what it quotes become
 * what the outside knows. About another port's flow: not let out. About none: NEXT where nothing is translated, or for a
 * packet that came to the sender as it was, from the host or from one of those that know inner addresses.
 */
static __noinline enum verdict flow_quoted_inner(struct pkt *p)
{
	struct nsf_flow_key k;
	struct parse_quote q;
	struct nsf_flow *f;

	if (!icmp_forwards(p))
		return drop(p, NSF_DROP_ICMP_NO_FLOW);
	if (!parse_any_quote(p, &q) || q.saddr != p->daddr || !flow_quote_key(p, &q, &k))
		return drop(p, NSF_DROP_ICMP_QUOTE);
	k.net = p->net_id; /* the container was to get it: its end stands first already */
	f = flow_from(p, &k);
	if (!f)
		return q.daddr == p->saddr || !flow_snats(p) ? NEXT : drop(p, NSF_DROP_ICMP_NO_FLOW);
	if (flow_elsewhere(p, f) || !six_quoted(p, f, true))
		return drop(p, NSF_DROP_ICMP_QUOTE);
	if (!parse_any_sum_ok(p))
		return drop(p, NSF_DROP_ICMP_SUM);
	if (p->ttl <= p->hops)
		return drop(p, NSF_DROP_TTL);
	p->flow = f;
	p->edit = EDIT_QUOTE;
	p->quote_proto = f->proto;
	p->nat = NAT_SRC;
	flow_end_at(&p->src, f, false);
	return f->flags & NSF_FLOW_HAIRPIN ? flow_quoted_hairpin(p, f) : flow_reroute(p, f, tick());
}

/* A packet from the uplink: NEXT if it belongs to no flow. */
static __always_inline enum verdict flow_outer(struct pkt *p, bool hints)
{
	struct nsf_flow *f;

	if (unlikely(icmp_is_proto(p) && p->icmp_type != icmp_echo_reply(p->family)))
		return icmp_is_error(p) ? flow_quoted(p) : NEXT;
	f = hints ? flow_known_to(p) : flow_learn_to(p);
	if (!f || !six_same(p, f, false))
		return NEXT;
	p->flow = f;
	p->edit = EDIT_NAT;
	flow_touch(p, f, tick(), false);
	return unlikely(f->flags & NSF_FLOW_HOST) ? flow_to_host(p, f) : flow_port(p, f);
}
