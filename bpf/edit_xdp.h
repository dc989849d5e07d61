/* SPDX-License-Identifier: GPL-2.0-only */
/* The only writer of bytes at XDP: a frame's sums are complete there, and are changed by what changes (RFC 1624). */
#pragma once

#include "edit_tc.h"

/* The transport's sum, for a destination that was `from` and is `to`, with its port or identifier. */
static __always_inline int edit_xdp_l4(struct pkt *p, const __be32 *from, const __be32 *to, __u32 words)
{
	void *l4 = xdp_data(p->xdp) + (words == 1 ? ETH_HLEN + sizeof(struct iphdr) : PARSE6_L4);
	struct icmphdr *icmp = l4;
	struct udphdr *udp = l4;
	__sum16 *sum;
	__be16 *port;

	if (l4 + sizeof(*udp) > xdp_data_end(p->xdp))
		return -1;
	sum = p->proto == IPPROTO_UDP ? &udp->check : &icmp->checksum;
	port = p->proto == IPPROTO_UDP ? &udp->dest : &icmp->un.echo.id;
	if (p->proto != IPPROTO_UDP || *sum) {
		sum_change(sum, *port, p->dst.port);
		for (__u32 i = 0; i < words && p->proto != IPPROTO_ICMP; i++)
			sum_change(sum, from[i], to[i]);
		if (p->proto == IPPROTO_UDP && !*sum)
			*sum = 0xffff;
	}
	*port = p->dst.port;
	return 0;
}

static __always_inline int edit_xdp_ip4(struct pkt *p, struct iphdr *ip)
{
	if (p->nat && edit_xdp_l4(p, &ip->daddr, &p->dst.addr, 1))
		return -1;
	sum_change(&ip->check, bpf_htons(0x0100), 0);
	ip->ttl--;
	if (p->nat) {
		sum_change(&ip->check, ip->daddr, p->dst.addr);
		ip->daddr = p->dst.addr;
	}
	return 0;
}

static __always_inline int edit_xdp_ip6(struct pkt *p, struct ipv6hdr *ip)
{
	const __u32 *to = p->nat ? six_end(&p->dst) : NULL;

	if (p->nat && (!to || edit_xdp_l4(p, ip->daddr.s6_addr32, to, 4)))
		return -1;
	ip->hop_limit--;
	if (to)
		addr6_copy(ip->daddr.s6_addr32, to);
	return 0;
}

/* Destination, if it is translated, and MACs as the plan has them, one hop less. 0, or not 0 if there is no such header. */
static __always_inline int edit_xdp(struct pkt *p)
{
	struct ethhdr *eth = xdp_data(p->xdp);
	void *ip = eth + 1, *end = xdp_data_end(p->xdp);

	if (ip + (p->family == 6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr)) > end)
		return -1;
	mac_copy(eth->h_dest, p->out_dmac);
	mac_copy(eth->h_source, p->out_smac);
	return p->family == 6 ? edit_xdp_ip6(p, ip) : edit_xdp_ip4(p, ip);
}
