/* SPDX-License-Identifier: GPL-2.0-only */
/* Fragments: into the defragmenter, and what comes back from it. The design stands in include/nsfast/frag.h. */
#pragma once

#include "icmp.h"
#include "ip.h"
#include "publish.h"
#include "six.h"

/* The upper bits of a product depend on all bits of x; n is a power of two. */
#define FRAG_HASH(x, n) (((__u64)(__u32)((x)*0x9e3779b1u) * (n)) >> 32)

/* The host's own row: the leg and its MTU. NULL if there is no leg. */
static __always_inline const struct nsf_net *frag_leg(void)
{
	__u32 zero = 0;
	const struct nsf_net *leg = bpf_map_lookup_elem(&nsf_nets, &zero);

	return leg && leg->frag ? leg : NULL;
}

/* A row, with the windows that are over forgotten. */
static __always_inline struct nsf_frag_wait *frag_wait(__u32 i)
{
	__u32 window = tick() >> NSF_FRAG_WINDOW;
	struct nsf_frag_wait *w = bpf_map_lookup_elem(&nsf_frag_waits, &i);

	if (w && w->window != window) {
		/* what left in the last window had come in the one before: a debt is not carried on */
		w->before = w->window + 1 == window && w->now > 0 ? w->now : 0;
		w->now = 0;
		w->window = window;
	}
	return w;
}

/* The row of who sent it. */
static __always_inline struct nsf_frag_wait *frag_sender(const struct pkt *p)
{
	return frag_wait(p->port ? p->slot : NSF_SLOTS_MAX + FRAG_HASH(p->saddr, NSF_FRAG_OUTSIDE));
}

static __always_inline bool frag_full(const struct nsf_frag_wait *w, __u32 cost, __s32 limit)
{
	return !w || w->now + w->before + (__s32)cost > limit;
}

/*
 * What a fragment costs while it waits: going in, as the pieces that it may come out in, so that never more is taken off than was
 * put on. False if the quota is used up.
 */
static __always_inline bool frag_enter(const struct pkt *p, __u32 mtu)
{
	struct nsf_frag_wait *w = frag_sender(p), *all = p->port ? NULL : frag_wait(0);
	__u32 cost = p->wire + NSF_FRAG_COST;

	if (p->wire > mtu && mtu > 128)
		cost += p->wire / (mtu - 128) * (NSF_FRAG_COST + 60);
	if (frag_full(w, cost, NSF_FRAG_QUOTA) || (!p->port && frag_full(all, cost, NSF_FRAG_ALL)))
		return false;
	__sync_fetch_and_add(&w->now, cost);
	if (all)
		__sync_fetch_and_add(&all->now, cost);
	return true;
}

static __always_inline void frag_left(const struct pkt *p)
{
	__s32 cost = p->wire + NSF_FRAG_COST;
	struct nsf_frag_wait *w;

	if (p->via & NSF_FRAG_WHOLE)
		return;
	w = frag_sender(p);
	if (w)
		__sync_fetch_and_add(&w->now, -cost);
	w = p->port ? NULL : frag_wait(0);
	if (w)
		__sync_fetch_and_add(&w->now, -cost);
}

static __always_inline enum verdict frag_detour(struct pkt *p, __u32 via, const struct nsf_net *leg)
{
	p->via = via;
	p->out = leg->frag;
	p->edit = EDIT_NONE;
	return DETOUR;
}

/*
 * May leave by a route with a lower MTU: what others on the way may cut and the uplink itself takes, and what may not be
 * told any more, since it is no longer than the leg's MTU.
 */
static __always_inline bool frag_fits(const struct pkt *p)
{
	const struct nsf_net *leg;
	__u32 len = p->wire;

	if (!p->df)
		return !bpf_check_mtu(p->ctx, p->net->uplink, &len, 0, 0);
	leg = p->back ? frag_leg() : NULL;
	return leg && p->wire <= leg->mtu;
}

/* Too long for the way out: cut on the detour where that is allowed, else the sender is told. */
static __always_inline enum verdict frag_too_big(struct pkt *p, __u32 mtu)
{
	const struct nsf_net *leg = frag_leg();

	if (!p->df && !p->frag && !p->back && p->slot && leg && p->wire > leg->mtu)
		return frag_detour(p, p->slot | NSF_FRAG_WHOLE, leg);
	return icmp_too_big(p, mtu);
}

/* Behind a learning port, MACs are remembered: on the detour they are lost. */
static __always_inline void frag_note_mac(const struct pkt *p)
{
	struct nsf_frag_mac_key k = { .addr = p->saddr, .net = p->net_id, .family = p->family };
	struct nsf_frag_mac fresh = {}, *m;

	if (p->port->flags & NSF_PORT_MANAGED)
		return;
	m = bpf_map_lookup_elem(&nsf_frag_macs, &k);
	if (m && mac_equal(m->mac, p->smac))
		return;
	mac_copy(fresh.mac, p->smac);
	bpf_map_update_elem(&nsf_frag_macs, &k, &fresh, BPF_ANY);
}

/* Sources of learning ports are nobody's but the subnet's: fragments of two networks must not meet in one packet. */
static __always_inline enum verdict frag_source(struct pkt *p)
{
	const struct ipv6hdr *ip;

	if (p->family != 6)
		return (p->saddr ^ p->net->addr4) & p->net->mask4 ? drop(p, NSF_DROP_SPOOF_IP4) : NEXT;
	ip = six_head(p);
	if (!ip || !ip6_near(ip->saddr.s6_addr32, (const __u32 *)p->net->gateway6, p->net->plen6))
		return drop(p, NSF_DROP_SPOOF_IP6);
	return NEXT;
}

static __noinline enum verdict frag_from_port(struct pkt *p, const struct nsf_net *leg)
{
	TRY(frag_source(p));
	if (ctx_csum_partial(p->ctx)) /* nobody could fill it in before the rest is there */
		return drop(p, NSF_DROP_SUM_ELSEWHERE);
	if (p->ttl <= 1)
		return icmp_answer(p, NSF_DROP_TTL, ICMP_SAY_TTL);
	if (p->df && p->wire > leg->mtu)
		return icmp_too_big(p, leg->mtu);
	if (!frag_enter(p, leg->mtu))
		return drop(p, NSF_DROP_FRAGMENT_QUOTA);
	frag_note_mac(p);
	return frag_detour(p, p->slot, leg);
}

/*
 * A packet from a port for the gateway's MAC: what cannot be understood alone leaves for the detour. Not so what is for the
 * gateway, unless something is published there or anywhere. Without a leg the stages after this one refuse it.
 */
static __always_inline enum verdict frag_inner(struct pkt *p)
{
	__u32 flags = NSF_NET_PUBLISH | (p->family == 6 ? NSF_NET_SNAT6 : NSF_NET_SNAT);
	const struct nsf_net *leg;

	if (likely(!p->frag) || p->back || !(p->net->flags & flags) || (ip_for_gateway(p) && !publish_any()))
		return NEXT;
	leg = frag_leg();
	return leg ? frag_from_port(p, leg) : NEXT;
}

/* From outside, as if from a network of ours: in one packet with it, it must not come. */
static __always_inline bool frag_inside_out(struct pkt *p, const struct nsf_net *leg)
{
	struct bpf_fib_lookup q = { .ifindex = leg->frag };
	struct parse6_addrs a;
	__u32 out;
	long r;

	if (p->family != 6) {
		q.family = AF_INET;
		q.ipv4_src = p->daddr;
		q.ipv4_dst = p->saddr;
	} else if (parse6_addrs(p->ctx, &a)) {
		q.family = AF_INET6;
		__builtin_memcpy(q.ipv6_src, a.dst, sizeof(a.dst));
		__builtin_memcpy(q.ipv6_dst, a.src, sizeof(a.src));
	}
	r = bpf_fib_lookup(p->ctx, &q, sizeof(q), 0);
	out = q.ifindex;
	return (r == BPF_FIB_LKUP_RET_SUCCESS || r == BPF_FIB_LKUP_RET_NO_NEIGH) &&
	       bpf_map_lookup_elem(&nsf_ifaces, &out);
}

/*
 * A fragment from the uplink for an SNAT address. It may be the host's own: what the detour would not bring back passes on
 * to the host's stack.
 */
static __noinline enum verdict frag_from_uplink(struct pkt *p)
{
	const struct nsf_net *leg = frag_leg();
	__u32 ifindex = p->ctx->ifindex, *slot;

	if (p->ctx->tc_index == NSF_FRAG_DONE) {
		p->ctx->tc_index = 0;
		return PASS;
	}
	slot = bpf_map_lookup_elem(&nsf_uplinks, &ifindex);
	if (!leg || !slot || p->ttl <= 1 || (p->df && p->wire > leg->mtu) || ctx_csum_partial(p->ctx))
		return PASS;
	if (frag_inside_out(p, leg))
		return drop(p, NSF_DROP_MARTIAN_SRC);
	/* not to the host either: its own memory for fragments is no larger */
	return frag_enter(p, leg->mtu) ? frag_detour(p, *slot, leg) : drop(p, NSF_DROP_FRAGMENT_QUOTA);
}

/* Whose packet came back. */
static __always_inline enum verdict frag_find(struct pkt *p)
{
	const struct nsf_port *from;

	p->hops = 0;
	p->back = 1;
	p->via = p->ctx->tc_index;
	p->slot = p->via & ~NSF_FRAG_WHOLE;
	from = p->slot ? array_row(&nsf_ports, p->slot) : NULL;
	if (!from || (from->role != NSF_ROLE_PORT && from->role != NSF_ROLE_UPLINK))
		return drop(p, NSF_DROP_NO_PORT);
	p->net_id = from->net;
	p->net = array_row(&nsf_nets, p->net_id);
	if (!p->net)
		return drop(p, NSF_DROP_NO_PORT);
	if (from->role == NSF_ROLE_UPLINK)
		p->slot = p->net_id = 0; /* as on the uplink: a flow will tell */
	else
		p->port = from;
	return NEXT;
}

/* As it came from its port: MACs. A port that took over the slot meanwhile gets none of it. */
static __always_inline enum verdict frag_restore(struct pkt *p)
{
	struct nsf_frag_mac_key k = { .addr = p->saddr, .net = p->net_id, .family = p->family };
	const struct nsf_frag_mac *m;

	mac_copy(p->dmac, p->net->mac);
	if (p->port->flags & NSF_PORT_MANAGED) {
		mac_copy(p->smac, p->port->mac);
		if (p->family == 6)
			return p->saddr == p->port->handle6 ? NEXT : drop(p, NSF_DROP_SPOOF_IP6);
		return p->saddr == p->port->addr4 ? NEXT : drop(p, NSF_DROP_SPOOF_IP4);
	}
	m = bpf_map_lookup_elem(&nsf_frag_macs, &k);
	if (!m)
		return drop(p, NSF_DROP_FRAGMENT_LOST);
	mac_copy(p->smac, m->mac);
	return NEXT;
}

/*
 * A new identification that no other packet between the two had of late: counted up for the far end, whoever of ours sends
 * to it. By small random steps, so that seeing one does not tell the next. IPv6: it has got a random one where it was cut.
 */
static __always_inline __be32 frag_new_id(const struct pkt *p)
{
	__be32 far = p->port ? p->daddr : p->saddr;
	__u32 i = FRAG_HASH(far ^ p->proto, NSF_FRAG_IDS), *n;

	if (p->family == 6)
		return p->id;
	n = bpf_map_lookup_elem(&nsf_frag_ids, &i);
	return n ? bpf_htons(__sync_fetch_and_add(n, 1 + (bpf_get_prandom_u32() & 3))) : 0;
}

static __always_inline struct nsf_frag *frag_row(const struct pkt *p)
{
	__u32 i = p->frag_row;

	return bpf_map_lookup_elem(&nsf_frags, &i);
}

static __always_inline bool frag_is(const struct pkt *p, const struct nsf_frag *f)
{
	return f->id == p->id && f->saddr == p->saddr && f->daddr == p->daddr && f->proto == p->proto &&
	       f->family == p->family && tick() - f->seen < 2;
}

static __always_inline void frag_note(struct pkt *p, struct nsf_frag *f)
{
	*f = (struct nsf_frag){
		.saddr = p->saddr,
		.daddr = p->daddr,
		.id = p->id,
		.proto = p->proto,
		.family = p->family,
		.icmp_type = p->icmp_type,
		.icmp_code = p->icmp_code,
		.sport = p->sport,
		.dport = p->dport,
		.new_id = frag_new_id(p),
		.seen = tick(),
		.tcp = p->tcp,
	};
	p->id = f->new_id;
}

/* The later ones fare as the first one did. */
static __always_inline enum verdict frag_join(struct pkt *p, const struct nsf_frag *f)
{
	if (!frag_is(p, f))
		return drop(p, NSF_DROP_FRAGMENT_LOST);
	if (f->reason)
		return drop(p, f->reason);
	p->icmp_type = f->icmp_type;
	p->icmp_code = f->icmp_code;
	p->sport = f->sport;
	p->dport = f->dport;
	p->tcp = f->tcp;
	p->id = f->new_id;
	return NEXT;
}

static __noinline enum verdict frag_back(struct pkt *p)
{
	struct nsf_frag *f;

	p->frag_row = FRAG_HASH(p->id, NSF_FRAGS);
	f = frag_row(p);
	if (p->bad || !f)
		return drop(p, p->bad ? p->bad : NSF_DROP_FRAGMENT_LOST);
	if (p->port)
		TRY(frag_restore(p));
	if (p->frag == FRAG_FIRST)
		frag_note(p, f);
	else if (p->frag)
		TRY(frag_join(p, f));
	/* what it quotes is in the first one, its checksum over all */
	if (p->frag && icmp_is_proto(p) && icmp_is_error(p))
		return p->port ? drop(p, NSF_DROP_FRAGMENT) : PASS;
	return NEXT;
}

/* True if the packet came back from the defragmenter. */
static __always_inline bool frag_came(const struct pkt *p)
{
	const struct nsf_net *leg = frag_leg();

	return leg && leg->frag == p->ctx->ifindex;
}

/* True if it was counted where it came from when it went on the detour. */
static __always_inline bool frag_counted(const struct pkt *p)
{
	return p->back && (p->port || p->via & NSF_FRAG_WHOLE);
}

/* Up to the host's stack, by the uplink that the packet came from. */
static __always_inline enum verdict frag_up(struct pkt *p)
{
	__u32 slot = p->via & ~NSF_FRAG_WHOLE, id;
	const struct nsf_port *from = bpf_map_lookup_elem(&nsf_ports, &slot);

	id = from ? from->net : 0;
	p->net = bpf_map_lookup_elem(&nsf_nets, &id);
	if (!p->net || !p->net->uplink)
		return drop(p, NSF_DROP_NO_UPLINK);
	p->out = p->net->uplink;
	p->edit = EDIT_MACS;
	p->macs = 1;
	mac_copy(p->out_dmac, p->net->uplink_mac);
	mac_copy(p->out_smac, p->smac);
	return UP;
}

/* What the path says of a packet that has no longer the frame it came in. */
static __noinline enum verdict frag_leave(struct pkt *p, enum verdict v)
{
	struct nsf_frag *f = frag_row(p);

	if (v == REPLY && !p->port) /* nobody knows any more which neighbour sent it */
		v = DROP;
	if (p->frag == FRAG_FIRST && f && (v == DROP || v == REPLY))
		f->reason = p->reason;
	if (v == PASS)
		return p->port ? drop(p, NSF_DROP_NO_PORT) : frag_up(p);
	if (v == HOST && p->net) {
		p->macs = 1;
		mac_copy(p->out_dmac, p->net->mac);
		mac_copy(p->out_smac, p->smac);
		if (p->edit == EDIT_NONE)
			p->edit = EDIT_MACS;
	}
	return v;
}
