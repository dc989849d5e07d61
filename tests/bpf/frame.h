/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames: written down as fields, made into bytes; every checksum is computed from scratch here. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#define FRAME_MAX 3600 /* what one page has room for beside the kernel's own */

struct frame {
	__u32 len;
	bool any_id; /* the IP identification is random */
	__u8 b[FRAME_MAX];
};

struct mac {
	__u8 b[ETH_ALEN];
};

/* One side of a conversation; host order. ICMP queries: the identifier stands at the one who asks, 0 at the other. */
struct end {
	struct mac mac;
	__u32 addr;
	__u16 port;
};

enum tcp_flag { FIN = 1, SYN = 2, RST = 4, PSH = 8, ACK = 16 };

enum frame_fault {
	BAD_IP_SUM = 1,
	BAD_L4_SUM = 2,
	NO_L4_SUM = 4, /* UDP: 0 */
};

/* A frame as fields, host order. What is 0 gets the usual value where 0 would make no sense. */
struct pk {
	struct mac dst, src;
	__u16 tag;  /* VLAN tag's EtherType; 0: none */
	__u16 type; /* EtherType; 0: IPv4, otherwise data follows */
	__u8 first; /* version and header length, if wrong */
	__u8 tos, ttl, proto;
	__u16 total; /* if wrong */
	__u16 id, frag;
	__u32 saddr, daddr;
	__u8 options[40], n_options;
	__u16 sport, dport;
	__u8 tcp; /* enum tcp_flag */
	__u8 icmp_type, icmp_code;
	__u32 icmp_rest;  /* second word of a message that is no echo */
	const void *data; /* NULL: a pattern */
	__u16 n_data;
	__u16 trailer; /* bytes behind the IP packet */
	__u8 faults;   /* enum frame_fault */
	bool any_id;
};

#define IP4(a, b, c, d) ((__u32)(a) << 24 | (b) << 16 | (c) << 8 | (d))

static inline void put16(__u8 *at, __u16 v)
{
	at[0] = (__u8)(v >> 8);
	at[1] = (__u8)v;
}

static inline void put32(__u8 *at, __u32 v)
{
	put16(at, (__u16)(v >> 16));
	put16(at + 2, (__u16)v);
}

/* The Internet checksum (RFC 1071) of n bytes that follow a sum s. */
static inline __u16 sum16(__u32 s, const __u8 *b, __u32 n)
{
	for (__u32 i = 0; i < n; i++)
		s += i & 1 ? b[i] : (__u32)b[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (__u16)~s;
}

/* Frames live until the test's end. */
static inline struct frame *frame_new(bool forget)
{
	static struct frame frames[400];
	static size_t n;

	if (forget) {
		n = 0;
		return NULL;
	}
	assert_true(n < sizeof(frames) / sizeof(frames[0]));
	frames[n] = (struct frame){};
	return &frames[n++];
}

static inline __u8 *frame_data(__u8 *at, const struct pk *k)
{
	for (__u32 i = 0; i < k->n_data; i++)
		at[i] = k->data ? ((const __u8 *)k->data)[i] : (__u8)(i * 7 + 1);
	return at + k->n_data;
}

/* Transport header and data; the sum is filled in when the addresses are known. Returns the end. */
static inline __u8 *frame_l4(__u8 *at, const struct pk *k)
{
	bool query = k->icmp_type == ICMP_ECHO || k->icmp_type == ICMP_ECHOREPLY;

	if (k->frag & 0x1fff)
		return frame_data(at, k);
	switch (k->proto) {
	case IPPROTO_TCP:
		put16(at, k->sport);
		put16(at + 2, k->dport);
		put32(at + 4, 1000);
		put32(at + 8, k->tcp & ACK ? 2000 : 0);
		put16(at + 12, (__u16)(0x5000 | k->tcp));
		put16(at + 14, 8192);
		return frame_data(at + 20, k);
	case IPPROTO_UDP:
		put16(at, k->sport);
		put16(at + 2, k->dport);
		put16(at + 4, (__u16)(8 + k->n_data));
		return frame_data(at + 8, k);
	case IPPROTO_ICMP:
		at[0] = k->icmp_type;
		at[1] = k->icmp_code;
		put32(at + 4, k->icmp_rest);
		if (query) {
			put16(at + 4, k->icmp_type == ICMP_ECHO ? k->sport : k->dport);
			put16(at + 6, 1);
		}
		return frame_data(at + 8, k);
	default:
		return frame_data(at, k);
	}
}

static inline void frame_l4_sum(__u8 *l4, __u8 *end, const struct pk *k)
{
	__u32 n = (__u32)(end - l4), at = k->proto == IPPROTO_TCP ? 16 : k->proto == IPPROTO_UDP ? 6 : 2;
	__u32 pseudo = (k->saddr >> 16) + (k->saddr & 0xffff) + (k->daddr >> 16) + (k->daddr & 0xffff) + k->proto + n;
	__u16 sum;

	if ((k->proto != IPPROTO_TCP && k->proto != IPPROTO_UDP && k->proto != IPPROTO_ICMP) || k->frag & 0x1fff ||
	    k->faults & NO_L4_SUM)
		return;
	sum = sum16(k->proto == IPPROTO_ICMP ? 0 : pseudo, l4, n);
	if (k->proto == IPPROTO_UDP && !sum)
		sum = 0xffff;
	put16(l4 + at, k->faults & BAD_L4_SUM ? sum ^ 0x1234 : sum);
}

static inline void frame_ip_sum(__u8 *ip, __u32 head, bool bad)
{
	put16(ip + 10, 0);
	put16(ip + 10, sum16(0, ip, head) ^ (bad ? 0x4321 : 0));
}

/* IPv4 packet; returns its length. */
static inline __u32 frame_ip4(__u8 *ip, const struct pk *k)
{
	__u32 head = 20 + k->n_options;
	__u8 *end = frame_l4(ip + head, k);

	ip[0] = k->first ? k->first : (__u8)(0x40 | head / 4);
	ip[1] = k->tos;
	put16(ip + 2, k->total ? k->total : (__u16)(end - ip));
	put16(ip + 4, k->id);
	put16(ip + 6, k->frag);
	ip[8] = k->ttl;
	ip[9] = k->proto;
	put32(ip + 12, k->saddr);
	put32(ip + 16, k->daddr);
	memcpy(ip + 20, k->options, k->n_options);
	frame_ip_sum(ip, head, k->faults & BAD_IP_SUM);
	frame_l4_sum(ip + head, end, k);
	return (__u32)(end - ip);
}

static inline struct frame *frame(struct pk k)
{
	struct frame *f = frame_new(false);
	__u32 at = 12;

	memcpy(f->b, &k.dst, ETH_ALEN);
	memcpy(f->b + 6, &k.src, ETH_ALEN);
	if (k.tag) {
		put16(f->b + at, k.tag);
		put16(f->b + at + 2, 5);
		at += 4;
	}
	put16(f->b + at, k.type ? k.type : ETH_P_IP);
	at += 2;
	at += k.type ? (__u32)(frame_data(f->b + at, &k) - f->b) - at : frame_ip4(f->b + at, &k);
	f->len = at + k.trailer;
	f->any_id = k.any_id;
	return f;
}

static inline struct pk pk_ip4(struct end from, struct end to, __u8 proto)
{
	return (struct pk){ .dst = to.mac,
			    .src = from.mac,
			    .saddr = from.addr,
			    .daddr = to.addr,
			    .sport = from.port,
			    .dport = to.port,
			    .ttl = 64,
			    .id = 0x4242,
			    .proto = proto,
			    .n_data = 20 };
}

static inline struct pk udp(struct end from, struct end to)
{
	return pk_ip4(from, to, IPPROTO_UDP);
}

static inline struct pk tcp(struct end from, struct end to, __u8 flags)
{
	struct pk k = pk_ip4(from, to, IPPROTO_TCP);

	k.tcp = flags;
	return k;
}

/* Asked by who has the port, which is the identifier. */
static inline struct pk echo(struct end from, struct end to)
{
	struct pk k = pk_ip4(from, to, IPPROTO_ICMP);

	k.icmp_type = from.port ? ICMP_ECHO : ICMP_ECHOREPLY;
	return k;
}

/* An ICMP error about an IPv4 packet: quotes n bytes of it, at most all. */
static inline struct pk icmp_error(struct end from, struct end to, __u8 type, __u8 code, const struct frame *about,
				   __u16 n)
{
	struct pk k = pk_ip4(from, to, IPPROTO_ICMP);

	k.icmp_type = type;
	k.icmp_code = code;
	k.data = about->b + ETH_HLEN;
	k.n_data = n < about->len - ETH_HLEN ? n : (__u16)(about->len - ETH_HLEN);
	return k;
}

struct arp_body {
	__u16 hrd, pro;
	__u8 hln, pln;
	__u16 op;
	struct mac sha;
	__u8 spa[4];
	struct mac tha;
	__u8 tpa[4];
};

static inline struct frame *arp(struct mac dst, struct mac src, __u16 op, struct mac sha, __u32 spa, struct mac tha,
				__u32 tpa)
{
	struct arp_body a = { htons(1), htons(ETH_P_IP), 6, 4, htons(op), .sha = sha, .tha = tha };

	put32(a.spa, spa);
	put32(a.tpa, tpa);
	return frame((struct pk){ .dst = dst, .src = src, .type = ETH_P_ARP, .data = &a, .n_data = sizeof(a) });
}
