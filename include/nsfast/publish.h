/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes: which port of which container answers for a port of the host. */
#pragma once

#include "abi.h"

#define NSF_PUBLISH_MAX 4096 /* rules of one host */

/*
 * Map nsf_publish: array of two halves of NSF_PUBLISH_MAX rows, mapped into user space, which alone writes it. One half
 * is live, sorted by (family, proto, addr as a number in host order, first), without overlap within one (family, proto,
 * addr); the other one is where the next set of rules is written. A rule for a range is one row.
 */
struct nsf_publish {
	__be32 addr;       /* of the host, IPv6: its handle; 0: any address of the host */
	__be32 to;         /* the container's, IPv6: its handle */
	__u16 first, last; /* ports of the host, host order */
	__u16 to_first;    /* the container's port for first; the others follow */
	__u16 net;         /* index in nsf_nets */
	__u16 slot;        /* of the port in nsf_ports */
	__u8 proto;        /* IPPROTO_TCP, UDP or SCTP */
	__u8 family;       /* 4 or 6 */
	__u32 port_gen;    /* generation of the port; another one there means that the port is gone */
	__u8 addr6[16], to6[16];
	__u8 pad[8];
};
_Static_assert(sizeof(struct nsf_publish) == 64, "nsf_publish");

/* Map nsf_publish_live: one __u32, half << 31 | number of rows: written by one store, so that a reader sees one set. */
#define NSF_PUBLISH_HALF 31
