/* SPDX-License-Identifier: GPL-2.0-only */
/* The forwarding database: MAC -> port. */
#pragma once

#include "abi.h"

#define NSF_FDB_MAX     32768
#define NSF_FDB_NET_MAX 8192 /* learned ones of one network */
#define NSF_FDB_AGE     300  /* seconds a learned entry stays without traffic from its MAC, by default */
#define NSF_FDB_MOVES   8    /* a MAC that moves more often, each time */
#define NSF_FDB_CALM    5    /* within so many ticks of the time before, stays where it is for as many */

enum nsf_fdb_flag {
	NSF_FDB_STATIC = 1, /* set by user space: never moves, never ages */
	NSF_FDB_USER = 2,   /* by the user, not with a managed port or a gateway */
};

/* Map nsf_fdb: hash. Static entries are written by user space, learned ones by the data path. */
struct nsf_fdb_key {
	__u16 net;  /* index in nsf_nets */
	__u16 vlan; /* learned ones, where there are VLANs; static ones are true in all: 0 */
	__u8 mac[6];
	__u16 pad;
};
_Static_assert(sizeof(struct nsf_fdb_key) == 12, "nsf_fdb_key");

struct nsf_fdb {
	__u32 gen;   /* of the port; an entry with another number is dead */
	__u32 seen;  /* tick of the last frame from this MAC */
	__u32 moved; /* tick of its last move */
	__u16 slot;  /* in nsf_ports */
	__u8 flags;  /* enum nsf_fdb_flag */
	__u8 moves;  /* one soon after the other, the last one counted */
};
_Static_assert(sizeof(struct nsf_fdb) == 16, "nsf_fdb");
