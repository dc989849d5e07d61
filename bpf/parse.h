/* SPDX-License-Identifier: GPL-2.0-only */
/* The only reader of packet bytes: Ethernet, IPv4 and transport headers into struct pkt. */
#pragma once

#include "pkt.h"
#include "sum.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

#define PARSE_HEAD    54 /* Ethernet, IPv4 without options, TCP without options */
#define PARSE_OPTIONS 40 /* of IPv4, at most */

#define ETH_P_QINQ 0x88a8

#define IGMP_QUERY 0x11
#define MLD_QUERY  130

static __always_inline void *data(const struct pkt *p)
{
	return p->frame ? xdp_data(p->xdp) : ctx_data(p->ctx);
}

static __always_inline void *data_end(const struct pkt *p)
{
	return p->frame ? xdp_data_end(p->xdp) : ctx_data_end(p->ctx);
}

/*
 * Headers may lie outside of the linear part (packet sockets, some drivers). A part of a UDP GSO packet must not be
 * pulled: kernels before 6.16 panic when they segment a fraglist later.
 */
static __noinline int parse_pull(struct __sk_buff *ctx, __u32 head)
{
	__u32 len = ctx->len;

	return bpf_skb_pull_data(ctx, ctx->gso_size || len < head ? len : head);
}

/* True if less than `head` bytes can be looked at directly, though the packet has more. */
static __always_inline bool parse_beyond(struct __sk_buff *ctx, __u32 head)
{
	return ctx_data(ctx) + head > ctx_data_end(ctx) && ctx->len > (__u32)(ctx->data_end - ctx->data);
}

/* RFC 9260 section 3.1: the common header, and the head of the first chunk. */
struct parse_sctp {
	__be16 source, dest;
	__be32 tag, sum;
	__u8 chunk, flags;
	__be16 len;
};

/* What a chunk means for the association, in TCP's flags. */
static __always_inline __u8 parse_sctp_chunk(__u8 chunk)
{
	switch (chunk) {
	case 1: /* INIT */
		return TCP_SYN;
	case 2: /* INIT ACK */
		return TCP_SYN | TCP_ACK;
	case 6: /* ABORT */
		return TCP_RST;
	case 8:  /* SHUTDOWN ACK */
	case 14: /* SHUTDOWN COMPLETE */
		return TCP_FIN | TCP_ACK;
	}
	return TCP_ACK;
}

static __always_inline void parse_l4(struct __sk_buff *ctx, struct facts *p, void *l4, __u32 family)
{
	void *end = ctx_data_end(ctx);
	struct parse_sctp *sctp = l4;
	struct tcphdr *tcp = l4;
	struct udphdr *udp = l4;
	struct icmphdr *icmp = l4;
	__u32 room = p->wire + ETH_HLEN - p->l4; /* in what the IP header says, not only in the frame */

	switch (p->proto) {
	case IPPROTO_TCP:
		if ((void *)(tcp + 1) > end || room < sizeof(*tcp)) {
			p->bad = NSF_DROP_SHORT_L4;
			return;
		}
		p->sport = tcp->source;
		p->dport = tcp->dest;
		p->tcp = ((__u8 *)tcp)[13];
		if (ctx->gso_size)
			p->wire = p->l4 - ETH_HLEN + tcp->doff * 4 + ctx->gso_size;
		return;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		if ((void *)(udp + 1) > end || room < sizeof(*udp)) {
			p->bad = NSF_DROP_SHORT_L4;
			return;
		}
		p->sport = udp->source;
		p->dport = udp->dest;
		if (ctx->gso_size)
			p->wire = p->l4 - ETH_HLEN + sizeof(*udp) + ctx->gso_size;
		return;
	case IPPROTO_SCTP:
		if ((void *)(sctp + 1) > end || room < sizeof(*sctp)) {
			p->bad = NSF_DROP_SHORT_L4;
			return;
		}
		p->sport = sctp->source;
		p->dport = sctp->dest;
		p->tcp = parse_sctp_chunk(sctp->chunk);
		return;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (p->proto != icmp_proto(family)) /* a protocol like any other */
			return;
		if ((void *)(icmp + 1) > end || room < sizeof(*icmp)) {
			p->bad = NSF_DROP_SHORT_L4;
			return;
		}
		p->icmp_type = icmp->type;
		p->icmp_code = icmp->code;
		if (icmp->type == (family == 6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO))
			p->sport = icmp->un.echo.id;
		else if (icmp->type == (family == 6 ? ICMPV6_ECHO_REPLY : ICMP_ECHOREPLY))
			p->dport = icmp->un.echo.id;
		return;
	}
}

/* False if the transport header's own length is wrong: shorter than it can be, or past the packet's end. Fragments: of the
 * first one, whose datagram goes on. */
static __noinline bool parse_l4_whole(const struct pkt *p)
{
	__u32 room = (p->ctx->gso_size ? p->ctx->len : ETH_HLEN + p->wire) - p->l4, len;
	__be16 n = 0;

	if (p->proto == IPPROTO_TCP) {
		if (bpf_skb_load_bytes(p->ctx, p->l4 + 12, &n, sizeof(n)))
			return false;
		len = bpf_ntohs(n) >> 12 << 2;
		return len >= sizeof(struct tcphdr) && len <= room;
	}
	if (p->proto == IPPROTO_UDP) {
		if (bpf_skb_load_bytes(p->ctx, p->l4 + offsetof(struct udphdr, len), &n, sizeof(n)))
			return false;
		len = bpf_ntohs(n);
		return len >= sizeof(struct udphdr) && (p->frag || len <= room);
	}
	return true;
}

static __always_inline void parse_ip4(struct __sk_buff *ctx, struct facts *p)
{
	struct iphdr *ip = ctx_data(ctx) + ETH_HLEN;
	__u32 head, total, have = ctx->len - ETH_HLEN;
	__u16 off;

	if ((void *)(ip + 1) > ctx_data_end(ctx)) {
		p->bad = NSF_DROP_SHORT_IP4;
		return;
	}
	p->id = ip->id;
	p->saddr = ip->saddr;
	p->daddr = ip->daddr;
	p->ttl = ip->ttl;
	p->tos = ip->tos;
	p->proto = ip->protocol;
	head = ip->ihl * 4;
	total = bpf_ntohs(ip->tot_len);
	if (!total && ctx->gso_size) /* BIG TCP */
		total = have;
	if (ip->version != 4 || head < sizeof(*ip) || total < head || total > have) {
		p->bad = NSF_DROP_BAD_IP4;
		return;
	}
	if (!ctx->gso_size)
		p->wire = total;
	p->l4 = ETH_HLEN + head;
	off = bpf_ntohs(ip->frag_off);
	p->df = off >> 14 & 1;
	if (unlikely(off & 0x3fff)) {
		p->frag = off & 0x1fff ? FRAG_LATER : FRAG_FIRST;
		if (p->frag == FRAG_LATER)
			return;
	}
	if (unlikely(head > sizeof(*ip)) && parse_beyond(ctx, PARSE_HEAD + PARSE_OPTIONS))
		parse_pull(ctx, PARSE_HEAD + PARSE_OPTIONS);
	bounded(head);
	head &= 15 * 4; /* it is no more; this the verifier can see */
	parse_l4(ctx, p, ctx_data(ctx) + ETH_HLEN + head, 4);
}

/* The least length of the transport header, 0 if that is not there, or another one. */
static __always_inline __u32 parse_plain_l4(struct facts *p, const struct headers *h, const void *end)
{
	p->l4 = ETH_HLEN + sizeof(h->ip);
	p->proto = h->ip.protocol;
	p->sport = h->udp.source;
	p->dport = h->udp.dest;
	if (p->proto == IPPROTO_UDP)
		return sizeof(h->udp);
	if (p->proto != IPPROTO_TCP || (void *)(&h->tcp + 1) > end)
		return 0;
	p->tcp = ((const __u8 *)&h->tcp)[13];
	return sizeof(h->tcp);
}

/* True if it is TCP or UDP over IPv4, all headers in reach, and no options, tag, fragment or wrong length: then it is read as
 * parse4() reads it. */
static __always_inline bool parse_plain(struct __sk_buff *ctx, struct facts *p)
{
	const struct ethhdr *eth = ctx_data(ctx);
	const struct headers *h = (void *)(eth + 1);
	const void *end = ctx_data_end(ctx);
	__u32 gso = ctx->gso_size, least, total;

	if ((void *)(&h->udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ctx->vlan_present ||
	    *(const __u8 *)&h->ip != 0x45 || h->ip.frag_off & bpf_htons(0x3fff))
		return false;
	mac_copy(p->dmac, eth->h_dest);
	mac_copy(p->smac, eth->h_source);
	p->ethertype = eth->h_proto;
	p->saddr = h->ip.saddr;
	p->daddr = h->ip.daddr;
	p->ttl = h->ip.ttl;
	least = parse_plain_l4(p, h, end);
	if (!least)
		return false;
	total = bpf_ntohs(h->ip.tot_len);
	p->wire = total;
	if (gso) {
		if (!total) /* BIG TCP */
			total = ctx->len - ETH_HLEN;
		p->wire = sizeof(h->ip) + (p->proto == IPPROTO_TCP ? h->tcp.doff * 4 : least) + gso;
	}
	least += sizeof(h->ip);
	return total >= least && total + ETH_HLEN <= ctx->len && (!gso || gso >= least);
}

/* Why there is no Ethernet header, or NSF_DROP_NONE. */
static __always_inline enum nsf_drop parse_eth(struct __sk_buff *ctx, struct facts *p)
{
	struct ethhdr *eth = ctx_data(ctx);

	if (unlikely(parse_beyond(ctx, PARSE_HEAD))) {
		if (parse_pull(ctx, PARSE_HEAD))
			return NSF_DROP_SHORT_ETH;
		eth = ctx_data(ctx);
	}
	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return NSF_DROP_SHORT_ETH;
	mac_copy(p->dmac, eth->h_dest);
	mac_copy(p->smac, eth->h_source);
	p->ethertype = eth->h_proto;
	/* the kernel cuts GSO packets so that they fit their sender's MTU; headers are added where they are known */
	p->wire = ctx->gso_size ? ctx->gso_size : ctx->len - ETH_HLEN;
	p->tagged =
		ctx->vlan_present || p->ethertype == bpf_htons(ETH_P_8021Q) || p->ethertype == bpf_htons(ETH_P_QINQ);
	return NSF_DROP_NONE;
}

/*
 * NSF_DROP_NONE, or why there is nothing to look at. What is wrong above Ethernet stands in p->bad, since a bridge forwards
 * by MAC alone. Verified by itself, see struct facts.
 */
__noinline int parse4(struct __sk_buff *ctx, struct facts *p)
{
	enum nsf_drop why = p ? parse_eth(ctx, p) : NSF_DROP_SHORT_ETH;

	if (!why && p->ethertype == bpf_htons(ETH_P_IP))
		parse_ip4(ctx, p);
	return why;
}

/* RFC 791: the sum over the whole header, `head` bytes at offset `at`, is zero. */
static __noinline bool parse_ip4_sum_ok(struct __sk_buff *ctx, __u32 at, __u32 head)
{
	__u8 buf[60];

	if (!within(&head, 20, sizeof(buf)) || bpf_skb_load_bytes(ctx, at, buf, head))
		return false;
	return sum_fold(bpf_csum_diff(NULL, 0, (__be32 *)buf, head & 60, 0)) == 0xffff;
}

/* The same of the packet's own header, which hardly ever has options. */
static __always_inline bool parse_ip4_whole(const struct pkt *p)
{
	if (unlikely(p->l4 != ETH_HLEN + sizeof(struct iphdr)))
		return parse_ip4_sum_ok(p->ctx, ETH_HLEN, p->l4 - ETH_HLEN);
	return sum_ip4_ok(ctx_data(p->ctx) + ETH_HLEN, ctx_data_end(p->ctx));
}

struct parse_option {
	struct __sk_buff *ctx;
	__u32 at, end;
	__u32 found;
};

static long parse_one_option(__u32 i, struct parse_option *o)
{
	__u8 b[2] = {};

	if (o->at >= o->end || bpf_skb_load_bytes(o->ctx, o->at, b, 1))
		return 1;
	if (b[0] == 0) /* end of list */
		return 1;
	if (b[0] == 1) { /* no operation: one byte */
		o->at++;
		return 0;
	}
	if (b[0] == 131 || b[0] == 137) { /* loose and strict source route */
		o->found = 1;
		return 1;
	}
	if (bpf_skb_load_bytes(o->ctx, o->at, b, 2) || b[1] < 2)
		return 1;
	o->at += b[1];
	return 0;
}

static __noinline bool parse_source_route(const struct pkt *p)
{
	struct parse_option o = { .ctx = p->ctx, .at = ETH_HLEN + sizeof(struct iphdr), .end = p->l4 };

	bpf_loop(40, parse_one_option, &o, 0);
	return o.found;
}

/* What the ARP and ND stages look at. The kernel's <linux/if_arp.h> needs libc. */
#define ARPHRD_ETHER   1
#define ARPHRD_IEEE802 6 /* taken for the same by who hears it */
#define ARPOP_REQUEST  1
#define ARPOP_REPLY    2

struct parse_arp {
	__be16 hrd, pro;
	__u8 hln, pln;
	__be16 op;
	__u8 sha[6];
	__u8 spa[4];
	__u8 tha[6];
	__u8 tpa[4];
} __attribute__((packed));

static __always_inline bool parse_arp(struct __sk_buff *ctx, struct parse_arp *ret)
{
	return !bpf_skb_load_bytes(ctx, ETH_HLEN, ret, sizeof(*ret));
}

/* An address of IPv4 is asked for, or told. */
static __always_inline bool parse_is_arp4(const struct parse_arp *a)
{
	return (a->hrd == bpf_htons(ARPHRD_ETHER) || a->hrd == bpf_htons(ARPHRD_IEEE802)) &&
	       a->pro == bpf_htons(ETH_P_IP) && a->hln == ETH_ALEN && a->pln == 4;
}

struct parse_ns {
	struct ipv6hdr ip;
	struct icmp6hdr icmp;
	struct in6_addr target;
};

static __always_inline bool parse_ns(struct __sk_buff *ctx, struct parse_ns *ret)
{
	return !bpf_skb_load_bytes(ctx, ETH_HLEN, ret, sizeof(*ret));
}

static __always_inline bool parse_is_ns(const struct parse_ns *n)
{
	return n->ip.nexthdr == IPPROTO_ICMPV6 && n->icmp.icmp6_type == 135;
}

/* The same of a message that may have no target, which is zero then. */
static __always_inline bool parse_nd(struct __sk_buff *ctx, bool target, struct parse_ns *ret)
{
	if (target)
		return parse_ns(ctx, ret);
	__builtin_memset(&ret->target, 0, sizeof(ret->target));
	return !bpf_skb_load_bytes(ctx, ETH_HLEN, ret, offsetof(struct parse_ns, target));
}

/* The packet that an ICMP error quotes: what tells which flow it was of. IPv6 addresses as handles. */
struct parse_quote {
	__be32 saddr, daddr;
	__u8 proto;
	__u8 later; /* a fragment that is not the first one: l4 is its data */
	__u8 l4[8];
};

/*
 * The quoted packet's transport header at offset `at`: eight bytes of it, or what it had, `total` bytes, if that was less;
 * false if the quote ends earlier (RFC 792).
 */
static __always_inline bool parse_quote_l4(struct pkt *p, __u32 at, __u32 total, struct parse_quote *ret)
{
	__u32 end = ETH_HLEN + p->wire, n = end - at;

	if (at > end)
		return false;
	p->quote_l4 = at;
	p->quote_len = n;
	if (n < sizeof(ret->l4) && n < total)
		return false;
	__builtin_memset(ret->l4, 0, sizeof(ret->l4));
	if (!n)
		return true;
	if (n > sizeof(ret->l4))
		n = sizeof(ret->l4);
	return within(&n, 1, sizeof(ret->l4)) && !bpf_skb_load_bytes(p->ctx, at, ret->l4, n);
}

/* Fills p->quote_l4 and p->quote_len too; false if less is there than RFC 792 asks for, or the quoted header is wrong. */
static __always_inline bool parse_quote(struct pkt *p, struct parse_quote *ret)
{
	__u32 at = p->l4 + sizeof(struct icmphdr), head;
	struct iphdr ip;

	if (bpf_skb_load_bytes(p->ctx, at, &ip, sizeof(ip)))
		return false;
	head = ip.ihl * 4;
	if (ip.version != 4 || !parse_ip4_sum_ok(p->ctx, at, head) ||
	    !parse_quote_l4(p, at + head, bpf_ntohs(ip.tot_len) - head, ret))
		return false;
	ret->saddr = ip.saddr;
	ret->daddr = ip.daddr;
	ret->proto = ip.protocol;
	ret->later = !!(ip.frag_off & bpf_htons(0x1fff));
	return true;
}

#define PARSE_SUM_CHUNK 64

struct parse_sum {
	struct __sk_buff *ctx;
	__u32 at, end;
	__s64 sum;
};

static long parse_sum_chunk(__u32 i, struct parse_sum *s)
{
	__u32 at = s->at + i * PARSE_SUM_CHUNK, n = s->end - at;
	__u8 buf[PARSE_SUM_CHUNK] = {};

	if (at >= s->end)
		return 1;
	if (n > sizeof(buf))
		n = sizeof(buf);
	if (!within(&n, 1, sizeof(buf)) || bpf_skb_load_bytes(s->ctx, at, buf, n))
		return 1;
	s->sum = bpf_csum_diff(NULL, 0, (__be32 *)buf, sizeof(buf), s->sum);
	return 0;
}

/* RFC 792: the sum over the whole message is zero. */
static __noinline bool parse_icmp_sum_ok(const struct pkt *p)
{
	struct parse_sum s = { .ctx = p->ctx, .at = p->l4, .end = ETH_HLEN + p->wire };

	bpf_loop(65536 / PARSE_SUM_CHUNK, parse_sum_chunk, &s, 0);
	return sum_fold(s.sum) == 0xffff;
}
