/* SPDX-License-Identifier: GPL-2.0-only */
/* Next hops outside, a row each for all flows that go by it. */
#pragma once

#include <linux/bpf.h>

/*
 * Map nsf_hops: array, a few rows for each next hop to choose from (hop.h). Once a tick and next hop the kernel is asked
 * again, and gets a packet, so that it looks after its neighbour. A flow asks for its own route when it is born, and again
 * when its row was not asked for in this tick, or when its way is not the row's: the host's routes have changed, or another
 * next hop has the row. Who reads takes no lock: a packet may meet a row that changes hands at that moment, and goes where
 * its new holder's go.
 */
#define NSF_HOPS_BITS 11
#define NSF_HOPS      (1 + (1 << NSF_HOPS_BITS)) /* row 0 is nobody's */
#define NSF_HOPS_WAYS 8                          /* rows that one next hop may have, a power of two */

struct nsf_hop {
	struct bpf_spin_lock lock; /* for writing */
	__u32 tick;                /* in which the kernel was asked for it last */
	__u32 way; /* upper half: goes up with each new holder; lower: the host's routes, see hop_routes() */
	/* who holds the row */
	__u32 out;       /* ifindex */
	__be32 addr[4];  /* IPv4: in the first */
	__u8 family;     /* of what goes by it, 4 or 6 */
	__u8 hop_family; /* of the address; 0: the other one's */
	__u8 mac[6];
};
_Static_assert(sizeof(struct nsf_hop) == 40, "nsf_hop");
