/* SPDX-License-Identifier: GPL-2.0-only */
/* Attachments: a slot for each port, each gateway, and each network's leg on its uplink. */
#pragma once

#include "abi.h"

enum nsf_role {
	NSF_ROLE_NONE,    /* the slot is free */
	NSF_ROLE_PORT,    /* an interface whose far end is a container */
	NSF_ROLE_GATEWAY, /* the host's own interface on the network */
	NSF_ROLE_UPLINK,  /* the network's traffic with the outside; for counting only */
};

enum nsf_port_flag {
	NSF_PORT_PEER = 1, /* a veth whose other end is in another namespace: bpf_redirect_peer works */
	NSF_PORT_MANAGED =
		2,         /* we chose MAC and address: source MAC and IPv4 address must be these, nothing is learned */
	NSF_PORT_NAPI = 4, /* its far end takes frames that are no packets yet, from XDP; an uplink's leg: and may be
			    * given what passes through, see XdpForward */
	NSF_PORT_GRO = 8,  /* because we have turned GRO on there */
	NSF_PORT_ISOLATED = 16,     /* hears nothing of others that are, nor they of it */
	NSF_PORT_NO_UNKNOWN = 32,   /* gets no frames for MACs whose place is not known */
	NSF_PORT_NO_MULTICAST = 64, /* gets no frames for groups but broadcast */
	NSF_PORT_SERVES = 128,      /* managed: may say what a router and a DHCP server say */
};
#define NSF_PORT_FLOOD (NSF_PORT_NO_UNKNOWN | NSF_PORT_NO_MULTICAST)

/* Map nsf_ports: array by slot, mapped into user space, which alone writes it. */
struct nsf_port {
	__u32 ifindex; /* of the host's end; 0 for an uplink leg */
	__u32 gen; /* goes up when the slot is given out or freed; what carries another number died with an earlier port */
	__u32 mtu;      /* longest L3 packet that may be sent out of it */
	__be32 addr4;   /* managed: the container's address, else 0 */
	__u16 net;      /* index in nsf_nets */
	__u16 next;     /* slot of the network's next port, 0 at the end; left alone when the slot is freed */
	__u8 mac[6];    /* managed: the container's MAC; gateway: its own */
	__u8 role;      /* enum nsf_role */
	__u8 flags;     /* enum nsf_port_flag */
	__be32 handle6; /* of addr6, see addr.h */
	__u8 addr6[16]; /* managed: the container's IPv6 address, zero for none */
	__u16 vlan;     /* of frames without a tag; 0: none, there are no such frames */
	__u8 trunk;     /* 1: nsf_trunks has the VLANs whose frames have tags */
	__u8 pad[13];
};
_Static_assert(sizeof(struct nsf_port) == 64, "nsf_port");

/* Map nsf_names: array by slot, likewise; what the data path never needs. A name is written last: a port without one is half made. */
struct nsf_names {
	char port[NSF_NAME_LEN];  /* the port's name, unique within its network */
	char netns[NSF_NAME_LEN]; /* name of the namespace under /run/netns, empty for an adopted interface */
};
_Static_assert(sizeof(struct nsf_names) == 2 * NSF_NAME_LEN, "nsf_names");

/* Map nsf_addrs: hash from a managed port's address to its slot (__u32). */
struct nsf_addr {
	__be32 addr; /* IPv6: its handle */
	__u16 net;   /* index in nsf_nets */
	__u8 family; /* 4 or 6 */
	__u8 pad;
};
_Static_assert(sizeof(struct nsf_addr) == 8, "nsf_addr");

/* Map nsf_ifaces: hash by ifindex (__u32) to slot (__u32). Ports and gateways; an uplink has no slot of its own. */
/*
 * Map nsf_iface_rows: array by ifindex % NSF_IFACE_ROWS, the slot (__u32) of one that has such an ifindex. Right if the
 * slot's row has that ifindex, else nsf_ifaces is asked: what is another's is seen.
 */
#define NSF_IFACE_ROWS 16384
