/* SPDX-License-Identifier: GPL-2.0-only */
/* VLANs (IEEE 802.1Q): in which one a frame is, and who else is. Found out where it is needed: most networks have none. */
#pragma once

#include "maps.h"
#include "parse.h"

/* The VLAN that the frame's tag names; 0: it has none, or one of another kind (802.1ad), which is content here. */
static __always_inline __u32 vlan_tag(struct __sk_buff *ctx)
{
	__be16 h[2] = {}; /* ethertype, TCI */

	if (ctx->vlan_present)
		return ctx->vlan_proto == bpf_htons(ETH_P_8021Q) ? ctx->vlan_tci & 0xfff : 0;
	if (bpf_skb_load_bytes(ctx, offsetof(struct ethhdr, h_proto), h, sizeof(h)) || h[0] != bpf_htons(ETH_P_8021Q))
		return 0;
	return bpf_ntohs(h[1]) & 0xfff;
}

static __always_inline bool vlan_is_tag(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_QINQ);
}

/* True if there is a tag still when that of the frame's VLAN is off. */
static __always_inline bool vlan_hides(struct __sk_buff *ctx)
{
	__be16 h[3] = {}; /* ethertype; in a frame with a tag there: TCI, ethertype */

	if (bpf_skb_load_bytes(ctx, offsetof(struct ethhdr, h_proto), h, sizeof(h)))
		return true;
	if (ctx->vlan_present)
		return ctx->vlan_proto != bpf_htons(ETH_P_8021Q) || vlan_is_tag(h[0]);
	return vlan_is_tag(h[0] == bpf_htons(ETH_P_8021Q) ? h[2] : h[0]);
}

/* Frames of the VLAN have tags at the port. */
static __always_inline bool vlan_trunk(const struct nsf_port *port, __u32 slot, __u32 vid)
{
	__u32 word = vid >> 6;
	const struct nsf_trunk *t;

	if (!port->trunk)
		return false;
	t = bpf_map_lookup_elem(&nsf_trunks, &slot);
	bounded(word);
	return t && t->vids[word & 63] >> (vid & 63) & 1;
}

/* The VLAN of a frame that came from the attachment; 0: none that it may be in. Tags are a trunk's, and never that of the
 * VLAN whose frames have none. Not static: verified once, see struct facts. */
__noinline int vlan_of(struct __sk_buff *ctx, __u32 slot)
{
	const struct nsf_port *port = array_row(&nsf_ports, slot);
	__u32 vid = vlan_tag(ctx);

	if (!port)
		return 0;
	if (vid)
		return vlan_trunk(port, slot, vid) ? vid : 0;
	return port->trunk || !vlan_hides(ctx) ? port->vlan : 0;
}

/* A managed port's container is not asked what it makes of tags, and a trunk's takes them for its VLANs. */
static __always_inline bool vlan_reads_tags(const struct nsf_port *port)
{
	return port->flags & NSF_PORT_MANAGED || port->trunk;
}

/* EDIT_VLAN if what came from one attachment may leave by the other, else EDIT_NONE: it is in its VLAN, and what is beneath
 * the VLAN's tag is for nobody who would take it for a tag of his. Not static either. */
__noinline int vlan_shared(struct __sk_buff *ctx, __u32 from, __u32 to, __u32 tagged)
{
	const struct nsf_port *port = array_row(&nsf_ports, to);
	__u32 vid = vlan_of(ctx, from);

	if (!port || !vid || (port->vlan != vid && !vlan_trunk(port, to, vid)))
		return EDIT_NONE;
	return tagged && vlan_reads_tags(port) && vlan_hides(ctx) ? EDIT_NONE : EDIT_VLAN;
}

/* What comes has a VLAN that may be there; the gateway is in one alone, and takes no tags. */
static __noinline enum verdict vlan_enter(struct pkt *p)
{
	__u32 vid = vlan_of(p->ctx, p->slot);

	if (!vid)
		return drop(p, NSF_DROP_VLAN);
	if (p->port->role == NSF_ROLE_PORT && mac_equal(p->dmac, p->net->mac) && (vid != NSF_VLAN_DEFAULT || p->tagged))
		return drop(p, NSF_DROP_VLAN);
	return NEXT;
}

static __always_inline enum verdict vlan(struct pkt *p)
{
	return likely(!(p->net->flags & NSF_NET_VLANS)) ? NEXT : vlan_enter(p);
}
