/* SPDX-License-Identifier: GPL-2.0-only */
/* The bridge: learn the source, find the destination, flood what is unknown. */
#pragma once

#include "port.h"

/*
 * One write for a new or moved MAC, else at most one a tick. Full table: not learned, the frame is still forwarded.
 * False if the MAC is another port's for good.
 */
static __noinline bool fdb_learn(struct pkt *p)
{
	struct nsf_fdb_key k = { .net = p->net_id };
	struct nsf_fdb fresh = { .gen = p->port->gen, .seen = tick(), .slot = p->slot };
	struct nsf_fdb *e;

	mac_copy(k.mac, p->smac);
	e = bpf_map_lookup_elem(&nsf_fdb, &k);
	if (!e) {
		bpf_map_update_elem(&nsf_fdb, &k, &fresh, BPF_NOEXIST);
		return true;
	}
	if (e->flags & NSF_FDB_STATIC)
		return false;
	if (e->slot != p->slot || e->gen != p->port->gen)
		bpf_map_update_elem(&nsf_fdb, &k, &fresh, BPF_EXIST);
	else if (e->seen != fresh.seen)
		e->seen = fresh.seen;
	return true;
}

static __always_inline bool fdb_dead(const struct nsf_fdb *e, __u32 gen, __u32 now)
{
	return e->gen != gen ||
	       (!(e->flags & NSF_FDB_STATIC) && (__s32)(now - e->seen) > (__s32)NSF_TICKS(NSF_FDB_AGE));
}

/* Sets the way out to a port: into the far namespace where the kernel can do that. */
static __always_inline enum verdict fdb_out(struct pkt *p, const struct nsf_port *to, __u32 slot)
{
	if (to->role == NSF_ROLE_GATEWAY)
		return HOST;
	if (unlikely(p->tagged && to->flags & NSF_PORT_MANAGED))
		return drop(p, NSF_DROP_VLAN);
	if (unlikely(p->wire > to->mtu))
		return drop(p, NSF_DROP_TOO_BIG);
	p->out = to->ifindex;
	p->out_slot = slot;
	return to->flags & NSF_PORT_PEER && p->port->role == NSF_ROLE_PORT ? HAND : SEND;
}

/* The managed port that has this MAC, if it is one that we chose: its last two bytes are the slot then. */
static __always_inline const struct nsf_port *fdb_chosen(const struct pkt *p, __u32 *slot)
{
	const struct nsf_port *to;

	*slot = p->dmac[4] << 8 | p->dmac[5];
	to = bpf_map_lookup_elem(&nsf_ports, slot);
	if (to && to->role == NSF_ROLE_PORT && to->flags & NSF_PORT_MANAGED && to->net == p->net_id &&
	    mac_equal(to->mac, p->dmac))
		return to;
	return NULL;
}

/* Frames for the gateway's own MAC go on to the next stage, all others leave from here. */
static __always_inline enum verdict fdb(struct pkt *p)
{
	struct nsf_fdb_key k = { .net = p->net_id };
	const struct nsf_port *to;
	const struct nsf_fdb *e;
	__u32 slot;

	if (p->port->role == NSF_ROLE_PORT) {
		if (!(p->port->flags & NSF_PORT_MANAGED) && !fdb_learn(p))
			return drop(p, NSF_DROP_SPOOF_MAC);
		if (mac_equal(p->dmac, p->net->mac))
			return NEXT;
	}
	if (unlikely(p->dmac[0] & 1)) {
		if (p->dmac[0] == 0x01 && p->dmac[1] == 0x80 && p->dmac[2] == 0xc2 && !p->dmac[3] && !p->dmac[4] &&
		    p->dmac[5] < 0x10)
			return drop(p, NSF_DROP_RESERVED_MAC);
		return FLOOD;
	}
	to = fdb_chosen(p, &slot);
	if (unlikely(!to)) {
		mac_copy(k.mac, p->dmac);
		e = bpf_map_lookup_elem(&nsf_fdb, &k);
		if (!e)
			return FLOOD;
		slot = e->slot;
		to = bpf_map_lookup_elem(&nsf_ports, &slot);
		/* the clock is read for learned entries only */
		if (!to || fdb_dead(e, to->gen, e->flags & NSF_FDB_STATIC ? 0 : tick()))
			return FLOOD;
	}
	if (unlikely(slot == p->slot))
		return drop(p, NSF_DROP_SAME_PORT);
	return fdb_out(p, to, slot);
}
