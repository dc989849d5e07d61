/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of a flow, and ending closed ones to make room. The rules stand at "Death" in include/nsfast/flow.h. */
#pragma once

#include "guess.h"
#include "hint.h"
#include "ledger.h"
#include "share.h"

#define END_FINS (NSF_TCP_FIN_IN | NSF_TCP_FIN_PEER)

static __noinline void end_inner_key(const struct nsf_flow *f, __u32 slot)
{
	struct nsf_flow_key k = { .saddr = f->inner,
				  .daddr = f->peer,
				  .sport = f->inner_port,
				  .dport = f->peer_port,
				  .net = f->net,
				  .proto = f->proto,
				  .family = f->family };
	const struct nsf_flow_ref *r = bpf_map_lookup_elem(&nsf_flow_keys, &k);

	if (r && r->slot == slot)
		bpf_map_delete_elem(&nsf_flow_keys, &k);
	guess_fails(f->inner, -1); /* the flow is counted, whose key may be a later one's by now */
}

static __noinline void end_outer_key(const struct nsf_flow *f, bool held)
{
	struct nsf_flow_key k = hint_key(f);

	hint_end(&k, held);
}

/* The outer key leaves its place for the table, where it can be another flow's without being nobody's in between. */
static __noinline void end_hold(const struct nsf_flow *f, __u32 slot)
{
	struct nsf_flow_key k = hint_key(f);
	struct nsf_flow_ref ref = { .slot = slot, .gen = f->gen };
	__u32 *hint = hint_at(&k);

	if (!hint)
		return;
	hint_count(hint, true);
	if (bpf_map_update_elem(&nsf_flow_keys, &k, &ref, BPF_NOEXIST))
		hint_count(hint, false);
	hint_give(hint);
}

/* The host's flow that waits for the ends of this one has them from now on. */
static __noinline void end_shadow(const struct nsf_flow *f)
{
	struct nsf_flow_key k = { .saddr = f->ext,
				  .daddr = f->peer,
				  .sport = f->ext_port,
				  .dport = f->peer_port,
				  .proto = f->proto,
				  .family = f->family };
	const struct nsf_flow_ref *r = bpf_map_lookup_elem(&nsf_flow_keys, &k);
	struct nsf_flow_ref ref;

	k.saddr = f->peer;
	k.daddr = f->ext;
	k.sport = f->peer_port;
	k.dport = f->ext_port;
	if (r) {
		ref = *r;
		bpf_map_update_elem(&nsf_flow_keys, &k, &ref, BPF_EXIST);
	} else {
		hint_end(&k, false);
	}
}

/* The key that a host's flow got in that way. */
static __noinline void end_shadow_key(const struct nsf_flow *f, __u32 slot)
{
	struct nsf_flow_key k = { .saddr = f->peer,
				  .daddr = f->ext,
				  .sport = f->peer_port,
				  .dport = f->inner_port,
				  .proto = f->proto,
				  .family = f->family };
	const struct nsf_flow_ref *r = bpf_map_lookup_elem(&nsf_flow_keys, &k);

	if (r && r->slot == slot)
		hint_end(&k, false);
}

/* In the order in which they are taken, so that a flow's slot becomes one again. six: 0 for none. */
static __always_inline void end_free(__u32 slot, __u32 six)
{
	bpf_map_push_elem(&nsf_flow_free, &slot, 0);
	if (six)
		bpf_map_push_elem(&nsf_flow_free, &six, 0);
}

/* Takes the flow apart if it still has that generation; 1 if it was this call that did. */
__noinline int flow_end(__u32 slot, __u32 gen)
{
	struct nsf_flow *f = bpf_map_lookup_elem(&nsf_flows, &slot);
	__u32 flags, proto;

	if (!f || !(f->flags & NSF_FLOW_LIVE) || __sync_val_compare_and_swap(&f->gen, gen, gen + 1) != gen)
		return 0;
	flags = __sync_lock_test_and_set(&f->flags, 0);
	if (flags & NSF_FLOW_KEYED)
		end_inner_key(f, slot);
	if ((flags & (NSF_FLOW_SHADOW | NSF_FLOW_HELD)) == (NSF_FLOW_SHADOW | NSF_FLOW_HELD))
		end_hold(f, slot);
	if (flags & NSF_FLOW_SHADOW)
		end_shadow(f);
	else
		end_outer_key(f, flags & NSF_FLOW_HELD);
	if (flags & NSF_FLOW_HOST)
		end_shadow_key(f, slot);
	proto = ledger_proto(f->proto);
	if (!(flags & NSF_FLOW_SHARED) && proto < NSF_LEDGER_MAX &&
	    ledger_put(f->snat, proto, bpf_ntohs(f->ext_port), ledger_owner(f->inner, f->inner_port, f->net)) == 1)
		share_ports(f->slot, -1);
	share_put(f->slot, f->port_gen, flags);
	end_free(slot, f->six);
	return 1;
}

struct end_room {
	__u32 all; /* as many as there are, not only one */
	__u32 found;
};

static long end_one(__u32 i, struct end_room *room)
{
	__u32 zero = 0;
	struct nsf_flow_state *s = bpf_map_lookup_elem(&nsf_flow_state, &zero);
	struct nsf_flow_ref r;
	struct nsf_flow *f;

	if (!s || bpf_map_pop_elem(&nsf_flow_closed, &r))
		return 1;
	f = bpf_map_lookup_elem(&nsf_flows, &r.slot);
	if (!f || f->gen != r.gen || (f->tcp & END_FINS) != END_FINS || !flow_end(r.slot, r.gen))
		return 0;
	__sync_fetch_and_add(&s->reclaimed, 1);
	room->found = 1;
	return !room->all;
}

/* Ends flows that both sides have closed, oldest first, looking at n at most: one, or all. True if room was made. */
__noinline int end_closed(__u32 n, __u32 all)
{
	struct end_room room = { .all = all };

	bpf_loop(n, end_one, &room, 0);
	return room.found;
}

/* Slots that a hand looks at for one flow: if there are 4,096 in a table of 10,000,000, it finds one. If it does not, it rests
 * until the next tick. */
#define END_LOOKS 32768

struct end_hand {
	__u32 slot;  /* port whose flows are looked for; 0: any */
	__u32 flags; /* that they all have */
	__u32 from, end;
	__u32 found, gen;
};

static long end_hand(__u32 i, struct end_hand *h)
{
	__u32 at = (h->from + i) % h->end;
	struct nsf_flow *f = bpf_map_lookup_elem(&nsf_flows, &at);

	if (!f || (f->flags & h->flags) != h->flags || (h->slot && f->slot != h->slot))
		return 0;
	h->from = at;
	h->gen = f->gen;
	h->found = 1;
	return 1;
}

/* The slots that were ever given out. */
static __always_inline __u32 end_used(const struct nsf_flow_state *st)
{
	return st->fresh < cfg.flows_max ? st->fresh : cfg.flows_max;
}

/* Ends the oldest flow in doubt, or nearly that, of a port, or of all of them (0); half: of those that are half-open. True if
 * room was made. */
__noinline int end_doubt(__u32 slot, __u32 half)
{
	struct nsf_share *s = share_row(slot);
	struct end_hand h = { .slot = slot, .flags = NSF_FLOW_LIVE | NSF_FLOW_DOUBT | (half ? NSF_FLOW_HALF : 0) };
	struct nsf_flow_state *st;
	__u32 zero = 0;

	st = bpf_map_lookup_elem(&nsf_flow_state, &zero);
	if (!s || !s->doubt || !st || s->hand_tick == tick())
		return 0;
	h.from = s->hand;
	h.end = end_used(st);
	if (!h.end)
		return 0;
	bpf_loop(h.end < END_LOOKS ? h.end : END_LOOKS, end_hand, &h, 0);
	s->hand = (h.from + (h.found ? 1 : END_LOOKS)) % h.end;
	if (!h.found)
		s->hand_tick = tick();
	if (!h.found || !flow_end(h.from, h.gen))
		return 0;
	__sync_fetch_and_add(&st->reclaimed, 1);
	return 1;
}

/* Ends a flow to make room: one that both sides have closed, else one that is in doubt. False if there is none. */
static __always_inline bool end_some(void)
{
	return end_closed(64, 0) || end_doubt(0, 0);
}

/* A free slot: one given back, else one never used, else that of a flow that both sides have closed or that is in doubt.
 * -1: none. */
static __always_inline int end_slot(void)
{
	struct nsf_flow_state *s;
	__u32 slot, zero = 0;

	if (!bpf_map_pop_elem(&nsf_flow_free, &slot))
		return slot;
	s = bpf_map_lookup_elem(&nsf_flow_state, &zero);
	if (!s)
		return -1;
	if (*(volatile __u32 *)&s->fresh < cfg.flows_max) {
		slot = __sync_fetch_and_add(&s->fresh, 1);
		if (slot < cfg.flows_max)
			return slot;
		__sync_fetch_and_add(&s->fresh, -1);
	}
	return end_some() && !bpf_map_pop_elem(&nsf_flow_free, &slot) ? (int)slot : -1;
}

/* The slot of a flow, and in the upper half a second one for IPv6, never 0, which says that there is none. -1: full. */
static __always_inline __s64 end_slots(bool two)
{
	int slot = end_slot(), six;

	if (slot < 0 || !two)
		return slot;
	six = end_slot();
	if (six < 0) {
		end_free(slot, 0);
		return -1;
	}
	return six ? (__s64)six << 32 | slot : (__s64)slot << 32;
}
