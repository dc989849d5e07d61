/* SPDX-License-Identifier: GPL-2.0-only */
/* What each port uses of what all ports share, and may use of it. */
#pragma once

#include "abi.h"

/*
 * Map nsf_shares: array by slot of nsf_ports, mapped; user space writes the limits, the data path the rest. A flow that
 * both sides have closed is nobody's any more: it is not counted, and is the first to go when room is needed. In a
 * gateway's row max_macs and macs are of all of its network. What a stranger has begun and not shown to be there for, as
 * NSF_FLOW_DOUBT says, is in doubt: the oldest of it makes room where there are max_half or max_flows. Row 0, which is no
 * port's, is of all of them.
 */
struct nsf_share {
	__u32 flows;     /* not closed */
	__u32 half;      /* of them, opened by one side only: TCP, SCTP; but for those in doubt */
	__u32 ports;     /* external ports held */
	__u32 macs;      /* learned */
	__u32 max_flows; /* limits of the same; all ones: none */
	__u32 max_half;
	__u32 max_ports;
	__u32 max_macs;
	__u32 max_flood;  /* frames to all a tick; 0: by the size of the network, see NSF_FLOOD_COPIES */
	__u32 flood_tick; /* when the last of them was */
	__u32 flooded;    /* how many in that tick */
	__u32 unlearned;  /* frames whose source was not learned: there was no room, or it flaps */
	__u32 moves;      /* MACs that came here from another port */
	__u32 vain_tick;  /* when nobody was found to give up a MAC for it */
	__u32 half_in;    /* half, in doubt: whoever floods the port leaves it its own */
	__u32 doubt;      /* flows in doubt, of whatever protocol */
	__u32 hand;       /* slot in nsf_flows where the search for the oldest of them goes on */
	__u32 hand_tick;  /* when it found none */
};
_Static_assert(sizeof(struct nsf_share) == 72, "nsf_share");

/* Frames to all: so many a tick where there are few ports, and so many copies of them where there are many. */
#define NSF_FLOOD        10000
#define NSF_FLOOD_COPIES 400000
