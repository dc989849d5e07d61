/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 (RFC 8200): fixed header, extension headers and transport header into struct pkt; what ICMPv6 errors quote. */
#pragma once

#include "maps.h"
#include "parse.h"

#define PARSE6_HEAD    74 /* Ethernet, IPv6, TCP without options */
#define PARSE6_L4      (ETH_HLEN + sizeof(struct ipv6hdr))
#define PARSE6_HEADERS 8   /* extension headers of one packet */
#define PARSE6_CHAIN   512 /* bytes that they take */

#define PARSE6_JUMBO    0xc2 /* hop-by-hop option, RFC 2675 */
#define PARSE6_ADDR_OFF (ETH_HLEN + offsetof(struct ipv6hdr, saddr))

/* The two addresses of a header, which follow each other. */
struct parse6_addrs {
	__u32 src[4], dst[4];
};

/* Handle of an address, see nsfast/addr.h. */
static __always_inline __be32 parse6_handle(const __u32 *addr)
{
	__u32 zero = 0;
	const struct nsf_flow_state *s = bpf_map_lookup_elem(&nsf_flow_state, &zero);

	return s ? nsf_handle6(addr, s->handle_key) : 0;
}

/* A way along extension headers; nothing but numbers, for a function that is verified by itself. */
struct parse6_walk {
	__u32 at, end; /* offsets of the next header and of the packet's end */
	__u32 next;    /* its protocol */
	__u32 gso;     /* the packet is one */
	__u32 frag;    /* enum frag */
	__be32 id;
	__u32 jumbo; /* there is a jumbo payload option, which a GSO packet loses when it is cut */
};

struct parse6_ext {
	__u8 next, len;
	union {
		struct {
			__u8 type, left;
		} routing;
		__u8 option[2];
		__be16 offset;
	};
	__be32 id;
};

static __always_inline bool parse6_is_ext(__u32 proto)
{
	return proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_FRAGMENT ||
	       proto == IPPROTO_DSTOPTS || proto == IPPROTO_AH;
}

/* One header. NSF_DROP_NONE: go on at the next. */
static __always_inline enum nsf_drop parse6_step(struct parse6_walk *w, const struct parse6_ext *h, bool first)
{
	__u32 len = (h->len + 1) * 8, offset;

	switch (w->next) {
	case IPPROTO_HOPOPTS:
		if (!first)
			return NSF_DROP_BAD_IP6;
		if (h->option[0] == PARSE6_JUMBO) {
			if (!w->gso)
				return NSF_DROP_BAD_IP6;
			w->jumbo = 1;
		}
		break;
	case IPPROTO_ROUTING:
		/* type 0: RFC 5095. The others: whoever sends them on by way of the gateway chooses the route. */
		if (!h->routing.type || h->routing.left)
			return NSF_DROP_SOURCE_ROUTE;
		break;
	case IPPROTO_FRAGMENT:
		len = 8;
		offset = bpf_ntohs(h->offset);
		w->id = h->id;
		/* neither an offset nor more to come: a whole packet (RFC 6946) */
		if (offset & 0xfff8)
			w->frag = FRAG_LATER;
		else if (offset & 1)
			w->frag = FRAG_FIRST;
		break;
	case IPPROTO_AH:
		len = (h->len + 2) * 4;
		break;
	}
	w->next = h->next;
	w->at += len;
	return NSF_DROP_NONE;
}

/* To the transport header, or to the data of a later fragment. NSF_DROP_NONE, or what is wrong. */
__noinline int parse6_chain(struct __sk_buff *ctx, struct parse6_walk *w)
{
	struct parse6_ext h;
	enum nsf_drop bad;
	__u32 start;

	if (!w)
		return NSF_DROP_BAD_IP6;
	start = w->at;
	for (int i = 0; i < PARSE6_HEADERS; i++) {
		if (!parse6_is_ext(w->next) || w->frag == FRAG_LATER)
			return NSF_DROP_NONE;
		if (w->at + sizeof(h) > w->end || bpf_skb_load_bytes(ctx, w->at, &h, sizeof(h)))
			return NSF_DROP_SHORT_L4;
		bad = parse6_step(w, &h, !i);
		if (bad)
			return bad;
		if (w->at > w->end)
			return NSF_DROP_SHORT_L4;
		if (w->at - start > PARSE6_CHAIN)
			return NSF_DROP_EXT_HEADERS;
	}
	return parse6_is_ext(w->next) && w->frag != FRAG_LATER ? NSF_DROP_EXT_HEADERS : NSF_DROP_NONE;
}

/* Behind extension headers. False: p->bad. */
static __noinline bool parse6_extended(struct __sk_buff *ctx, struct facts *p, __u32 total)
{
	struct parse6_walk w = { .at = PARSE6_L4, .end = ETH_HLEN + total, .next = p->proto, .gso = !!ctx->gso_size };

	p->bad = parse6_chain(ctx, &w);
	if (p->bad)
		return false;
	p->l4 = w.at;
	p->proto = w.next;
	p->frag = w.frag;
	p->id = w.id;
	if (w.frag == FRAG_LATER)
		return false;
	if (parse_beyond(ctx, PARSE6_HEAD + PARSE6_CHAIN))
		parse_pull(ctx, PARSE6_HEAD + PARSE6_CHAIN);
	return true;
}

static __always_inline void parse6_ip(struct __sk_buff *ctx, struct facts *p)
{
	struct ipv6hdr *ip;
	__u32 total, have = ctx->len - ETH_HLEN, at;

	if (unlikely(parse_beyond(ctx, PARSE6_HEAD)))
		parse_pull(ctx, PARSE6_HEAD);
	ip = ctx_data(ctx) + ETH_HLEN;
	if ((void *)(ip + 1) > ctx_data_end(ctx)) {
		p->bad = NSF_DROP_SHORT_IP6;
		return;
	}
	p->df = 1;
	p->ttl = ip->hop_limit;
	p->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	p->proto = ip->nexthdr;
	total = bpf_ntohs(ip->payload_len);
	total = !total && ctx->gso_size ? have : total + sizeof(*ip); /* BIG TCP */
	if (ip->version != 6 || total > have) {
		p->bad = NSF_DROP_BAD_IP6;
		return;
	}
	p->saddr = parse6_handle(ip->saddr.s6_addr32);
	p->daddr = parse6_handle(ip->daddr.s6_addr32);
	if (!ctx->gso_size)
		p->wire = total;
	p->l4 = PARSE6_L4;
	if (unlikely(parse6_is_ext(p->proto)) && !parse6_extended(ctx, p, total))
		return;
	at = p->l4;
	bounded(at);
	if (at <= PARSE6_L4 + PARSE6_CHAIN)
		parse_l4(ctx, p, ctx_data(ctx) + at, 6);
}

/* As parse4(), and of no other ethertype. */
__noinline int parse6(struct __sk_buff *ctx, struct facts *p)
{
	enum nsf_drop why = p ? parse_eth(ctx, p) : NSF_DROP_SHORT_ETH;

	if (why)
		return why;
	if (p->ethertype != bpf_htons(ETH_P_IPV6))
		return NSF_DROP_NOT_IP;
	parse6_ip(ctx, p);
	return NSF_DROP_NONE;
}

/* The packet's addresses; false if it has none. */
static __always_inline bool parse6_addrs(struct __sk_buff *ctx, struct parse6_addrs *ret)
{
	return !bpf_skb_load_bytes(ctx, PARSE6_ADDR_OFF, ret, sizeof(*ret));
}

/* What an ICMPv6 error quotes, see parse_quote(). There is no sum that could be wrong. */
static __noinline bool parse6_quote(struct pkt *p, struct parse_quote *ret)
{
	__u32 at = p->l4 + sizeof(struct icmp6hdr), end = ETH_HLEN + p->wire;
	struct parse6_walk w = { .at = at + sizeof(struct ipv6hdr), .end = end };
	struct ipv6hdr ip;

	if (w.at > end || bpf_skb_load_bytes(p->ctx, at, &ip, sizeof(ip)) || ip.version != 6)
		return false;
	w.next = ip.nexthdr;
	if (parse6_chain(p->ctx, &w) ||
	    !parse_quote_l4(p, w.at, at + sizeof(ip) + bpf_ntohs(ip.payload_len) - w.at, ret))
		return false;
	ret->saddr = parse6_handle(ip.saddr.s6_addr32);
	ret->daddr = parse6_handle(ip.daddr.s6_addr32);
	ret->proto = w.next;
	ret->later = w.frag == FRAG_LATER;
	return true;
}

/* Sum of the pseudo header (RFC 8200 section 8.1) of an upper layer of n bytes. */
static __always_inline __s64 parse6_pseudo(const struct parse6_addrs *a, __u32 n, __u8 proto)
{
	__be32 tail[2] = { bpf_htonl(n), bpf_htonl(proto) };

	return bpf_csum_diff(NULL, 0, tail, sizeof(tail), bpf_csum_diff(NULL, 0, (__be32 *)a, sizeof(*a), 0));
}

/* RFC 4443 section 2.3: the sum over the pseudo header and the whole message is zero. */
static __noinline bool parse6_icmp_sum_ok(const struct pkt *p)
{
	struct parse_sum s = { .ctx = p->ctx, .at = p->l4, .end = ETH_HLEN + p->wire };
	struct parse6_addrs a;

	if (!parse6_addrs(p->ctx, &a))
		return false;
	s.sum = parse6_pseudo(&a, s.end - s.at, IPPROTO_ICMPV6);
	bpf_loop(65536 / PARSE_SUM_CHUNK, parse_sum_chunk, &s, 0);
	return sum_fold(s.sum) == 0xffff;
}

/* Of either family. */
static __always_inline bool parse_any_quote(struct pkt *p, struct parse_quote *ret)
{
	return p->family == 6 ? parse6_quote(p, ret) : parse_quote(p, ret);
}

static __always_inline bool parse_any_sum_ok(const struct pkt *p)
{
	return p->family == 6 ? parse6_icmp_sum_ok(p) : parse_icmp_sum_ok(p);
}
