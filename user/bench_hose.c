/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that come from nowhere: the kernel makes and sends them itself, so that forwarding is all that is measured. */
#include "bench.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/netfilter.h>
#include <stdio.h>

#include "nsfast/hose.h"

#include "hose.skel.h"

#include "dp.h"
#include "ethtool.h"
#include "log.h"
#include "nft.h"
#include "worker.h"

#define BATCH    64    /* frames that the kernel sends at once; a veth's ring takes 256 */
#define ROUND    16384 /* packets in one run */
#define WARM     16384
#define NEW      16384 /* first packets in a sample: tables of connections have room for all that live at a time */
#define FIRST    32768 /* port: beside those that are published, whose answers are another's */
#define BITS_MAX 15
#define FAR      0xcb007120 /* 203.0.113.32: routed by default, and nobody's */
#define STRANGER 0xc6120001 /* 198.18.0.1: nobody inside has spoken to it */
#define DISCARD  9
#define LIMIT_S  300 /* of one injection */
#define SINK     "bench"

/* What comes in is counted and dropped, before anything else looks at it. */
static const char sink_script[] = "table netdev " SINK " {\n"
				  "\tcounter got { }\n"
				  "\tchain in {\n"
				  "\t\ttype filter hook ingress device eth0 priority 0; policy accept;\n"
				  "\t\tudp dport 9 counter name got drop\n"
				  "\t\tudp sport 9 counter name got drop\n"
				  "\t}\n"
				  "}\n";
static const char sink_end[] = "delete table netdev " SINK "\n";

static struct hose_bpf *skel; /* one for all samples: the workers inherit it, its settings are shared memory */

static int hose_open(void)
{
	if (skel)
		return 0;
	dp_hush();
	skel = hose_bpf__open_and_load();
	return skel ? 0 : fail(-errno, "bench: cannot load the program that injects packets");
}

struct hose {
	enum bench_way way;
	bool wire, flood;
	unsigned flows, ms;
	__u64 most; /* packets; 0: until the time is over */
	struct addr to;
};

struct hosed {
	int err;
	double seconds;
};

static __u32 sum(const void *data, size_t len)
{
	const __u8 *p = data;
	__u32 s = 0;
	size_t i;

	for (i = 0; i < len; i++)
		s += i % 2 ? p[i] : (__u32)p[i] << 8;
	return s;
}

static void put16(__u8 *p, __u32 v)
{
	p[0] = (__u8)(v >> 8);
	p[1] = (__u8)v;
}

static __u32 get32(const struct addr *a)
{
	return (__u32)a->bytes[0] << 24 | a->bytes[1] << 16 | a->bytes[2] << 8 | a->bytes[3];
}

static void put_addr(__u8 *p, const char *text)
{
	struct addr a = lab_addr(text);

	memcpy(p, a.bytes, 4);
}

/* The packet without what changes. */
static void hose_frame(struct nsf_hose *g, const struct hose *j, const __u8 dst[6], const __u8 src[6])
{
	bool back = !j->wire && j->way == BENCH_BACK;
	__u8 *f = g->frame, *ip = f + 14, *udp = f + 34;
	struct addr b = lab_addr(LAB_B_ADDR);

	memset(f, 0, NSF_HOSE_LEN);
	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	put16(f + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, NSF_HOSE_LEN - 14);
	ip[8] = 64;
	ip[9] = IPPROTO_UDP;
	if (back)
		put_addr(ip + 16, LAB_HOST_ADDR);
	else
		put_addr(ip + 12, LAB_A_ADDR);
	put16(udp + (back ? 0 : 2), DISCARD);
	put16(udp + 4, NSF_HOSE_LEN - 34);
	g->outward = !back;
	g->base = j->wire || j->way == BENCH_WITHIN ? get32(&b) : j->flood ? STRANGER : FAR;
	g->ip_sum = sum(ip, 20);
	g->udp_sum = sum(ip + 12, 8) + IPPROTO_UDP + (NSF_HOSE_LEN - 34) + sum(udp, NSF_HOSE_LEN - 34);
}

/* Flows differ by their port, and beyond that by the address of who is far. */
static void hose_flows(struct nsf_hose *g, const struct hose *j)
{
	unsigned bits = 0;

	g->first = FIRST;
	while (bits < BITS_MAX && (!j->flows || 1U << bits < j->flows))
		bits++;
	g->bits = bits;
	g->addrs = j->wire || j->way == BENCH_WITHIN ? 1 : j->flows ? j->flows >> bits : 1 << 16;
	if (j->flows)
		g->next = 0;
}

/* Fills the settings of the one program; in the injector's namespace. */
static int hose_set(const struct hose *j)
{
	struct nsf_hose *g = &skel->bss->hose;
	struct link eth0;
	autonl struct nl *nl = NULL;
	struct addr via = j->to;
	__u8 mac[6];
	int r = nl_open(&nl);

	if (!r)
		r = link_get(nl, "eth0", 0, &eth0);
	if (!r && !j->wire && j->way == BENCH_OUT)
		via = lab_addr(LAB_GATEWAY);
	if (!r)
		r = neighbour_get(nl, eth0.ifindex, &via, mac);
	if (r)
		return r;
	g->ifindex = (__u32)eth0.ifindex;
	hose_frame(g, j, mac, eth0.mac);
	hose_flows(g, j);
	return 0;
}

/* *seconds grows by what sending took; making the frames and taking them down again is no part of it. */
static int hose_run(__u64 packets, double *seconds)
{
	static __u8 frame[NSF_HOSE_LEN];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = frame, .data_size_in = sizeof(frame), .repeat = (int)packets,
		    .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH);

	int r = bpf_prog_test_run_opts(bpf_program__fd(skel->progs.nsf_hose), &o);

	*seconds += r ? 0 : o.duration * (double)packets / 1e9;
	return r;
}

/* In a worker: until its time is over, or so many packets are sent. */
static int hose_work(int out, void *arg)
{
	const struct hose *j = arg;
	struct hosed done = { .err = hose_set(j) };
	__u64 sent = 0;

	while (!done.err && (j->most ? sent < j->most : done.seconds < j->ms / 1e3)) {
		done.err = hose_run(ROUND, &done.seconds);
		sent += ROUND;
	}
	return write(out, &done, sizeof(done)) != sizeof(done);
}

static int hose_for(int netns, int cpu, struct hose *j, double *ret_seconds)
{
	autoworker struct worker w = WORKER_NONE;
	struct hosed done;
	int r = worker_start(&w, netns, cpu, LIMIT_S, hose_work, j);

	if (!r)
		r = worker_read(&w, &done, sizeof(done), LIMIT_S * 1000);
	if (r)
		return r == -EINTR ? r : fail(r, "bench: cannot inject packets");
	*ret_seconds = done.seconds;
	return done.err ? fail(done.err, "bench: cannot inject packets") : 0;
}

static int sink_begin(int out, void *arg)
{
	(void)out;
	(void)arg;
	return nft_run(sink_script, sizeof(sink_script) - 1) != 0;
}

static int sink_count(const char *name, __u64 packets, __u64 bytes, void *arg)
{
	(void)name;
	(void)bytes;
	*(__u64 *)arg = packets;
	return 1;
}

static int sink_read(int out, void *arg)
{
	__u64 got = 0;

	(void)arg;
	nft_counters(NFPROTO_NETDEV, SINK, sink_count, &got);
	return write(out, &got, sizeof(got)) != sizeof(got);
}

static int sink_finish(int out, void *arg)
{
	(void)out;
	(void)arg;
	return nft_run(sink_end, sizeof(sink_end) - 1) != 0;
}

/* A number that a worker in a namespace tells. */
static __u64 told_by(int netns, int (*read)(int out, void *arg))
{
	autoworker struct worker w = WORKER_NONE;
	__u64 got = 0;

	if (!worker_start(&w, netns, -1, 5, read, NULL))
		worker_read(&w, &got, sizeof(got), 5000);
	return got;
}

struct peer {
	int ifindex;
	bool on;
};

static int peer_ifindex(int out, void *arg)
{
	autonl struct nl *nl = NULL;
	struct link eth0 = {};

	(void)arg;
	if (nl_open(&nl) || link_get(nl, "eth0", 0, &eth0))
		eth0.peer = 0;
	return write(out, &eth0.peer, sizeof(eth0.peer)) != sizeof(eth0.peer);
}

/* A frame can be sent to a veth whose other end polls, as it does with GRO. */
static int peer_polls(int out, void *arg)
{
	const struct peer *p = arg;
	autonl struct nl *nl = NULL;
	struct link l;

	(void)out;
	return nl_open(&nl) || link_get(nl, NULL, p->ifindex, &l) || ethtool_set(l.name, ETHTOOL_SGRO, p->on);
}

static int peer_set(int injector, int receiver, bool on)
{
	autoworker struct worker w = WORKER_NONE;
	struct peer p = { .on = on };
	int r = worker_start(&w, injector, -1, 5, peer_ifindex, NULL);

	if (!r)
		r = worker_read(&w, &p.ifindex, sizeof(p.ifindex), 5000);
	if (!r)
		r = worker_run(receiver, 5, peer_polls, &p);
	return r ? fail(r < 0 ? r : -EIO, "bench: cannot make the other end of an interface poll") : 0;
}

/* Answers need somebody who asked. */
static int hose_warm(const struct bench *b, struct hose j, enum bench_path path)
{
	const struct lab *l = &b->beds[path].lab;
	bool ask = j.way == BENCH_BACK && !j.wire, flood = j.flood;
	double seconds;
	int r = 0;

	if (!j.flows) /* all of them are first packets */
		return 0;
	j.most = j.flows > WARM && !j.wire ? j.flows : WARM;
	if (ask) {
		j.way = BENCH_OUT;
		j.flood = false; /* it goes to numbers that others are answered at */
		r = peer_set(l->ns[LAB_A], l->ns[LAB_HOST], true);
		if (!r)
			r = hose_for(l->ns[LAB_A], b->cpu, &j, &seconds);
		if (!r)
			r = peer_set(l->ns[LAB_A], l->ns[LAB_HOST], false);
		j.way = BENCH_BACK;
		j.flood = flood;
	}
	return r ? r : hose_for(l->ns[bench_client(path, j.way)], b->cpu, &j, &seconds);
}

static int uplink_read(int out, void *arg)
{
	autonl struct nl *nl = NULL;
	struct link_counts c = {};
	struct link up0;

	(void)arg;
	if (!nl_open(&nl) && !link_get(nl, LAB_UPLINK, 0, &up0))
		link_counts(nl, up0.ifindex, &c);
	return write(out, &c.rx_packets, sizeof(c.rx_packets)) != sizeof(c.rx_packets);
}

/* What came through; of what nobody asked for, what came in at the uplink, whose fate was decided then. */
static __u64 hose_got(const struct lab *l, const struct hose *j, int sink)
{
	return j->flood && !j->wire ? told_by(l->ns[LAB_HOST], uplink_read) : told_by(sink, sink_read);
}

static int hose_count(const struct bench *b, struct hose *j, enum bench_path path, int sink, struct load_result *ret)
{
	const struct lab *l = &b->beds[path].lab;
	int injector = l->ns[bench_client(path, j->way)];
	__u64 before, got;
	double seconds;
	__u32 sent;
	int r = hose_warm(b, *j, path);

	if (r)
		return r;
	before = hose_got(l, j, sink);
	sent = j->flows ? 0 : skel->bss->hose.next;
	r = hose_for(injector, b->cpu, j, &seconds);
	if (r)
		return r;
	got = hose_got(l, j, sink) - before;
	sent = skel->bss->hose.next - sent;
	ret->rate = (double)got / seconds;
	ret->loss = 1 - (double)got / sent;
	return ret->rate > 0 ? 0 : fail(-ENETUNREACH, "bench: no packet came through");
}

int bench_hose(struct bench *b, const struct bench_cell *c, enum bench_path path, struct load_result *ret)
{
	const struct lab *l = &b->beds[path].lab;
	struct hose j = {
		.way = c->way,
		.wire = bench_is_bare(path),
		.flood = c->work->flood,
		.flows = c->work->flows,
		.ms = b->ms,
		.most = c->work->flows ? 0 : NEW,
		.to = lab_addr(bench_to(path, c->way)),
	};
	int injector = l->ns[bench_client(path, c->way)], sink = l->ns[bench_server(path, c->way)];
	int receiver = bench_is_wire(path) ? l->ns[LAB_B] : l->ns[LAB_HOST];
	int r = hose_open(), second;

	if (!r)
		r = peer_set(injector, receiver, true);
	if (r)
		return r;
	if (worker_run(sink, 10, sink_begin, NULL))
		r = fail_feature("bench: counting what is injected needs nft and its hook at ingress");
	if (!r) {
		r = hose_count(b, &j, path, sink, ret);
		worker_run(sink, 10, sink_finish, NULL);
	}
	second = peer_set(injector, receiver, false);
	return r ? r : second;
}
