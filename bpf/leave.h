/* SPDX-License-Identifier: GPL-2.0-only */
/* The only exit: counts, names the drop, and turns the verdict into the hook's action. */
#pragma once

#include "edit_note.h"
#include "edit_tc.h"
#include "edit_xdp.h"
#include "flood.h"
#include "frag.h"
#include "maps.h"

static __always_inline void leave_rx(__u32 slot, __u32 len)
{
	struct nsf_count *c = bpf_map_lookup_elem(&nsf_count, &slot);

	if (c) {
		c->rx_packets++;
		c->rx_bytes += len;
	}
}

static __always_inline void leave_tx(__u32 slot, __u32 len)
{
	struct nsf_count *c = bpf_map_lookup_elem(&nsf_count, &slot);

	if (c) {
		c->tx_packets++;
		c->tx_bytes += len;
	}
}

static __noinline void leave_reason(__u32 net_id, enum nsf_drop reason)
{
	__u32 i = net_id * NSF_DROP_STRIDE + reason;
	__u64 *n = bpf_map_lookup_elem(&nsf_drops, &i);

	if (n)
		(*n)++;
}

static __always_inline int leave_drop(const struct pkt *p, enum nsf_drop reason)
{
	leave_reason(p->net_id, reason);
	return TC_ACT_SHOT;
}

/* Into the namespace at the other end: there the packet must look as if it came for that host. */
static __always_inline int leave_hand(struct __sk_buff *ctx, __u32 ifindex)
{
	if (!cfg.scrubs && ctx->pkt_type != PACKET_HOST)
		bpf_skb_change_type(ctx, PACKET_HOST);
	return bpf_redirect_peer(ifindex, 0);
}

static __noinline int leave_neigh(struct pkt *p)
{
	struct bpf_redir_neigh nh = { .nh_family = p->hop_family == 6 ? AF_INET6 : AF_INET };

	__builtin_memcpy(nh.ipv6_nh, p->hop, sizeof(nh.ipv6_nh));
	return p->hop_family ? bpf_redirect_neigh(p->out, &nh, sizeof(nh), 0) : bpf_redirect_neigh(p->out, NULL, 0, 0);
}

struct leave_flood {
	struct __sk_buff *ctx;
	const struct facts *p;
	__u32 slot; /* next one to look at */
	__u32 held; /* port that still waits for its copy, 0 for none */
	struct flood to;
};

static __always_inline void leave_copy(struct __sk_buff *ctx, __u32 slot)
{
	const struct nsf_port *to = bpf_map_lookup_elem(&nsf_ports, &slot);

	if (to && !bpf_clone_redirect(ctx, to->ifindex, 0))
		leave_tx(slot, ctx->len);
}

/* One port of the network's list. A list that changes meanwhile is walked on: a freed slot keeps its next. */
static long leave_flood_one(__u32 i, struct leave_flood *l)
{
	const struct nsf_port *to = bpf_map_lookup_elem(&nsf_ports, &l->slot);
	__u32 slot = l->slot, held = l->held;

	if (!slot || !to)
		return 1;
	l->slot = to->next;
	if (!flood_meant(l->p, &l->to, slot))
		return 0;
	if (l->p->wire > to->mtu) {
		leave_reason(l->p->net_id, NSF_DROP_TOO_BIG);
		return 0;
	}
	l->held = slot;
	if (held)
		leave_copy(l->ctx, held);
	return 0;
}

/* Those of the VLAN's ports first where its frames have tags; false if the frame cannot be changed. */
static __always_inline bool leave_flood_tagged(struct leave_flood *l)
{
	__u32 first = l->slot;

	if (vlan_set(l->ctx, l->to.vlan))
		return false;
	l->to.tags = FLOOD_TAGGED;
	bpf_loop(NSF_SLOTS_MAX, leave_flood_one, l, 0);
	if (l->held)
		leave_copy(l->ctx, l->held);
	l->slot = first;
	l->held = 0;
	l->to.tags = vlan_hides(l->ctx) ? FLOOD_HIDING : FLOOD_TAGLESS;
	return !vlan_set(l->ctx, 0);
}

/* Copies for all but the last; that one gets the frame itself, so that the host's sender hears of no loss. Not static:
 * verified once, see struct facts. */
__noinline int leave_flood(struct __sk_buff *ctx, struct facts *p)
{
	const struct nsf_port *port, *last;
	const struct nsf_net *net;
	struct leave_flood l = { .ctx = ctx, .p = p };

	if (!p)
		return TC_ACT_SHOT;
	port = array_row(&nsf_ports, p->slot);
	net = array_row(&nsf_nets, p->net_id);
	if (!port || !net)
		return TC_ACT_SHOT;
	if (!flood_allowed(p, port, net)) {
		leave_reason(p->net_id, NSF_DROP_STORM);
		return TC_ACT_SHOT;
	}
	l.slot = net->first;
	l.to.deny = flood_deny(ctx, p, port, net);
	l.to.vlan = net->flags & NSF_NET_VLANS ? vlan_of(ctx, p->slot) : 0;
	l.to.whom = flood_whom(ctx, p, net, l.to.vlan);
	if (unlikely(net->flags & NSF_NET_VLANS) && !leave_flood_tagged(&l)) {
		leave_reason(p->net_id, NSF_DROP_EDIT);
		return TC_ACT_SHOT;
	}
	if (flood_anybody(l.to.deny, net))
		bpf_loop(NSF_SLOTS_MAX, leave_flood_one, &l, 0);
	if (flood_host(p, port, net)) {
		if (l.held)
			leave_copy(ctx, l.held);
		leave_tx(net->gateway_slot, ctx->len);
		return bpf_redirect(net->gateway, BPF_F_INGRESS);
	}
	last = array_row(&nsf_ports, l.held);
	if (!l.held || !last)
		return TC_ACT_SHOT; /* no port is there: it went to all of them */
	leave_tx(l.held, ctx->len);
	return bpf_redirect(last->ifindex, 0);
}

/* Back where it came from: to the port, or out of the uplink. */
static __always_inline enum verdict leave_reply(struct pkt *p)
{
	if (p->reason)
		leave_drop(p, p->reason);
	p->out = p->back && p->port ? p->port->ifindex : p->ctx->ifindex;
	p->out_slot = p->slot;
	if (!p->port)
		return SEND;
	return p->port->flags & NSF_PORT_PEER ? HAND : p->port->role == NSF_ROLE_GATEWAY ? HOST : SEND;
}

/* To another program, which reads the packet anew. It comes back only while the data path is being taken down. Each call has
 * a number of its own in it, and so becomes a jump to that program. */
static __always_inline int leave_jump(struct pkt *p, enum verdict v, __u32 family)
{
	if (family == 6) {
		if (v == OPEN)
			bpf_tail_call_static(p->ctx, &nsf_jumps, NSF_JUMP_OPEN6);
		else if (v == ENTER)
			bpf_tail_call_static(p->ctx, &nsf_jumps, NSF_JUMP_ENTER6);
		else
			bpf_tail_call_static(p->ctx, &nsf_jumps, NSF_JUMP_HAIRPIN6);
	} else {
		if (v == OPEN)
			bpf_tail_call_static(p->ctx, &nsf_jumps, NSF_JUMP_OPEN);
		else if (v == ENTER)
			bpf_tail_call_static(p->ctx, &nsf_jumps, NSF_JUMP_ENTER);
		else
			bpf_tail_call_static(p->ctx, &nsf_jumps, NSF_JUMP_HAIRPIN);
	}
	return leave_drop(p, NSF_DROP_NO_UPLINK);
}

/* The same before anything is decided: IPv6, and what is not for the fast path. */
static __always_inline int leave_anew(struct __sk_buff *ctx, enum nsf_jump jump)
{
	bpf_tail_call_static(ctx, &nsf_jumps, jump);
	return jump == NSF_JUMP_FROM_UP4 || jump == NSF_JUMP_FROM_UP6 || jump == NSF_JUMP_TO_UP6 ? TC_ACT_UNSPEC
												 : TC_ACT_SHOT;
}

/* On to the kernel before anything is read. */
static __always_inline int leave_unread(void)
{
	return TC_ACT_UNSPEC;
}

/* Where it goes, from the map rows that the stages found; the rest needs none of them. */
static __always_inline enum verdict leave_aim(struct pkt *p, enum verdict v)
{
	if (unlikely(v == REPLY))
		return leave_reply(p);
	if (unlikely(v == HOST)) {
		p->out = p->net->gateway;
		p->out_slot = p->net->gateway_slot;
	}
	return v;
}

/* The family comes beside p, as the compiler knows it: functions of the other one are not even there to be verified. */
static __always_inline int leave_tc(struct pkt *p, enum verdict v, __u32 family)
{
	struct __sk_buff *ctx = p->ctx;

	if (unlikely(v == OPEN || v == ENTER || v == HAIRPIN)) /* counted there */
		return leave_jump(p, v, family);
	if (p->slot && !frag_counted(p))
		leave_rx(p->slot, p->len);
	if (unlikely(v == NEXT || v == PASS))
		return TC_ACT_UNSPEC;
	if (unlikely(v == DROP))
		return leave_drop(p, p->reason);
	v = leave_aim(p, v);
	if (edit(ctx, p, family))
		return leave_drop(p, NSF_DROP_EDIT);
	if (unlikely(v == ON))
		return TC_ACT_UNSPEC;
	if (likely(p->out_slot))
		leave_tx(p->out_slot, ctx->len);
	if (unlikely(v == NEIGH))
		return leave_neigh(p);
	if (unlikely(v == DETOUR || v == UP))
		ctx->tc_index = v == DETOUR ? p->via : NSF_FRAG_DONE;
	if (v == HAND || v == DETOUR)
		return leave_hand(ctx, p->out);
	return bpf_redirect(p->out, v == HOST || v == UP ? BPF_F_INGRESS : 0);
}

/* The same for a network's own frames, which may be for many. */
static __always_inline int leave_frame(struct pkt *p, enum verdict v, __u32 family)
{
	if (v != FLOOD)
		return leave_tc(p, v, family);
	leave_rx(p->slot, p->len);
	return leave_flood(p->ctx, &p->facts);
}

/* The same for what may have come back from the defragmenter. */
static __always_inline int leave_back(struct pkt *p, enum verdict v, __u32 family)
{
	if (p->back)
		v = frag_leave(p, v);
	return leave_tc(p, v, family);
}

/* Of the fast path, as leave_tc() does it. */
static __always_inline int leave_fast(struct pkt *p, enum verdict v, enum nsf_jump slow)
{
	if (unlikely(v != SEND && v != HAND))
		return v == OPEN || v == ENTER ? leave_jump(p, v, 4) : leave_anew(p->ctx, slow);
	if (likely(p->slot))
		leave_rx(p->slot, p->len);
	if (p->edit == EDIT_NAT && edit_plain(p->ctx, p))
		return leave_drop(p, NSF_DROP_EDIT);
	leave_tx(p->out_slot, p->len);
	return v == HAND ? leave_hand(p->ctx, p->out) : bpf_redirect(p->out, 0);
}

/* Of a frame: it is gone, or on its way to a port or another uplink, or the kernel makes a packet of it. */
static __always_inline int leave_xdp(struct pkt *p, enum verdict v)
{
	if (v == DROP) {
		leave_reason(p->net_id, p->reason);
		return XDP_DROP;
	}
	if (v == NEIGH)
		edit_note_put(p);
	if (v != SEND)
		return XDP_PASS;
	leave_rx(p->slot, p->len);
	if (edit_xdp(p)) {
		leave_reason(p->net_id, NSF_DROP_EDIT);
		return XDP_DROP;
	}
	leave_tx(p->out_slot, p->len);
	return bpf_redirect(p->out, 0);
}
