/* SPDX-License-Identifier: GPL-2.0-only */
/* Networks: one L2 segment each, its gateway and its way to the outside. */
#pragma once

#include "abi.h"

/* How long a flow without packets stays, by what it is: key in the file, default in seconds, the RFC's floor. */
#define NSF_TIMEOUTS(X) \
	X(TCP_TRANS, "TcpTransitory", 240, 240)  /* opening, closed or reset; RFC 5382 REQ-5, RFC 7857 2.1 */ \
	X(TCP_EST, "TcpEstablished", 7440, 7440) /* RFC 5382 REQ-5 */ \
	X(UDP, "Udp", 300, 120)                  /* RFC 4787 REQ-5 */ \
	X(ICMP, "Icmp", 60, 60)                  /* RFC 5508 REQ-2 */
#define NSF_TIMEOUT_ENUM(name, key, seconds, floor) NSF_TIMEOUT_##name,
enum nsf_timeout { NSF_TIMEOUTS(NSF_TIMEOUT_ENUM) NSF_TIMEOUT_MAX };

enum nsf_net_flag {
	NSF_NET_SNAT = 1,   /* what leaves by the uplink gets the SNAT address */
	NSF_NET_ROUTED = 2, /* what leaves by the uplink keeps its address, and the outside may reach the subnet */
};

/* Map nsf_nets: array by network id, mapped into user space, which alone writes it. The name is written last: a network
 * without one is half made. */
struct nsf_net {
	char name[16];                  /* empty: no network */
	__u32 gateway;                  /* ifindex of the gateway */
	__u32 fib;                      /* ifindex of the gateway's far end: route lookups come from there */
	__u32 uplink;                   /* ifindex, 0 for none */
	__u32 mtu;                      /* of ports and gateway */
	__be32 addr4;                   /* the gateway's address */
	__be32 mask4;                   /* of the subnet */
	__be32 snat4;                   /* SNAT address */
	__u32 timeout[NSF_TIMEOUT_MAX]; /* seconds */
	__u8 addr6[16];                 /* the gateway's link-local address */
	__u16 snat;                     /* index of the SNAT address's ledger in nsf_ledgers */
	__u16 gateway_slot;             /* slot in nsf_ports */
	__u16 uplink_slot;              /* slot in nsf_ports, of the leg on the uplink */
	__u16 first;                    /* slot of the first port, 0 for none */
	__u8 mac[6];                    /* the gateway's MAC */
	__u8 flags;                     /* enum nsf_net_flag */
	__u8 pad[5];
};
_Static_assert(sizeof(struct nsf_net) == 96, "nsf_net");

/* Key of map nsf_subnets, a longest-prefix trie. */
struct nsf_subnet {
	__u32 plen; /* bits */
	__be32 addr4;
};
_Static_assert(sizeof(struct nsf_subnet) == 8, "nsf_subnet");
