/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a flow's record was found last; see struct nsf_hints. */
#pragma once

#include "maps.h"
#include "pkt.h"

/* The place of an outer key's hint, NULL if there is none. Ends whose ports stand in a row have hints that do. */
static __always_inline __u32 *hint_at(const struct nsf_flow_key *k)
{
	__u32 ends = k->saddr + k->daddr * 0x9e3779b1u + (k->proto << 8 | k->family);
	__u64 mix = ends * 0xd6e8feb86659fd93ULL;
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
static __noinline void hint_note(const struct nsf_flow_key *k, __u32 slot)
{
	__u32 *hint = hint_at(k), now = tick(), held;
	const struct nsf_flow *f = hint_record(hint, &held);

	if (!hint || held == slot || (f && f->flags & NSF_FLOW_LIVE && f->seen == now))
		return;
	*hint = slot + 1;
}
