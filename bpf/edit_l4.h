/* SPDX-License-Identifier: GPL-2.0-only */
/* Where transport headers have what a translation changes, for both families; SCTP ports and checksum. */
#pragma once

#include "parse.h"
#include "sctp.h"

/* The frame goes elsewhere, the packet stays as it is. */
static __always_inline int edit_macs(struct __sk_buff *ctx, struct pkt *p)
{
	struct ethhdr *eth = ctx_data(ctx);

	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return -1;
	mac_copy(eth->h_dest, p->out_dmac);
	mac_copy(eth->h_source, p->out_smac);
	return 0;
}

/* Where a protocol has its checksum and its ports, from the transport header on. */
struct edit_l4 {
	__u32 sum; /* 0: none that depends on what is changed */
	__u32 flags;
	__u32 src, dst;
};

/* False: of this one nothing changes with its ends. */
static __always_inline bool edit_l4_of(__u8 proto, struct edit_l4 *l)
{
	*l = (struct edit_l4){ .flags = BPF_F_PSEUDO_HDR, .src = 0, .dst = 2 };
	switch (proto) {
	case IPPROTO_TCP:
		l->sum = offsetof(struct tcphdr, check);
		return true;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		l->sum = offsetof(struct udphdr, check);
		l->flags |= BPF_F_MARK_MANGLED_0;
		return true;
	case IPPROTO_SCTP:
		return true;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		l->sum = offsetof(struct icmphdr, checksum);
		l->src = l->dst = offsetof(struct icmphdr, un.echo.id);
		if (proto == IPPROTO_ICMP)
			l->flags = 0; /* no pseudo header */
		return true;
	}
	return false;
}

/*
 * What bpf_l4_csum_replace() does, without the call: of a sum that is to be filled in, the field holds the pseudo header's,
 * not inverted. One over the whole packet, of the hardware's, has to be told too: that is the helper's. From 0 with a size
 * of 0 in flags: `to` is the difference.
 */
static __always_inline int edit_l4_sum(struct __sk_buff *ctx, __u32 field, __u32 from, __u32 to, __u64 flags)
{
	__u32 summed = ctx_lent() ? ctx_summed(ctx) : CHECKSUM_COMPLETE, at = field;
	__sum16 *sum;

	bounded(at);
	at &= 0x3ff; /* it is less */
	sum = ctx_data(ctx) + at;
	if (unlikely(summed == CHECKSUM_COMPLETE || (void *)(sum + 1) > ctx_data_end(ctx)))
		return bpf_l4_csum_replace(ctx, field, from, to, flags);
	if (flags & BPF_F_MARK_MANGLED_0 && !*sum)
		return 0;
	if (summed != CHECKSUM_PARTIAL)
		sum_change(sum, from, to);
	else if (flags & BPF_F_PSEUDO_HDR)
		*sum = sum_fold(*sum + sum_diff(from, to));
	if (flags & BPF_F_MARK_MANGLED_0 && !*sum)
		*sum = 0xffff;
	return 0;
}

/* Both ports as they were and as they shall be; nothing to do while whoever puts it on a wire has yet to sum up. */
static __noinline int edit_sctp(struct __sk_buff *ctx, struct pkt *p)
{
	__u32 sum, at = p->l4 + offsetof(struct parse_sctp, sum);
	__be16 from[2] = { p->sport, p->dport }, to[2] = { p->sport, p->dport };
	__u32 a, b;

	if (p->nat & NAT_SRC)
		to[0] = p->src.port;
	if (p->nat & NAT_DST)
		to[1] = p->dst.port;
	__builtin_memcpy(&a, from, sizeof(a));
	__builtin_memcpy(&b, to, sizeof(b));
	if (a == b || ctx_csum_partial(ctx))
		return 0;
	if (p->frag) /* the sum covers what is not here */
		return -1;
	if (bpf_skb_load_bytes(ctx, at, &sum, sizeof(sum)))
		return -1;
	sum ^= sctp_diff(a, b, p->wire + ETH_HLEN - p->l4);
	return bpf_skb_store_bytes(ctx, at, &sum, sizeof(sum), BPF_F_RECOMPUTE_CSUM);
}
