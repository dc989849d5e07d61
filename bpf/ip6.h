/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 for the gateway's MAC: what the host's stack would refuse is refused here, what is for the host goes up. */
#pragma once

#include "nd.h"

/* The top bits of an address. */
static __always_inline bool ip6_multicast(const __u32 *a)
{
	return (bpf_ntohl(a[0]) >> 24) == 0xff;
}

static __always_inline bool ip6_link_local(const __u32 *a)
{
	return (bpf_ntohl(a[0]) & 0xffc00000) == 0xfe800000;
}

/* ::/96 (unspecified, loopback and what once was IPv4-compatible) and ::ffff:0:0/96 (RFC 4291 section 2.5). */
static __always_inline bool ip6_martian(const __u32 *a)
{
	return !(a[0] | a[1]) && (!a[2] || a[2] == bpf_htonl(0xffff));
}

/* True if two addresses share their first plen bits. */
static __always_inline bool ip6_near(const __u32 *a, const __u32 *b, __u32 plen)
{
	for (__u32 i = 0; i < 4; i++) {
		__u32 bits = plen > 32 * i ? plen - 32 * i : 0;
		__u32 mask = bits >= 32 ? ~0u : ~(~0u >> bits);

		if ((a[i] ^ b[i]) & bpf_htonl(mask))
			return false;
	}
	return true;
}

/* RFC 4890 section 4.3: errors, echo and mobility go beyond a link; the rest is the link's affair, or nobody's. */
static __always_inline bool ip6_icmp_leaves(__u8 type)
{
	return (type >= 1 && type <= 4) || type == 128 || type == 129 || (type >= 144 && type <= 147);
}

/* True for the gateway's address in the subnet; for the link-local one the packet has gone up before. */
static __always_inline bool ip6_for_gateway(const struct pkt *p)
{
	const struct ipv6hdr *ip = data(p) + ETH_HLEN;

	return (void *)(ip + 1) <= data_end(p) && addr6_equal(&ip->daddr, p->net->gateway6);
}

/* NEXT for the gateway's address too. */
static __noinline enum verdict ip6_packet(struct pkt *p)
{
	struct parse6_addrs a;

	if (p->bad)
		return drop(p, p->bad);
	if (!parse6_addrs(p->ctx, &a))
		return drop(p, NSF_DROP_SHORT_IP6);
	/* whose it may not be was looked at before */
	if (ip6_martian(a.src) || ip6_multicast(a.src))
		return drop(p, NSF_DROP_MARTIAN_SRC);
	if (addr6_equal(a.dst, p->net->addr6)) /* which serves the link, and nothing above it */
		return p->proto == IPPROTO_ICMPV6 ? HOST : drop(p, NSF_DROP_HOST_ACCESS);
	if (held_gateway6(p->net, a.dst))
		return NEXT;
	if (ip6_martian(a.dst) || ip6_multicast(a.dst))
		return drop(p, NSF_DROP_MARTIAN_DST);
	if (port6_none((const __u32 *)p->net->gateway6))
		return drop(p, NSF_DROP_IP6_ROUTE);
	if (ip6_link_local(a.src) || ip6_link_local(a.dst))
		return drop(p, NSF_DROP_LINK_LOCAL);
	if (p->proto == IPPROTO_ICMPV6 && p->frag != FRAG_LATER && !ip6_icmp_leaves(p->icmp_type))
		return drop(p, NSF_DROP_ICMP6_LINK);
	/* what is behind a learning port may have others, but not beyond the gateway */
	if (!(p->port->flags & NSF_PORT_MANAGED) && !ip6_near(a.src, (const __u32 *)p->net->gateway6, p->net->plen6))
		return drop(p, NSF_DROP_SPOOF_IP6);
	return NEXT;
}

/*
 * True for what never was a container's: groups, the link's own business, and ICMPv6 that does not leave its link.
 */
static __always_inline bool ip6_stays(const struct pkt *p)
{
	const struct ipv6hdr *ip = data(p) + ETH_HLEN;

	if (p->family != 6)
		return false;
	if ((void *)(ip + 1) > data_end(p))
		return true;
	if (ip6_link_local(ip->saddr.s6_addr32) || ip6_link_local(ip->daddr.s6_addr32) ||
	    ip6_multicast(ip->daddr.s6_addr32))
		return true;
	return p->proto == IPPROTO_ICMPV6 && p->frag != FRAG_LATER && !ip6_icmp_leaves(p->icmp_type);
}
