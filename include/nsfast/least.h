/* SPDX-License-Identifier: GPL-2.0-only */
/* What the least forwarders of `nsfast bench` know: two ends, and who is behind them. */
#pragma once

#include "abi.h"

#define NSF_LEAST_PORTS 64    /* a power of two */
#define NSF_LEAST_FLOWS 65536 /* one for each port number */

/* Found at byte 4 of its MAC. */
struct nsf_least_port {
	__u8 mac[6];
	__u8 pad[2];
	__u32 ifindex; /* the near end */
};

/* Found at its inside's port, which it keeps. */
struct nsf_least_flow {
	__be32 inside, peer;
	__be16 peer_port;
	__u8 proto, pad;
};

/* Filled before the programs are attached, but for the flows, which are theirs. */
struct nsf_least {
	__u32 ends[2]; /* ifindexes: what comes in at one leaves by the other */
	__be32 outer;  /* the source address of what leaves by the second */
	struct nsf_least_port ports[NSF_LEAST_PORTS];
	struct nsf_least_flow flows[NSF_LEAST_FLOWS];
};
_Static_assert(sizeof(struct nsf_least) == 12 + NSF_LEAST_PORTS * 12 + NSF_LEAST_FLOWS * 12, "nsf_least");
