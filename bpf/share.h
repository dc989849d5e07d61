/* SPDX-License-Identifier: GPL-2.0-only */
/* What each port uses of the shared tables, against its limits. The rules stand at struct nsf_share. */
#pragma once

#include "maps.h"
#include "pkt.h"

static __always_inline struct nsf_share *share_row(__u32 slot)
{
	return bpf_map_lookup_elem(&nsf_shares, &slot);
}

/* Frames to all that the port may send in a tick. */
static __always_inline __u32 share_flood(const struct nsf_share *s, const struct nsf_net *net)
{
	const __u32 ports = net->n_ports;

	if (s->max_flood)
		return s->max_flood;
	return ports > NSF_FLOOD_COPIES / NSF_FLOOD ? NSF_FLOOD_COPIES / ports : NSF_FLOOD;
}

/* True if it has sent as many in this one, and the next will not get far. */
static __always_inline bool share_stormy(__u32 slot)
{
	const struct nsf_port *port = array_row(&nsf_ports, slot);
	const struct nsf_net *net = port ? array_row(&nsf_nets, port->net) : NULL;
	const struct nsf_share *s = share_row(slot);

	return net && s && port->role == NSF_ROLE_PORT && s->flood_tick == tick() && s->flooded >= share_flood(s, net);
}

/* One less, never below none, whoever else counts. */
static __always_inline void share_less(__u32 *n)
{
	for (int tries = 0; tries < 4; tries++) {
		__u32 is = *n;

		if (!is || __sync_val_compare_and_swap(n, is, is - 1) == is)
			return;
	}
}

/* Learned MACs of a port, or by its gateway's slot of a network: one more or one less. */
static __always_inline void share_macs(__u32 slot, int n)
{
	struct nsf_share *s = share_row(slot);

	if (!s || !slot)
		return;
	if (n > 0)
		__sync_fetch_and_add(&s->macs, n);
	else
		share_less(&s->macs);
}

/* Flags of a flow that say what it is counted as until both sides have spoken. */
#define SHARE_OPENING (NSF_FLOW_HALF | NSF_FLOW_DOUBT)

/* The count of half-open flows that one with these flags is in. */
static __always_inline __u32 *share_half(struct nsf_share *s, __u32 flags)
{
	return flags & NSF_FLOW_DOUBT ? &s->half_in : &s->half;
}

/* Flows in doubt of all ports: one more or one less. */
static __always_inline void share_doubt(int n)
{
	struct nsf_share *all = share_row(0);

	if (all)
		__sync_fetch_and_add(&all->doubt, n);
}

/* One more flow of what the flags tell, whatever the limits. */
static __always_inline void share_get(struct nsf_share *s, __u32 flags)
{
	if (flags & NSF_FLOW_COUNTED)
		__sync_fetch_and_add(&s->flows, 1);
	if (flags & NSF_FLOW_HALF)
		__sync_fetch_and_add(share_half(s, flags), 1);
	if (flags & NSF_FLOW_DOUBT) {
		__sync_fetch_and_add(&s->doubt, 1);
		share_doubt(1);
	}
}

/* One more flow of a port, whose flags tell what is counted. NSF_DROP_NONE, or why it may not be. */
static __always_inline enum nsf_drop share_take(__u32 slot, __u32 port_gen, __u32 flags)
{
	const struct nsf_port *port = bpf_map_lookup_elem(&nsf_ports, &slot);
	struct nsf_share *s = share_row(slot);

	if (!slot) /* the host's own */
		return NSF_DROP_NONE;
	if (!s || !port || port->gen != port_gen)
		return NSF_DROP_PORT_GONE;
	/* the narrower limit first: what makes room there does so for both */
	if (flags & NSF_FLOW_HALF && __sync_fetch_and_add(share_half(s, flags), 1) >= s->max_half) {
		__sync_fetch_and_add(share_half(s, flags), -1);
		return NSF_DROP_HALF_QUOTA;
	}
	if (__sync_fetch_and_add(&s->flows, 1) >= s->max_flows) {
		__sync_fetch_and_add(&s->flows, -1);
		if (flags & NSF_FLOW_HALF)
			__sync_fetch_and_add(share_half(s, flags), -1);
		return NSF_DROP_FLOWS_QUOTA;
	}
	share_get(s, flags & NSF_FLOW_DOUBT);
	return NSF_DROP_NONE;
}

/* Takes off what the flags of a flow say is counted. The row of a port that is gone was zeroed with it. */
static __always_inline void share_put(__u32 slot, __u32 port_gen, __u32 flags)
{
	const struct nsf_port *port = bpf_map_lookup_elem(&nsf_ports, &slot);
	struct nsf_share *s = share_row(slot);

	if (flags & NSF_FLOW_DOUBT)
		share_doubt(-1);
	if (!slot || !port || !s || port->gen != port_gen)
		return;
	if (flags & NSF_FLOW_COUNTED)
		__sync_fetch_and_add(&s->flows, -1);
	if (flags & NSF_FLOW_HALF)
		__sync_fetch_and_add(share_half(s, flags), -1);
	if (flags & NSF_FLOW_DOUBT)
		__sync_fetch_and_add(&s->doubt, -1);
}

/* External ports of a port: one more or one less. An endpoint that moved between ports leaves its count behind. */
static __always_inline void share_ports(__u32 slot, int n)
{
	struct nsf_share *s = share_row(slot);

	if (s && slot && (n > 0 || s->ports))
		__sync_fetch_and_add(&s->ports, n);
}
