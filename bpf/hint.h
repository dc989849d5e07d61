/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the record of an outer key is found; see struct nsf_hints. */
#pragma once

#include "maps.h"
#include "pkt.h"

#define HINT_TRIES 8 /* of a change of a place that others change too: the verifier walks each */

/* An outer key's place, NULL if there is none. The higher port is the client's, as a rule, who takes one after the other:
 * places that stand in a row. */
static __always_inline __u32 *hint_at(const struct nsf_flow_key *k)
{
	__u32 a = bpf_ntohs(k->sport), b = bpf_ntohs(k->dport), high = a > b ? a : b, low = a + b - high;
	__u32 ends = k->saddr + k->daddr * 0x9e3779b1u + (low << 16 | k->proto << 8 | k->family) * 0x85ebca6bu;
	__u64 mix = ends * 0xd6e8feb86659fd93ULL;
	__u32 n = cfg.flows_max;
	__u32 i = ((mix >> 32) * NSF_HINTS_SPREAD(n) >> 32) + high;
	struct nsf_hints *h = array_row(&nsf_hints, i / NSF_HINTS_ROW);

	return h ? &h->at[i % NSF_HINTS_ROW] : NULL;
}

static __always_inline __u32 hint_read(const __u32 *hint)
{
	return *(const volatile __u32 *)hint;
}

/* The record that a place leads to, whatever became of it. Fills its slot. */
static __always_inline struct nsf_flow *hint_record(const __u32 *hint, __u32 *ret_slot)
{
	if (!hint)
		return NULL;
	*ret_slot = (hint_read(hint) & NSF_HINT_SLOT) - 1;
	return array_row(&nsf_flows, *ret_slot);
}

/* A record's outer key. */
static __always_inline struct nsf_flow_key hint_key(const struct nsf_flow *f)
{
	return (struct nsf_flow_key){ .saddr = f->peer,
				      .daddr = f->ext,
				      .sport = f->peer_port,
				      .dport = f->ext_port,
				      .proto = f->proto,
				      .family = f->family };
}

/* True if this is the record's outer key. */
static __always_inline bool hint_has(const struct nsf_flow *f, const struct nsf_flow_key *k)
{
	return !((f->peer ^ k->saddr) | (f->ext ^ k->daddr) | (f->peer_port ^ k->sport) | (f->ext_port ^ k->dport) |
		 (f->proto ^ k->proto) | (f->family ^ k->family));
}

/* Takes a place to which no key belongs, for the key that is the first. */
static __always_inline bool hint_take(__u32 *hint, __u32 slot)
{
	__u32 was = hint_read(hint);

	return was < NSF_HINT_HELD &&
	       __sync_val_compare_and_swap(hint, was, NSF_HINT_HELD | ((slot + 1) & NSF_HINT_SLOT)) == was;
}

/* Whose place it was, holds it no more. */
static __always_inline void hint_give(__u32 *hint)
{
	__sync_fetch_and_and(hint, ~NSF_HINT_HELD);
}

/* A key of this place more, or one less, in nsf_flow_keys. There are too many to count when all bits are set, and from then on
 * always. Returns the place as it was. Not static: verified once, see struct facts. */
__noinline __u32 hint_count(__u32 *hint, __u32 more)
{
	__u32 was, by = more ? NSF_HINT_KEY : -NSF_HINT_KEY, i;

	if (!hint)
		return 0;
#pragma clang loop unroll(disable)
	for (i = 0; i < HINT_TRIES; i++) {
		was = hint_read(hint);
		if (was >= NSF_HINT_MANY || __sync_val_compare_and_swap(hint, was, was + by) == was)
			return was;
	}
	return __sync_fetch_and_or(hint, NSF_HINT_MANY);
}

/* The end of an outer key; held: its place was its own. */
static __always_inline void hint_end(const struct nsf_flow_key *k, bool held)
{
	__u32 *hint = hint_at(k);

	if (!hint)
		return;
	if (held)
		hint_give(hint);
	else if (!bpf_map_delete_elem(&nsf_flow_keys, k))
		hint_count(hint, false);
}

/* The flow of a key in nsf_flow_keys was looked for: its place leads to it, if that is nobody's own. What stands there already
 * stays as long as it is of use: two conversations with one place do not write in turns. */
static __noinline void hint_note(const struct nsf_flow_key *k, __u32 slot)
{
	__u32 *hint = hint_at(k), was, now = tick();
	const struct nsf_flow *f;

	if (!hint)
		return;
	was = hint_read(hint);
	f = array_row(&nsf_flows, (was & NSF_HINT_SLOT) - 1);
	if (was & NSF_HINT_HELD || (was & NSF_HINT_SLOT) == slot + 1 ||
	    (f && f->flags & NSF_FLOW_LIVE && f->seen == now))
		return;
	__sync_val_compare_and_swap(hint, was, (was & ~NSF_HINT_SLOT) | ((slot + 1) & NSF_HINT_SLOT));
}
