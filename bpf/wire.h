/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames of the uplink before the kernel makes packets of them (XDP): answers to containers, and what nobody asked for. */
#pragma once

/*
 * What is decided here is decided as at tc, by the same tables; all else goes on to there untouched: what is new, what is
 * odd, what is the host's. So does TCP: the receiver's driver joins its segments on that way, once for all of the path,
 * and two ways at a time would put them out of order.
 */

#include "inbound.h"
#include "parse_xdp.h"

/* For this host's MAC, as far as a network of this uplink knows it. */
static __always_inline bool wire_ours(const struct pkt *p)
{
	__u32 ifindex = p->xdp->ingress_ifindex, id;
	const __u32 *slot = bpf_map_lookup_elem(&nsf_uplinks, &ifindex);
	const struct nsf_port *leg = slot ? array_row(&nsf_ports, *slot) : NULL;
	const struct nsf_net *net;

	if (!leg)
		return false;
	id = leg->net;
	net = bpf_map_lookup_elem(&nsf_nets, &id);
	return net && net->uplink == ifindex && mac_equal(p->dmac, net->uplink_mac);
}

static __always_inline enum verdict wire_unasked(struct pkt *p)
{
	return inbound(p) == DROP && wire_ours(p) ? DROP : PASS;
}

/* To a port that takes frames, as flow_port() does it: what that would not simply send is its own to answer. */
static __always_inline enum verdict wire_port(struct pkt *p, struct nsf_flow *f)
{
	const struct nsf_port *to = flow_port_row(p, f);

	if (!to || !(to->flags & NSF_PORT_NAPI))
		return PASS;
	if (p->ttl <= 1 || p->wire > to->mtu || !mac_equal(p->dmac, p->net->uplink_mac))
		return PASS;
	p->slot = p->net->uplink_slot;
	flow_aim(p, f, to);
	flow_touch(p, f, tick(), false);
	return SEND;
}

static __always_inline enum verdict wire(struct pkt *p)
{
	struct nsf_flow *f = flow_known_to(p);

	if (!f)
		return wire_unasked(p);
	if (p->proto == IPPROTO_TCP || f->flags & NSF_FLOW_HOST || !six_same(p, f, false))
		return PASS;
	return wire_port(p, f);
}
