/* SPDX-License-Identifier: GPL-2.0-only */
/* The first packet of a conversation with the outside: makes its flow. */
#pragma once

#include "flow.h"
#include "ledger.h"

/* May this packet open a flow? What creates state is verified first. */
static __always_inline enum verdict nat_opens(struct pkt *p)
{
	if (p->frag)
		return drop(p, NSF_DROP_FRAGMENT);
	switch (p->proto) {
	case IPPROTO_TCP:
		if ((p->tcp & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN)) != TCP_SYN)
			return drop(p, NSF_DROP_TCP_NO_FLOW);
		break;
	case IPPROTO_UDP:
		break;
	case IPPROTO_ICMP:
		if (p->icmp_type != ICMP_ECHO || p->icmp_code)
			return drop(p, NSF_DROP_ICMP_NO_FLOW);
		break;
	default:
		return drop(p, NSF_DROP_PROTOCOL);
	}
	if (!parse_ip4_sum_ok(p))
		return drop(p, NSF_DROP_BAD_IP4_SUM);
	return NEXT;
}

/* A free slot: one given back, else one never used. -1 if there is none. */
static __always_inline int nat_slot(void)
{
	struct nsf_flow_state *s;
	__u32 slot, zero = 0;

	if (!bpf_map_pop_elem(&nsf_flow_free, &slot))
		return slot;
	s = bpf_map_lookup_elem(&nsf_flow_state, &zero);
	if (!s || *(volatile __u32 *)&s->fresh >= cfg.flows_max)
		return -1;
	slot = __sync_fetch_and_add(&s->fresh, 1);
	if (slot < cfg.flows_max)
		return slot;
	__sync_fetch_and_add(&s->fresh, -1);
	return -1;
}

static __always_inline void nat_fill(const struct pkt *p, struct nsf_flow *f, const struct ledger_claim *c)
{
	__u16 port = bpf_htons(c->port);

	f->gen++;
	f->seen = c->now;
	f->port_gen = p->port->gen;
	f->inner = p->saddr;
	f->peer = p->daddr;
	f->ext = c->ext;
	f->inner_port = p->sport;
	f->peer_port = p->dport;
	f->ext_port = port;
	f->net = p->net_id;
	f->slot = p->slot;
	f->proto = p->proto;
	f->tcp = 0;
	f->mtu = 0;
	f->snat = c->snat;
	mac_copy(f->inner_mac, p->smac);
}

/*
 * Outer key first: its insertion reserves the conversation. Who finds it there has lost a race against a packet of the
 * same conversation, for the external port is this endpoint's alone, and uses the winner's record.
 */
static __always_inline struct nsf_flow *nat_insert(struct pkt *p, struct nsf_flow *f, __u32 slot)
{
	struct nsf_flow_key inner, outer = {
		.saddr = f->peer,
		.daddr = f->ext,
		.sport = f->peer_port,
		.dport = f->ext_port,
		.proto = f->proto,
	};
	struct nsf_flow_ref ref = { .slot = slot, .gen = f->gen };
	long r = bpf_map_update_elem(&nsf_flow_keys, &outer, &ref, BPF_NOEXIST);

	if (r == -17 /* EEXIST */) {
		f = flow_find(&outer);
		if (f && f->inner == p->saddr && f->inner_port == p->sport && f->slot == p->slot &&
		    f->port_gen == p->port->gen)
			return f;
		p->reason = NSF_DROP_FLOW_RACE;
		return NULL;
	}
	p->reason = NSF_DROP_FLOWS_FULL;
	if (r)
		return NULL;
	flow_inner_key(p, &inner);
	/* BPF_ANY: what may lie there is the key of a flow whose port or generation is gone */
	if (bpf_map_update_elem(&nsf_flow_keys, &inner, &ref, BPF_ANY)) {
		bpf_map_delete_elem(&nsf_flow_keys, &outer);
		return NULL;
	}
	p->reason = NSF_DROP_NONE;
	f->flags = NSF_FLOW_LIVE;
	return f;
}

/* The flow of this packet: made, or another CPU's that was quicker; then, as on failure, the claim is given back. */
static __always_inline struct nsf_flow *nat_make(struct pkt *p, const struct ledger_claim *c)
{
	struct nsf_flow *f, *made = NULL;
	int slot = nat_slot();
	__u32 key = slot;

	p->reason = NSF_DROP_FLOWS_FULL;
	f = slot < 0 ? NULL : bpf_map_lookup_elem(&nsf_flows, &key);
	if (f) {
		nat_fill(p, f, c);
		made = nat_insert(p, f, key);
		if (made != f)
			bpf_map_push_elem(&nsf_flow_free, &key, 0);
	}
	if (!f || made != f)
		ledger_put(c->snat, c->proto, c->port, c->owner);
	return made;
}

/* RFC 4787 REQ-1 and the comment at flow.h: claim, make, and undo the claim if that failed or another was quicker. */
static __noinline enum verdict nat(struct pkt *p)
{
	struct ledger_claim c = {
		.owner = ledger_owner(p->saddr, p->sport, p->net_id),
		.proto = ledger_proto(p->proto),
		.snat = p->net->snat,
		.ext = p->net->snat4,
		.peer = p->daddr,
		.peer_port = p->dport,
		.inner = bpf_ntohs(p->sport),
		.now = tick(),
	};
	struct nsf_flow *f;

	TRY(nat_opens(p));
	switch (ledger_claim(p->ctx, &c)) {
	case LEDGER_OK:
		break;
	case LEDGER_BUSY:
		return drop(p, NSF_DROP_FLOW_RACE);
	case LEDGER_TAKEN:
	case LEDGER_FULL:
		return icmp_answer(p, NSF_DROP_PORTS_FULL, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED);
	}
	f = nat_make(p, &c);
	if (!f)
		return icmp_answer(p, p->reason, ICMP_DEST_UNREACH, ICMP_PKT_FILTERED);
	flow_translate(p, f, c.now);
	return flow_nexthop(p, f, c.now);
}
