/* SPDX-License-Identifier: GPL-2.0-only */
/* Known conversations: a hit fills the whole plan. The design stands in include/nsfast/flow.h. */
#pragma once

#include "icmp.h"
#include "port.h"
#include "route.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

static __always_inline struct nsf_flow *flow_find(const struct nsf_flow_key *k)
{
	const struct nsf_flow_ref *r = bpf_map_lookup_elem(&nsf_flow_keys, k);
	struct nsf_flow *f;
	__u32 slot;

	if (!r)
		return NULL;
	slot = r->slot;
	f = bpf_map_lookup_elem(&nsf_flows, &slot);
	return f && f->gen == r->gen ? f : NULL;
}

/* RFC 7857 section 2; the legal moves stand at enum nsf_tcp_bit. */
static __always_inline void flow_tcp(const struct pkt *p, struct nsf_flow *f, bool inner)
{
	__u8 syn = inner ? NSF_TCP_SYN_IN : NSF_TCP_SYN_PEER;
	__u8 fin = inner ? NSF_TCP_FIN_IN : NSF_TCP_FIN_PEER;
	__u8 both = NSF_TCP_FIN_IN | NSF_TCP_FIN_PEER;
	__u8 old = f->tcp, now = old;

	if (likely(!(p->tcp & (TCP_SYN | TCP_FIN | TCP_RST)) && !(old & NSF_TCP_RST)))
		return;
	if (p->tcp & TCP_RST)
		now |= NSF_TCP_RST;
	else if (p->tcp & TCP_SYN && !(p->tcp & TCP_ACK) && (old & NSF_TCP_RST || (old & both) == both))
		now = syn;
	else
		now &= ~NSF_TCP_RST;
	if (!(p->tcp & TCP_RST)) {
		if (p->tcp & TCP_SYN)
			now |= syn;
		if (p->tcp & TCP_FIN)
			now |= fin;
	}
	if (now != old)
		f->tcp = now;
}

/* What every packet of a flow writes: nothing, but once a tick. */
static __always_inline void flow_touch(const struct pkt *p, struct nsf_flow *f, __u32 now, bool inner)
{
	if (f->seen != now)
		f->seen = now;
	if (p->proto == IPPROTO_TCP)
		flow_tcp(p, f, inner);
}

/*
 * Notes the way out that route() found. The packet itself leaves by the kernel's neighbour table, which keeps the
 * neighbour fresh; a lookup alone never does.
 */
static __always_inline enum verdict flow_nexthop(struct pkt *p, struct nsf_flow *f, __u32 now)
{
	f->uplink = p->out;
	f->routed = now;
	if (!p->macs) {
		f->mtu = 0;
		return NEIGH;
	}
	if (!mac_equal(f->dmac, p->out_dmac))
		mac_copy(f->dmac, p->out_dmac);
	if (!mac_equal(f->smac, p->out_smac))
		mac_copy(f->smac, p->out_smac);
	if (f->mtu != p->mtu)
		f->mtu = p->mtu;
	p->macs = 0; /* the kernel writes them */
	return NEIGH;
}

/* Once a tick a route or gateway that changed is followed, without anyone watching. */
static __noinline enum verdict flow_reroute(struct pkt *p, struct nsf_flow *f, __u32 now)
{
	p->edit = EDIT_NONE; /* what route() gives to the host, goes up as it came */
	TRY(route(p));
	if (p->out != p->net->uplink)
		return drop(p, NSF_DROP_NOT_UPLINK);
	p->edit = EDIT_SNAT;
	return flow_nexthop(p, f, now);
}

/* What every packet of the inner endpoint needs, the first one too; the way out comes after. */
static __always_inline void flow_translate(struct pkt *p, struct nsf_flow *f, __u32 now)
{
	p->flow = f;
	p->edit = EDIT_SNAT;
	p->new_addr = f->ext;
	p->new_port = f->ext_port;
	p->out_slot = p->net->uplink_slot;
	flow_touch(p, f, now, true);
	if (!(p->port->flags & NSF_PORT_MANAGED) && !mac_equal(f->inner_mac, p->smac))
		mac_copy(f->inner_mac, p->smac);
}

/* The plan for a packet of the inner endpoint. */
static __always_inline enum verdict flow_out(struct pkt *p, struct nsf_flow *f)
{
	__u32 now = tick();

	if (unlikely(p->ttl <= 1))
		return icmp_answer(p, NSF_DROP_TTL, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL);
	flow_translate(p, f, now);
	if (unlikely(f->routed != (__u16)now || !f->mtu))
		return flow_reroute(p, f, now);
	if (unlikely(p->wire > f->mtu))
		return icmp_too_big(p, f->mtu);
	p->out = f->uplink;
	p->macs = 1;
	mac_copy(p->out_dmac, f->dmac);
	mac_copy(p->out_smac, f->smac);
	return SEND;
}

/* The inner key of a packet from a port. */
static __always_inline void flow_inner_key(const struct pkt *p, struct nsf_flow_key *k)
{
	*k = (struct nsf_flow_key){
		.saddr = p->saddr,
		.daddr = p->daddr,
		.sport = p->sport,
		.dport = p->dport,
		.net = p->net_id,
		.proto = p->proto,
	};
}

/*
 * A flow is its port's alone; but an endpoint behind a learning port may move to another one, as its MAC may. Nobody
 * takes it from a managed port.
 */
static __noinline bool flow_moves(const struct pkt *p, struct nsf_flow *f)
{
	const struct nsf_port *was;
	__u32 slot = f->slot;

	was = bpf_map_lookup_elem(&nsf_ports, &slot);
	if (!was || was->gen != f->port_gen || (was->flags | p->port->flags) & NSF_PORT_MANAGED ||
	    !mac_equal(f->inner_mac, p->smac))
		return false;
	f->slot = p->slot;
	f->port_gen = p->port->gen;
	return true;
}

/* A packet from a port for the gateway's MAC: NEXT if it belongs to no flow. */
static __always_inline enum verdict flow_inner(struct pkt *p)
{
	struct nsf_flow_key k;
	struct nsf_flow *f;

	if (unlikely(p->frag) || !(p->net->flags & NSF_NET_SNAT))
		return NEXT;
	/* other messages have no identifier here, which looks like that of an echo with 0 */
	if (p->proto == IPPROTO_ICMP && p->icmp_type != ICMP_ECHO)
		return NEXT;
	flow_inner_key(p, &k);
	f = flow_find(&k);
	if (!f || (unlikely(f->slot != p->slot || f->port_gen != p->port->gen) && !flow_moves(p, f)))
		return NEXT;
	return flow_out(p, f);
}

/* Where a flow's packets from outside go; PORT_GONE if the port was removed or its slot given to another. */
static __always_inline enum verdict flow_port(struct pkt *p, const struct nsf_flow *f)
{
	const struct nsf_port *to;
	__u32 slot = f->slot;

	p->net_id = f->net;
	p->net = bpf_map_lookup_elem(&nsf_nets, &p->net_id);
	to = bpf_map_lookup_elem(&nsf_ports, &slot);
	if (!p->net || !to || to->gen != f->port_gen)
		return drop(p, NSF_DROP_PORT_GONE);
	p->slot = p->net->uplink_slot;
	if (unlikely(p->ttl <= 1))
		return icmp_answer(p, NSF_DROP_TTL, ICMP_TIME_EXCEEDED, ICMP_EXC_TTL);
	if (unlikely(p->wire > to->mtu))
		return icmp_too_big(p, to->mtu);
	p->out = to->ifindex;
	p->out_slot = slot;
	p->macs = 1;
	mac_copy(p->out_dmac, f->inner_mac);
	mac_copy(p->out_smac, p->net->mac);
	p->new_addr = f->inner;
	p->new_port = f->inner_port;
	return to->flags & NSF_PORT_PEER ? HAND : SEND;
}

/* An ICMP error from outside about a packet of ours; not ours: PASS, the host may be meant (RFC 5508 REQ-4). */
static __noinline enum verdict flow_quoted(struct pkt *p)
{
	struct nsf_flow_key k = {};
	struct parse_quote q;
	struct nsf_flow *f;

	if (p->icmp_type == ICMP_REDIRECT || p->icmp_type == ICMP_SOURCE_QUENCH || !parse_quote(p, &q))
		return PASS;
	k.saddr = q.ip.daddr;
	k.daddr = q.ip.saddr;
	k.proto = q.ip.protocol;
	switch (q.ip.protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		k.sport = *(__be16 *)(q.l4 + 2);
		k.dport = *(__be16 *)q.l4;
		break;
	case IPPROTO_ICMP:
		if (q.l4[0] != ICMP_ECHO)
			return PASS;
		k.dport = *(__be16 *)(q.l4 + 4);
		break;
	default:
		return PASS;
	}
	f = flow_find(&k);
	if (!f || p->daddr != f->ext || q.ip.frag_off & bpf_htons(0x1fff))
		return PASS;
	p->flow = f;
	p->edit = EDIT_QUOTE;
	return flow_port(p, f); /* neither refreshed nor ended: RFC 5508 REQ-6 */
}

/* A packet from the uplink: PASS at once if it belongs to no flow. */
static __always_inline enum verdict flow_outer(struct pkt *p)
{
	struct nsf_flow_key k = {
		.saddr = p->saddr,
		.daddr = p->daddr,
		.sport = p->sport,
		.dport = p->dport,
		.proto = p->proto,
	};
	struct nsf_flow *f;

	if (p->proto == IPPROTO_ICMP && p->icmp_type != ICMP_ECHOREPLY)
		return icmp_is_error(p->icmp_type) ? flow_quoted(p) : NEXT;
	f = flow_find(&k);
	if (!f)
		return NEXT;
	p->flow = f;
	p->edit = EDIT_DNAT;
	flow_touch(p, f, tick(), false);
	return flow_port(p, f);
}
