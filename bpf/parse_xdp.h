/* SPDX-License-Identifier: GPL-2.0-only */
/* The only reader of bytes at XDP: plain headers alone; whoever needs more of a frame reads it at tc. */
#pragma once

#include "parse6.h"

/* What of this stage may look at the frame. */
enum parse_xdp {
	PARSE_XDP_NONE,
	PARSE_XDP_PASSING, /* who sends it on by its addresses; it is of no flow */
	PARSE_XDP_ALL,
};

/* The frame's ethertype, 0 if it has none. */
static __always_inline __be16 parse_xdp_protocol(struct xdp_md *xdp)
{
	struct ethhdr *eth = xdp_data(xdp);

	return (void *)(eth + 1) <= xdp_data_end(xdp) ? eth->h_proto : 0;
}

/* Folded and not inverted: what stands in a field that the hardware, or whoever stands for it, has yet to fill in. */
static __always_inline __u16 parse_xdp_pseudo(const __u32 *addrs, __u32 words, __u32 len, __u8 proto)
{
	__u64 sum = (__u64)bpf_htonl(len) + bpf_htonl(proto);

	for (__u32 i = 0; i < words; i++)
		sum += addrs[i];
	return sum_fold(sum);
}

/*
 * UDP, ICMP, and TCP's first packets: of the rest nothing is decided here. Frames of a veth may come without their checksum,
 * and nothing says so but the field.
 */
static __always_inline enum parse_xdp parse_xdp_l4(struct pkt *p, void *l4, void *end, const __u32 *addrs, __u32 words)
{
	__u32 room = p->wire + ETH_HLEN - p->l4;
	struct udphdr *udp = l4;
	struct icmphdr *icmp = l4;
	struct tcphdr *tcp = l4;

	switch (p->proto) {
	case IPPROTO_UDP:
		if ((void *)(udp + 1) > end || room < sizeof(*udp))
			return PARSE_XDP_NONE;
		p->sport = udp->source;
		p->dport = udp->dest;
		if (!udp->check)
			return words == 2 ? PARSE_XDP_ALL : PARSE_XDP_NONE;
		return udp->check == parse_xdp_pseudo(addrs, words, bpf_ntohs(udp->len), IPPROTO_UDP) ? PARSE_XDP_NONE
												      : PARSE_XDP_ALL;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (p->proto != (words == 2 ? IPPROTO_ICMP : IPPROTO_ICMPV6) || (void *)(icmp + 1) > end ||
		    room < sizeof(*icmp))
			return PARSE_XDP_NONE;
		p->icmp_type = icmp->type;
		p->icmp_code = icmp->code;
		if (icmp->type != (words == 2 ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY))
			return PARSE_XDP_PASSING;
		p->dport = icmp->un.echo.id;
		return PARSE_XDP_ALL;
	case IPPROTO_TCP:
		if ((void *)(tcp + 1) > end || room < sizeof(*tcp))
			return PARSE_XDP_NONE;
		p->sport = tcp->source;
		p->dport = tcp->dest;
		p->tcp = ((__u8 *)tcp)[13];
		return (p->tcp & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN ? PARSE_XDP_ALL : PARSE_XDP_NONE;
	}
	return PARSE_XDP_NONE;
}

static __always_inline enum parse_xdp parse_xdp_ip4(struct pkt *p, struct iphdr *ip, void *end)
{
	__u32 total;

	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl != 5 || ip->frag_off & bpf_htons(0x3fff))
		return PARSE_XDP_NONE;
	total = bpf_ntohs(ip->tot_len);
	if (total < sizeof(*ip) || total + ETH_HLEN > p->len)
		return PARSE_XDP_NONE;
	p->wire = total;
	p->l4 = ETH_HLEN + sizeof(*ip);
	p->saddr = ip->saddr;
	p->daddr = ip->daddr;
	p->ttl = ip->ttl;
	p->tos = ip->tos;
	p->proto = ip->protocol;
	return parse_xdp_l4(p, ip + 1, end, &ip->saddr, 2);
}

static __always_inline enum parse_xdp parse_xdp_ip6(struct pkt *p, struct ipv6hdr *ip, void *end)
{
	enum parse_xdp what;
	__u32 total;

	if ((void *)(ip + 1) > end || ip->version != 6)
		return PARSE_XDP_NONE;
	total = bpf_ntohs(ip->payload_len) + sizeof(*ip);
	if (total + ETH_HLEN > p->len)
		return PARSE_XDP_NONE;
	p->wire = total;
	p->l4 = PARSE6_L4;
	p->ttl = ip->hop_limit;
	p->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	p->proto = ip->nexthdr;
	what = parse_xdp_l4(p, ip + 1, end, ip->saddr.s6_addr32, 8);
	if (what != PARSE_XDP_ALL)
		return what;
	p->saddr = parse6_handle(ip->saddr.s6_addr32);
	p->daddr = parse6_handle(ip->daddr.s6_addr32);
	return what;
}

static __always_inline enum parse_xdp parse_xdp(struct pkt *p)
{
	void *end = xdp_data_end(p->xdp);
	struct ethhdr *eth = xdp_data(p->xdp);

	if ((void *)(eth + 1) > end)
		return PARSE_XDP_NONE;
	p->len = end - (void *)eth;
	mac_copy(p->dmac, eth->h_dest);
	return p->family == 6 ? parse_xdp_ip6(p, (void *)(eth + 1), end) : parse_xdp_ip4(p, (void *)(eth + 1), end);
}

/* The header's sum, which who is given a packet looks at, and who sends on a frame has to. */
static __always_inline bool parse_xdp_sum_ok(const struct pkt *p)
{
	return sum_ip4_ok(xdp_data(p->xdp) + ETH_HLEN, xdp_data_end(p->xdp));
}
