/* SPDX-License-Identifier: GPL-2.0-only */
/* Which flow a packet is of: by its hint, which most have, else by its key. The rules stand at struct nsf_hints. */
#pragma once

#include "birth.h"
#include "pkt.h"
#include "pool.h"

/* The place of a key's hint, NULL if there is none. Ends whose ports stand in a row have hints that do. */
static __always_inline __u32 *hint_at(const struct nsf_flow_key *k)
{
	__u64 mix = k->saddr * 0x9e3779b97f4a7c15ULL + k->daddr * 0xc2b2ae3d27d4eb4fULL +
		    ((__u32)k->net << 16 | k->proto << 8 | k->family) * 0xd6e8feb86659fd93ULL;
	__u32 n = cfg.flows_max;
	__u32 i = ((mix >> 32) * NSF_HINTS_SPREAD(n) >> 32) + bpf_ntohs(k->sport) + bpf_ntohs(k->dport);
	struct nsf_hints *h = array_row(&nsf_hints, i / NSF_HINTS_ROW);

	return h ? &h->at[i % NSF_HINTS_ROW] : NULL;
}

/* The record that a hint leads to, whatever became of it. Fills its slot. */
static __always_inline struct nsf_flow *hint_record(const __u32 *hint, __u32 *ret_slot)
{
	if (!hint)
		return NULL;
	*ret_slot = *(const volatile __u32 *)hint - 1;
	return array_row(&nsf_flows, *ret_slot);
}

/* What stands there already stays as long as it is of use: two conversations with one place do not write in turns. */
static __always_inline void hint_note(const struct nsf_flow_key *k, __u32 slot)
{
	__u32 *hint = hint_at(k), now = tick(), held;
	const struct nsf_flow *f = hint_record(hint, &held);

	if (!hint || held == slot || (f && f->flags & NSF_FLOW_LIVE && f->seen == now))
		return;
	*hint = slot + 1;
}

/* Fills p->flow_slot too. */
static __always_inline struct nsf_flow *flow_find(struct pkt *p, const struct nsf_flow_key *k)
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

/* The flow of these two ends, seen from inside: by the guess that the port number was preserved, else by its inner key. */
static __noinline struct nsf_flow *flow_from(struct pkt *p, struct nsf_flow_key *inner)
{
	const struct nsf_snat *snat = flow_snat(p->net, inner->saddr, p->family);
	struct nsf_flow *f = NULL;
	struct nsf_flow_key guess = {
		.saddr = inner->daddr,
		.sport = inner->dport,
		.dport = inner->sport,
		.proto = inner->proto,
		.family = inner->family,
	};

	if (snat) {
		guess.daddr = snat->addr;
		f = flow_find(p, &guess);
	}
	if (!f || f->inner != inner->saddr || f->inner_port != inner->sport || f->net != inner->net)
		f = flow_find(p, inner);
	return f;
}

/* The packet's flow by its key alone, from a port and from the uplink; from then on its hint tells. */
static __noinline struct nsf_flow *flow_learn_from(struct pkt *p)
{
	struct nsf_flow_key k;
	struct nsf_flow *f;

	flow_key(p, p->net_id, &k);
	f = flow_from(p, &k);
	if (f)
		hint_note(&k, p->flow_slot);
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

/* True if flow_from() would find this record: by its key, or by the guess. */
static __always_inline bool flow_is_from(const struct pkt *p, const struct nsf_flow *f, const struct nsf_flow_key *k)
{
	const struct nsf_snat *snat;

	if ((f->inner ^ k->saddr) | (f->peer ^ k->daddr) | (f->inner_port ^ k->sport) | (f->peer_port ^ k->dport) |
	    (f->net ^ k->net) | (f->proto ^ k->proto) | (f->family ^ k->family) | !(f->flags & NSF_FLOW_LIVE))
		return false;
	if (f->flags & NSF_FLOW_KEYED)
		return true;
	snat = flow_snat(p->net, f->inner, f->family);
	return snat && snat->addr == f->ext;
}

/* True if the outer key leads to this record. */
static __always_inline bool flow_is_to(const struct nsf_flow *f, const struct nsf_flow_key *k)
{
	return !((f->peer ^ k->saddr) | (f->ext ^ k->daddr) | (f->peer_port ^ k->sport) | (f->ext_port ^ k->dport) |
		 (f->proto ^ k->proto) | (f->family ^ k->family) | !(f->flags & NSF_FLOW_LIVE));
}

/* The packet's flow, from a port and from the uplink. */
static __always_inline struct nsf_flow *flow_known_from(struct pkt *p)
{
	struct nsf_flow_key k;
	struct nsf_flow *f;

	flow_key(p, p->net_id, &k);
	f = hint_record(hint_at(&k), &p->flow_slot);
	return likely(f && flow_is_from(p, f, &k)) ? f : flow_learn_from(p);
}

static __always_inline struct nsf_flow *flow_known_to(struct pkt *p)
{
	struct nsf_flow_key k;
	struct nsf_flow *f;

	flow_key(p, 0, &k);
	f = hint_record(hint_at(&k), &p->flow_slot);
	return likely(f && flow_is_to(f, &k)) ? f : flow_learn_to(p);
}
