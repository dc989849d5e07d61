/* SPDX-License-Identifier: GPL-2.0-only */
/* The birth of a flow. What it is to be stands in the scratch, so that one function makes it for every program and is
 * verified once. */
#pragma once

#include "end.h"
#include "hint.h"

/* A flow that is to be: what its first packet and its kind say. Ends as in struct nsf_flow. */
struct birth {
	__u32 slot; /* of the inner endpoint's port */
	__u32 port_gen;
	__u32 net;
	__u32 flags; /* beside LIVE and what is counted */
	__be32 inner, peer, ext;
	__be16 inner_port, peer_port, ext_port;
	__u16 snat;
	__u32 now;
	__u8 mac[6]; /* the inner endpoint's */
	__u8 proto, family;
	__u32 inner6[4], peer6[4], ext6[4]; /* IPv6: the addresses whose handles stand above */
	/* what came of it */
	__u32 flow; /* its slot in nsf_flows */
	__u32 made; /* 0: another CPU's, which was quicker */
};

/* In nsf_scratch. */
struct nat_scratch {
	struct birth b;
	struct ledger_claim c;
};
_Static_assert(sizeof(struct nat_scratch) <= sizeof(struct nsf_scratch), "nat_scratch");

/* Its protocol has a handshake. */
static __always_inline bool birth_shakes(const struct birth *b)
{
	return b->proto == IPPROTO_TCP || b->proto == IPPROTO_SCTP;
}

static __always_inline struct nat_scratch *nat_scratch(void)
{
	return array_row(&nsf_scratch, NSF_SCRATCH_PACKET);
}

/* What is known before the first packet is looked at as any other of the flow. */
static __always_inline __u8 birth_tcp(const struct birth *b)
{
	if (!(b->flags & NSF_FLOW_INBOUND))
		return 0;
	return NSF_TCP_UNSURE | (birth_shakes(b) ? 0 : NSF_TCP_SYN_PEER);
}

static __always_inline void birth_fill(const struct birth *b, struct nsf_flow *f, __u32 flags, __u32 six)
{
	f->gen++;
	f->seen = b->now;
	f->six = six;
	f->port_gen = b->port_gen;
	f->inner = b->inner;
	f->peer = b->peer;
	f->ext = b->ext;
	f->inner_port = b->inner_port;
	f->peer_port = b->peer_port;
	f->ext_port = b->ext_port;
	f->net = b->net;
	f->slot = b->slot;
	f->proto = b->proto;
	f->tcp = birth_tcp(b);
	f->flags = flags;
	f->hop = 0;
	f->family = b->family;
	f->snat = b->snat;
	mac_copy(f->inner_mac, b->mac);
}

/* The whole addresses, into the slot that the flow has for them. */
static __always_inline void birth_fill6(const struct birth *b, __u32 six)
{
	struct nsf_flow6 *s = array_row(&nsf_flows, six);

	if (!s)
		return;
	addr6_copy(s->inner, b->inner6);
	addr6_copy(s->peer, b->peer6);
	addr6_copy(s->ext, b->ext6);
}

/* The flow that an inner key leads to, or an outer one that has no place of its own. */
static __always_inline struct nsf_flow *birth_find(const struct nsf_flow_key *k, __u32 *ret_slot)
{
	const struct nsf_flow_ref *r = bpf_map_lookup_elem(&nsf_flow_keys, k);
	struct nsf_flow *f;

	if (!r)
		return NULL;
	*ret_slot = r->slot;
	f = array_row(&nsf_flows, r->slot);
	return f && f->gen == r->gen ? f : NULL;
}

/* The flow that an outer key leads to: by its place, or if keys of that place stand elsewhere, by itself. */
static __noinline struct nsf_flow *birth_find_outer(const struct nsf_flow_key *k, __u32 *ret_slot)
{
	const __u32 *hint = hint_at(k);
	struct nsf_flow *f = hint_record(hint, ret_slot);

	if (f && hint_has(f, k) && f->flags & NSF_FLOW_LIVE)
		return f;
	return hint && hint_read(hint) >= NSF_HINT_KEY ? birth_find(k, ret_slot) : NULL;
}

static __always_inline bool birth_same(const struct birth *b, const struct nsf_flow *f)
{
	return f->inner == b->inner && f->inner_port == b->inner_port && f->slot == b->slot &&
	       f->port_gen == b->port_gen;
}

/* An int: before Linux 6.4 maps return one, of which the other half of the register knows nothing (d7ba4cc900bf). */
#define BIRTH_EEXIST -17

/* Another flow has the outer key: it is this packet's own, made by another CPU, or there is no flow. */
static __always_inline enum nsf_drop birth_lost(struct birth *b, const struct nsf_flow *f, __u32 slot)
{
	b->flow = slot;
	if (!f || !f->flags) /* it ends at this moment */
		return NSF_DROP_FLOW_RACE;
	return birth_same(b, f) ? NSF_DROP_NONE : NSF_DROP_TUPLE_TAKEN;
}

/*
 * The outer key for this flow alone: b->made, or what came of it. A key that is counted keeps its place from being taken, so
 * that of two CPUs with one key either finds the other's: at the place, whose holder stays the same from then on or
 * goes, or in the table.
 */
static __noinline enum nsf_drop birth_outer(struct birth *b, const struct nsf_flow_key *k,
					    const struct nsf_flow_ref *ref)
{
	__u32 *hint = hint_at(k), was, slot;
	const struct nsf_flow *f;
	int r;

	if (!hint)
		return NSF_DROP_FLOWS_FULL;
	if (hint_take(hint, ref->slot)) {
		b->flags |= NSF_FLOW_HELD;
		b->made = 1;
		return NSF_DROP_NONE;
	}
	was = hint_count(hint, true);
	slot = (was & NSF_HINT_SLOT) - 1;
	f = was & NSF_HINT_HELD ? array_row(&nsf_flows, slot) : NULL;
	if (f && !hint_has(f, k))
		f = NULL;
	r = f ? BIRTH_EEXIST : bpf_map_update_elem(&nsf_flow_keys, k, ref, BPF_NOEXIST);
	if (!r) {
		b->made = 1;
		return NSF_DROP_NONE;
	}
	hint_count(hint, false);
	if (r != BIRTH_EEXIST)
		return NSF_DROP_FLOWS_FULL;
	return birth_lost(b, f ? f : birth_find(k, &slot), slot);
}

/*
 * Outer key first: it reserves the conversation. Who finds it there has lost a race against a packet of the same
 * conversation and uses the winner's record, or meets another endpoint's, and then there is no flow.
 */
static __noinline enum nsf_drop birth_insert(struct birth *b, __u32 slot, __u32 gen)
{
	struct nsf_flow_key k = {
		.saddr = b->peer,
		.daddr = b->ext,
		.sport = b->peer_port,
		.dport = b->ext_port,
		.proto = b->proto,
		.family = b->family,
	};
	struct nsf_flow_key outer = k;
	struct nsf_flow_ref ref = { .slot = slot, .gen = gen };
	enum nsf_drop why = birth_outer(b, &outer, &ref);
	int r;

	if (!b->made)
		return why;
	if (b->flags & NSF_FLOW_KEYED) {
		k = (struct nsf_flow_key){ .saddr = b->inner,
					   .daddr = b->peer,
					   .sport = b->inner_port,
					   .dport = b->peer_port,
					   .net = b->net,
					   .proto = b->proto,
					   .family = b->family };
		guess_fails(b->inner, 1);
		r = bpf_map_update_elem(&nsf_flow_keys, &k, &ref, BPF_NOEXIST);
		if (r == BIRTH_EEXIST && !birth_find(&k, &slot)) /* of a flow that is over */
			r = bpf_map_update_elem(&nsf_flow_keys, &k, &ref, BPF_ANY);
		if (r) {
			guess_fails(b->inner, -1);
			hint_end(&outer, b->flags & NSF_FLOW_HELD);
			b->flags &= ~NSF_FLOW_HELD;
			b->made = 0;
			return r == BIRTH_EEXIST ? NSF_DROP_TUPLE_TAKEN : NSF_DROP_FLOWS_FULL;
		}
	}
	if (!(b->flags & NSF_FLOW_HELD))
		hint_note(&outer, ref.slot);
	b->flow = ref.slot;
	return NSF_DROP_NONE;
}

/* What is counted of it in its port's share, as flags of the flow that it is to be. */
static __always_inline __u32 birth_counted(const struct birth *b)
{
	return NSF_FLOW_COUNTED | (birth_shakes(b) ? NSF_FLOW_HALF : 0) |
	       (b->flags & NSF_FLOW_INBOUND ? NSF_FLOW_DOUBT : 0);
}

/* A place in its port's share. What is in doubt makes room for it: for the port's own beyond the limit of all flows, for
 * others' at any. */
static __always_inline enum nsf_drop birth_share(const struct birth *b)
{
	enum nsf_drop r = share_take(b->slot, b->port_gen, birth_counted(b));

	if (r != NSF_DROP_FLOWS_QUOTA && (r != NSF_DROP_HALF_QUOTA || !(b->flags & NSF_FLOW_INBOUND)))
		return r;
	return end_doubt(b->slot, r == NSF_DROP_HALF_QUOTA) ? share_take(b->slot, b->port_gen, birth_counted(b)) : r;
}

/* True if there may be room for its keys now. Who ends may have had but one. */
static __always_inline bool birth_room(const struct birth *b)
{
	if (!end_some())
		return false;
	if (b->flags & NSF_FLOW_KEYED)
		end_some();
	return true;
}

/* The flow that stands in a row of the scratch: made, or another CPU's that was quicker. 0, or the reason why there is
 * none. */
__noinline int birth(__u32 row)
{
	struct nat_scratch *scratch = array_row(&nsf_scratch, row);
	struct nsf_flow_count *c;
	struct nsf_flow *f;
	struct birth *b;
	__u32 slot, six;
	__s64 slots;
	int r;

	if (!scratch)
		return NSF_DROP_FLOWS_FULL;
	b = &scratch->b;
	b->made = 0;
	r = birth_share(b);
	if (r)
		return r;
	slots = end_slots(b->family == 6);
	slot = slots;
	six = slots >> 32;
	f = array_row(&nsf_flows, slot);
	c = array_row(&nsf_flow_counts, slot);
	if (slots < 0 || !f || !c) {
		share_put(b->slot, b->port_gen, birth_counted(b));
		return NSF_DROP_FLOWS_FULL;
	}
	birth_fill(b, f, birth_counted(b) | b->flags, six);
	*c = (struct nsf_flow_count){};
	if (six)
		birth_fill6(b, six);
	r = birth_insert(b, slot, f->gen);
	if (r == NSF_DROP_FLOWS_FULL && birth_room(b))
		r = birth_insert(b, slot, f->gen);
	if (b->made) {
		__sync_fetch_and_or(&f->flags, NSF_FLOW_LIVE | (b->flags & NSF_FLOW_HELD));
		return NSF_DROP_NONE;
	}
	f->flags = 0;
	f->six = 0;
	end_free(slot, six);
	share_put(b->slot, b->port_gen, birth_counted(b));
	return r;
}
