/* SPDX-License-Identifier: GPL-2.0-only */
/* One packet through one program: verdict, bytes, every drop counter and every slot's counters are compared. */
#pragma once

#include "table.h"

#include <linux/pkt_cls.h>

#define TX(at)   (1ULL << (at))
#define PASS     TC_ACT_UNSPEC
#define SHOT     TC_ACT_SHOT
#define REDIRECT TC_ACT_REDIRECT

/* How a row says what happens. */
#define PASSED                         .verdict = PASS
#define DROPPED(reason)                .verdict = SHOT, .why = NSF_DROP_##reason
#define SENT(slots)                    .verdict = REDIRECT, .tx = slots
#define ANSWERED(reason, slots, bytes) .verdict = REDIRECT, .why = NSF_DROP_##reason, .tx = slots, .out = bytes

struct row {
	const char *name;
	enum at at;
	const struct frame *in;
	int verdict;             /* TC_ACT_* */
	enum nsf_drop why;       /* the one reason that is counted */
	__u64 tx;                /* slots whose tx moves */
	const struct frame *out; /* NULL: the bytes are as they were */
	void (*setup)(struct bed *b);
	__u32 gso;
};

/* At XDP, what a verdict means at tc. */
static inline int row_wire(struct bed *b, const struct frame *in, struct bpf_test_run_opts *o)
{
	static const int verdicts[] = { [XDP_PASS] = PASS, [XDP_DROP] = SHOT, [XDP_REDIRECT] = REDIRECT };
	struct xdp_md ctx = { .data_end = in->len, .ingress_ifindex = (__u32)b->ifindex[AT_UPLINK] };

	o->ctx_in = &ctx;
	o->ctx_size_in = sizeof(ctx);
	if (bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.nsf_from_wire), o))
		return -errno;
	assert_true(o->retval == XDP_PASS || o->retval == XDP_DROP || o->retval == XDP_REDIRECT);
	o->retval = (__u32)verdicts[o->retval];
	return 0;
}

/* IPv4 takes the slow path from the start, which says of every packet what the fast one says. */
static bool row_slow;

static inline struct bpf_program *row_program(struct bed *b, enum at at, const struct frame *in)
{
	const bool slow = row_slow && in->len >= ETH_HLEN && memcmp(in->b + 12, "\x86\xdd", 2);

	if (at == AT_UPLINK)
		return slow ? b->skel->progs.nsf_from_up4 : b->skel->progs.nsf_from_uplink;
	if (seats[at].role == NSF_ROLE_GATEWAY)
		return b->skel->progs.nsf_from_host;
	return slow ? b->skel->progs.nsf_from_port4 : b->skel->progs.nsf_from_port;
}

/* 0, or -errno if the kernel's test runner refuses such a frame. */
static inline int row_prog(struct bed *b, enum at at, const struct frame *in, __u32 gso, struct frame *ret,
			   int *verdict)
{
	struct __sk_buff ctx = { .ifindex = (__u32)b->ifindex[at], .gso_size = gso, .gso_segs = gso ? 2 : 0 };
	__u8 out[4096];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in->b, .data_size_in = in->len, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	int r;

	if (at == AT_WIRE)
		r = row_wire(b, in, &o);
	else
		r = bpf_prog_test_run_opts(bpf_program__fd(row_program(b, at, in)), &o) ? -errno : 0;
	if (r)
		return r;
	assert_true(o.data_size_out <= FRAME_MAX);
	*ret = (struct frame){ .len = o.data_size_out };
	memcpy(ret->b, out, o.data_size_out);
	*verdict = (int)o.retval;
	return 0;
}

static inline void row_dump(const char *what, const struct frame *f)
{
	print_error("    %s %3u:", what, f->len);
	for (__u32 i = 0; i < f->len && i < 160; i++)
		print_error("%s%02x", i % 4 ? "" : " ", f->b[i]);
	print_error("\n");
}

static inline int row_bytes(const char *name, const struct frame *want, const struct frame *have)
{
	struct frame w = *want;

	if (w.any_id && have->len > 20) {
		memcpy(w.b + 18, have->b + 18, 2);
		frame_ip_sum(w.b + ETH_HLEN, 20, false);
	}
	if (w.len == have->len && !memcmp(w.b, have->b, w.len))
		return 0;
	print_error("%s: other bytes\n", name);
	row_dump("wanted", &w);
	row_dump("have  ", have);
	return 1;
}

static inline int row_drops(struct bed *b, const char *name, enum nsf_drop why)
{
#define ROW_DROP_NAME(id, text) #id,
	static const char *const reasons[] = { NSF_DROPS(ROW_DROP_NAME) };
	int bad = 0;

	for (enum nsf_drop d = 0; d < NSF_DROP_MAX; d++) {
		__u64 n = 0;

		for (__u32 net = 0; net < NETS; net++)
			n += table_drops(b, net, d);
		if (n == (d && d == why))
			continue;
		print_error("%s: drop reason %s counted %llu times\n", name, reasons[d], (unsigned long long)n);
		bad++;
	}
	return bad;
}

/* What came is counted where it came from: on the uplink only if it is a network's. */
static inline int row_counts(struct bed *b, const struct row *r, __u32 in, __u32 out)
{
	int bad = 0;

	for (__u32 slot = 0; slot < AT_SLOTS; slot++) {
		struct nsf_count c = table_counts(b, slot);
		bool leg = (r->at == AT_UPLINK || r->at == AT_WIRE) && seats[slot].role == NSF_ROLE_UPLINK;
		__u64 rx = slot == r->at && r->at < AT_SLOTS, tx = r->tx >> slot & 1;

		if (leg && r->verdict != PASS)
			rx = c.rx_packets; /* of which network, the flow tells: see tests of flow */
		if (c.rx_packets == rx && c.tx_packets == tx && c.rx_bytes == rx * in && c.tx_bytes == tx * out)
			continue;
		print_error("%s: slot %u (%s) counts rx %llu/%llu tx %llu/%llu, wanted %llu/%llu %llu/%llu\n", r->name,
			    slot, seats[slot].name, (unsigned long long)c.rx_packets, (unsigned long long)c.rx_bytes,
			    (unsigned long long)c.tx_packets, (unsigned long long)c.tx_bytes, (unsigned long long)rx,
			    (unsigned long long)rx * in, (unsigned long long)tx, (unsigned long long)tx * out);
		bad++;
	}
	return bad;
}

/* What a learning port sends to another one teaches where its MAC is. */
static inline void is_heard(struct bed *b, enum at at)
{
	struct pk k = udp(C(1000), B(1000));

	k.src = MAC(at);
	row_prog(b, at, frame(k), 0, frame_new(false), &(int){ 0 });
}

/* Number of things that are not as they should be, each of them printed. Tables stay as the packet left them. */
static inline int row_run(struct bed *b, const struct row *r)
{
	static struct frame have;
	int verdict = SHOT, bad = 0, e;

	table_reset_counts(b);
	e = row_prog(b, r->at, r->in, r->gso, &have, &verdict);
	if (e) {
		print_error("%s: cannot be run: %s\n", r->name, strerror(-e));
		return 1;
	}
	if (verdict != r->verdict) {
		print_error("%s: verdict %d, wanted %d\n", r->name, verdict, r->verdict);
		bad++;
	}
	bad += row_bytes(r->name, r->out ? r->out : r->in, &have);
	bad += row_drops(b, r->name, r->why);
	return bad + row_counts(b, r, r->in->len, have.len);
}

/* One that knows nothing of others. What is dropped is dropped again when its sender's MAC has been learned. */
static inline int row_alone(struct bed *b, const struct row *r)
{
	int bad;

	table_reset(b);
	settle();
	if (r->setup)
		r->setup(b);
	bad = row_run(b, r);
	return r->verdict == SHOT ? bad + row_run(b, r) : bad;
}

/* Each by either path. */
static inline void rows_run(struct bed *b, const struct row *r, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		bad += row_alone(b, &r[i]);
		row_slow = true;
		bad += row_alone(b, &r[i]);
		row_slow = false;
	}
	assert_int_equal(bad, 0);
}
#define ROWS(b, rows) rows_run(b, rows, ARRAY_SIZE(rows))

/* One packet of a longer story. */
static inline void row_step(struct bed *b, struct row r)
{
	assert_int_equal(row_run(b, &r), 0);
}
#define STEP(b, ...) row_step(b, (struct row){ __VA_ARGS__ })

/* What happens to a packet of a flow on its way out: by the kernel's neighbour table, or with MACs known. */
static inline struct pk snat(struct pk k, __u16 ext)
{
	k.saddr = SNAT;
	k.sport = ext;
	k.ttl--;
	return k;
}

static inline struct pk snat_known(struct pk k, __u16 ext)
{
	k = snat(k, ext);
	k.dst = ROUTER;
	k.src = MAC_UP;
	return k;
}

/* And on its way in; the gateway of net 1 hands it over. */
static inline struct pk dnat(struct pk k, struct end inner)
{
	k.dst = inner.mac;
	k.src = MAC_GW;
	k.daddr = inner.addr;
	k.dport = inner.port;
	k.ttl--;
	return k;
}

/* Our own error about a frame, as it goes back to where that came from. */
static inline struct frame *answer_from(__u32 src, const struct frame *in, __u8 type, __u8 code, __u16 mtu)
{
	struct end from = { .addr = src }, to = {};
	__u32 total = (__u32)(in->b[16] << 8 | in->b[17]);
	struct pk k;

	memcpy(&from.mac, in->b, sizeof(from.mac));
	memcpy(&to.mac, in->b + 6, sizeof(to.mac));
	memcpy(&to.addr, in->b + ETH_HLEN + 12, sizeof(to.addr));
	to.addr = ntohl(to.addr);
	k = icmp_error(from, to, type, code, in, (__u16)(total < 128 ? total & ~3u : 128));
	k.tos = 0xc0;
	k.any_id = true;
	k.icmp_rest = mtu;
	return frame(k);
}

static inline struct frame *answer(const struct frame *in, __u8 type, __u8 code, __u16 mtu)
{
	return answer_from(GW_ADDR, in, type, code, mtu);
}

#define TEST(f)           cmocka_unit_test_setup(f, fresh)
#define RUN(tests, setup) cmocka_run_group_tests(tests, setup, bed_close)
