/* SPDX-License-Identifier: GPL-2.0-only */
/* Which flow a packet is of: by the place of its outer key, which most have for themselves, else by its key. */
#pragma once

#include "birth.h"
#include "guess.h"
#include "hint.h"
#include "pkt.h"
#include "pool.h"

/* By its outer key. Fills p->flow_slot too. */
static __always_inline struct nsf_flow *flow_find(struct pkt *p, const struct nsf_flow_key *k)
{
	return birth_find_outer(k, &p->flow_slot);
}

/* The same by its inner key. */
static __always_inline struct nsf_flow *flow_find_inner(struct pkt *p, const struct nsf_flow_key *k)
{
	return birth_find(k, &p->flow_slot);
}

/* SNAT address of an inner address: always the same one of the network's pool (RFC 4787 REQ-2). NULL if it has none. */
static __always_inline const struct nsf_snat *flow_snat(const struct nsf_net *net, __be32 inner, __u8 family)
{
	__u32 n = family == 6 ? net->n_snat6 : net->n_snat, i = pool_index(inner, family, n);

	if (!n || i >= NSF_POOL_MAX)
		return NULL;
	return family == 6 ? &net->snat6[i] : &net->snat[i];
}

/* The packet's key: from a port, with its network, the inner one; from the uplink, with 0, the outer one. */
static __always_inline void flow_key(const struct pkt *p, __u32 net, struct nsf_flow_key *k)
{
	*k = (struct nsf_flow_key){
		.saddr = p->saddr,
		.daddr = p->daddr,
		.sport = p->sport,
		.dport = p->dport,
		.net = net,
		.proto = p->proto,
		.family = p->family,
	};
}

/* The outer key of a conversation seen from inside, if its port number is preserved; without an address where nothing is
 * translated. */
static __always_inline void flow_guess(const struct pkt *p, const struct nsf_flow_key *inner,
				       struct nsf_flow_key *outer)
{
	const struct nsf_snat *snat = flow_snat(p->net, inner->saddr, p->family);

	*outer = (struct nsf_flow_key){
		.saddr = inner->daddr,
		.daddr = snat ? snat->addr : 0,
		.sport = inner->dport,
		.dport = inner->sport,
		.proto = inner->proto,
		.family = inner->family,
	};
}

/* The flow of these two ends, seen from inside: by the guess, else by its inner key. */
static __always_inline struct nsf_flow *flow_by(struct pkt *p, const struct nsf_flow_key *inner,
						const struct nsf_flow_key *outer)
{
	struct nsf_flow *f = outer->daddr ? flow_find(p, outer) : NULL;

	if (f && f->inner == inner->saddr && f->inner_port == inner->sport && f->net == inner->net)
		return f;
	return guess_holds(inner->saddr) ? NULL : flow_find_inner(p, inner);
}

static __noinline struct nsf_flow *flow_from(struct pkt *p, const struct nsf_flow_key *inner)
{
	struct nsf_flow_key outer;

	flow_guess(p, inner, &outer);
	return flow_by(p, inner, &outer);
}

/* The packet's flow where the place does not lead to it, from a port and from the uplink; from then on that does, if it may. */
static __noinline struct nsf_flow *flow_learn_from(struct pkt *p)
{
	struct nsf_flow_key inner, outer;
	struct nsf_flow *f;

	flow_key(p, p->net_id, &inner);
	flow_guess(p, &inner, &outer);
	f = flow_by(p, &inner, &outer);
	if (f)
		hint_note(&outer, p->flow_slot);
	return f;
}

static __noinline struct nsf_flow *flow_learn_to(struct pkt *p)
{
	struct nsf_flow_key k;
	struct nsf_flow *f;

	flow_key(p, 0, &k);
	f = flow_find(p, &k);
	if (f)
		hint_note(&k, p->flow_slot);
	return f;
}

/* True if flow_by() would find this record: by its key, or by the guess, whose address is ext. */
static __always_inline bool flow_is_from(const struct pkt *p, const struct nsf_flow *f, __be32 ext)
{
	if ((f->inner ^ p->saddr) | (f->peer ^ p->daddr) | (f->inner_port ^ p->sport) | (f->peer_port ^ p->dport) |
	    (f->net ^ p->net_id) | (f->proto ^ p->proto) | (f->family ^ p->family) | !(f->flags & NSF_FLOW_LIVE))
		return false;
	return f->flags & NSF_FLOW_KEYED || f->ext == ext;
}

/* True if the packet's outer key leads to this record. */
static __always_inline bool flow_is_to(const struct pkt *p, const struct nsf_flow *f)
{
	return !((f->peer ^ p->saddr) | (f->ext ^ p->daddr) | (f->peer_port ^ p->sport) | (f->ext_port ^ p->dport) |
		 (f->proto ^ p->proto) | (f->family ^ p->family) | !(f->flags & NSF_FLOW_LIVE));
}

/* The packet's flow, from a port and from the uplink. */
static __always_inline struct nsf_flow *flow_known_from(struct pkt *p)
{
	struct nsf_flow_key inner, outer;
	struct nsf_flow *f;

	flow_key(p, p->net_id, &inner);
	flow_guess(p, &inner, &outer);
	f = hint_record(hint_at(&outer), &p->flow_slot);
	return likely(f && flow_is_from(p, f, outer.daddr)) ? f : flow_learn_from(p);
}

static __always_inline struct nsf_flow *flow_known_to(struct pkt *p)
{
	struct nsf_flow_key k;
	struct nsf_flow *f;

	flow_key(p, 0, &k);
	f = hint_record(hint_at(&k), &p->flow_slot);
	return likely(f && flow_is_to(p, f)) ? f : flow_learn_to(p);
}
