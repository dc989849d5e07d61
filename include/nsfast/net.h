/* SPDX-License-Identifier: GPL-2.0-only */
/* Networks: one L2 segment each, its gateway and its way to the outside. */
#pragma once

#include "abi.h"

/* How long a flow without packets stays, by what it is: key in the file, default in seconds, the RFC's floor. */
#define NSF_TIMEOUTS(X) \
	X(TCP_OPEN, "TcpOpening", 240, 240)      /* SYN of one side only; RFC 5382 REQ-5, RFC 7857 2.1; SCTP alike */ \
	X(TCP_CLOSE, "TcpClosing", 240, 240)     /* FIN of both or RST */ \
	X(TCP_EST, "TcpEstablished", 7440, 7440) /* RFC 5382 REQ-5 */ \
	X(UDP, "Udp", 300, 120)                  /* RFC 4787 REQ-5; UDP-Lite alike */ \
	X(ICMP, "Icmp", 60, 60)                  /* RFC 5508 REQ-2 */ \
	X(OTHER, "Other", 600, 120)              /* protocols without ports */
#define NSF_TIMEOUT_ENUM(name, key, seconds, floor) NSF_TIMEOUT_##name,
enum nsf_timeout { NSF_TIMEOUTS(NSF_TIMEOUT_ENUM) NSF_TIMEOUT_MAX };

/* Each bit is one behaviour; *6 is the same for IPv6. */
enum nsf_net_flag {
	NSF_NET_SNAT = 1,   /* what leaves by the uplink gets an SNAT address */
	NSF_NET_ROUTED = 2, /* what leaves by the uplink keeps its address, and the outside may reach the subnet */
	NSF_NET_SNAT6 = 4,
	NSF_NET_ROUTED6 = 8,
	NSF_NET_PUBLISH = 16,    /* a publish leads to one of its ports: their answers belong to flows */
	NSF_NET_RANDOM = 32,     /* external ports are chosen at random, not preserved */
	NSF_NET_EIF = 64,        /* filtering is endpoint-independent: any peer reaches a mapping (RFC 4787 REQ-8) */
	NSF_NET_STRICT = 128,    /* no overloading: a new flow is refused when the range is exhausted */
	NSF_NET_EXCEPT = 256,    /* nsf_excepts holds destinations to which addresses stay as they are */
	NSF_NET_SILENT = 512,    /* exhaustion is not told by ICMP */
	NSF_NET_XDP_AUTO = 1024, /* what the user wants at the uplink: user space's own note */
	NSF_NET_XDP_NATIVE = 2048,
	NSF_NET_NO_ANSWERS = 4096,    /* who asks for the MAC of a managed port asks all */
	NSF_NET_HOST_GATEWAY = 8192,  /* of the host, containers reach the gateway's addresses alone */
	NSF_NET_HOST_NONE = 16384,    /* or nothing: echo is answered */
	NSF_NET_VLANS = 32768,        /* a port is in another VLAN than the gateway, or in many */
	NSF_NET_NO_SNOOPING = 65536,  /* groups are heard by all, whoever listens */
	NSF_NET_XDP_FORWARD = 131072, /* what passes through is sent on by XDP: user space's note, the leg has it */
};

#define NSF_POOL_MAX 8 /* SNAT addresses of one network and family */

/* Map nsf_uplinks: hash by ifindex of an uplink (__u32) to the slot of one of the networks' legs on it (__u32). */

/* One SNAT address of a network. Written and best read at once: address and ledger belong together. */
struct nsf_snat {
	__be32 addr;  /* IPv6: its handle */
	__u16 ledger; /* index in nsf_ledgers */
	__u16 pad;
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct nsf_snat) == 8, "nsf_snat");

/*
 * Map nsf_nets: array by network id, mapped into user space, which alone writes it. The name is written last: a network
 * without one is half made. Row 0 is the host itself: of it only timeout, frag, and mtu, the defragmenter's leg's, count.
 */
struct nsf_net {
	char name[16];                      /* empty: no network */
	__u32 gateway;                      /* ifindex of the gateway */
	__u32 fib;                          /* ifindex of the gateway's far end: route lookups come from there */
	__u32 uplink;                       /* ifindex, 0 for none */
	__u32 mtu;                          /* of ports and gateway */
	__be32 addr4;                       /* the gateway's address */
	__be32 mask4;                       /* of the subnet */
	__u32 flags;                        /* enum nsf_net_flag */
	__u32 timeout[NSF_TIMEOUT_MAX];     /* seconds */
	__u32 frag;                         /* ifindex of the leg to the defragmenter, 0 for none; see frag.h */
	struct nsf_snat snat[NSF_POOL_MAX]; /* an inner address has the one at handle % n_snat (RFC 4787 REQ-2) */
	struct nsf_snat snat6[NSF_POOL_MAX];
	__u8 pool6[NSF_POOL_MAX][16]; /* the addresses behind snat6 */
	__u8 addr6[16];               /* the gateway's link-local address */
	__u8 gateway6[16];            /* the gateway's address in the IPv6 subnet, zero for none */
	__u16 port_min, port_max;     /* range of external ports given to an endpoint that cannot keep its own */
	__u16 gateway_slot;           /* slot in nsf_ports */
	__u16 uplink_slot;            /* slot in nsf_ports, of the leg on the uplink */
	__u16 first;                  /* slot of the first port, 0 for none */
	__u8 mac[6];                  /* the gateway's MAC */
	__u8 uplink_mac[6];           /* the uplink's; frames go out without the kernel's help only if it still is */
	__u8 n_snat, n_snat6;
	__u8 plen6; /* prefix length of the IPv6 subnet */
	__u8 pad[3];
	__u32 max_flows, max_half, max_ports; /* limits of a port that has none of its own, see share.h */
	__u32 max_macs, max_flood;
	__u32 fdb_age;             /* seconds a learned MAC stays without traffic from it; 0: none is learned */
	__u16 n_ports, n_learning; /* how many there are, and of them adopted ones */
};
_Static_assert(sizeof(struct nsf_net) == 416, "nsf_net"); /* rows of a mapped array are multiples of 8 */
_Static_assert(__builtin_offsetof(struct nsf_net, mac) % 2 == 0, "a MAC is read in halfwords");
_Static_assert(__builtin_offsetof(struct nsf_net, uplink_mac) % 2 == 0, "a MAC is read in halfwords");

/* Key of map nsf_subnets and of nsf_subnets6, longest-prefix tries: what the outside may reach without translation. */
struct nsf_subnet {
	__u32 plen; /* bits */
	__be32 addr4;
};
_Static_assert(sizeof(struct nsf_subnet) == 8, "nsf_subnet");

struct nsf_subnet6 {
	__u32 plen;
	__u8 addr6[16];
};
_Static_assert(sizeof(struct nsf_subnet6) == 20, "nsf_subnet6");

/* Key of map nsf_excepts, a longest-prefix trie: destinations of a network's that are not translated (SnatExcept). IPv4
 * addresses stand in the first four bytes. */
struct nsf_except {
	__u32 plen; /* bits, 32 for net and family counted in */
	__u16 net;
	__u8 family; /* 4 or 6 */
	__u8 pad;
	__u8 addr[16];
};
_Static_assert(sizeof(struct nsf_except) == 24, "nsf_except");
#define NSF_EXCEPTS_MAX 4096

/* Map nsf_exts: hash of the SNAT addresses of this host. */
struct nsf_ext_key {
	__be32 addr; /* IPv6: its handle */
	__u8 family;
	__u8 pad[3];
};
_Static_assert(sizeof(struct nsf_ext_key) == 8, "nsf_ext_key");

struct nsf_ext {
	__u16 ledger;             /* index in nsf_ledgers */
	__u16 port_min, port_max; /* lowest and highest of the networks' ranges: who asks there unasked hears nothing */
	__u16 pad;
};
_Static_assert(sizeof(struct nsf_ext) == 8, "nsf_ext");
