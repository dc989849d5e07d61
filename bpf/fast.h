/* SPDX-License-Identifier: GPL-2.0-only */
/* The fast path: plain packets of what is known. All others, and what is to be dropped, take the slow one (path.h). */
#pragma once

/*
 * By the same stages, less what such a packet has no use for. Nothing here hands out the address of struct pkt: so it lies in
 * registers, only what is read of it is ever made, and a packet has less code to fetch. That counts more than instructions do:
 * between two packets a busy machine has other things in its nearest cache.
 *
 * SLOW, or any other verdict that does not send it: nothing of the packet, its flow or its sender has been written, and the
 * slow path begins anew.
 */

#include "edit_note.h"
#include "path.h"

static __always_inline enum verdict fast_read(struct pkt *p)
{
	return likely(parse_plain(p->ctx, &p->facts)) ? NEXT : SLOW;
}

/* True if a key whose place does not lead to it is that of no flow. */
static __always_inline bool fast_none(const __u32 *hint)
{
	return hint && hint_read(hint) < NSF_HINT_KEY;
}

/* To the outside. */
static __always_inline enum verdict fast_inner(struct pkt *p)
{
	struct nsf_flow_key inner, outer;
	const struct nsf_hop *hop;
	struct nsf_flow *f;
	__u32 now, *hint;

	if (!(p->net->flags & (NSF_NET_SNAT | NSF_NET_PUBLISH)) || p->daddr == p->net->addr4)
		return SLOW;
	flow_key(p, p->net_id, &inner);
	flow_guess(p, &inner, &outer);
	hint = hint_at(&outer);
	f = hint_record(hint, &p->flow_slot);
	if (unlikely(!f || !flow_is_from(p, f, outer.daddr)))
		return fast_none(hint) && guess_holds(p->saddr) && path_policy(p) & NSF_NET_SNAT ? OPEN : SLOW;
	now = tick();
	hop = hop_known(f, p->net, now);
	if (unlikely(!hop || p->wire > f->mtu || p->ttl <= 1 || flow_elsewhere(p, f) || f->flags & NSF_FLOW_HAIRPIN))
		return SLOW;
	flow_translate(p, f, now);
	return flow_way(p, hop);
}

/* A frame from a container, at its port's host side. */
static __always_inline enum verdict fast_from_port(struct pkt *p)
{
	TRY(port_find(p));
	TRY(fast_read(p));
	if (unlikely(p->net->flags & NSF_NET_VLANS || p->dmac[0] & 1))
		return SLOW;
	TRY(port_source(p));
	if (!held_free(p) && held_by4(p, p->saddr))
		return DROP;
	if (unlikely(!fdb_settled(p)))
		return SLOW;
	TRY(port_serves(p));
	if (!mac_equal(p->dmac, p->net->mac))
		return fdb_unicast(p);
	TRY(ip4_ends(p));
	return ip_sum_own(p) ? fast_inner(p) : SLOW;
}

/* A packet from outside. */
static __always_inline enum verdict fast_from_uplink(struct pkt *p)
{
	const struct nsf_port *to;
	struct nsf_flow_key k;
	struct nsf_flow *f;
	__u32 *hint;

	if (p->ctx->pkt_type != PACKET_HOST || unlikely(edit_note_any(p->ctx)))
		return SLOW;
	TRY(fast_read(p));
	flow_key(p, 0, &k);
	hint = hint_at(&k);
	f = hint_record(hint, &p->flow_slot);
	if (unlikely(!f || !flow_is_to(p, f)))
		return fast_none(hint) && (p->tcp & (TCP_SYN | TCP_ACK)) == TCP_SYN && inbound_rule(p) >= 0 ? ENTER
													    : SLOW;
	to = flow_port_plain(p, f);
	if (unlikely(!to || to->role == NSF_ROLE_GATEWAY || f->flags & NSF_FLOW_HOST))
		return SLOW;
	p->slot = p->net->uplink_slot;
	p->edit = EDIT_NAT;
	flow_touch(p, f, tick(), false);
	flow_aim(p, f, to);
	return to->flags & NSF_PORT_PEER ? HAND : SEND;
}
