/* SPDX-License-Identifier: GPL-2.0-only */
/* What must hold of the tables between packets. */
#pragma once

#include "world.h"

#define CHECK_FLOWS_MAX 4096
#define CHECK_SCANS     64 /* checks of all tables to one of all places */

/* References to a ledger's rows that live flows say they hold, by ledger, protocol and port. */
static __u16 check_refs[WORLD_LEDGERS][NSF_LEDGER_MAX * NSF_LEDGER_PORTS];
/* Inner ends that hold more than their own number, and slots in use. */
static __u8 check_slots[CHECK_FLOWS_MAX];

/* Who has an outer key's place, by its flows. */
static struct check_place {
	__u8 held, keys;
} check_places[NSF_HINTS(CHECK_FLOWS_MAX) * NSF_HINTS_ROW];

struct check_sums {
	__u32 keys, moved;
	__u32 unguessed[NSF_UNGUESSED];
	struct nsf_share shares[WORLD_SLOTS];
};

static void check_guess_fails(struct check_sums *s, __be32 inner)
{
	s->unguessed[guess_place(inner)]++;
}

static bool check_key(const struct nsf_flow_key *k, __u32 slot, __u32 gen)
{
	const struct nsf_flow_ref *r = bpf_map_lookup_elem(&nsf_flow_keys, k);

	return r && r->slot == slot && r->gen == gen;
}

static void check_slot(__u32 slot, const char *what)
{
	if (slot >= cfg.flows_max || slot >= ROW(nsf_flow_state, 0)->fresh)
		wrong("%s: slot %u was never given out", what, slot);
	if (check_slots[slot]++)
		wrong("%s: slot %u is used twice", what, slot);
}

static struct nsf_flow_key check_inner(const struct nsf_flow *f)
{
	return (struct nsf_flow_key){ .saddr = f->inner,
				      .daddr = f->peer,
				      .sport = f->inner_port,
				      .dport = f->peer_port,
				      .net = f->net,
				      .proto = f->proto,
				      .family = f->family };
}

static struct check_place *check_place(const struct nsf_flow_key *k)
{
	return &check_places[hint_at(k) - (__u32 *)ROW(nsf_hints, 0)];
}

/* At its place, or in the table and counted there. */
static void check_outer_key(const struct nsf_flow_key *k, __u32 slot, const struct nsf_flow *f, struct check_sums *s)
{
	const __u32 *place = hint_at(k);
	struct check_place *c = check_place(k);

	if (f->flags & NSF_FLOW_HELD) {
		c->held = 1;
		if (!(*place & NSF_HINT_HELD) || (*place & NSF_HINT_SLOT) != slot + 1)
			wrong("flow %u: its place is another's", slot);
		if (bpf_map_lookup_elem(&nsf_flow_keys, k))
			wrong("flow %u: an outer key beside its place", slot);
		return;
	}
	if (!check_key(k, slot, f->gen))
		wrong("flow %u: no outer key", slot);
	s->keys++;
	c->keys++;
}

/* What is known of each place by its flows. */
static void check_hints(void)
{
	for (__u32 i = 0; i < NSF_HINTS(cfg.flows_max) * NSF_HINTS_ROW; i++) {
		__u32 place = ROW(nsf_hints, i / NSF_HINTS_ROW)->at[i % NSF_HINTS_ROW];
		const struct check_place *c = &check_places[i];

		if (!!(place & NSF_HINT_HELD) != c->held)
			wrong("place %u: held by nobody", i);
		if (place < NSF_HINT_MANY && place / NSF_HINT_KEY != c->keys)
			wrong("place %u: %u keys, counted %u", i, c->keys, place / NSF_HINT_KEY);
	}
}

/* The key that a host's flow has got when a container's with the wanted ends went. */
static bool check_shadow(const struct nsf_flow *f, __u32 slot)
{
	struct nsf_flow_key k = hint_key(f);

	k.dport = f->inner_port;
	if (f->inner_port == f->ext_port || !check_key(&k, slot, f->gen))
		return false;
	check_place(&k)->keys++;
	return true;
}

static void check_flow(__u32 slot, const struct nsf_flow *f, struct check_sums *s)
{
	struct nsf_flow_key outer = hint_key(f), inner = check_inner(f);
	__u32 proto = ledger_proto(f->proto), port = bpf_ntohs(f->ext_port);
	const struct nsf_ledger *e;

	check_slot(slot, "flow");
	if (f->six)
		check_slot(f->six, "addresses");
	if (!f->six != (f->family == 4))
		wrong("flow %u: addresses of the other family", slot);
	check_outer_key(&outer, slot, f, s);
	if (f->flags & NSF_FLOW_KEYED && !check_key(&inner, slot, f->gen))
		wrong("flow %u: no inner key", slot);
	if (!(f->flags & NSF_FLOW_KEYED) && f->inner_port != f->ext_port)
		wrong("flow %u: no inner key and another number", slot);
	if (f->flags & NSF_FLOW_KEYED) {
		s->keys++;
		check_guess_fails(s, f->inner);
	}
	s->keys += f->flags & NSF_FLOW_HOST && check_shadow(f, slot);
	s->shares[0].doubt += !!(f->flags & NSF_FLOW_DOUBT);
	if (f->slot && ROW(nsf_ports, f->slot)->gen == f->port_gen) {
		s->shares[f->slot].flows += !!(f->flags & NSF_FLOW_COUNTED);
		if (f->flags & NSF_FLOW_HALF)
			(*share_half(&s->shares[f->slot], f->flags))++;
		s->shares[f->slot].doubt += !!(f->flags & NSF_FLOW_DOUBT);
	}
	if (f->flags & NSF_FLOW_SHARED || proto >= NSF_LEDGER_MAX)
		return;
	e = &map_ledger(f->snat)[proto * NSF_LEDGER_PORTS + port];
	if (e->owner != ledger_owner(f->inner, f->inner_port, f->net))
		wrong("flow %u: external port %u of protocol %u is another's", slot, port, f->proto);
	if (!check_refs[f->snat][proto * NSF_LEDGER_PORTS + port]++)
		s->shares[f->slot].ports += f->slot && ROW(nsf_ports, f->slot)->gen == f->port_gen;
}

static void check_ledger(__u32 snat, __u32 proto, struct check_sums *s)
{
	__u32 used = 0;

	for (__u32 port = 0; port < NSF_LEDGER_PORTS; port++) {
		__u32 i = proto * NSF_LEDGER_PORTS + port, *to;
		const struct nsf_ledger *e = &map_ledger(snat)[i];
		struct nsf_moved_key k = { .owner = e->owner, .proto = proto, .snat = snat };

		if (e->refs != check_refs[snat][i] || !e->owner != !e->refs)
			wrong("ledger %u, protocol %u, port %u: %u references by %u flows, owner %llx", snat, proto,
			      port, e->refs, check_refs[snat][i], (unsigned long long)e->owner);
		if (!e->owner)
			continue;
		used++;
		to = bpf_map_lookup_elem(&nsf_moved, &k);
		if (to ? *to != port : (__u16)(e->owner >> 16) != bpf_htons((__u16)port))
			wrong("ledger %u, protocol %u, port %u: its owner has another, or none", snat, proto, port);
		if (to) {
			s->moved++;
			check_guess_fails(s, e->owner >> 32);
		}
	}
	if (*ROW(nsf_used, snat * NSF_LEDGER_MAX + proto) != used)
		wrong("ledger %u, protocol %u: %u ports in use, counted %u", snat, proto, used,
		      *ROW(nsf_used, snat * NSF_LEDGER_MAX + proto));
}

static void check_shares(const struct check_sums *s)
{
	for (__u32 i = 0; i < WORLD_NETS * WORLD_PORTS; i++) {
		__u32 slot = world.ports[i].slot;
		const struct nsf_share *have = ROW(nsf_shares, slot), *want = &s->shares[slot];

		if (!world.ports[i].there)
			continue;
		if (have->flows != want->flows || have->half != want->half || have->half_in != want->half_in ||
		    have->doubt != want->doubt || have->ports != want->ports)
			wrong("slot %u: counts %u flows, %u and %u half, %u in doubt, %u ports; has %u, %u and %u, %u, %u",
			      slot, have->flows, have->half, have->half_in, have->doubt, have->ports, want->flows,
			      want->half, want->half_in, want->doubt, want->ports);
	}
	if (ROW(nsf_shares, 0)->doubt != s->shares[0].doubt)
		wrong("counts %u flows in doubt; has %u", ROW(nsf_shares, 0)->doubt, s->shares[0].doubt);
}

static void check_guesses(const struct check_sums *s)
{
	for (__u32 i = 0; i < NSF_UNGUESSED; i++)
		if (*ROW(nsf_unguessed, i) != s->unguessed[i])
			wrong("place %u: the guess fails for %u, counted %u", i, s->unguessed[i],
			      *ROW(nsf_unguessed, i));
}

/* Slots that are given out. */
static __u32 check_flows(void)
{
	return ROW(nsf_flow_state, 0)->fresh - map_of(&nsf_flow_free)->n;
}

static void check_free(void)
{
	const struct map *q = map_of(&nsf_flow_free);
	const struct nsf_flow_state *st = ROW(nsf_flow_state, 0);
	__u32 used = 0;

	for (__u32 i = 0; i < q->n; i++)
		check_slot(*(__u32 *)map_row(q, (q->first + i) % q->max), "free");
	for (__u32 i = 0; i < cfg.flows_max; i++)
		used += check_slots[i];
	if (used != st->fresh)
		wrong("%u slots given out, %u known", st->fresh, used);
}

/* Flows, keys, ledgers, guesses, shares and free slots tell the same. */
static void check_all(bool places)
{
	struct check_sums s = {};

	if (places)
		memset(check_places, 0, sizeof(check_places));
	memset(check_refs, 0, sizeof(check_refs));
	memset(check_slots, 0, sizeof(check_slots));
	for (__u32 i = 0; i < cfg.flows_max; i++) {
		const struct nsf_flow *f = ROW(nsf_flows, i);

		if (f->flags & NSF_FLOW_LIVE)
			check_flow(i, f, &s);
	}
	if (s.keys != map_of(&nsf_flow_keys)->n)
		wrong("%u keys, flows have %u", map_of(&nsf_flow_keys)->n, s.keys);
	for (__u32 snat = 0; snat < WORLD_LEDGERS; snat++)
		for (__u32 proto = 0; proto < NSF_LEDGER_MAX; proto++)
			check_ledger(snat, proto, &s);
	if (s.moved != map_of(&nsf_moved)->n)
		wrong("%u endpoints are moved, %u hold such a port", map_of(&nsf_moved)->n, s.moved);
	if (places)
		check_hints();
	check_guesses(&s);
	check_shares(&s);
	check_free();
}

/* Places are many: not each time. */
static void check_tables(void)
{
	static unsigned n;

	check_all(!(n++ % CHECK_SCANS));
}

/* And when nothing lives any more. */
static void check_empty(void)
{
	check_all(true);
	for (__u32 i = 0; i < cfg.flows_max; i++)
		if (ROW(nsf_flows, i)->flags & NSF_FLOW_LIVE)
			wrong("flow %u does not end", i);
	if (map_of(&nsf_flow_keys)->n || map_of(&nsf_moved)->n)
		wrong("keys are left");
}
