/* SPDX-License-Identifier: GPL-2.0-only */
/* IP for the gateway's MAC: what the host's stack would refuse is refused here, what is for the host goes up. */
#pragma once

#include "ip6.h"

static __always_inline enum verdict ip4_ends(struct pkt *p)
{
	__u32 s = bpf_ntohl(p->saddr), d = bpf_ntohl(p->daddr);
	__be32 all = (p->net->addr4 & p->net->mask4) | ~p->net->mask4;

	/* 0/8, 127/8, 224/4 and above. Whose it may not be was looked at before. */
	if (s >> 24 == 0 || s >> 24 == 127 || s >= 0xe0000000 || p->saddr == all)
		return drop(p, NSF_DROP_MARTIAN_SRC);
	if (d >> 24 == 0 || d >> 24 == 127 || d >= 0xe0000000 || p->daddr == all)
		return drop(p, NSF_DROP_MARTIAN_DST);
	/* what is behind a learning port may have others, but not beyond the gateway */
	if ((p->saddr ^ p->net->addr4) & p->net->mask4 && p->daddr != p->net->addr4)
		return drop(p, NSF_DROP_SPOOF_IP4);
	if (d >> 16 == 0xa9fe) /* 169.254/16: a cloud's metadata service is nobody's in a container */
		return drop(p, NSF_DROP_LINK_LOCAL);
	return NEXT;
}

static __always_inline enum verdict ip4_packet(struct pkt *p)
{
	TRY(ip4_ends(p));
	if (unlikely(p->l4 > ETH_HLEN + sizeof(struct iphdr)) && parse_source_route(p))
		return drop(p, NSF_DROP_SOURCE_ROUTE);
	return NEXT;
}

/*
 * A sender with a packet socket may ask for a checksum to be filled in anywhere when the packet leaves, over a source
 * address that was translated too: only the transport header's own field will do.
 */
static __always_inline bool ip_sum_own(const struct pkt *p)
{
	switch (p->proto) {
	case IPPROTO_TCP:
		return ctx_csum_at(p->ctx, p->l4, offsetof(struct tcphdr, check));
	case IPPROTO_UDP:
		return ctx_csum_at(p->ctx, p->l4, offsetof(struct udphdr, check));
	}
	return !ctx_csum_partial(p->ctx);
}

static __always_inline bool ip_for_gateway(const struct pkt *p)
{
	return p->family == 6 ? ip6_for_gateway(p) : p->daddr == p->net->addr4;
}

/* Comes after fdb: the frame carries the gateway's MAC. */
static __always_inline enum verdict ip(struct pkt *p)
{
	if (unlikely(p->tagged))
		return drop(p, NSF_DROP_VLAN);
	if (p->ethertype == bpf_htons(ETH_P_ARP))
		return HOST; /* unicast that was not answered: the host's own affair */
	if (p->family != 6 && p->ethertype != bpf_htons(ETH_P_IP))
		return drop(p, NSF_DROP_NOT_IP);
	if (unlikely(p->bad))
		return drop(p, p->bad);
	if (p->family == 6)
		TRY(ip6_packet(p));
	else
		TRY(ip4_packet(p));
	return likely(ip_sum_own(p) || ip_for_gateway(p)) ? NEXT : drop(p, NSF_DROP_SUM_ELSEWHERE);
}
