/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames of the uplink before the kernel makes packets of them (XDP): answers to containers, and what nobody asked for. */
#pragma once

/*
 * What is decided here is decided as at tc, by the same tables; all else goes on to there untouched: what is new, what is
 * odd, what is the host's. So does TCP: the receiver's driver joins its segments on that way, once for all of the path,
 * and two ways at a time would put them out of order. What is nobody's of ours may pass through the host, see through.h.
 */

#include "inbound.h"
#include "parse_xdp.h"
#include "through.h"

/* NEXT: nobody's of ours. */
static __always_inline enum verdict wire_unasked(struct pkt *p)
{
	const struct nsf_port *leg;
	enum verdict v = inbound(p);
	__u32 slot;

	if (v == NEXT)
		return NEXT;
	leg = v == DROP ? through_leg(p->xdp->ingress_ifindex, &slot) : NULL;
	return leg && through_ours(p, leg) ? DROP : PASS;
}

/* To a port that takes frames, as flow_port() does it: what that would not simply send is its own to answer. */
static __always_inline enum verdict wire_port(struct pkt *p, struct nsf_flow *f)
{
	const struct nsf_port *to = flow_port_plain(p, f);

	if (!to || !(to->flags & NSF_PORT_NAPI) || !mac_equal(p->dmac, p->net->uplink_mac))
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
