/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows: one record for both directions, two keys that lead to it, and the ledger of external ports. */
#pragma once

#include "abi.h"

/*
 * Theory of operation
 *
 * A flow joins three endpoints: inner (the container's), external (ours on the uplink: SNAT address and external port)
 * and peer (outside). Whoever began, the triple is the same, so a published port is the same record seen from the
 * other side. The record lies in slot n of nsf_flows. Two keys lead there: the inner key (inner -> peer) as a
 * container's packet carries it, and the outer key (peer -> external) as the answer carries it. Both values hold the
 * slot and the record's generation; a key whose generation is not the record's leads nowhere.
 *
 * Birth: claim the external port, take a slot, fill the record, insert the outer key with BPF_NOEXIST (this reserves
 * the conversation), then the inner key. What fails is undone; who loses a race uses the winner's record.
 * Death: the sweep alone deletes: both keys, then the claim on the external port, then the slot. Nothing is evicted.
 *
 * Memory of an IPv4 flow: 2 keys of 48 + 16 + 8 + 16 bytes (element, key, value, bucket), 64 for the record and 4 for
 * the free list: 244 bytes. IPv6 needs keys of 40 bytes and has its addresses in an array beside nsf_flows, by the
 * same slot, so that IPv4 does not pay for them; all other fields of the record serve both.
 */

/* Hash key of one direction, addresses and ports as that direction's packets carry them. */
struct nsf_flow_key {
	__be32 saddr, daddr;
	__be16 sport, dport; /* ICMP queries: the identifier stands at the inner or external side, 0 at the peer's */
	__u16 net;           /* index in nsf_nets for the inner key, 0 for the outer one */
	__u8 proto;          /* IPPROTO_* */
	__u8 pad;
};
_Static_assert(sizeof(struct nsf_flow_key) == 16, "nsf_flow_key");

struct nsf_flow_ref {
	__u32 slot; /* in nsf_flows */
	__u32 gen;
};
_Static_assert(sizeof(struct nsf_flow_ref) == 8, "nsf_flow_ref");

/*
 * TCP, RFC 7857 section 2: what has been seen, not a state number. Legal moves:
 *   nothing -> SYN of one side (opening) -> SYN of both (established) -> FIN of one (half-closed, still established)
 *   -> FIN of both (closed). RST adds NSF_TCP_RST, any later packet without RST takes it off again.
 *   A SYN in a closed or reset flow starts afresh: its own SYN bit alone remains.
 */
enum nsf_tcp_bit {
	NSF_TCP_SYN_IN = 1,   /* SYN sent by the inner endpoint */
	NSF_TCP_SYN_PEER = 2, /* SYN sent by the peer */
	NSF_TCP_FIN_IN = 4,
	NSF_TCP_FIN_PEER = 8,
	NSF_TCP_RST = 16,
};

enum nsf_flow_flag {
	NSF_FLOW_LIVE = 1,    /* the slot is taken, its keys are in place */
	NSF_FLOW_INBOUND = 2, /* begun by the peer */
};

/*
 * Map nsf_flows: array by slot, one cache line each. The data path writes it; after birth only seen, tcp, the next hop
 * and inner_mac change, each at most once a tick but tcp.
 */
struct nsf_flow {
	__u32 gen;      /* goes up when the slot is given out */
	__u32 seen;     /* tick of the last packet that refreshes */
	__u32 uplink;   /* ifindex of the way out */
	__u32 port_gen; /* generation of the port; another one there means that the port is gone */
	__be32 inner, peer, ext;
	__be16 inner_port, peer_port, ext_port; /* ICMP queries: as in struct nsf_flow_key */
	__u16 net;                              /* index in nsf_nets */
	__u16 slot;                             /* of the port in nsf_ports */
	__u16 routed;                           /* low bits of the tick of the last route lookup */
	__u16 mtu;                              /* of the way out by that lookup; 0: next hop unknown */
	__u8 proto;                             /* IPPROTO_* */
	__u8 flags;                             /* enum nsf_flow_flag */
	__u8 tcp;                               /* enum nsf_tcp_bit */
	__u8 snat;                              /* index of the ledger in nsf_ledgers */
	__u8 inner_mac[6];                      /* where packets to the inner endpoint go */
	__u8 dmac[6];                           /* next hop outside */
	__u8 smac[6];                           /* the uplink's own */
};
_Static_assert(sizeof(struct nsf_flow) == 64, "nsf_flow");

/* Map nsf_flow_state: one row; the data path writes it. */
struct nsf_flow_state {
	__u32 fresh;  /* slots below were given out at least once; the sweep looks no further */
	__u32 cursor; /* where the sweep goes on */
	__u64 passes; /* times the sweep has been through all slots */
};
_Static_assert(sizeof(struct nsf_flow_state) == 16, "nsf_flow_state");

/* Protocols that have ports of their own in a ledger. */
enum nsf_ledger_proto { NSF_LEDGER_TCP, NSF_LEDGER_UDP, NSF_LEDGER_ICMP, NSF_LEDGER_MAX };

#define NSF_LEDGER_PORTS 65536
#define NSF_LEDGER_REST  120 /* seconds a freed external port is left alone while there are others; RFC 6888 REQ-8 */

/*
 * Maps in nsf_ledgers, one for each SNAT address: array by protocol * NSF_LEDGER_PORTS + external port (ICMP:
 * identifier), host order. An external port belongs to one inner endpoint, exclusively and towards all peers, as long
 * as one of its flows lives (RFC 4787 REQ-1, REQ-3). owner goes 0 -> endpoint by compare-and-swap and back to 0 last of
 * all; refs 0 with an owner set is the moment of claiming or freeing, in which nobody may join.
 */
struct nsf_ledger {
	__u64 owner; /* inner address << 32 | inner port << 16 | network, all as in struct nsf_flow; 0: free */
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
