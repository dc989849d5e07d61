/* SPDX-License-Identifier: GPL-2.0-only */
/* Which IPv6 addresses a managed port may speak from. */
#pragma once

#include "parse6.h"
#include "port.h"

enum nd_type { ND_ROUTER_SOL = 133, ND_ROUTER_ADV, ND_NEIGHBOUR_SOL, ND_NEIGHBOUR_ADV, ND_REDIRECT };

static __always_inline bool port6_none(const __u32 *a)
{
	return !(a[0] | a[1] | a[2] | a[3]);
}

/* RFC 4291 appendix A: the link-local address that goes with a MAC. */
static __always_inline bool port6_link_local(const __u32 *a, const __u8 *mac)
{
	return a[0] == bpf_htonl(0xfe800000) && !a[1] &&
	       a[2] == bpf_htonl((__u32)(mac[0] ^ 2) << 24 | mac[1] << 16 | mac[2] << 8 | 0xff) &&
	       a[3] == bpf_htonl(0xfe000000 | (__u32)mac[3] << 16 | mac[4] << 8 | mac[5]);
}

/* True for both of the port's own addresses. */
static __always_inline bool port6_own(const struct nsf_port *port, const __u32 *a)
{
	return (addr6_equal(a, port->addr6) && !port6_none(a)) || port6_link_local(a, port->mac);
}

/* What may come from nobody: a look for duplicates, routers or group members (RFC 4862, 4861, 3590). */
static __always_inline bool port6_from_none(const struct pkt *p)
{
	if (p->proto != IPPROTO_ICMPV6 || p->frag)
		return false;
	return p->icmp_type == 135 || p->icmp_type == 133 || p->icmp_type == 131 || p->icmp_type == 132 ||
	       p->icmp_type == 143;
}

static __noinline enum verdict port6_packet(struct pkt *p)
{
	struct parse6_addrs a;

	/* a chain of headers that cannot be followed may hide an advertisement (RFC 7113) */
	if (p->bad)
		return drop(p, p->bad);
	if (!parse6_addrs(p->ctx, &a))
		return drop(p, NSF_DROP_SHORT_IP6);
	if (port6_own(p->port, a.src) || (port6_none(a.src) && port6_from_none(p)))
		return NEXT;
	return drop(p, NSF_DROP_SPOOF_IP6);
}

/* Comes after port_source(). */
static __always_inline enum verdict port6(struct pkt *p)
{
	if (p->family != 6)
		return NEXT;
	if (p->port->flags & NSF_PORT_MANAGED)
		return p->tagged ? NEXT : port6_packet(p);
	return p->bad == NSF_DROP_EXT_HEADERS ? drop(p, p->bad) : NEXT;
}
