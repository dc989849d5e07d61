/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 frames: written down as fields, made into bytes; every checksum is computed from scratch here. */
#pragma once

#include "frame.h"

struct in6 {
	__u8 b[16];
};

/* One side of a conversation; ICMPv6 queries: the identifier stands at the one who asks, 0 at the other. */
struct end6 {
	struct mac mac;
	struct in6 addr;
	__u16 port;
};

#define ECHO6       128
#define ECHO_REPLY6 129

/* A frame as fields, host order. */
struct pk6 {
	struct mac dst, src;
	struct in6 from, to;
	struct in6 sum_to; /* destination that the transport sum goes by, if another */
	__u8 version;      /* if wrong */
	__u8 tos, hops, proto;
	__u16 payload; /* if wrong */
	bool no_payload;
	const __u8 *ext; /* extension headers; each names the next one, the last the transport protocol */
	__u16 n_ext;
	__u8 first; /* of them */
	__u16 sport, dport;
	__u8 tcp; /* enum tcp_flag */
	__u8 icmp_type, icmp_code;
	__u32 icmp_rest;  /* second word of a message that is no echo */
	const void *data; /* NULL: a pattern */
	__u16 n_data;
	__u16 trailer;
	bool later; /* a later fragment: data alone */
	__u8 faults;
};

static inline bool in6_zero(const struct in6 *a)
{
	static const struct in6 zero;

	return !memcmp(a, &zero, sizeof(zero));
}

static inline __u8 *frame6_icmp(__u8 *at, const struct pk6 *k, const struct pk *body)
{
	at[0] = k->icmp_type;
	at[1] = k->icmp_code;
	put32(at + 4, k->icmp_rest);
	if (k->icmp_type == ECHO6 || k->icmp_type == ECHO_REPLY6) {
		put16(at + 4, k->icmp_type == ECHO6 ? k->sport : k->dport);
		put16(at + 6, 1);
	}
	return frame_data(at + 8, body);
}

static inline void frame6_sum(__u8 *l4, __u8 *end, const struct pk6 *k)
{
	__u32 n = (__u32)(end - l4), sum = k->proto + n;
	const struct in6 *to = in6_zero(&k->sum_to) ? &k->to : &k->sum_to;
	__u32 at = k->proto == IPPROTO_TCP ? 16 : k->proto == IPPROTO_ICMPV6 ? 2 : 6;
	__u16 have;

	if (k->later || (k->proto != IPPROTO_TCP && k->proto != IPPROTO_UDP && k->proto != IPPROTO_ICMPV6) ||
	    k->faults & NO_L4_SUM)
		return;
	for (__u32 i = 0; i < 16; i += 2)
		sum += (__u32)(k->from.b[i] << 8 | k->from.b[i + 1]) + (__u32)(to->b[i] << 8 | to->b[i + 1]);
	put16(l4 + at, 0);
	have = sum16(sum, l4, n);
	if (k->proto == IPPROTO_UDP && !have)
		have = 0xffff;
	put16(l4 + at, k->faults & BAD_L4_SUM ? have ^ 0x1234 : have);
}

/* IPv6 packet; returns its length. */
static inline __u32 frame_ip6(__u8 *ip, const struct pk6 *k)
{
	struct pk body = { .proto = k->proto,
			   .sport = k->sport,
			   .dport = k->dport,
			   .tcp = k->tcp,
			   .data = k->data,
			   .n_data = k->n_data };
	__u8 *l4 = ip + 40 + k->n_ext, *end;

	if (k->later)
		end = frame_data(l4, &body);
	else
		end = k->proto == IPPROTO_ICMPV6 ? frame6_icmp(l4, k, &body) : frame_l4(l4, &body);
	put16(ip, (__u16)((k->version ? k->version : 6) << 12 | k->tos << 4));
	put16(ip + 4, k->no_payload ? 0 : k->payload ? k->payload : (__u16)(end - ip - 40));
	ip[6] = k->n_ext ? k->first : k->proto;
	ip[7] = k->hops;
	memcpy(ip + 8, &k->from, 16);
	memcpy(ip + 24, &k->to, 16);
	if (k->n_ext)
		memcpy(ip + 40, k->ext, k->n_ext);
	frame6_sum(l4, end, k);
	return (__u32)(end - ip);
}

static inline struct frame *frame6(struct pk6 k)
{
	struct frame *f = frame_new(false);

	memcpy(f->b, &k.dst, ETH_ALEN);
	memcpy(f->b + 6, &k.src, ETH_ALEN);
	put16(f->b + 12, ETH_P_IPV6);
	f->len = ETH_HLEN + frame_ip6(f->b + ETH_HLEN, &k) + k.trailer;
	return f;
}

static inline struct pk6 pk_ip6(struct end6 from, struct end6 to, __u8 proto)
{
	return (struct pk6){ .dst = to.mac,
			     .src = from.mac,
			     .from = from.addr,
			     .to = to.addr,
			     .sport = from.port,
			     .dport = to.port,
			     .hops = 64,
			     .proto = proto,
			     .n_data = 20 };
}

static inline struct pk6 udp6(struct end6 from, struct end6 to)
{
	return pk_ip6(from, to, IPPROTO_UDP);
}

static inline struct pk6 tcp6(struct end6 from, struct end6 to, __u8 flags)
{
	struct pk6 k = pk_ip6(from, to, IPPROTO_TCP);

	k.tcp = flags;
	return k;
}

/* Asked by who has the port, which is the identifier. */
static inline struct pk6 echo6(struct end6 from, struct end6 to)
{
	struct pk6 k = pk_ip6(from, to, IPPROTO_ICMPV6);

	k.icmp_type = from.port ? ECHO6 : ECHO_REPLY6;
	return k;
}

/* An ICMPv6 message that is no echo. */
static inline struct pk6 icmp6(struct end6 from, struct end6 to, __u8 type, __u8 code)
{
	struct pk6 k = pk_ip6(from, to, IPPROTO_ICMPV6);

	k.icmp_type = type;
	k.icmp_code = code;
	return k;
}

/* An ICMPv6 error about an IPv6 packet: quotes n bytes of it, at most all. */
static inline struct pk6 icmp6_error(struct end6 from, struct end6 to, __u8 type, __u8 code, const struct frame *about,
				     __u16 n)
{
	struct pk6 k = icmp6(from, to, type, code);

	k.data = about->b + ETH_HLEN;
	k.n_data = n < about->len - ETH_HLEN ? n : (__u16)(about->len - ETH_HLEN);
	return k;
}

/* A chain of extension headers in front of the transport header. */
static inline struct pk6 extended(struct pk6 k, __u8 first, const __u8 *ext, __u16 n)
{
	k.first = first;
	k.ext = ext;
	k.n_ext = n;
	return k;
}
