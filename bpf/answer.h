/* SPDX-License-Identifier: GPL-2.0-only */
/* Who asks for the MAC of a managed port: answered from what is known of it, so that nobody else need hear the question. */
#pragma once

#include "fdb.h"
#include "port6.h"

/* The managed port of a network that has the address, by the handle of one of IPv6; 0: none. Not static: verified once, see
 * struct facts. */
__noinline int answer_slot(__u32 net, __be32 addr, __u32 family)
{
	struct nsf_addr k = { .addr = addr, .net = net, .family = family };
	const __u32 *at = bpf_map_lookup_elem(&nsf_addrs, &k);
	__u32 slot = at ? *at : 0;

	return slot < NSF_SLOTS_MAX ? slot : 0;
}

/* The port in the slot, if it is this network's. */
static __always_inline const struct nsf_port *answer_port(const struct pkt *p, __u32 slot)
{
	const struct nsf_port *to = slot ? array_row(&nsf_ports, slot) : NULL;

	return to && to->role == NSF_ROLE_PORT && to->ifindex && to->net == p->net_id ? to : NULL;
}

/* NEXT: others shall hear the question, see flood.h. */
static __always_inline enum verdict answer(struct pkt *p, const struct nsf_port *to, __u32 slot, enum edit edit)
{
	if (!to || slot == p->slot || p->port->flags & to->flags & NSF_PORT_ISOLATED || p->port->vlan != to->vlan)
		return NEXT;
	p->edit = edit;
	mac_copy(p->out_smac, to->mac);
	return REPLY;
}

/* The question is for all, and the network answers. */
static __always_inline bool answer_may(const struct pkt *p)
{
	return !(p->net->flags & NSF_NET_NO_ANSWERS) && p->dmac[0] & 1;
}

static __always_inline enum verdict answer4(struct pkt *p, __be32 asked)
{
	__u32 slot;

	if (!answer_may(p))
		return NEXT;
	slot = answer_slot(p->net_id, asked, 4);
	return answer(p, answer_port(p, slot), slot, EDIT_ARP);
}

/* The managed port whose MAC the link-local address is made of; 0: none. Not static, as above. */
__noinline int answer_link_local(__u32 net, __u32 high, __u32 low)
{
	const __u32 h = bpf_ntohl(high), l = bpf_ntohl(low);
	struct nsf_fdb_key k = { .net = net, .mac = { h >> 24 ^ 2, h >> 16, h >> 8, l >> 16, l >> 8, l } };
	const struct nsf_fdb *e = bpf_map_lookup_elem(&nsf_fdb, &k);

	return e && (e->flags & (NSF_FDB_STATIC | NSF_FDB_USER)) == NSF_FDB_STATIC ? e->slot : 0;
}

/* Slot of the managed port that has the address. */
static __always_inline __u32 answer_slot6(__u32 net, const __u32 *a)
{
	return a[0] == bpf_htonl(0xfe800000) ? answer_link_local(net, a[2], a[3])
					     : answer_slot(net, parse6_handle(a), 6);
}

static __always_inline bool answer_has6(const struct nsf_port *to, const __u32 *a)
{
	return to && to->flags & NSF_PORT_MANAGED && port6_own(to, a);
}

static __always_inline enum verdict answer6(struct pkt *p, const __u32 *asked)
{
	const struct nsf_port *to;
	__u32 slot;

	if (!answer_may(p))
		return NEXT;
	slot = answer_slot6(p->net_id, asked);
	to = answer_port(p, slot);
	return answer(p, answer_has6(to, asked) ? to : NULL, slot, EDIT_ND);
}

/* The host's own questions, which nobody has read yet: led to the port that is asked for. */
static __noinline enum verdict answer_host(struct pkt *p)
{
	const struct nsf_port *to = NULL;
	struct parse_arp a;
	struct parse_ns n;
	__u32 slot = 0;
	__be32 asked;

	if (!answer_may(p))
		return NEXT;
	if (p->ethertype == bpf_htons(ETH_P_ARP) && parse_arp(p->ctx, &a) && parse_is_arp4(&a) &&
	    a.op == bpf_htons(ARPOP_REQUEST)) {
		__builtin_memcpy(&asked, a.tpa, sizeof(asked));
		slot = answer_slot(p->net_id, asked, 4);
		to = answer_port(p, slot);
	} else if (p->ethertype == bpf_htons(ETH_P_IPV6) && parse_ns(p->ctx, &n) && parse_is_ns(&n)) {
		slot = answer_slot6(p->net_id, n.target.s6_addr32);
		to = answer_port(p, slot);
		if (!answer_has6(to, n.target.s6_addr32))
			to = NULL;
	}
	return to ? fdb_out(p, to, slot) : NEXT;
}

/* True if the frame asks for the MAC of an address that no managed port has. Who says its own address asks nobody. */
static __always_inline bool answer_nobody(struct __sk_buff *ctx, __u32 net, __be16 ethertype)
{
	struct parse_arp a;
	struct parse_ns n;
	__be32 asked, says;

	if (ethertype == bpf_htons(ETH_P_ARP)) {
		if (!parse_arp(ctx, &a) || !parse_is_arp4(&a) || a.op != bpf_htons(ARPOP_REQUEST))
			return false;
		__builtin_memcpy(&asked, a.tpa, sizeof(asked));
		__builtin_memcpy(&says, a.spa, sizeof(says));
		return asked != says && !answer_slot(net, asked, 4);
	}
	return ethertype == bpf_htons(ETH_P_IPV6) && parse_ns(ctx, &n) && parse_is_ns(&n) &&
	       !answer_slot6(net, n.target.s6_addr32);
}
