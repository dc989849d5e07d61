/* SPDX-License-Identifier: GPL-2.0-only */
/* What `nsfast bench` injects: a UDP packet of 60 bytes, one flow after the other. */
#pragma once

#include "abi.h"

#define NSF_HOSE_LEN 60

/*
 * The packet, which the program writes anew each time: those before it were rewritten on their way and come back. Flow i
 * has the port first + i % 2^bits and the address base + i / 2^bits % addrs, in source or destination as outward says. The sums are
 * of all that stays the same, neither folded nor inverted.
 */
struct nsf_hose {
	__u8 frame[NSF_HOSE_LEN];
	__u32 ifindex;     /* sent by it */
	__u32 base;        /* host order */
	__u32 ip_sum;      /* of the IP header without that address */
	__u32 udp_sum;     /* of pseudo header, UDP header and data without that address and port */
	__u32 first;       /* host order */
	__u32 bits, addrs; /* how many ports, as their logarithm, and addresses */
	__u32 outward;     /* the source port and the destination address change; else the others */
	__u32 next;        /* flow of the next packet; the program counts */
};
_Static_assert(sizeof(struct nsf_hose) == NSF_HOSE_LEN + 36, "nsf_hose");
