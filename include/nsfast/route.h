/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel said of a way out. */
#pragma once

#include <linux/bpf.h>

/*
 * Map nsf_routes: per-CPU array, direct-mapped by the two addresses (bpf/route_known.h). A question is not asked again in the tick
 * in which it was answered, while the host's routes have the same number (hop_routes()). Of IPv4 alone, where nothing but
 * what stands here decides; rows hold ways out of the uplink that nsf_hops knows.
 */
#define NSF_ROUTES_BITS 8
#define NSF_ROUTES      (1 << NSF_ROUTES_BITS)

struct nsf_route {
	__be32 saddr, daddr;
	__u32 net;
	__u32 tick; /* in which it was answered */
	__u32 way;  /* as the next hop's row had it then */
	__u16 hop;  /* row in nsf_hops; 0: nothing is known */
	__u16 mtu;
	__u8 tos;
	__u8 pad[3];
};
_Static_assert(sizeof(struct nsf_route) == 28, "nsf_route");
