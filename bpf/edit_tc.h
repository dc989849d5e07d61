/* SPDX-License-Identifier: GPL-2.0-only */
/* The only writer of packet bytes at tc. */
#pragma once

/*
 * Direct writes come first: the checksum helpers end every packet pointer, and they alone keep sums right that the
 * hardware has yet to fill in. 0, or not 0 if the kernel refused.
 */

#include "parse.h"

#define EDIT_QUOTE_MAX 128 /* bytes of the offending packet in an ICMP error */

/* RFC 1624: HC' = ~(~HC + ~m + m') */
static __always_inline void edit_sum(__sum16 *sum, __u32 from, __u32 to)
{
	__u64 s = (__u64)(__u16) ~*sum + (__u32)~from + to;

	s = (s & 0xffff) + (s >> 16 & 0xffff) + (s >> 32);
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	*sum = ~s;
}

static __always_inline __u16 edit_fold(__u64 s)
{
	s = (s & 0xffffffff) + (s >> 32);
	s = (s & 0xffff) + (s >> 16 & 0xffff) + (s >> 32);
	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return ~s;
}

/* MACs if they are known, TTL, and one address (NULL: none). */
static __always_inline int edit_head(struct pkt *p, const __be32 *addr, bool source)
{
	struct ethhdr *eth = data(p);
	struct iphdr *ip = (void *)(eth + 1);
	__be32 *at;

	if ((void *)(ip + 1) > data_end(p))
		return -1;
	if (p->macs) {
		mac_copy(eth->h_dest, p->out_dmac);
		mac_copy(eth->h_source, p->out_smac);
	}
	/* a TTL of n is the high byte of its word */
	edit_sum(&ip->check, bpf_htons(0x0100), 0);
	ip->ttl--;
	if (addr) {
		at = source ? &ip->saddr : &ip->daddr;
		edit_sum(&ip->check, *at, *addr);
		*at = *addr;
	}
	return 0;
}

/* The port or identifier, and the transport checksum for it and for the address. Fragments do not come here. */
static __always_inline int edit_l4(struct pkt *p, __be32 old_addr, __be16 old_port, bool source)
{
	__u32 flags = BPF_F_PSEUDO_HDR | 4, at = p->l4, sum;
	void *l4;

	switch (p->proto) {
	case IPPROTO_TCP:
		sum = at + offsetof(struct tcphdr, check);
		at += source ? 0 : 2;
		break;
	case IPPROTO_UDP:
		sum = at + offsetof(struct udphdr, check);
		at += source ? 0 : 2;
		flags |= BPF_F_MARK_MANGLED_0;
		break;
	case IPPROTO_ICMP:
		sum = at + offsetof(struct icmphdr, checksum);
		at += offsetof(struct icmphdr, un.echo.id);
		flags = 0; /* no pseudo header */
		break;
	default:
		return -1;
	}
	if (old_port != p->new_port) {
		bounded(at);
		at &= 0x7f;
		l4 = data(p) + at;
		if (l4 + sizeof(__be16) > data_end(p))
			return -1;
		*(__be16 *)l4 = p->new_port;
		if (bpf_l4_csum_replace(p->ctx, sum, old_port, p->new_port, 2 | (flags & BPF_F_MARK_MANGLED_0)))
			return -1;
	}
	return flags ? bpf_l4_csum_replace(p->ctx, sum, old_addr, p->new_addr, flags) : 0;
}

/* One field of the quoted packet: writes it and adds the difference to *diff. */
static __always_inline int edit_field(struct pkt *p, __u32 at, __u32 size, __u32 to, __s64 *diff)
{
	__u32 from = 0;

	if (bpf_skb_load_bytes(p->ctx, at, &from, size))
		return -1;
	*diff = bpf_csum_diff(&from, 4, &to, 4, *diff);
	return bpf_skb_store_bytes(p->ctx, at, &to, size, 0);
}

/* RFC 5508 REQ-4: the quoted packet is turned back into what the inner endpoint sent. */
static __noinline int edit_quote(struct pkt *p)
{
	const struct nsf_flow *f = p->flow;
	__u32 ip = p->l4 + sizeof(struct icmphdr), l4 = p->quote_l4, port = l4, sum;
	__sum16 check, l4_check = 0;
	__s64 diff = 0;

	if (!f || bpf_skb_load_bytes(p->ctx, ip + offsetof(struct iphdr, check), &check, sizeof(check)))
		return -1;
	edit_sum(&check, f->ext, f->inner);
	if (edit_field(p, ip + offsetof(struct iphdr, saddr), 4, f->inner, &diff) ||
	    edit_field(p, ip + offsetof(struct iphdr, check), 2, check, &diff))
		return -1;
	sum = l4 + offsetof(struct udphdr, check);
	if (f->proto == IPPROTO_TCP)
		sum = l4 + offsetof(struct tcphdr, check);
	if (f->proto == IPPROTO_ICMP) {
		sum = l4 + offsetof(struct icmphdr, checksum);
		port = l4 + offsetof(struct icmphdr, un.echo.id);
	}
	/* the quote may end before its checksum; 0 in UDP means that there is none */
	if (sum + sizeof(check) <= l4 + p->quote_len && bpf_skb_load_bytes(p->ctx, sum, &l4_check, sizeof(l4_check)))
		return -1;
	if (l4_check) {
		if (f->proto != IPPROTO_ICMP)
			edit_sum(&l4_check, f->ext, f->inner);
		edit_sum(&l4_check, f->ext_port, f->inner_port);
		if (f->proto == IPPROTO_UDP && !l4_check)
			l4_check = 0xffff;
		if (edit_field(p, sum, 2, l4_check, &diff))
			return -1;
	}
	if (edit_field(p, port, 2, f->inner_port, &diff))
		return -1;
	if (bpf_l4_csum_replace(p->ctx, p->l4 + offsetof(struct icmphdr, checksum), 0, diff, 0))
		return -1;
	return edit_head(p, &p->new_addr, false);
}

static __noinline int edit_arp(struct pkt *p)
{
	struct parse_arp a;
	struct ethhdr eth;

	if (!parse_arp(p, &a))
		return -1;
	mac_copy(eth.h_dest, p->smac);
	mac_copy(eth.h_source, p->net->mac);
	eth.h_proto = bpf_htons(ETH_P_ARP);
	a.op = bpf_htons(ARPOP_REPLY);
	__builtin_memcpy(a.tha, a.sha, ETH_ALEN);
	__builtin_memcpy(a.sha, p->net->mac, ETH_ALEN);
	__builtin_memcpy(a.tpa, a.spa, sizeof(a.tpa));
	__builtin_memcpy(a.spa, &p->net->addr4, sizeof(a.spa));
	return bpf_skb_store_bytes(p->ctx, 0, &eth, sizeof(eth), 0) ||
	       bpf_skb_store_bytes(p->ctx, ETH_HLEN, &a, sizeof(a), BPF_F_RECOMPUTE_CSUM);
}

/* RFC 4861 section 7.2.4. */
struct edit_na {
	struct ethhdr eth;
	struct ipv6hdr ip;
	struct icmp6hdr icmp;
	struct in6_addr target;
	__u8 option[2];
	__u8 mac[ETH_ALEN];
} __attribute__((packed));

static __noinline int edit_nd(struct pkt *p)
{
	struct {
		struct in6_addr src, dst;
		__be32 len, next;
	} pseudo;
	struct edit_na a = {};
	struct parse_ns n;
	__u8 body[32];
	bool probe;
	__s64 sum;

	if (!parse_ns(p, &n))
		return -1;
	probe = !(n.ip.saddr.s6_addr32[0] | n.ip.saddr.s6_addr32[1] | n.ip.saddr.s6_addr32[2] |
		  n.ip.saddr.s6_addr32[3]);
	mac_copy(a.eth.h_dest, p->smac);
	mac_copy(a.eth.h_source, p->net->mac);
	a.eth.h_proto = bpf_htons(ETH_P_IPV6);
	a.ip.version = 6;
	a.ip.payload_len = bpf_htons(sizeof(body));
	a.ip.nexthdr = IPPROTO_ICMPV6;
	a.ip.hop_limit = 255;
	a.ip.saddr = n.target;
	a.ip.daddr = n.ip.saddr;
	if (probe) { /* section 7.2.4: to all nodes, not solicited */
		a.ip.daddr.s6_addr32[0] = bpf_htonl(0xff020000);
		a.ip.daddr.s6_addr32[3] = bpf_htonl(1);
	}
	a.icmp.icmp6_type = 136;
	a.icmp.icmp6_solicited = !probe;
	a.icmp.icmp6_override = 1;
	a.target = n.target;
	a.option[0] = 2;
	a.option[1] = 1;
	mac_copy(a.mac, p->net->mac);
	pseudo.src = a.ip.saddr;
	pseudo.dst = a.ip.daddr;
	pseudo.len = bpf_htonl(sizeof(body));
	pseudo.next = bpf_htonl(IPPROTO_ICMPV6);
	__builtin_memcpy(body, &a.icmp, sizeof(body));
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&pseudo, sizeof(pseudo), 0);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)body, sizeof(body), sum);
	a.icmp.icmp6_cksum = edit_fold(sum);
	return bpf_skb_change_tail(p->ctx, sizeof(a), 0) ||
	       bpf_skb_store_bytes(p->ctx, 0, &a, sizeof(a), BPF_F_RECOMPUTE_CSUM);
}

struct edit_error {
	struct iphdr ip;
	struct icmphdr icmp;
};

/*
 * Sum of the quote, which begins at 42. A transport checksum that is still to be filled in will be, on the way to a
 * wire: from there to the end the sum of the filled quote is then minus what stands in the field now.
 */
static __always_inline int edit_quote_sum(struct pkt *p, __u32 quote, __u32 partial, __s64 *ret_sum)
{
	__u32 at = ETH_HLEN + sizeof(struct edit_error), head = p->l4 - ETH_HLEN, n = partial ? head : quote;
	__u8 buf[EDIT_QUOTE_MAX] = {};
	__u16 field = 0;

	bounded(n);
	if (n < 20 || n > sizeof(buf) || bpf_skb_load_bytes(p->ctx, at, buf, n))
		return -1;
	*ret_sum = bpf_csum_diff(NULL, 0, (__be32 *)buf, sizeof(buf), *ret_sum);
	if (!partial)
		return 0;
	if (bpf_skb_load_bytes(p->ctx, at + head + partial, &field, sizeof(field)))
		return -1;
	*ret_sum += (__u16)~field;
	return 0;
}

static __noinline int edit_icmp(struct pkt *p)
{
	__u32 have = p->ctx->gso_size ? p->len - ETH_HLEN : p->wire;
	__u32 quote = have < EDIT_QUOTE_MAX ? have & ~3u : EDIT_QUOTE_MAX, partial = 0;
	struct edit_error e = {};
	struct ethhdr eth;
	__s64 sum;

	if (ctx_csum_partial(p->ctx)) {
		if (p->proto == IPPROTO_TCP)
			partial = offsetof(struct tcphdr, check);
		else if (p->proto == IPPROTO_UDP)
			partial = offsetof(struct udphdr, check);
	}
	if (bpf_skb_change_tail(p->ctx, ETH_HLEN + quote, 0) ||
	    bpf_skb_adjust_room(p->ctx, sizeof(e), BPF_ADJ_ROOM_MAC, 0))
		return -1;
	e.ip.version = 4;
	e.ip.ihl = 5;
	e.ip.tos = 0xc0; /* RFC 1812 4.3.2.5: internetwork control */
	e.ip.tot_len = bpf_htons(sizeof(e) + quote);
	e.ip.id = bpf_get_prandom_u32();
	e.ip.ttl = 64;
	e.ip.protocol = IPPROTO_ICMP;
	e.ip.saddr = p->error_src;
	e.ip.daddr = p->saddr;
	e.ip.check = edit_fold(bpf_csum_diff(NULL, 0, (__be32 *)&e.ip, sizeof(e.ip), 0));
	e.icmp.type = p->error_type;
	e.icmp.code = p->error_code;
	if (p->error_type == ICMP_DEST_UNREACH && p->error_code == ICMP_FRAG_NEEDED)
		e.icmp.un.frag.mtu = bpf_htons(p->mtu);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&e.icmp, sizeof(e.icmp), 0);
	if (edit_quote_sum(p, quote, partial, &sum))
		return -1;
	e.icmp.checksum = edit_fold(sum);
	mac_copy(eth.h_dest, p->smac);
	mac_copy(eth.h_source, p->dmac);
	eth.h_proto = bpf_htons(ETH_P_IP);
	return bpf_skb_store_bytes(p->ctx, 0, &eth, sizeof(eth), 0) ||
	       bpf_skb_store_bytes(p->ctx, ETH_HLEN, &e, sizeof(e), BPF_F_RECOMPUTE_CSUM);
}

static __always_inline int edit_tc(struct pkt *p)
{
	switch ((enum edit)p->edit) {
	case EDIT_NONE:
		return 0;
	case EDIT_SNAT:
		return edit_head(p, &p->new_addr, true) || edit_l4(p, p->saddr, p->sport, true);
	case EDIT_DNAT:
		return edit_head(p, &p->new_addr, false) || edit_l4(p, p->daddr, p->dport, false);
	case EDIT_TTL:
		return edit_head(p, NULL, false);
	case EDIT_ARP:
		return edit_arp(p);
	case EDIT_ND:
		return edit_nd(p);
	case EDIT_QUOTE:
		return edit_quote(p);
	case EDIT_ICMP:
		return edit_icmp(p);
	}
	return -1;
}
