/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames that are neither ours nor for us: from one uplink out of another, as this host would route them (XdpForward). */
#pragma once

/*
 * The host's own way has more than a routing table: rules, connections and their translation, marks, policies of IPsec, queues.
 * Who asks for this one goes without them. What the routing itself would refuse, tell somebody of or do in another way goes
 * on as it came: the kernel knows best. TCP goes on too, as everywhere at XDP.
 */

#include "edit_note.h"
#include "ip6.h"
#include "parse_xdp.h"

/* The leg of an uplink, NULL if it is none's. */
static __always_inline const struct nsf_port *through_leg(__u32 ifindex, __u32 *ret_slot)
{
	const __u32 *slot = bpf_map_lookup_elem(&nsf_uplinks, &ifindex);

	if (!slot)
		return NULL;
	*ret_slot = *slot;
	return array_row(&nsf_ports, *slot);
}

/* For this host's MAC, as far as a network of this uplink knows it. */
static __always_inline bool through_ours(const struct pkt *p, const struct nsf_port *leg)
{
	const struct nsf_net *net = array_row(&nsf_nets, leg->net);

	return net && net->uplink == p->xdp->ingress_ifindex && mac_equal(p->dmac, net->uplink_mac);
}

/* Nobody, loopback, groups and what follows them (RFC 1122 section 3.2.1.3), and the link's own (RFC 3927 section 2.7). */
static __always_inline bool through_odd4(__be32 addr)
{
	__u32 a = bpf_ntohl(addr);

	return !(a >> 24) || a >> 24 == 127 || a >= 0xe0000000 || a >> 16 == 0xa9fe;
}

/* True unless one of its ends is none that a router sends packets between, or the header is wrong. */
static __always_inline bool through_plain(const struct pkt *p)
{
	const struct ipv6hdr *ip = xdp_data(p->xdp) + ETH_HLEN;

	if (p->family == 4)
		return !through_odd4(p->saddr) && !through_odd4(p->daddr) && parse_xdp_sum_ok(p);
	if ((void *)(ip + 1) > xdp_data_end(p->xdp) || ip6_stays(p))
		return false;
	return !ip6_martian(ip->saddr.s6_addr32) && !ip6_multicast(ip->saddr.s6_addr32) &&
	       !ip6_martian(ip->daddr.s6_addr32);
}

/* Asks the kernel for the way of the packet or, back, of an answer to it, from the interface where it came in. */
static __always_inline long through_ask(const struct pkt *p, struct bpf_fib_lookup *q, bool back)
{
	const struct ipv6hdr *ip = xdp_data(p->xdp) + ETH_HLEN;

	*q = (struct bpf_fib_lookup){
		.l4_protocol = p->proto,
		.sport = back ? p->dport : p->sport,
		.dport = back ? p->sport : p->dport,
		.tot_len = back ? 0 : p->len - ETH_HLEN, /* what lies behind the packet is sent on too */
		.ifindex = p->xdp->ingress_ifindex,
	};
	if (p->family == 4) {
		q->family = AF_INET;
		q->tos = p->tos & 0x1c;
		q->ipv4_src = back ? p->daddr : p->saddr;
		q->ipv4_dst = back ? p->saddr : p->daddr;
	} else if ((void *)(ip + 1) <= xdp_data_end(p->xdp)) {
		q->family = AF_INET6;
		q->flowinfo = bpf_htonl((__u32)(p->tos & 0xfc) << 20);
		__builtin_memcpy(q->ipv6_src, back ? &ip->daddr : &ip->saddr, sizeof(q->ipv6_src));
		__builtin_memcpy(q->ipv6_dst, back ? &ip->saddr : &ip->daddr, sizeof(q->ipv6_dst));
	}
	return bpf_fib_lookup(p->xdp, q, sizeof(*q), 0);
}

/* True if a next hop was asked for by way of the kernel's neighbour table in this tick, which keeps it fresh, or another one
 * that has the same row. */
static __always_inline bool through_hop_fresh(const struct pkt *p)
{
	const __u16 *mac = (const __u16 *)p->out_dmac;
	__u32 now = tick(), hash = (p->out ^ (__u32)mac[1] << 16 ^ mac[2]) * 0x9e3779b1u;
	__u32 *row = array_row(&nsf_through, hash >> (32 - NSF_THROUGH_BITS));

	if (!row || *row == now)
		return row;
	*row = now;
	return false;
}

static __always_inline bool through_answered(long r)
{
	return r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH;
}

/* The way on, if it is one that frames can take. */
static __always_inline bool through_out(struct pkt *p, const struct bpf_fib_lookup *q)
{
	const struct nsf_port *to = through_leg(q->ifindex, &p->out_slot);

	if (!to || !(to->flags & NSF_PORT_NAPI) || q->ifindex == p->xdp->ingress_ifindex)
		return false;
	p->out = q->ifindex;
	if (p->family == 6)
		addr6_copy((__u32 *)p->hop, q->ipv6_dst);
	else if (q->family == AF_INET)
		p->hop[0] = q->ipv4_dst;
	mac_copy(p->out_dmac, q->dmac);
	mac_copy(p->out_smac, q->smac);
	return true;
}

/* NEIGH: by tc, with a note. Who it comes from must be where it came from: the kernel has its own word on others, among
 * them who claims to be this host, or in a container. */
static __noinline enum verdict through(struct pkt *p)
{
	const struct nsf_port *from = through_leg(p->xdp->ingress_ifindex, &p->slot);
	struct bpf_fib_lookup q;
	bool known;
	long r;

	if (likely(!from || !(from->flags & NSF_PORT_NAPI)))
		return PASS;
	if (p->proto == IPPROTO_TCP || p->ttl <= 1 || !through_ours(p, from) || !through_plain(p))
		return PASS;
	r = through_ask(p, &q, false);
	if (!through_answered(r) || !through_out(p, &q))
		return PASS;
	known = r == BPF_FIB_LKUP_RET_SUCCESS;
	r = through_ask(p, &q, true);
	if (!through_answered(r) || q.ifindex != p->xdp->ingress_ifindex)
		return PASS;
	return known && through_hop_fresh(p) ? SEND : NEIGH;
}
