/* SPDX-License-Identifier: GPL-2.0-only */
/* One packet through the data path, and what must hold of every one that comes out of it. */
#pragma once

#include "check.h"

/* What one packet became. */
struct result {
	int verdict; /* TC_ACT_* */
	enum kernel_way way;
	__u32 out; /* ifindex */
	struct bytes f;
	bool error; /* it is an ICMP error that the data path made */
};

enum play_hook { HOOK_PORT, HOOK_UPLINK, HOOK_HOST };

static struct {
	const __u8 *at, *end; /* a fuzzer's bytes; NULL: chance */
	__u64 state;
	bool over; /* no bytes are left */
} dice;

static __u32 roll(__u32 n)
{
	__u32 v = 0;

	if (!dice.at)
		return (__u32)(kernel_mix(&dice.state) >> 16) % n;
	for (__u32 m = n - 1; m; m >>= 8) {
		dice.over |= dice.at == dice.end;
		v = v << 8 | (dice.at == dice.end ? 0 : *dice.at++);
	}
	return v % n;
}

/* An ICMP error about a packet: where what it quotes begins; 0 if it is none. */
static __u32 play_quote(const struct bytes *f, const struct wire_at *w)
{
	__u8 t;

	if (w->later || w->proto != (w->family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || w->end < w->l4 + 8)
		return 0;
	t = f->b[w->l4];
	return (w->family == 6 ? t && t < 5 : t == 3 || t == 11 || t == 12) ? w->l4 + 8 : 0;
}

/* Whatever came in: outside, nobody sees an inner address; a port that is gone gets nothing. */
static void play_out(const struct result *r)
{
	struct wire_at w, q;
	__u32 at;

	if (r->verdict != TC_ACT_REDIRECT)
		return;
	if (r->out != WORLD_UPLINK) {
		if (r->way != WAY_STACK && r->way != WAY_NEIGH && !world_port_at(r->out))
			wrong("sent to interface %u, which is nobody's", r->out);
		return;
	}
	if (!wire_find(r->f.b, ETH_HLEN, r->f.len - ETH_HLEN, false, &w))
		wrong("no IP packet leaves the uplink");
	if (!world_local(r->f.b + w.src, w.family) || world_private(r->f.b + w.src, w.family))
		wrong("a packet leaves the uplink with a source that is not the host's");
	at = play_quote(&r->f, &w);
	if (at && wire_find(r->f.b, at, w.end - at, true, &q) &&
	    (world_private(r->f.b + q.src, q.family) || world_private(r->f.b + q.dst, q.family)))
		wrong("an error leaves the uplink that quotes an inner address");
}

/* Fills in the sum that was left to the hardware. */
static void play_finish(struct bytes *f)
{
	__u32 at = kernel_skb.csum_start - kernel.start, to = at + kernel_skb.csum_offset;
	__u16 sum;

	if (kernel_skb.ip_summed != CHECKSUM_PARTIAL || to + 2 > f->len)
		return;
	sum = (__u16)~wire_fold(wire_words(0, f->b + at, f->len - at));
	wire_put16(f->b + to, sum);
}

/* Leaves the sum to the hardware: there stands what covers the addresses. */
static void play_partial(struct bytes *f)
{
	struct wire_at w;

	if (!wire_find(f->b, ETH_HLEN, f->len - ETH_HLEN, false, &w) || w.later ||
	    (w.proto != IPPROTO_TCP && w.proto != IPPROTO_UDP) || !w.sum || !wire_get16(f->b + w.sum) ||
	    w.end != f->len)
		return;
	if (w.family == 4 && wire_get16(f->b + ETH_HLEN + 6) & 0x3fff)
		return;
	kernel_skb.ip_summed = CHECKSUM_PARTIAL;
	kernel_skb.csum_start = KERNEL_HEAD + w.l4;
	kernel_skb.csum_offset = w.sum - w.l4;
	wire_put16(f->b + w.sum, wire_pseudo(f->b, &w));
}

/* What the last packet was dropped for. */
static void play_drops(void)
{
#define PLAY_NAME(name, text) #name,
	static const char *const names[] = { NSF_DROPS(PLAY_NAME) };

	for (__u32 i = 0; i < (WORLD_NETS + 1) * NSF_DROP_STRIDE; i++)
		if (*ROW(nsf_drops, i) && i % NSF_DROP_STRIDE < sizeof(names) / sizeof(names[0]))
			printf(" [dropped: %s]", names[i % NSF_DROP_STRIDE]);
}

static struct result play(enum play_hook hook, __u32 ifindex, const struct bytes *in)
{
	static int (*const programs[])(struct __sk_buff *) = { nsf_from_port, nsf_from_uplink, nsf_to_uplink };
	static int (*const slow[])(struct __sk_buff *) = { nsf_from_port4, nsf_from_up4, nsf_to_uplink };
	struct __sk_buff ctx = { .ifindex = ifindex,
				 .ingress_ifindex = hook == HOOK_HOST ? 0 : ifindex,
				 .pkt_type = PACKET_HOST,
				 .protocol = (__u32)(in->b[13] << 8 | in->b[12]) };
	int (*program)(struct __sk_buff *);
	struct bytes f = *in;
	struct result r = {};
	__u32 linear;

	memset(ROW(nsf_drops, 0), 0, (WORLD_NETS + 1) * NSF_DROP_STRIDE * sizeof(__u64));
	kernel_skb.ip_summed = 0;
	if (hook != HOOK_UPLINK && !roll(4))
		play_partial(&f);
	linear = roll(3) ? f.len : ETH_HLEN + roll(f.len);
	/* the slow path says of every packet what the fast one says */
	program = ctx.protocol != bpf_htons(ETH_P_IPV6) && roll(2) ? slow[hook] : programs[hook];
	r.verdict = kernel_run(program, &ctx, f.b, f.len, linear);
	r.way = kernel.way;
	r.out = kernel.out;
	r.f.len = kernel.len;
	memcpy(r.f.b, kernel.room + kernel.start, kernel.len);
	if (r.verdict == TC_ACT_SHOT)
		return r;
	play_finish(&r.f);
	play_out(&r);
	return r;
}

/* Which ends of a packet may have changed. */
enum play_end { END_SRC = 1, END_DST = 2 };

/* The output is the input but for these ends and the TTL, and every sum is right. */
static void play_same(const struct bytes *in, const struct result *r, __u32 ends, __u32 hops)
{
	struct bytes want = *in;
	struct wire_at w, o;

	if (!wire_find(want.b, ETH_HLEN, want.len - ETH_HLEN, false, &w))
		wrong("a packet that is none was translated");
	if (r->f.len != in->len || !wire_find(r->f.b, ETH_HLEN, r->f.len - ETH_HLEN, false, &o))
		wrong("another length came out");
	if (ends & END_SRC)
		memcpy(want.b + w.src, r->f.b + o.src, w.alen);
	if (ends & END_DST)
		memcpy(want.b + w.dst, r->f.b + o.dst, w.alen);
	if (w.sport && ends & END_SRC)
		memcpy(want.b + w.sport, r->f.b + o.sport, 2);
	if (w.dport && ends & END_DST)
		memcpy(want.b + w.dport, r->f.b + o.dport, 2);
	if (w.echo)
		memcpy(want.b + w.echo, r->f.b + o.echo, 2);
	want.b[w.ttl] -= hops;
	wire_sums(want.b, ETH_HLEN, &w);
	if (w.sum && w.proto != IPPROTO_SCTP &&
	    wire_get16(want.b + w.sum) % 0xffff == wire_get16(r->f.b + w.sum) % 0xffff &&
	    (wire_get16(r->f.b + w.sum) || w.proto == IPPROTO_TCP || w.proto == IPPROTO_ICMP ||
	     w.proto == IPPROTO_ICMPV6))
		memcpy(want.b + w.sum, r->f.b + w.sum, 2); /* two ways to write zero; UDP has but one */
	for (__u32 i = ETH_HLEN; i < want.len; i++)
		if (want.b[i] != r->f.b[i])
			wrong("byte %u is %02x, wanted %02x (protocol %u)", i, r->f.b[i], want.b[i], w.proto);
}

/* An ICMP error of our own about a packet: to its sender, sums right, the packet as it was quoted. */
static bool play_is_error(const struct bytes *in, const struct result *r)
{
	struct wire_at w, e;
	__u32 at;

	if (!wire_find(in->b, ETH_HLEN, in->len - ETH_HLEN, false, &w) ||
	    !wire_find(r->f.b, ETH_HLEN, r->f.len - ETH_HLEN, false, &e))
		return false;
	at = play_quote(&r->f, &e);
	if (!at || play_quote(in, &w) || memcmp(r->f.b + e.dst, in->b + w.src, w.alen))
		return false;
	if (!wire_right(&r->f))
		wrong("the sum of an error of ours is wrong");
	if (e.end - at > in->len - ETH_HLEN || memcmp(r->f.b + at, in->b + ETH_HLEN, w.l4 - ETH_HLEN))
		wrong("an error of ours quotes something else");
	return true;
}
