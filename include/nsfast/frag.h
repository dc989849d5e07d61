/* SPDX-License-Identifier: GPL-2.0-only */
/* Fragments that need translation: the detour through the host's defragmenter. */
#pragma once

#include "abi.h"

/*
 * Theory of operation
 *
 * A later fragment has no ports, and may come before the first one. So fragments that must be translated, and packets that
 * must be cut into some, go through a network namespace of this host's ("nsf-fragments" is the leg to it) in which the
 * kernel puts packets together and cuts them again to the leg's MTU. What comes back is complete and in order, one
 * packet's fragments right behind each other on one CPU: the first one's ports, noted in nsf_frags, are those of the
 * later ones, and all of them take the way of any other packet. The kernel drops what never gets complete, and what
 * overlaps.
 *
 * Whose a packet is, stands in its tc_index on the detour: the slot of the port it came from, or of a network's leg on the
 * uplink it came from. Port and address were checked before; addresses of two networks do not meet in one packet, since
 * subnets do not overlap.
 */

#define NSF_FRAG_WHOLE 0x8000 /* with it: came whole and is only to be cut */
_Static_assert(NSF_SLOTS_MAX <= NSF_FRAG_WHOLE, "tc_index");
/* tc_index of what goes back up to the host's stack through the uplink, whole: no slot has this number. */
#define NSF_FRAG_DONE 0xffff

#define NSF_FRAG_OUTSIDE 1024    /* packets from outside are counted by a hash of their source, and all together */
#define NSF_FRAG_QUOTA   262144  /* bytes that may wait, of one port or of one share of the outside */
#define NSF_FRAG_ALL     8388608 /* of the whole outside, which may be one who makes sources up */
#define NSF_FRAG_COST    768     /* what the kernel spends on a fragment beside its bytes */
#define NSF_FRAG_WINDOW  2       /* a window is 2^this ticks, as long as fragments wait at most */

/*
 * Map nsf_frag_waits: array by slot, then NSF_FRAG_OUTSIDE shares of the outside; slot 0, nobody's, is all of the outside.
 * What went in less what came out, in this window and in the one before; what has not come out by then never will. A
 * limit, not an account.
 */
struct nsf_frag_wait {
	__u32 window; /* tick >> NSF_FRAG_WINDOW */
	__s32 now, before;
	__u32 pad;
};
_Static_assert(sizeof(struct nsf_frag_wait) == 16, "nsf_frag_wait");

/* Map nsf_frags: per-CPU array, by the identification's lower bits: packets whose fragments are just coming back. */
struct nsf_frag {
	__be32 saddr, daddr; /* IPv6: handles */
	__be32 id;
	__u8 proto;
	__u8 family;
	__u8 icmp_type, icmp_code;
	__be16 sport, dport; /* as in struct nsf_flow_key */
	__be32 new_id;       /* that its fragments get if they are translated */
	__u32 seen;          /* tick of the first one */
	__u8 tcp;            /* flag byte */
	__u8 reason;         /* enum nsf_drop: why the first one was dropped */
	__u8 pad[2];
};
_Static_assert(sizeof(struct nsf_frag) == 32, "nsf_frag");
#define NSF_FRAGS 64

/*
 * Map nsf_frag_ids: array of counters (__u32) by a hash of the far end and the protocol. Fragments of two containers leave
 * from one address, and so must not share an identification.
 */
#define NSF_FRAG_IDS 2048

/* Map nsf_frag_macs: LRU hash: MACs of those who sent fragments through learning ports, for the detour loses them. */
struct nsf_frag_mac_key {
	__be32 addr; /* IPv6: its handle */
	__u16 net;
	__u8 family;
	__u8 pad;
};
_Static_assert(sizeof(struct nsf_frag_mac_key) == 8, "nsf_frag_mac_key");

struct nsf_frag_mac {
	__u8 mac[6];
	__u8 pad[2];
};
_Static_assert(sizeof(struct nsf_frag_mac) == 8, "nsf_frag_mac");
#define NSF_FRAG_MACS 4096
