/* SPDX-License-Identifier: GPL-2.0-only */
/* The bridge: learn the source, find the destination, flood what is unknown. */
#pragma once

#include "group.h"
#include "port.h"
#include "share.h"
#include "vlan.h"

/* gen: of the port that the entry names. */
static __always_inline bool fdb_dead(const struct nsf_fdb *e, __u32 gen, __u32 now, __u32 age)
{
	return e->gen != gen || (!(e->flags & NSF_FDB_STATIC) && tick_over(now - e->seen, age));
}

/* A learned entry goes: its port, if it still is the one that learned it, and its network have one less. */
static __always_inline void fdb_uncount(__u32 net_id, const struct nsf_fdb *e)
{
	const struct nsf_net *net = array_row(&nsf_nets, net_id);
	const struct nsf_port *port = array_row(&nsf_ports, e->slot);

	if (!net || !port || port->gen != e->gen || e->flags & NSF_FDB_STATIC)
		return;
	share_macs(e->slot, -1);
	share_macs(net->gateway_slot, -1);
}

#define FDB_EVICT 1024 /* entries looked at to make room for one: those of who has many are many */

struct fdb_evict {
	__u32 net_id;
	__u32 macs; /* that the port has which asks for room */
	__u32 left;
	__u32 done;
};

static long fdb_evict_one(void *map, const struct nsf_fdb_key *k, struct nsf_fdb *e, struct fdb_evict *v)
{
	const struct nsf_share *s = share_row(e->slot);
	struct nsf_fdb was = *e;

	if (!v->left)
		return 1;
	v->left--;
	if (k->net != v->net_id || e->flags & NSF_FDB_STATIC || !s || s->macs <= v->macs + 1)
		return 0;
	if (bpf_map_delete_elem(map, k))
		return 0;
	fdb_uncount(v->net_id, &was);
	v->done = 1;
	return 1;
}

/* The network has as many as it may: who has more than this port gives one up. A port looks in vain once a tick at most. */
static __always_inline bool fdb_evict(__u32 net_id, struct nsf_share *s)
{
	struct fdb_evict v = { .net_id = net_id, .macs = s->macs, .left = FDB_EVICT };

	if (s->vain_tick == tick())
		return false;
	bpf_for_each_map_elem(&nsf_fdb, fdb_evict_one, &v, 0);
	if (!v.done)
		s->vain_tick = tick();
	return v.done;
}

/* True if the port may have one more; its network has it already if it only moves. Several CPUs may each take the last
 * one: a limit, not an account. */
static __always_inline bool fdb_room(const struct nsf_fdb_key *k, const struct nsf_net *net, struct nsf_share *s,
				     bool moves)
{
	const struct nsf_share *all = share_row(net->gateway_slot);

	return all && s->macs < s->max_macs && (moves || all->macs < all->max_macs || fdb_evict(k->net, s));
}

/* A MAC that is new, or not where it was. Full table: not learned, the frame is still forwarded. */
static __always_inline void fdb_enter(const struct nsf_fdb_key *k, struct nsf_fdb *fresh, const struct nsf_fdb *was)
{
	const struct nsf_net *net = array_row(&nsf_nets, k->net);
	struct nsf_share *s = share_row(fresh->slot);
	struct nsf_fdb old = {};

	if (!net || !s || !net->fdb_age)
		return;
	if (was)
		old = *was;
	if (was && !tick_over(fresh->seen - old.seen, net->fdb_age)) {
		fresh->moved = fresh->seen;
		fresh->moves = fresh->seen - old.moved < NSF_FDB_CALM ? old.moves + 1 : 1;
	}
	if (fresh->moves > NSF_FDB_MOVES || !fdb_room(k, net, s, fresh->moves) ||
	    bpf_map_update_elem(&nsf_fdb, k, fresh, was ? BPF_EXIST : BPF_NOEXIST)) {
		__sync_fetch_and_add(&s->unlearned, 1);
		return;
	}
	if (was)
		fdb_uncount(k->net, &old);
	if (fresh->moves)
		__sync_fetch_and_add(&s->moves, 1);
	share_macs(fresh->slot, 1);
	share_macs(net->gateway_slot, 1);
}

/* True if the entry gives its MAC to another port for good. */
static __always_inline bool fdb_elsewhere(const struct nsf_fdb *e, __u32 slot)
{
	const struct nsf_port *at = e && e->flags & NSF_FDB_STATIC ? array_row(&nsf_ports, e->slot) : NULL;

	return at && e->gen == at->gen && e->slot != slot;
}

/* False if nothing is learned, and what was ends with this tick. */
static __always_inline bool fdb_ages(__u32 net_id)
{
	const struct nsf_net *net = array_row(&nsf_nets, net_id);

	return net && net->fdb_age;
}

/* One write for a new or moved MAC, else at most one a tick. False if the MAC is another port's for good. Not static:
 * verified once, see struct facts. */
__noinline int fdb_learn(const struct nsf_fdb_key *from, __u32 slot)
{
	struct nsf_fdb fresh = { .slot = slot, .seen = tick() };
	const struct nsf_port *port = array_row(&nsf_ports, slot);
	struct nsf_fdb_key k = {};
	struct nsf_fdb *e;

	if (!from || !port)
		return false;
	k = *from;
	k.vlan = 0;
	e = bpf_map_lookup_elem(&nsf_fdb, &k);
	if (fdb_elsewhere(e, slot))
		return false;
	k.vlan = from->vlan;
	if (k.vlan)
		e = bpf_map_lookup_elem(&nsf_fdb, &k);
	fresh.gen = port->gen;
	if (e && e->slot == fresh.slot && e->gen == fresh.gen) {
		if (e->seen != fresh.seen && fdb_ages(k.net))
			e->seen = fresh.seen;
		return true;
	}
	fdb_enter(&k, &fresh, e);
	return true;
}

static __always_inline void fdb_key(struct nsf_fdb_key *k, const struct pkt *p, const __u8 *mac)
{
	k->net = p->net_id;
	k->vlan = 0;
	mac_copy(k->mac, mac);
	k->pad = 0;
}

/* Where the MAC is: what is fixed is so in all VLANs. */
static __always_inline const struct nsf_fdb *fdb_find(const struct pkt *p, const __u8 *mac)
{
	const struct nsf_fdb *e;
	struct nsf_fdb_key k;

	fdb_key(&k, p, mac);
	e = bpf_map_lookup_elem(&nsf_fdb, &k);
	if (likely(!(p->net->flags & NSF_NET_VLANS)) || (e && e->flags & NSF_FDB_STATIC))
		return e;
	k.vlan = vlan_of(p->ctx, p->slot);
	return bpf_map_lookup_elem(&nsf_fdb, &k);
}

/* A port that learns teaches who is behind it; a managed one says nothing new. */
static __always_inline bool fdb_heard(const struct pkt *p)
{
	struct nsf_fdb_key k;

	if (p->port->flags & NSF_PORT_MANAGED)
		return true;
	fdb_key(&k, p, p->smac);
	if (unlikely(p->net->flags & NSF_NET_VLANS))
		k.vlan = vlan_of(p->ctx, p->slot);
	return fdb_learn(&k, p->slot);
}

/* True if it has nothing to teach in this tick, where there are no VLANs. */
static __always_inline bool fdb_settled(const struct pkt *p)
{
	const struct nsf_fdb *e;
	struct nsf_fdb_key k;

	if (likely(p->port->flags & NSF_PORT_MANAGED))
		return true;
	fdb_key(&k, p, p->smac);
	e = bpf_map_lookup_elem(&nsf_fdb, &k);
	return e && e->slot == p->slot && e->gen == p->port->gen && e->seen == tick();
}

/* In the frame's VLAN, with the tag that it has there. */
static __always_inline enum verdict fdb_vlan(struct pkt *p, __u32 slot)
{
	p->edit = vlan_shared(p->ctx, p->slot, slot, p->tagged);
	return p->edit ? NEXT : drop(p, NSF_DROP_VLAN);
}

/* Sets the way out to a port: into the far namespace where the kernel can do that. */
static __always_inline enum verdict fdb_out(struct pkt *p, const struct nsf_port *to, __u32 slot)
{
	if (to->role == NSF_ROLE_GATEWAY)
		return HOST;
	if (unlikely(!to->ifindex))
		return drop(p, NSF_DROP_PORT_GONE);
	if (unlikely(p->port->flags & to->flags & NSF_PORT_ISOLATED))
		return drop(p, NSF_DROP_ISOLATED);
	if (unlikely(p->net->flags & NSF_NET_VLANS))
		TRY(fdb_vlan(p, slot));
	else if (unlikely(p->tagged && to->flags & NSF_PORT_MANAGED))
		return drop(p, NSF_DROP_VLAN);
	if (unlikely(p->wire > to->mtu))
		return drop(p, NSF_DROP_TOO_BIG);
	p->out = to->ifindex;
	p->out_slot = slot;
	return to->flags & NSF_PORT_PEER && p->port->role == NSF_ROLE_PORT ? HAND : SEND;
}

/* The managed port that has this MAC, if it is one that we chose: its last two bytes are the slot then. */
static __always_inline const struct nsf_port *fdb_chosen(const struct pkt *p, const __u8 *mac, __u32 *slot)
{
	const struct nsf_port *to;

	*slot = mac[4] << 8 | mac[5];
	to = bpf_map_lookup_elem(&nsf_ports, slot);
	if (to && to->role == NSF_ROLE_PORT && to->flags & NSF_PORT_MANAGED && to->net == p->net_id &&
	    mac_equal(to->mac, mac))
		return to;
	return NULL;
}

/* Where a frame goes that is for one: to its port, or to all if nobody knows. */
static __always_inline enum verdict fdb_unicast(struct pkt *p)
{
	const struct nsf_port *to;
	const struct nsf_fdb *e;
	__u32 slot;

	to = fdb_chosen(p, p->dmac, &slot);
	if (unlikely(!to)) {
		e = fdb_find(p, p->dmac);
		if (!e)
			return FLOOD;
		slot = e->slot;
		to = bpf_map_lookup_elem(&nsf_ports, &slot);
		/* the clock is read for learned entries only */
		if (!to || fdb_dead(e, to->gen, e->flags & NSF_FDB_STATIC ? 0 : tick(), p->net->fdb_age))
			return FLOOD;
	}
	if (unlikely(slot == p->slot))
		return drop(p, NSF_DROP_SAME_PORT);
	return fdb_out(p, to, slot);
}

/* Frames for the gateway's own MAC go on to the next stage, all others leave from here. */
static __always_inline enum verdict fdb(struct pkt *p)
{
	if (p->port->role == NSF_ROLE_PORT) {
		if (!fdb_heard(p))
			return drop(p, NSF_DROP_SPOOF_MAC);
		TRY(port_serves(p));
		if (mac_equal(p->dmac, p->net->mac))
			return NEXT;
	}
	if (likely(!(p->dmac[0] & 1)))
		return fdb_unicast(p);
	if (p->dmac[0] == 0x01 && p->dmac[1] == 0x80 && p->dmac[2] == 0xc2 && !p->dmac[3] && !p->dmac[4] &&
	    p->dmac[5] < 0x10)
		return drop(p, NSF_DROP_RESERVED_MAC);
	group(p);
	return FLOOD;
}
