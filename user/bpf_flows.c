/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow table of bpf mode: read record by record as it lies in memory, and ended. */
#include "bpf_flows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <time.h>

#include "nsfast/carry.h"

#include "bpf_row.h"
#include "log.h"

#define END_ROUNDS 100 /* of marking and sweeping, each of them ends all but what was written to at that very moment */

/* A record with what belongs to it, all of one flow. */
struct copy {
	__u32 gen;
	struct nsf_flow f;
	struct nsf_flow6 six;
	struct nsf_flow_count n;
};

/* A filter as records can be compared with it. */
struct match {
	const struct flow_filter *f;
	__u32 net;
	__u32 addr[4], mask[4]; /* as in records */
};

__u32 bpf_flows_tick(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return ((__u64)t.tv_sec * 1000000000ULL + t.tv_nsec) >> NSF_TICK_SHIFT;
}

__u64 bpf_flows_seconds(__u32 ticks)
{
	return (((__u64)ticks << NSF_TICK_SHIFT) + 500000000) / 1000000000;
}

static __u32 flows_end(const struct dp *dp)
{
	__u32 fresh = __atomic_load_n(&dp->state->fresh, __ATOMIC_RELAXED);

	return fresh < dp->n_flows ? fresh : dp->n_flows;
}

static bool flows_live(const struct nsf_flow *f)
{
	return __atomic_load_n(&f->flags, __ATOMIC_ACQUIRE) & NSF_FLOW_LIVE;
}

/* False if there is no flow in the slot, or it was given to another one while this looked. */
static bool flows_copy(const struct dp *dp, __u32 slot, struct copy *ret)
{
	const struct nsf_flow *f = &dp->flows[slot];

	ret->gen = __atomic_load_n(&f->gen, __ATOMIC_ACQUIRE);
	if (!flows_live(f))
		return false;
	ret->f = *f;
	if (ret->f.family == 6) {
		if (ret->f.six >= dp->n_flows)
			return false;
		memcpy(&ret->six, &dp->flows[ret->f.six], sizeof(ret->six));
	}
	ret->n = dp->flow_counts[slot];
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	return __atomic_load_n(&f->gen, __ATOMIC_RELAXED) == ret->gen && ret->f.net < NSF_NETS_MAX &&
	       ret->f.slot < NSF_SLOTS_MAX;
}

static const char *flows_port(const struct dp *dp, const struct nsf_flow *f)
{
	const struct nsf_port *p = &dp->ports[f->slot];

	if (f->flags & NSF_FLOW_HOST)
		return FLOW_HOST;
	return p->gen == f->port_gen && p->role == NSF_ROLE_PORT ? dp->names[f->slot].port : NULL;
}

/* The timeout class is the sweep's. */
static enum flow_state flows_state(const struct nsf_flow *f, enum nsf_timeout *ret_class)
{
	const __u8 syn = NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER, fin = NSF_TCP_FIN_IN | NSF_TCP_FIN_PEER;

	if (f->proto != IPPROTO_TCP && f->proto != IPPROTO_SCTP) {
		*ret_class = NSF_TIMEOUT_OTHER;
		if (f->proto == IPPROTO_UDP || f->proto == IPPROTO_UDPLITE)
			*ret_class = NSF_TIMEOUT_UDP;
		else if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6)
			*ret_class = NSF_TIMEOUT_ICMP;
		return FLOW_ACTIVE;
	}
	*ret_class = NSF_TIMEOUT_TCP_CLOSE;
	if (f->tcp & NSF_TCP_RST)
		return FLOW_RESET;
	if ((f->tcp & fin) == fin)
		return FLOW_CLOSED;
	if ((f->tcp & (syn | NSF_TCP_UNSURE)) != syn) {
		*ret_class = NSF_TIMEOUT_TCP_OPEN;
		return FLOW_OPENING;
	}
	*ret_class = NSF_TIMEOUT_TCP_EST;
	return f->tcp & fin ? FLOW_HALF_CLOSED : FLOW_ESTABLISHED;
}

static void match_begin(const struct dp *dp, const struct flow_filter *f, struct match *ret)
{
	unsigned plen = f->addr.plen, bits;
	int i;

	*ret = (struct match){ .f = f, .net = f->net ? row_net(dp, f->net) : 0 };
	for (i = 0; i < 4; i++) {
		bits = plen < 32 ? plen : 32;
		ret->mask[i] = htonl(bits ? 0xffffffffu << (32 - bits) : 0);
		plen -= bits;
	}
	memcpy(ret->addr, f->addr.bytes, sizeof(ret->addr));
}

static bool match_words(const struct match *m, const __u32 *words, int n)
{
	__u32 differs = 0;
	int i;

	for (i = 0; i < n; i++)
		differs |= (words[i] ^ m->addr[i]) & m->mask[i];
	return !differs;
}

static bool match_addr(const struct match *m, const struct copy *c)
{
	switch (m->f->addr.family) {
	case AF_INET:
		return c->f.family == 4 && (match_words(m, &c->f.inner, 1) || match_words(m, &c->f.peer, 1) ||
					    match_words(m, &c->f.ext, 1));
	case AF_INET6:
		return c->f.family == 6 && (match_words(m, c->six.inner, 4) || match_words(m, c->six.peer, 4) ||
					    match_words(m, c->six.ext, 4));
	}
	return true;
}

/* From what tells most for the least. */
static bool match_flow(const struct dp *dp, const struct match *m, const struct copy *c)
{
	const struct flow_filter *f = m->f;
	enum nsf_timeout class;
	const char *port;

	if ((f->net && c->f.net != m->net) || (f->by_proto && c->f.proto != f->proto))
		return false;
	if (f->states && !(f->states & 1U << flows_state(&c->f, &class)))
		return false;
	if (!match_addr(m, c))
		return false;
	if (!f->port)
		return true;
	port = flows_port(dp, &c->f);
	return port && streq(port, f->port);
}

static void flows_addr(struct addr *ret, const struct nsf_flow *f, __be32 four, const __u32 six[4])
{
	*ret = (struct addr){ .family = f->family == 6 ? AF_INET6 : AF_INET, .plen = f->family == 6 ? 128 : 32 };
	if (f->family == 6)
		memcpy(ret->bytes, six, sizeof(ret->bytes));
	else
		memcpy(ret->bytes, &four, sizeof(four));
}

static void flows_tell(const struct dp *dp, const struct copy *c, __u32 now, struct mode_flow *ret)
{
	const struct nsf_flow *f = &c->f;
	enum nsf_timeout class;
	__u64 idle = bpf_flows_seconds((__s32)(now - f->seen) > 0 ? now - f->seen : 0), limit;

	ret->proto = f->proto;
	ret->state = flows_state(f, &class);
	limit = dp->nets[f->net].timeout[class];
	ret->left = limit > idle ? limit - idle : 0;
	flows_addr(&ret->inner, f, f->inner, c->six.inner);
	flows_addr(&ret->peer, f, f->peer, c->six.peer);
	flows_addr(&ret->ext, f, f->ext, c->six.ext);
	ret->inner_port = ntohs(f->inner_port);
	ret->peer_port = ntohs(f->peer_port);
	ret->ext_port = ntohs(f->ext_port);
	ret->net = f->flags & NSF_FLOW_HOST ? NULL : dp->nets[f->net].name;
	ret->port = flows_port(dp, f);
	ret->inbound = f->flags & NSF_FLOW_INBOUND;
	ret->translated = f->inner_port != f->ext_port || memcmp(&ret->inner, &ret->ext, sizeof(ret->ext));
	ret->overloaded = (f->flags & (NSF_FLOW_SHARED | NSF_FLOW_INBOUND)) == NSF_FLOW_SHARED && ret->translated &&
			  flow_proto_has_ports(f->proto);
	ret->hairpin = f->flags & NSF_FLOW_HAIRPIN;
	ret->out_packets = c->n.out_packets;
	ret->out_bytes = c->n.out_bytes;
	ret->in_packets = c->n.in_packets;
	ret->in_bytes = c->n.in_bytes;
}

int bpf_flows_read(struct host *h, const struct flow_filter *f, int (*cb)(const struct mode_flow *f, void *arg),
		   void *arg)
{
	const struct dp *dp = &h->dp;
	__u32 i, now = bpf_flows_tick();
	struct mode_flow row;
	struct match m;
	struct copy c;
	int r = 0;

	if (!dp->loaded)
		return 0;
	match_begin(dp, f, &m);
	for (i = 0; !r && i < flows_end(dp); i++) {
		if (!flows_copy(dp, i, &c) || !match_flow(dp, &m, &c))
			continue;
		flows_tell(dp, &c, now, &row);
		r = cb(&row, arg);
	}
	return r;
}

/* Asks the sweep to end a flow. The slot may have been given to another one in between: that one is not meant. */
static void flows_mark(struct nsf_flow *f, __u32 gen)
{
	__atomic_fetch_or(&f->flags, NSF_FLOW_ENDING, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&f->gen, __ATOMIC_SEQ_CST) != gen)
		__atomic_fetch_and(&f->flags, ~(__u32)NSF_FLOW_ENDING, __ATOMIC_SEQ_CST);
}

/* Marks what the filter means and notes it by slot and generation; returns how many. */
static __u32 flows_mark_all(const struct dp *dp, const struct match *m, __u32 *gens, __u32 n)
{
	__u32 i, left = 0;
	struct copy c;

	for (i = 0; i < n; i++) {
		if (!flows_copy(dp, i, &c) || !match_flow(dp, m, &c))
			continue;
		gens[i] = c.gen;
		flows_mark(&dp->flows[i], c.gen);
		left++;
	}
	return left;
}

/* Marks again what is still there of those noted; returns how many. */
static __u32 flows_mark_left(const struct dp *dp, __u32 *gens, __u32 n)
{
	__u32 i, left = 0;

	for (i = 0; i < n; i++) {
		if (!gens[i])
			continue;
		if (flows_live(&dp->flows[i]) && __atomic_load_n(&dp->flows[i].gen, __ATOMIC_ACQUIRE) == gens[i]) {
			flows_mark(&dp->flows[i], gens[i]);
			left++;
		} else {
			gens[i] = 0;
		}
	}
	return left;
}

int bpf_flows_end(struct host *h, const struct flow_filter *f, __u64 *ret)
{
	__u32 n = h->dp.loaded ? flows_end(&h->dp) : 0, all, left;
	autofree __u32 *gens = n ? calloc(n, sizeof(*gens)) : NULL;
	struct match m;
	int r = 0, rounds = 0;

	*ret = 0;
	if (!n)
		return 0;
	if (!gens)
		return fail(-ENOMEM, "cannot list the flows to end");
	match_begin(&h->dp, f, &m);
	all = left = flows_mark_all(&h->dp, &m, gens, n);
	while (!r && left && rounds++ < END_ROUNDS) {
		r = dp_run(&h->dp, DP_PROG_PURGE);
		left = flows_mark_left(&h->dp, gens, n);
	}
	*ret = all - left;
	return r ? r : left ? fail(-EBUSY, "cannot end %u of %u flows", left, all) : 0;
}

/* What both sides must have said for a flow to be in that state; which of them closed first is not known. */
static __u8 put_tcp(const struct mode_flow *m)
{
	const __u8 both = NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER;

	switch (m->state) {
	case FLOW_OPENING:
		return m->inbound ? NSF_TCP_SYN_PEER : NSF_TCP_SYN_IN;
	case FLOW_ESTABLISHED:
		return both;
	case FLOW_HALF_CLOSED:
		return both | (m->inbound ? NSF_TCP_FIN_PEER : NSF_TCP_FIN_IN);
	case FLOW_CLOSED:
		return both | NSF_TCP_FIN_IN | NSF_TCP_FIN_PEER;
	case FLOW_RESET:
		return both | NSF_TCP_RST;
	case FLOW_ACTIVE:
	case FLOW_STATE_MAX:
		break;
	}
	return 0;
}

/* So long ago that as much is left of its time as was. */
static __u32 put_idle(const struct dp *dp, const struct nsf_carry *c, __u64 left)
{
	const struct nsf_flow like = { .proto = c->proto, .tcp = c->tcp };
	enum nsf_timeout class;
	__u64 limit;

	flows_state(&like, &class);
	limit = dp->nets[c->net].timeout[class];
	return left < limit ? ((limit - left) * 1000000000ULL) >> NSF_TICK_SHIFT : 0;
}

static void put_addrs(const struct dp *dp, const struct mode_flow *m, struct nsf_carry *c)
{
	c->family = m->inner.family == AF_INET6 ? 6 : 4;
	c->inner = row_handle(dp, &m->inner);
	c->peer = row_handle(dp, &m->peer);
	c->ext = row_handle(dp, &m->ext);
	if (c->family == 4)
		return;
	memcpy(c->inner6, m->inner.bytes, sizeof(c->inner6));
	memcpy(c->peer6, m->peer.bytes, sizeof(c->peer6));
	memcpy(c->ext6, m->ext.bytes, sizeof(c->ext6));
}

/* One without a port is the gateway's until its endpoint, behind a learning port, speaks: see nsfast/flow.h. */
static __u32 put_slot(const struct dp *dp, __u32 net, const struct mode_flow *m)
{
	__u32 slot = m->port ? row_port(dp, net, m->port) : dp->nets[net].gateway_slot;

	return !m->port || dp->ports[slot].flags & NSF_PORT_MANAGED ? slot : 0;
}

int bpf_flows_put(struct host *h, const struct mode_flow *m, const struct mode_flow *far)
{
	__u32 net = h->dp.loaded && m->net ? row_net(&h->dp, m->net) : 0;
	__u32 slot = net ? put_slot(&h->dp, net, m) : 0;
	struct nsf_carry c = {
		.inner_port = htons(m->inner_port),
		.peer_port = htons(m->peer_port),
		.ext_port = htons(m->ext_port),
		.net = net,
		.slot = slot,
		.proto = m->proto,
		.tcp = put_tcp(m),
		.flags = (m->inbound ? NSF_FLOW_INBOUND | NSF_FLOW_PUBLISH : 0) | (m->hairpin ? NSF_FLOW_HAIRPIN : 0),
	};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &c, .data_size_in = sizeof(c));
	autoclose int prog = -1;

	(void)far; /* the receiver's flow is one by itself */
	if (!slot)
		return -ENOENT;
	put_addrs(&h->dp, m, &c);
	c.idle = put_idle(&h->dp, &c, m->left);
	memcpy(c.mac, m->port ? h->dp.ports[slot].mac : m->mac, sizeof(c.mac));
	prog = dp_prog(&h->dp, DP_PROG_CARRY);
	if (prog < 0)
		return prog;
	if (bpf_prog_test_run_opts(prog, &opts))
		return -errno;
	return opts.retval ? -EBUSY : 0;
}

int bpf_flows_usage(struct host *h, struct mode_usage *ret)
{
	__u32 i;

	*ret = (struct mode_usage){ .flows_max = h->dp.n_flows, .own = true };
	if (!h->dp.loaded)
		return 0;
	for (i = 0; i < flows_end(&h->dp); i++)
		ret->flows += flows_live(&h->dp.flows[i]);
	ret->overloaded = h->dp.state->overloaded;
	ret->reclaimed = h->dp.state->reclaimed;
	return 0;
}
