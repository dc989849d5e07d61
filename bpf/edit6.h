/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 packets: addresses, hop limit, and the sums of what lies above. */
#pragma once

#include "edit_l4.h"
#include "port6.h"
#include "six.h"

/*
 * There is no header checksum that would balance a change. A sum that the hardware took over the whole packet is told
 * of every change by bpf_csum_update(); bpf_l4_csum_replace() with BPF_F_PSEUDO_HDR takes the part of the addresses off
 * again, since the transport checksum has moved by as much.
 */

/* RFC 1624, as sum_change(), for a sum of many words: what was added to the data comes off the checksum. */
static __always_inline __sum16 edit6_less(__sum16 sum, __s64 diff)
{
	return ~sum_fold((__u64)(__u16)~sum + (__u32)diff);
}

/* One address of the header, and what the packet's sum changes by. */
static __always_inline int edit6_addr(struct __sk_buff *ctx, struct pkt *p, bool source, const __u32 *to, __s64 *diff)
{
	struct ipv6hdr *ip = ctx_data(ctx) + ETH_HLEN;
	__u32 *at;

	if (!to || (void *)(ip + 1) > ctx_data_end(ctx))
		return -1;
	at = source ? ip->saddr.s6_addr32 : ip->daddr.s6_addr32;
	*diff = bpf_csum_diff(at, 16, (__be32 *)to, 16, *diff);
	at[0] = to[0];
	at[1] = to[1];
	at[2] = to[2];
	at[3] = to[3];
	return 0;
}

/* MACs if they are known, hop limit, and the addresses that p->nat says; *diff is what these add to the sum. */
static __always_inline int edit6_head(struct __sk_buff *ctx, struct pkt *p, __s64 *diff)
{
	struct ethhdr *eth = ctx_data(ctx);
	struct ipv6hdr *ip = (void *)(eth + 1);

	if ((void *)(ip + 1) > ctx_data_end(ctx))
		return -1;
	if (p->macs) {
		mac_copy(eth->h_dest, p->out_dmac);
		mac_copy(eth->h_source, p->out_smac);
	}
	ip->hop_limit -= p->hops;
	if ((p->nat & NAT_SRC && edit6_addr(ctx, p, true, six_end(&p->src), diff)) ||
	    (p->nat & NAT_DST && edit6_addr(ctx, p, false, six_end(&p->dst), diff)))
		return -1;
	if (ctx_lent() && likely(ctx_summed(ctx) != CHECKSUM_COMPLETE))
		return 0;
	/* the hop limit is the low byte of its word */
	bpf_csum_update(ctx, sum_fold((__u64)(__u32)*diff + (__u16)~bpf_htons(p->hops)));
	return 0;
}

/* A port or an identifier, and the sum for it alone. Behind extension headers it may lie far back. */
static __always_inline int edit6_port(struct __sk_buff *ctx, struct pkt *p, const struct edit_l4 *l, __u32 at,
				      __be16 from, __be16 to)
{
	if (from == to)
		return 0;
	if (bpf_skb_store_bytes(ctx, p->l4 + at, &to, sizeof(to), 0))
		return -1;
	return l->sum ? edit_l4_sum(ctx, p->l4 + l->sum, from, to, sizeof(to) | (l->flags & BPF_F_MARK_MANGLED_0)) : 0;
}

/* Ports and transport checksum. What has neither is translated by address alone; AH does not survive that. */
static __always_inline int edit6_l4(struct __sk_buff *ctx, struct pkt *p, __s64 diff)
{
	struct edit_l4 l;

	if (!edit_l4_of(p->proto, &l))
		return 0;
	if ((p->nat & NAT_SRC && edit6_port(ctx, p, &l, l.src, p->sport, p->src.port)) ||
	    (p->nat & NAT_DST && edit6_port(ctx, p, &l, l.dst, p->dport, p->dst.port)))
		return -1;
	if (p->proto == IPPROTO_SCTP)
		return edit_sctp(ctx, p);
	return edit_l4_sum(ctx, p->l4 + l.sum, 0, diff, l.flags);
}

static __noinline int edit6_nat(struct __sk_buff *ctx, struct pkt *p)
{
	__s64 diff = 0;

	if (edit6_head(ctx, p, &diff))
		return -1;
	return p->frag == FRAG_LATER ? 0 : edit6_l4(ctx, p, diff);
}

/* One address of the quoted packet at offset `at`. */
static __always_inline int edit6_quote_addr(struct __sk_buff *ctx, struct pkt *p, __u32 at, const __u32 *to,
					    __s64 *diff)
{
	__be32 from[4];

	if (!to || bpf_skb_load_bytes(ctx, at, from, sizeof(from)))
		return -1;
	*diff = bpf_csum_diff(from, sizeof(from), (__be32 *)to, sizeof(from), *diff);
	return bpf_skb_store_bytes(ctx, at, to, sizeof(from), 0);
}

/* Two bytes of the quoted packet. */
static __always_inline int edit6_quote_field(struct __sk_buff *ctx, struct pkt *p, __u32 at, __u16 to, __s64 *diff)
{
	__u32 from = 0, word = to;

	if (bpf_skb_load_bytes(ctx, at, &from, sizeof(to)))
		return -1;
	*diff = bpf_csum_diff(&from, sizeof(from), &word, sizeof(word), *diff);
	return bpf_skb_store_bytes(ctx, at, &to, sizeof(to), 0);
}

/* Ports of the quoted packet, and its checksum if the quote reaches that far: 0 in UDP means that there is none. */
static __always_inline int edit6_quote_l4(struct __sk_buff *ctx, struct pkt *p, __u8 proto, __s64 *diff)
{
	__u32 at = p->quote_l4, source = at, dest = at + 2, sum = 0;
	__sum16 check = 0;

	switch (proto) {
	case IPPROTO_TCP:
		sum = offsetof(struct tcphdr, check);
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		sum = offsetof(struct udphdr, check);
		break;
	case IPPROTO_SCTP: /* its CRC covers what is not quoted */
		break;
	case IPPROTO_ICMPV6:
		sum = offsetof(struct icmp6hdr, icmp6_cksum);
		source = dest = at + offsetof(struct icmp6hdr, icmp6_identifier);
		break;
	default:
		return 0;
	}
	/* the quoted packet went the other way */
	if ((p->nat & NAT_DST && edit6_quote_field(ctx, p, source, p->dst.port, diff)) ||
	    (p->nat & NAT_SRC && edit6_quote_field(ctx, p, dest, p->src.port, diff)))
		return -1;
	if (!sum || sum + sizeof(check) > p->quote_len)
		return 0;
	if (bpf_skb_load_bytes(ctx, at + sum, &check, sizeof(check)))
		return -1;
	if (!check && proto == IPPROTO_UDP)
		return 0;
	check = edit6_less(check, *diff);
	if (proto == IPPROTO_UDP && !check)
		check = 0xffff;
	return edit6_quote_field(ctx, p, at + sum, check, diff);
}

/* RFC 5508 REQ-4 and REQ-5, which hold for ICMPv6 alike: the quoted packet is turned into what the receiver knows. */
static __noinline int edit6_quote(struct __sk_buff *ctx, struct pkt *p)
{
	__u32 sum = p->l4 + offsetof(struct icmp6hdr, icmp6_cksum), ip = p->l4 + sizeof(struct icmp6hdr);
	__s64 diff = 0, head = 0;

	if ((p->nat & NAT_DST &&
	     edit6_quote_addr(ctx, p, ip + offsetof(struct ipv6hdr, saddr), six_end(&p->dst), &diff)) ||
	    (p->nat & NAT_SRC &&
	     edit6_quote_addr(ctx, p, ip + offsetof(struct ipv6hdr, daddr), six_end(&p->src), &diff)))
		return -1;
	if (edit6_quote_l4(ctx, p, p->quote_proto, &diff) || bpf_l4_csum_replace(ctx, sum, 0, diff, 0))
		return -1;
	return edit6_head(ctx, p, &head) || bpf_l4_csum_replace(ctx, sum, 0, head, BPF_F_PSEUDO_HDR);
}

/* RFC 4861 section 7.2.4: the solicitation becomes the answer. */
struct edit6_na {
	struct parse_ns n;
	__u8 option[2];
	__u8 mac[ETH_ALEN];
};

static __noinline int edit6_nd(struct __sk_buff *ctx, struct pkt *p)
{
	const __u32 len = sizeof(struct edit6_na) - offsetof(struct edit6_na, n.icmp);
	const struct nsf_net *net = array_row(&nsf_nets, p->net_id);
	struct edit6_na a = { .option = { 2, 1 } };
	struct ethhdr eth;
	bool probe;

	if (!net || !parse_ns(ctx, &a.n))
		return -1;
	probe = port6_none(a.n.ip.saddr.s6_addr32);
	mac_copy(eth.h_dest, p->smac);
	mac_copy(eth.h_source, p->out_smac);
	eth.h_proto = bpf_htons(ETH_P_IPV6);
	a.n.ip.priority = 0;
	__builtin_memset(a.n.ip.flow_lbl, 0, sizeof(a.n.ip.flow_lbl));
	a.n.ip.payload_len = bpf_htons(len);
	a.n.ip.daddr = a.n.ip.saddr;
	if (probe) { /* to all nodes, not solicited */
		a.n.ip.daddr.s6_addr32[0] = bpf_htonl(0xff020000);
		a.n.ip.daddr.s6_addr32[3] = bpf_htonl(1);
	}
	a.n.ip.saddr = a.n.target;
	__builtin_memset(&a.n.icmp, 0, sizeof(a.n.icmp));
	a.n.icmp.icmp6_type = 136;
	a.n.icmp.icmp6_router = mac_equal(p->out_smac, net->mac) && !port6_none((const __u32 *)net->gateway6);
	a.n.icmp.icmp6_solicited = !probe;
	a.n.icmp.icmp6_override = 1;
	mac_copy(a.mac, p->out_smac);
	a.n.icmp.icmp6_cksum =
		~sum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&a.n.icmp, len,
					parse6_pseudo((struct parse6_addrs *)&a.n.ip.saddr, len, IPPROTO_ICMPV6)));
	return bpf_skb_change_tail(ctx, ETH_HLEN + sizeof(a), 0) || bpf_skb_store_bytes(ctx, 0, &eth, sizeof(eth), 0) ||
	       bpf_skb_store_bytes(ctx, ETH_HLEN, &a, sizeof(a), BPF_F_RECOMPUTE_CSUM);
}

struct edit6_error {
	struct ipv6hdr ip;
	struct icmp6hdr icmp;
};

#define EDIT6_ERROR_MAX 1280 /* RFC 4443 section 2.4(c): as much as the least MTU has room for */

/*
 * Sum of the quote of n bytes. A transport checksum that is still to be filled in will be, on the way to a wire: from
 * there to the end the sum of the filled quote is then minus what stands in the field, at offset `field`, now.
 */
static __always_inline int edit6_quote_sum(struct __sk_buff *ctx, struct pkt *p, __u32 n, __u32 field, __s64 *ret_sum)
{
	__u32 at = ETH_HLEN + sizeof(struct edit6_error);
	struct parse_sum s = { .ctx = ctx, .at = at, .end = at + n, .sum = *ret_sum };
	__u16 old = 0;

	if (field) {
		s.end = at + p->l4 - ETH_HLEN;
		if (bpf_skb_load_bytes(ctx, s.end + field, &old, sizeof(old)))
			return -1;
	}
	bpf_loop(EDIT6_ERROR_MAX / PARSE_SUM_CHUNK, parse_sum_chunk, &s, 0);
	*ret_sum = s.sum + (field ? (__u16)~old : 0);
	return 0;
}

/* Offset of the checksum in its header that is still to be filled in; 0: none is. */
static __always_inline __u32 edit6_partial(struct __sk_buff *ctx, const struct pkt *p)
{
	if (!ctx_csum_partial(ctx))
		return 0;
	switch (p->proto) {
	case IPPROTO_TCP:
		return offsetof(struct tcphdr, check);
	case IPPROTO_UDP:
		return offsetof(struct udphdr, check);
	}
	return 0;
}

static __noinline int edit6_icmp(struct __sk_buff *ctx, struct pkt *p)
{
	__u32 have = ctx->gso_size ? p->len - ETH_HLEN : p->wire, partial = edit6_partial(ctx, p);
	__u32 quote = have < EDIT6_ERROR_MAX - sizeof(struct edit6_error)
			      ? have
			      : EDIT6_ERROR_MAX - sizeof(struct edit6_error);
	const struct nsf_net *net = array_row(&nsf_nets, p->net_id);
	struct edit6_error e = {};
	struct parse6_addrs a;
	struct ethhdr eth;
	__s64 sum;

	if (!net || !parse6_addrs(ctx, &a))
		return -1;
	__builtin_memcpy(&e.ip.daddr, a.src, sizeof(a.src));
	__builtin_memcpy(&e.ip.saddr, a.dst, sizeof(a.dst)); /* from outside: translated, or we would not know it */
	if (p->port || !p->flow) {
		__builtin_memcpy(&e.ip.saddr, net->gateway6, sizeof(e.ip.saddr));
		if (port6_none((const __u32 *)net->gateway6))
			__builtin_memcpy(&e.ip.saddr, net->addr6, sizeof(e.ip.saddr));
	}
	if (bpf_skb_change_tail(ctx, ETH_HLEN + quote, 0) || bpf_skb_adjust_room(ctx, sizeof(e), BPF_ADJ_ROOM_MAC, 0))
		return -1;
	e.ip.version = 6;
	e.ip.payload_len = bpf_htons(sizeof(e.icmp) + quote);
	e.ip.nexthdr = IPPROTO_ICMPV6;
	e.ip.hop_limit = 64;
	e.icmp.icmp6_type = p->error_type;
	e.icmp.icmp6_code = p->error_code;
	if (p->error_type == ICMPV6_PKT_TOOBIG)
		e.icmp.icmp6_mtu = bpf_htonl(p->mtu);
	__builtin_memcpy(&a, &e.ip.saddr, sizeof(a));
	sum = parse6_pseudo(&a, sizeof(e.icmp) + quote, IPPROTO_ICMPV6);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&e.icmp, sizeof(e.icmp), sum);
	if (edit6_quote_sum(ctx, p, quote, partial, &sum))
		return -1;
	e.icmp.icmp6_cksum = ~sum_fold(sum);
	mac_copy(eth.h_dest, p->smac);
	mac_copy(eth.h_source, p->dmac);
	eth.h_proto = bpf_htons(ETH_P_IPV6);
	return bpf_skb_store_bytes(ctx, 0, &eth, sizeof(eth), 0) ||
	       bpf_skb_store_bytes(ctx, ETH_HLEN, &e, sizeof(e), BPF_F_RECOMPUTE_CSUM);
}

/* The plan for a packet of this family; see edit(). */
__noinline int edit6(struct __sk_buff *ctx, struct pkt *p)
{
	__s64 none = 0;

	if (!p)
		return -1;
	switch ((enum edit)p->edit) {
	case EDIT_NONE:
	case EDIT_ARP:
	case EDIT_VLAN:
		break;
	case EDIT_MACS:
		return edit_macs(ctx, p);
	case EDIT_ND:
		return edit6_nd(ctx, p);
	case EDIT_TTL:
		return edit6_head(ctx, p, &none);
	case EDIT_NAT:
		return edit6_nat(ctx, p);
	case EDIT_QUOTE:
		return edit6_quote(ctx, p);
	case EDIT_ICMP:
		return edit6_icmp(ctx, p);
	}
	return -1;
}
