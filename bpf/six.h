/* SPDX-License-Identifier: GPL-2.0-only */
/* The whole IPv6 addresses beside records that hold handles: filled at birth, compared at every packet. */
#pragma once

#include "birth.h"
#include "pool.h"
#include "route6.h"

/* NULL: there are none. */
static __always_inline struct nsf_flow6 *six_of(const struct nsf_flow *f)
{
	return f->six ? array_row(&nsf_flows, f->six) : NULL;
}

/* The address of an end as it shall be, NULL if there is none. */
static __always_inline const __u32 *six_end(const struct end *e)
{
	const struct nsf_flow6 *s = e->six ? array_row(&nsf_flows, e->six) : NULL;

	if (!s)
		return NULL;
	return e->inner ? s->inner : s->ext;
}

/* NULL: the packet has no such header. */
static __always_inline const struct ipv6hdr *six_head(const struct pkt *p)
{
	const struct ipv6hdr *ip = data(p) + ETH_HLEN;

	return (void *)(ip + 1) <= data_end(p) ? ip : NULL;
}

/* Source of the packet as it leaves: hairpinned ones have another than they came with. */
static __always_inline bool six_source_is(const struct pkt *p, const struct ipv6hdr *ip, const __u32 *a)
{
	const __u32 *to = p->nat & NAT_SRC ? six_end(&p->src) : ip->saddr.s6_addr32;

	return to && addr6_equal(to, a);
}

/* True if the packet, from the inner endpoint or towards the external one, is of this flow; IPv4: the keys told it. */
static __always_inline bool six_same(const struct pkt *p, const struct nsf_flow *f, bool inner)
{
	const struct ipv6hdr *ip;
	const struct nsf_flow6 *s;

	if (p->family != 6)
		return true;
	s = six_of(f);
	ip = six_head(p);
	if (!s || !ip)
		return false;
	if (inner)
		return addr6_equal(&ip->saddr, s->inner) && addr6_equal(&ip->daddr, s->peer);
	return six_source_is(p, ip, s->peer) && addr6_equal(&ip->daddr, s->ext);
}

/* True if the packet quoted in an error, sent by the inner endpoint or to the external one, is of this flow. */
static __noinline bool six_quoted(const struct pkt *p, const struct nsf_flow *f, bool inner)
{
	struct parse6_addrs q;
	const struct ipv6hdr *ip;
	const struct nsf_flow6 *s;

	if (p->family != 6)
		return true;
	s = six_of(f);
	if (!s || bpf_skb_load_bytes(p->ctx, p->l4 + sizeof(struct icmp6hdr) + offsetof(struct ipv6hdr, saddr), &q,
				     sizeof(q)))
		return false;
	ip = six_head(p);
	if (!ip)
		return false;
	/* the quoted packet went the other way */
	if (inner)
		return addr6_equal(&ip->saddr, s->inner) && addr6_equal(q.dst, s->inner) && addr6_equal(q.src, s->peer);
	return addr6_equal(&ip->daddr, s->ext) && addr6_equal(q.src, s->ext) && addr6_equal(q.dst, s->peer);
}

/* True if a rule is for this very address. */
static __always_inline bool six_published(const struct pkt *p, const struct nsf_publish *r)
{
	const struct ipv6hdr *ip;

	if (p->family != 6)
		return true;
	ip = six_head(p);
	return ip && addr6_equal(&ip->daddr, r->addr6);
}

/* True if the kernel holds the destination for the host's own; the tables tell it not from one that leads nowhere. */
static __noinline bool six_local(struct pkt *p, const struct nsf_net *net)
{
	struct bpf_fib_lookup q = { .ifindex = net->fib };

	return route6_ask(p, &q) && bpf_fib_lookup(p->ctx, &q, sizeof(q), 0) == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/* The SNAT address of an inner address, the one whose ledger flow_snat() gives. */
static __always_inline const __u32 *six_pool(const struct nsf_net *net, __be32 inner)
{
	__u32 i = pool_index(inner, 6, net->n_snat6);

	bounded(i);
	i &= NSF_POOL_MAX - 1; /* it is less; this the verifier can see */
	return net->n_snat6 ? (const __u32 *)net->pool6[i] : NULL;
}

/* Inner, external and peer's address of a flow that a packet of the inner endpoint begins, or of the peer. */
static __noinline bool six_birth(const struct pkt *p, struct birth *b)
{
	const struct ipv6hdr *ip = six_head(p);
	const struct nsf_port *port;
	const __u32 *ext, *peer;

	if (!ip)
		return false;
	if (!(b->flags & NSF_FLOW_INBOUND)) {
		ext = p->net ? six_pool(p->net, b->inner) : ip->saddr.s6_addr32; /* the host itself keeps its address */
		if (!ext)
			return false;
		addr6_copy(b->inner6, ip->saddr.s6_addr32);
		addr6_copy(b->peer6, ip->daddr.s6_addr32);
		addr6_copy(b->ext6, ext);
		return true;
	}
	port = array_row(&nsf_ports, b->slot);
	if (!port)
		return false;
	addr6_copy(b->inner6, (const __u32 *)port->addr6); /* only managed ports are begun with */
	addr6_copy(b->ext6, ip->daddr.s6_addr32);
	peer = p->nat & NAT_SRC ? six_end(&p->src) : NULL;
	addr6_copy(b->peer6, peer ? peer : ip->saddr.s6_addr32);
	return parse6_handle(b->inner6) == b->inner;
}

/* For the host's sockets: as the peer's answer to this packet would come. The external port is the caller's. */
static __always_inline void six_tuple(const struct pkt *p, struct bpf_sock_tuple *t)
{
	const struct ipv6hdr *ip = six_head(p);
	const __u32 *ext;

	if (!ip)
		return;
	ext = p->net ? six_pool(p->net, p->saddr) : ip->saddr.s6_addr32;
	if (!ext)
		return;
	addr6_copy((__u32 *)t->ipv6.saddr, ip->daddr.s6_addr32);
	addr6_copy((__u32 *)t->ipv6.daddr, ext);
	t->ipv6.sport = p->dport;
}

/* As it came. */
static __always_inline void six_tuple_in(const struct pkt *p, struct bpf_sock_tuple *t)
{
	const struct ipv6hdr *ip = six_head(p);

	if (!ip)
		return;
	addr6_copy((__u32 *)t->ipv6.saddr, ip->saddr.s6_addr32);
	addr6_copy((__u32 *)t->ipv6.daddr, ip->daddr.s6_addr32);
	t->ipv6.sport = p->sport;
	t->ipv6.dport = p->dport;
}
