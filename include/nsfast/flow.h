/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows: one record for both directions, two keys that lead to it, and the ledger of external ports. */
#pragma once

#include "addr.h"

/*
 * Theory of operation
 *
 * A flow joins three endpoints: inner (the container's), external (ours on the uplink: SNAT address and external port)
 * and peer (outside). Whoever began, the triple is the same, so a published port is the same record seen from the
 * other side. The record lies in slot n of nsf_flows. Its outer key (peer -> external, as the answer carries it) leads
 * there and is the flow: its insertion with BPF_NOEXIST is the birth, its removal the death, so that no flow can split.
 *
 * A packet of the inner endpoint finds the outer key by a guess: its own port number at its network's SNAT address. The
 * guess holds for every flow that preserves its port, and the record tells whether it does. A flow for which it does not
 * (another number, a publish) has an inner key as well (NSF_FLOW_KEYED), which may be missing only while it is born or
 * dies. Both values hold the slot and the record's generation; a key whose generation is not the record's leads nowhere.
 *
 * Birth: claim the external port, take a slot, fill the record, insert the outer key, then the inner one. What fails is
 * undone; who loses a race uses the winner's record.
 * Death: by the sweep, or, when room is needed, by who needs it, and then only of flows that both sides have closed,
 * oldest first, and then of what is in doubt (NSF_FLOW_DOUBT): begun by somebody who may not be there, in whose name
 * anybody can begin any number. Slots are given out again in the order in which they became free, so that a hand that goes
 * round the table comes to the oldest of these first, or nearly so, and no list of them is kept. Whoever moves the
 * generation on takes the flow apart: keys, claim on the external port, slot. Nothing else that lives is evicted.
 *
 * A flow that was handed over from elsewhere (carry.h) and whose inner endpoint is behind a learning port begins as the
 * gateway's. It becomes that port's with the first packet that the endpoint sends; until then what comes for it goes out
 * of the gateway, by the host's neighbour table.
 *
 * IPv6: keys and records hold handles (addr.h); the whole addresses stand in a second slot.
 *
 * Memory of a flow, at a table of n: record 64, outer key 48 + 16 + 8 (element, key, value), room for inner keys of a
 * quarter of the flows 18, buckets 32, hints 8, counters 32, queues 12: 238 bytes. An IPv6 flow takes two slots.
 */

/* Hash key of one direction, addresses and ports as that direction's packets carry them. */
struct nsf_flow_key {
	__be32 saddr, daddr; /* IPv6: handles */
	__be16 sport, dport; /* ICMP queries: the identifier stands at the inner or external side, 0 at the peer's */
	__u16 net;           /* index in nsf_nets for the inner key, 0 for the outer one; see NSF_FLOW_HOST */
	__u8 proto;          /* IPPROTO_* */
	__u8 family;         /* 4 or 6 */
};
_Static_assert(sizeof(struct nsf_flow_key) == 16, "nsf_flow_key");

/*
 * Map nsf_hints: array of places, in rows as long as a cache line. Each outer key has one, by its ends (hint.h); a table of n
 * flows has two for each, so that most keys have one for themselves. Such a key stands nowhere else: its place is held, and
 * leads to its record, which tells the key. Keys that come while their place is held, or while there are others of that
 * place in nsf_flow_keys, stand there, and are counted at the place: where none are counted, nobody asks for one. A place
 * that nobody holds may lead to the record of one of those, as a hint: it is missing, old or another conversation's at times,
 * and nobody clears it. What a place leads to is never believed unread.
 *
 * A packet of the inner endpoint goes to the place of the outer key that it guesses: one place serves both directions of
 * a flow that preserves its port. One that does not is found by its inner key from inside, or by a hint, if nobody holds the
 * place that is guessed.
 */
#define NSF_HINTS_ROW   16
#define NSF_HINTS_PORTS 65536
/* Places by addresses, at a table of n flows; ports go on from there. Two for each flow, most of which have one, in a large
 * table both together. */
#define NSF_HINTS_SPREAD(n) (2ULL * (n) - ((n) > NSF_HINTS_PORTS ? NSF_HINTS_PORTS : 0))
#define NSF_HINTS(n)        ((__u32)((NSF_HINTS_SPREAD(n) + NSF_HINTS_PORTS) / NSF_HINTS_ROW + 1))

struct nsf_hints {
	__u32 at[NSF_HINTS_ROW];
};
#define NSF_HINT_SLOT 0x00ffffffu /* 1 + the record's, or 0 */
#define NSF_HINT_HELD 0x01000000u /* by the flow of that record alone */
#define NSF_HINT_KEY  0x02000000u /* a key of this place in nsf_flow_keys */
#define NSF_HINT_MANY 0xfe000000u /* more of them than can be counted */
_Static_assert(sizeof(struct nsf_hints) == 64, "nsf_hints");

/*
 * Map nsf_unguessed: array by hash of an inner address, how many flows with an inner key and how many entries of nsf_moved
 * there are of those that share the place; never fewer than can be found. Most containers have none: for a conversation
 * that is new, two tables that are in no cache need not be asked.
 */
#define NSF_UNGUESSED 4096

/* Entries of nsf_flow_keys at a table of n flows: room for an outer key each, and an inner one for every fourth. */
#define NSF_KEYS(n) ((n) + (n) / 4 + 1)

struct nsf_flow_ref {
	__u32 slot; /* in nsf_flows */
	__u32 gen;
};
_Static_assert(sizeof(struct nsf_flow_ref) == 8, "nsf_flow_ref");

/*
 * TCP, RFC 7857 section 2: what has been seen, not a state number. Legal moves:
 *   nothing -> SYN of one side (opening) -> SYN of both (established) -> FIN of one (half-closed, still established)
 *   -> FIN of both (closed). RST adds NSF_TCP_RST, any later packet without RST takes it off again.
 *   A SYN in a closed or reset flow starts afresh: its own SYN bit alone remains. What a peer begins is opening until it
 *   acknowledges the SYN that the container has answered with, whose number only who is there can know.
 * SCTP goes the same way: INIT is its SYN, ABORT its RST, SHUTDOWN and its acknowledgement its FINs. Of other protocols
 * only what a peer begins has any: anything that the container sends is its SYN, and what the peer sends after that the
 * acknowledgement.
 */
enum nsf_tcp_bit {
	NSF_TCP_SYN_IN = 1,   /* SYN sent by the inner endpoint */
	NSF_TCP_SYN_PEER = 2, /* SYN sent by the peer */
	NSF_TCP_FIN_IN = 4,
	NSF_TCP_FIN_PEER = 8,
	NSF_TCP_RST = 16,
	NSF_TCP_UNSURE = 32, /* begun by the peer, which has not yet shown that it heard the container */
};

enum nsf_flow_flag {
	NSF_FLOW_LIVE = 1,    /* the slot is taken, its keys are there */
	NSF_FLOW_INBOUND = 2, /* begun by the peer: a publish, or filtering that lets anyone in */
	NSF_FLOW_KEYED = 4,   /* has an inner key */
	NSF_FLOW_HAIRPIN = 8, /* its peer is an external endpoint of this host */
	NSF_FLOW_SHARED =
		16, /* holds no claim on its external port: overloaded, let in by NSF_NET_EIF, or without ports */
	NSF_FLOW_HOST = 32,     /* inner is the host itself, whose own port number a container's flow holds */
	NSF_FLOW_COUNTED = 64,  /* counted in its port's share; taken off when both sides have closed it */
	NSF_FLOW_HALF = 128,    /* counted in its port's share as opened by one side only */
	NSF_FLOW_SHADOW = 512,  /* the host wanted the same ends and has a flow for them, see NSF_FLOW_HOST */
	NSF_FLOW_PUBLISH = 256, /* its external port is a publish's */
	NSF_FLOW_ENDING = 1024, /* set by user space: the next sweep ends it, whatever traffic it has */
	NSF_FLOW_MOVING = 2048, /* somebody takes it to another port at this moment */
	NSF_FLOW_DOUBT = 4096,  /* counted in its port's share as in doubt; taken off with NSF_TCP_UNSURE */
	NSF_FLOW_HELD = 8192,   /* its outer key's place is its own, see struct nsf_hints */
};

/*
 * Map nsf_flows: array by slot, one cache line each. The data path writes it; after birth only seen, flags, tcp, the
 * next hop and inner_mac change, each at most once a tick but flags and tcp, and the port of an endpoint that moves.
 */
struct nsf_flow {
	__u32 gen;      /* goes up when the slot is given out, and when its flow dies */
	__u32 seen;     /* tick of the last packet that refreshes */
	__u32 six;      /* IPv6: slot of struct nsf_flow6, else 0 */
	__u32 port_gen; /* generation of the port; another one there means that the port is gone */
	__be32 inner, peer, ext;
	__be16 inner_port, peer_port, ext_port; /* ICMP queries: as in struct nsf_flow_key */
	__u16 net;                              /* index in nsf_nets */
	__u32 flags;                            /* enum nsf_flow_flag; changed by atomic operations */
	__u16 slot;                             /* of the port in nsf_ports, or the gateway's, see above */
	__u16 hop;                              /* row in nsf_hops, see hop.h; 0: the kernel must be asked */
	__u16 mtu;                              /* of the way out, if hop is not 0 */
	__u8 proto;                             /* IPPROTO_* */
	__u8 tcp;                               /* enum nsf_tcp_bit */
	__u8 family;                            /* 4 or 6 */
	__u8 snat;                              /* index of the ledger in nsf_ledgers */
	__u8 inner_mac[6];                      /* where packets to the inner endpoint go; zero: not known yet */
	__u32 way;                              /* as the row's was when this flow asked */
	__u16 isn;                              /* UNSURE, TCP: upper half of what acknowledges the container's SYN */
	__u16 pad;
};
_Static_assert(sizeof(struct nsf_flow) == 64, "nsf_flow");

/* In nsf_flows too: the second slot of an IPv6 flow. It stands where flags would be with zero: no flow by itself. */
struct nsf_flow6 {
	__u32 gen; /* unused, kept for the slot's next flow */
	__u32 inner[4], ext[4];
	__u32 flags; /* 0 */
	__u32 peer[4];
	__u32 pad[2];
};
_Static_assert(sizeof(struct nsf_flow6) == sizeof(struct nsf_flow), "nsf_flow6");
_Static_assert(__builtin_offsetof(struct nsf_flow6, flags) == __builtin_offsetof(struct nsf_flow, flags), "nsf_flow6");

/* Map nsf_flow_counts: array by slot, mapped; not exact where two CPUs forward one direction at the same moment. */
struct nsf_flow_count {
	__u64 out_packets, out_bytes; /* from the inner endpoint, as struct nsf_count counts them */
	__u64 in_packets, in_bytes;
};
_Static_assert(sizeof(struct nsf_flow_count) == 32, "nsf_flow_count");

/* Map nsf_flow_closed: queue of struct nsf_flow_ref, flows that both sides have closed, oldest first; hints only. */
/* Map nsf_flow_state: one row, mapped; the data path writes all but handle_key, which is filled before any packet. */
struct nsf_flow_state {
	__u32 fresh;                       /* slots below were given out at least once; the sweep looks no further */
	__u32 cursor;                      /* where the sweep goes on */
	__u64 passes;                      /* times the sweep has been through all slots */
	__u64 overloaded;                  /* flows that got an external port shared by destination, since the load */
	__u64 reclaimed;                   /* closed flows that ended early to make room */
	__u64 handle_key[NSF_HANDLE_KEYS]; /* secret, see addr.h */
};
_Static_assert(sizeof(struct nsf_flow_state) == 72, "nsf_flow_state");

/* Protocols that have ports of their own in a ledger; OTHER: SCTP and UDP-Lite together. */
enum nsf_ledger_proto { NSF_LEDGER_TCP, NSF_LEDGER_UDP, NSF_LEDGER_ICMP, NSF_LEDGER_OTHER, NSF_LEDGER_MAX };

#define NSF_LEDGER_PORTS 65536
#define NSF_LEDGER_REST  120 /* seconds a freed external port is left alone while there are others; RFC 6888 REQ-8 */

/*
 * Maps in nsf_ledgers, one for each SNAT address of either family: array by protocol * NSF_LEDGER_PORTS + external port (ICMP:
 * identifier), host order. An external port belongs to one inner endpoint, exclusively and towards all peers, as long
 * as one of its flows lives (RFC 4787 REQ-1, REQ-3). owner goes 0 -> endpoint by compare-and-swap and back to 0 last of
 * all; refs 0 with an owner set is the moment of claiming or freeing, in which nobody may join.
 */
struct nsf_ledger {
	__u64 owner; /* inner address or handle << 32 | inner port << 16 | network, all as in struct nsf_flow; 0: free */
	__u32 refs;  /* flows that use it */
	__u32 freed; /* tick at which it became free, 0: never used */
};
_Static_assert(sizeof(struct nsf_ledger) == 16, "nsf_ledger");

/* Map nsf_moved: hash from endpoint to external port (__u32), for endpoints whose own port number was not to be had. */
struct nsf_moved_key {
	__u64 owner; /* as in struct nsf_ledger */
	__u32 proto; /* enum nsf_ledger_proto */
	__u32 snat;  /* index in nsf_ledgers */
};
_Static_assert(sizeof(struct nsf_moved_key) == 16, "nsf_moved_key");
#define NSF_MOVED_MAX 65536

/* Map nsf_used: array by SNAT index * NSF_LEDGER_MAX + protocol; external ports in use (__u32). */
