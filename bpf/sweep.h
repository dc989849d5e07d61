/* SPDX-License-Identifier: GPL-2.0-only */
/* Expiry without a daemon: one timer walks the flows in slices, and the FDB now and then. */
#pragma once

#include "fdb.h"
#include "flow.h"

#define SWEEP_SLICE    4096           /* flow slots a run: less than a millisecond */
#define SWEEP_PASS_NS  10000000000ULL /* over all slots, as long as runs need not be closer than the least below */
#define SWEEP_MOST_NS  100000000ULL   /* between runs while there are flows: 131,072 slots in 3.2 s */
#define SWEEP_LEAST_NS 5000000ULL     /* 10,000,000 slots in 13 s */
#define SWEEP_IDLE_NS  1000000000ULL
#define SWEEP_FDB      16 /* ticks between walks of the FDB */

static __always_inline enum nsf_timeout sweep_class(const struct nsf_flow *f)
{
	switch (f->proto) {
	case IPPROTO_TCP:
	case IPPROTO_SCTP:
		if ((f->tcp & END_FINS) == END_FINS || f->tcp & NSF_TCP_RST)
			return NSF_TIMEOUT_TCP_CLOSE;
		return flow_open(f->tcp) ? NSF_TIMEOUT_TCP_EST : NSF_TIMEOUT_TCP_OPEN;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return NSF_TIMEOUT_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return NSF_TIMEOUT_ICMP;
	}
	return NSF_TIMEOUT_OTHER;
}

/* False if the flow's port is gone, or its network has not got the external end any more. */
static __always_inline bool sweep_valid(const struct nsf_flow *f, const struct nsf_net *net)
{
	__u32 slot = f->slot;
	const struct nsf_port *port = bpf_map_lookup_elem(&nsf_ports, &slot);
	const struct nsf_publish *r;
	const struct nsf_snat *snat;
	int row;

	if (!port || port->gen != f->port_gen)
		return false;
	if (f->flags & NSF_FLOW_PUBLISH) {
		row = publish_find(PUBLISH_KIND(f->family, f->proto), f->ext, bpf_ntohs(f->ext_port));
		r = row < 0 ? NULL : bpf_map_lookup_elem(&nsf_publish, &row);
		return r && r->to == f->inner && r->slot == slot &&
		       bpf_ntohs(f->inner_port) - r->to_first == bpf_ntohs(f->ext_port) - r->first;
	}
	snat = flow_snat(net, f->inner, f->family);
	return snat && net->flags & (f->family == 6 ? NSF_NET_SNAT6 : NSF_NET_SNAT) && snat->addr == f->ext &&
	       snat->ledger == f->snat;
}

/* Nothing that counts: the verifier would follow each of its values. */
struct sweep {
	__u32 first; /* slot */
	__u32 now;   /* tick */
};

static long sweep_flow(__u32 i, struct sweep *s)
{
	__u32 slot = s->first + i, net_id, class;
	struct nsf_flow *f = bpf_map_lookup_elem(&nsf_flows, &slot);
	const struct nsf_net *net;

	if (!f)
		return 1;
	if (!(f->flags & NSF_FLOW_LIVE))
		return 0;
	net_id = f->net;
	net = bpf_map_lookup_elem(&nsf_nets, &net_id);
	class = sweep_class(f);
	bounded(class);
	if (!net || class >= NSF_TIMEOUT_MAX)
		return 1;
	if (f->flags & NSF_FLOW_ENDING || tick_over(s->now - f->seen, net->timeout[class]) ||
	    !(f->flags & NSF_FLOW_HOST || sweep_valid(f, net)))
		flow_end(slot, f->gen);
	return 0;
}

static long sweep_mac(void *map, const struct nsf_fdb_key *k, struct nsf_fdb *e, struct sweep *s)
{
	const struct nsf_port *port = array_row(&nsf_ports, e->slot);
	const struct nsf_net *net = array_row(&nsf_nets, k->net);
	struct nsf_fdb was;
	__u32 net_id;

	if (port && net && !fdb_dead(e, port->gen, s->now, net->fdb_age))
		return 0;
	was = *e;
	net_id = k->net;
	if (!bpf_map_delete_elem(map, k))
		fdb_uncount(net_id, &was);
	return 0;
}

static long sweep_group(void *map, const struct nsf_group_key *k, struct nsf_group *g, struct sweep *s)
{
	const struct nsf_port *port = array_row(&nsf_ports, k->slot);
	__u32 slot = k->slot, gen = g->gen;

	if (port && port->gen == gen && group_alive(g->seen, s->now))
		return 0;
	if (!bpf_map_delete_elem(map, k) && port && port->gen == gen)
		group_uncount(slot);
	return 0;
}

static long sweep_querier(void *map, const struct nsf_querier_key *k, const struct nsf_querier *q, struct sweep *s)
{
	if (!group_alive(q->seen, s->now))
		bpf_map_delete_elem(map, k);
	return 0;
}

/* What ports have said of themselves, and no longer say. */
static __always_inline void sweep_said(struct sweep *s)
{
	bpf_for_each_map_elem(&nsf_fdb, sweep_mac, s, 0);
	bpf_for_each_map_elem(&nsf_groups, sweep_group, s, 0);
	bpf_for_each_map_elem(&nsf_queriers, sweep_querier, s, 0);
}

/* Until the next run: what is over is noticed about as soon in a large table as in a small one. */
static __always_inline __u64 sweep_wait_ns(__u32 end)
{
	__u64 ns = end ? SWEEP_PASS_NS * SWEEP_SLICE / end : SWEEP_IDLE_NS;

	if (end && ns > SWEEP_MOST_NS)
		return SWEEP_MOST_NS;
	return ns > SWEEP_LEAST_NS ? ns : SWEEP_LEAST_NS;
}

static int sweep_tick(void *map, int *key, struct nsf_sweep *v)
{
	struct nsf_flow_state *st;
	struct sweep s = {};
	__u32 zero = 0, end, n;

	clock_set();
	s.now = tick();
	st = bpf_map_lookup_elem(&nsf_flow_state, &zero);
	if (!st)
		return 0;
	if (__sync_lock_test_and_set(&v->busy, 1)) {
		bpf_timer_start(&v->timer, SWEEP_MOST_NS, 0);
		return 0;
	}
	end = end_used(st);
	s.first = st->cursor < end ? st->cursor : 0;
	n = end - s.first < SWEEP_SLICE ? end - s.first : SWEEP_SLICE;
	bpf_loop(n, sweep_flow, &s, 0);
	st->cursor = s.first + n;
	if (st->cursor >= end)
		st->passes++;
	if (s.now - v->fdb_tick >= SWEEP_FDB) {
		v->fdb_tick = s.now;
		sweep_said(&s);
	}
	__sync_lock_test_and_set(&v->busy, 0);
	bpf_timer_start(&v->timer, sweep_wait_ns(end), 0);
	return 0;
}

/* Run once by the loader: the timer lives as long as its map is pinned. */
static __always_inline int sweep_start(void)
{
	struct nsf_sweep *v;
	__u32 zero = 0;

	clock_set();
	v = bpf_map_lookup_elem(&nsf_sweep, &zero);
	if (!v)
		return 1;
	/* the kernel may have no memory for it that it can take without waiting: the loader tries again, and where one try
	 * got farther than another, what is made already is not made twice */
	bpf_timer_init(&v->timer, &nsf_sweep, CLOCK_MONOTONIC);
	return bpf_timer_set_callback(&v->timer, sweep_tick) || bpf_timer_start(&v->timer, SWEEP_IDLE_NS, 0) ? 2 : 0;
}

/* Run by the loader after it removed a port: ends that port's flows and entries at once. */
static __always_inline int sweep_now(void)
{
	struct nsf_sweep *v;
	struct nsf_flow_state *st;
	struct sweep s = {};
	__u32 zero = 0;

	clock_set();
	s.now = tick();
	st = bpf_map_lookup_elem(&nsf_flow_state, &zero);
	if (!st)
		return 1;
	v = bpf_map_lookup_elem(&nsf_sweep, &zero);
	if (!v || __sync_lock_test_and_set(&v->busy, 1))
		return 2; /* the loader tries again */
	bpf_loop(end_used(st), sweep_flow, &s, 0);
	sweep_said(&s);
	__sync_lock_test_and_set(&v->busy, 0);
	return 0;
}
