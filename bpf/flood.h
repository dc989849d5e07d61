/* SPDX-License-Identifier: GPL-2.0-only */
/* Who gets a frame that is for many, and how many of them a port may send. */
#pragma once

#include "answer.h"

static __always_inline bool flood_broadcast(const struct facts *p)
{
	static const __u8 all[6] __attribute__((aligned(2))) = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	return mac_equal(p->dmac, all);
}

/* Who gets it. */
struct flood {
	__u16 deny; /* ports with one of these flags get none */
	__u16 vlan; /* ports of this one get it, 0: of any */
	__u16 tags; /* enum flood_tags */
	__u16 whom; /* enum group_for */
};

/* Ports with one of these flags get no copy. */
static __always_inline __u32 flood_deny(struct __sk_buff *ctx, const struct facts *p, const struct nsf_port *port,
					const struct nsf_net *net)
{
	/* of a VLAN's own tag see flood_member() */
	const bool strange = p->tagged && (!(net->flags & NSF_NET_VLANS) || vlan_hides(ctx));
	__u32 deny = (port->flags & NSF_PORT_ISOLATED) | (strange ? NSF_PORT_MANAGED : 0);

	if (!(p->dmac[0] & 1))
		return deny | NSF_PORT_NO_UNKNOWN;
	if (!p->tagged && !(net->flags & NSF_NET_NO_ANSWERS) && answer_nobody(ctx, p->net_id, p->ethertype))
		return deny | NSF_PORT_MANAGED;
	return flood_broadcast(p) ? deny : deny | NSF_PORT_NO_MULTICAST;
}

/* Which of a VLAN's ports are meant: those where its frames have no tag, of these those that would not take what is beneath
 * it for one, or those where they have one. */
enum flood_tags { FLOOD_TAGLESS, FLOOD_HIDING, FLOOD_TAGGED };

/* VLAN 0: there are no VLANs. */
static __always_inline bool flood_member(const struct nsf_port *to, __u32 slot, __u32 vlan, __u32 tags)
{
	if (likely(!vlan))
		return true;
	if (tags == FLOOD_TAGGED)
		return vlan != to->vlan && vlan_trunk(to, slot, vlan);
	return vlan == to->vlan && !(tags == FLOOD_HIDING && to->trunk);
}

/* Groups are heard by who listens, once somebody asks who does. enum group_for */
static __always_inline __u32 flood_whom(struct __sk_buff *ctx, const struct facts *p, const struct nsf_net *net,
					__u32 vlan)
{
	if (!(p->dmac[0] & 1) || net->flags & NSF_NET_NO_SNOOPING || flood_broadcast(p))
		return GROUP_ALL;
	return group_for(ctx, p->net_id, vlan, p->ethertype);
}

/* True if a port gets it. Not static: verified once, see struct facts. */
__noinline int flood_meant(const struct facts *p, const struct flood *f, __u32 slot)
{
	const struct nsf_port *to = array_row(&nsf_ports, slot);

	if (!p || !f || !to)
		return false;
	if (slot == p->slot || to->role != NSF_ROLE_PORT || to->flags & f->deny ||
	    !flood_member(to, slot, f->vlan, f->tags))
		return false;
	return likely(f->whom == GROUP_ALL) || group_listens(to, slot, f->vlan, p->dmac, f->whom);
}

/* False if no port can be meant, however many there are. */
static __always_inline bool flood_anybody(__u32 deny, const struct nsf_net *net)
{
	return !(deny & NSF_PORT_MANAGED) || net->n_learning;
}

/* The host hears what its containers say to all in its VLAN, unless they may not reach it. Its stack takes a tag off: what
 * one hides was not looked at. */
static __always_inline bool flood_host(const struct facts *p, const struct nsf_port *port, const struct nsf_net *net)
{
	return port->role == NSF_ROLE_PORT && !p->tagged && port->vlan == NSF_VLAN_DEFAULT &&
	       !(net->flags & NSF_NET_HOST_NONE);
}

/* Several CPUs may each take the last one: a limit, not an account. */
static __always_inline bool flood_allowed(const struct facts *p, const struct nsf_port *port, const struct nsf_net *net)
{
	struct nsf_share *s = share_row(p->slot);
	const __u32 now = tick();
	__u32 most;

	if (port->role != NSF_ROLE_PORT)
		return true;
	if (!s)
		return false;
	most = share_flood(s, net);
	if (s->flood_tick != now) {
		s->flood_tick = now;
		s->flooded = 0;
	}
	return __sync_fetch_and_add(&s->flooded, 1) < most;
}
