/* SPDX-License-Identifier: GPL-2.0-only */
/* The only writer of packet bytes at tc. */
#pragma once

/*
 * Direct writes come first: the helpers end every packet pointer. 0, or not 0 if the kernel refused.
 */

#include "maps.h"
#include "edit6.h"
#include "edit_l4.h"
#include "edit_vlan.h"

#define EDIT_QUOTE_MAX 128 /* bytes of the offending packet in an ICMP error */

/* MACs if they are known, TTL, and addresses. */
static __always_inline int edit_head(struct __sk_buff *ctx, struct pkt *p)
{
	struct ethhdr *eth = ctx_data(ctx);
	struct iphdr *ip = (void *)(eth + 1);
	__u64 sum;

	if ((void *)(ip + 1) > ctx_data_end(ctx))
		return -1;
	if (likely(p->macs)) {
		mac_copy(eth->h_dest, p->out_dmac);
		mac_copy(eth->h_source, p->out_smac);
	}
	sum = (__u16)~ip->check;
	if (likely(p->hops)) {
		/* a TTL of n is the high byte of its word */
		sum += sum_diff(bpf_htons(0x0100), 0);
		ip->ttl--;
	}
	if (unlikely(p->frag) && p->nat) {
		sum += sum_diff(ip->id, (__u16)p->id);
		ip->id = p->id;
	}
	if (p->nat & NAT_SRC) {
		sum += sum_diff(ip->saddr, p->src.addr);
		ip->saddr = p->src.addr;
	}
	if (p->nat & NAT_DST) {
		sum += sum_diff(ip->daddr, p->dst.addr);
		ip->daddr = p->dst.addr;
	}
	ip->check = ~sum_fold(sum);
	return 0;
}

/* The port or identifier of one end, and the transport checksum for it and for the IPv4 address. */
static __always_inline int edit_end(struct __sk_buff *ctx, struct pkt *p, const struct edit_l4 *l, __u32 at,
				    __be32 from, __be16 from_port, const struct end *to)
{
	__u32 sum = p->l4 + l->sum;
	void *l4;

	at += p->l4;
	if (from_port != to->port) {
		bounded(at);
		at &= 0xff;
		l4 = ctx_data(ctx) + at;
		if (l4 + sizeof(__be16) > ctx_data_end(ctx))
			return -1;
		*(__be16 *)l4 = to->port;
		if (l->sum && edit_l4_sum(ctx, sum, from_port, to->port, 2 | (l->flags & BPF_F_MARK_MANGLED_0)))
			return -1;
	}
	if (p->family != 4 || !l->sum || !(l->flags & BPF_F_PSEUDO_HDR))
		return 0;
	return edit_l4_sum(ctx, sum, from, to->addr, l->flags | 4);
}

static __always_inline int edit_ports(struct __sk_buff *ctx, struct pkt *p)
{
	struct edit_l4 l;

	if (p->frag == FRAG_LATER || !edit_l4_of(p->proto, &l))
		return 0;
	if (p->nat & NAT_SRC && edit_end(ctx, p, &l, l.src, p->saddr, p->sport, &p->src))
		return -1;
	if (p->nat & NAT_DST && edit_end(ctx, p, &l, l.dst, p->daddr, p->dport, &p->dst))
		return -1;
	return 0;
}

static __always_inline int edit_ends(struct __sk_buff *ctx, struct pkt *p)
{
	if (edit_ports(ctx, p))
		return -1;
	return p->proto == IPPROTO_SCTP && p->frag != FRAG_LATER ? edit_sctp(ctx, p) : 0;
}

/* What the fast path lets through. */
static __always_inline int edit_plain(struct __sk_buff *ctx, struct pkt *p)
{
	return edit_head(ctx, p) || edit_ports(ctx, p);
}

/* What changes in an ICMP error beside its outer header: its own sum, and those of what it quotes. */
struct edit_quote {
	__s64 diff;        /* of the message */
	__u32 ip;          /* offset of the quoted header */
	__u32 src, dst;    /* offsets of the quoted ends' ports */
	__sum16 head, sum; /* the quoted header's; the quoted transport's */
	__u8 ends;         /* it has ports, or an identifier */
	__u8 summed;       /* it has a sum */
	__u8 pseudo;       /* that one covers addresses too */
	__u8 pad;
};

/* One field of the quoted packet: writes it and notes the difference. */
static __always_inline int edit_field(struct __sk_buff *ctx, __u32 at, __u32 size, __u32 to, struct edit_quote *q,
				      __u32 *from)
{
	*from = 0;
	if (bpf_skb_load_bytes(ctx, at, from, size))
		return -1;
	q->diff = bpf_csum_diff(from, 4, &to, 4, q->diff);
	return bpf_skb_store_bytes(ctx, at, &to, size, 0);
}

/* Source or destination of the quoted packet. It went the other way than the error, so that its source is the error's
 * destination. Not static: verified once, see edit(). */
__noinline int edit_quoted_end(struct __sk_buff *ctx, struct pkt *p, struct edit_quote *q, __u32 source)
{
	const struct end *to;
	__u32 at, from;

	if (!p || !q)
		return -1;
	to = source ? &p->dst : &p->src;
	at = q->ip + (source ? offsetof(struct iphdr, saddr) : offsetof(struct iphdr, daddr));
	if (edit_field(ctx, at, 4, to->addr, q, &from))
		return -1;
	sum_change(&q->head, from, to->addr);
	if (q->summed && q->pseudo)
		sum_change(&q->sum, from, to->addr);
	if (!q->ends)
		return 0;
	if (edit_field(ctx, source ? q->src : q->dst, 2, to->port, q, &from))
		return -1;
	if (q->summed)
		sum_change(&q->sum, from, to->port);
	return 0;
}

/* RFC 5508 REQ-4 and REQ-5: the quoted packet is turned back into what the one who is told has sent. */
static __noinline int edit_quote(struct __sk_buff *ctx, struct pkt *p)
{
	struct edit_quote q = { .ip = p->l4 + sizeof(struct icmphdr) };
	struct edit_l4 l;
	__u32 from, sum;

	q.ends = edit_l4_of(p->quote_proto, &l);
	q.src = p->quote_l4 + l.src;
	q.dst = p->quote_l4 + l.dst;
	q.pseudo = !!(l.flags & BPF_F_PSEUDO_HDR);
	/* the quote may end before its checksum; 0 in UDP means that there is none */
	q.summed = l.sum && l.sum + sizeof(q.sum) <= p->quote_len;
	sum = p->quote_l4 + l.sum;
	if (bpf_skb_load_bytes(ctx, q.ip + offsetof(struct iphdr, check), &q.head, sizeof(q.head)) ||
	    (q.summed && bpf_skb_load_bytes(ctx, sum, &q.sum, sizeof(q.sum))))
		return -1;
	if (p->quote_proto == IPPROTO_UDP && !q.sum)
		q.summed = 0;
	if ((p->nat & NAT_DST && edit_quoted_end(ctx, p, &q, true)) ||
	    (p->nat & NAT_SRC && edit_quoted_end(ctx, p, &q, false)))
		return -1;
	if (p->quote_proto == IPPROTO_UDP && !q.sum)
		q.sum = 0xffff;
	if ((q.summed && edit_field(ctx, sum, 2, q.sum, &q, &from)) ||
	    edit_field(ctx, q.ip + offsetof(struct iphdr, check), 2, q.head, &q, &from) ||
	    bpf_l4_csum_replace(ctx, p->l4 + offsetof(struct icmphdr, checksum), 0, q.diff, 0))
		return -1;
	return edit_head(ctx, p);
}

static __noinline int edit_arp(struct __sk_buff *ctx, struct pkt *p)
{
	struct parse_arp a;
	struct ethhdr eth;
	__u32 asked;

	if (!parse_arp(ctx, &a))
		return -1;
	mac_copy(eth.h_dest, p->smac);
	mac_copy(eth.h_source, p->out_smac);
	eth.h_proto = bpf_htons(ETH_P_ARP);
	a.op = bpf_htons(ARPOP_REPLY);
	__builtin_memcpy(a.tha, a.sha, ETH_ALEN);
	__builtin_memcpy(a.sha, p->out_smac, ETH_ALEN);
	__builtin_memcpy(&asked, a.tpa, sizeof(asked));
	__builtin_memcpy(a.tpa, a.spa, sizeof(a.tpa));
	__builtin_memcpy(a.spa, &asked, sizeof(a.spa));
	return bpf_skb_store_bytes(ctx, 0, &eth, sizeof(eth), 0) ||
	       bpf_skb_store_bytes(ctx, ETH_HLEN, &a, sizeof(a), BPF_F_RECOMPUTE_CSUM);
}

struct edit_error {
	struct iphdr ip;
	struct icmphdr icmp;
};

/*
 * Sum of the quote, which begins at 42. A transport checksum that is still to be filled in will be, on the way to a
 * wire: from there to the end the sum of the filled quote is then minus what stands in the field now.
 */
static __always_inline int edit_quote_sum(struct __sk_buff *ctx, struct pkt *p, __u32 quote, __u32 partial,
					  __s64 *ret_sum)
{
	__u32 at = ETH_HLEN + sizeof(struct edit_error), head = p->l4 - ETH_HLEN, n = partial ? head : quote;
	__u32 zero = 0;
	struct nsf_scratch *s = bpf_map_lookup_elem(&nsf_scratch, &zero);
	__u16 field = 0;

	if (!s || !within(&n, 20, EDIT_QUOTE_MAX))
		return -1;
	__builtin_memset(s->bytes, 0, EDIT_QUOTE_MAX);
	if (bpf_skb_load_bytes(ctx, at, s->bytes, n))
		return -1;
	*ret_sum = bpf_csum_diff(NULL, 0, (__be32 *)s->bytes, EDIT_QUOTE_MAX, *ret_sum);
	if (!partial)
		return 0;
	if (bpf_skb_load_bytes(ctx, at + head + partial, &field, sizeof(field)))
		return -1;
	*ret_sum += (__u16)~field;
	return 0;
}

static __noinline int edit_icmp(struct __sk_buff *ctx, struct pkt *p)
{
	__u32 have = ctx->gso_size ? p->len - ETH_HLEN : p->wire;
	__u32 quote = have < EDIT_QUOTE_MAX ? have & ~3u : EDIT_QUOTE_MAX, partial = 0;
	struct edit_error e = {};
	struct ethhdr eth;
	__s64 sum;

	if (ctx_csum_partial(ctx)) {
		if (p->proto == IPPROTO_TCP)
			partial = offsetof(struct tcphdr, check);
		else if (p->proto == IPPROTO_UDP)
			partial = offsetof(struct udphdr, check);
	}
	if (bpf_skb_change_tail(ctx, ETH_HLEN + quote, 0) || bpf_skb_adjust_room(ctx, sizeof(e), BPF_ADJ_ROOM_MAC, 0))
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
	e.ip.check = ~sum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&e.ip, sizeof(e.ip), 0));
	e.icmp.type = p->error_type;
	e.icmp.code = p->error_code;
	if (p->error_type == ICMP_DEST_UNREACH && p->error_code == ICMP_FRAG_NEEDED)
		e.icmp.un.frag.mtu = bpf_htons(p->mtu);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&e.icmp, sizeof(e.icmp), 0);
	if (edit_quote_sum(ctx, p, quote, partial, &sum))
		return -1;
	e.icmp.checksum = ~sum_fold(sum);
	mac_copy(eth.h_dest, p->smac);
	mac_copy(eth.h_source, p->dmac);
	eth.h_proto = bpf_htons(ETH_P_IP);
	return bpf_skb_store_bytes(ctx, 0, &eth, sizeof(eth), 0) ||
	       bpf_skb_store_bytes(ctx, ETH_HLEN, &e, sizeof(e), BPF_F_RECOMPUTE_CSUM);
}

/* The plan for a packet that is not of IPv6; see edit(). */
__noinline int edit4(struct __sk_buff *ctx, struct pkt *p)
{
	if (!p)
		return -1;
	if (likely(p->edit == EDIT_NAT))
		return edit_head(ctx, p) || edit_ends(ctx, p);
	switch ((enum edit)p->edit) {
	case EDIT_NONE:
	case EDIT_NAT:
	case EDIT_ND:
	case EDIT_VLAN:
		break;
	case EDIT_TTL:
		return edit_head(ctx, p);
	case EDIT_MACS:
		return edit_macs(ctx, p);
	case EDIT_ARP:
		return edit_arp(ctx, p);
	case EDIT_QUOTE:
		return edit_quote(ctx, p);
	case EDIT_ICMP:
		return edit_icmp(ctx, p);
	}
	return -1;
}

/*
 * Both are functions that the verifier walks once by themselves, with any struct pkt, and not once for each state that
 * the stages leave behind. So they find no pointer in it, and after them there is none in it either: ctx comes beside it,
 * and records are looked up by what stands in it.
 */
static __always_inline int edit(struct __sk_buff *ctx, struct pkt *p, __u32 family)
{
	if (unlikely(p->edit == EDIT_VLAN))
		return vlan_edit(ctx, p->slot, p->out_slot);
	if (!family || p->edit == EDIT_NONE)
		return 0;
	return family == 6 ? edit6(ctx, p) : edit4(ctx, p);
}
