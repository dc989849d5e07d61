/* SPDX-License-Identifier: GPL-2.0-only */
/* The tag that a frame leaves with. */
#pragma once

#include "vlan.h"

/* Makes the frame's tag that of the VLAN; 0: takes it off. 0, or not 0 if the kernel refused. */
__noinline int vlan_set(struct __sk_buff *ctx, __u32 vid)
{
	__u32 has = vlan_tag(ctx);

	if (has && !vid)
		return bpf_skb_vlan_pop(ctx);
	return !has && vid ? bpf_skb_vlan_push(ctx, bpf_htons(ETH_P_8021Q), vid) : 0;
}

/* As the frame leaves by `to`. */
static __noinline int vlan_edit(struct __sk_buff *ctx, __u32 from, __u32 to)
{
	const struct nsf_port *port = array_row(&nsf_ports, to);
	__u32 vid = vlan_of(ctx, from);

	return port ? vlan_set(ctx, port->vlan == vid ? 0 : vid) : -1;
}
