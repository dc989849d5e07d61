/* SPDX-License-Identifier: GPL-2.0-only */
/* The model: a network and its ports as plain data, "what should be" or "what is". */
#pragma once

#include <net/if.h>

#include "nsfast/abi.h"
#include "nsfast/net.h"

#include "link.h"

#define NET_NAME_LEN 12 /* a network's name is an interface's with room for a suffix: 11 characters and a NUL */

/* What of the model was set, by the command line or the file. What was not set is chosen by `up`, or left as it is. */
enum net_has {
	NET_HAS_SUBNET = 1,
	NET_HAS_UPLINK = 2,
	NET_HAS_SNAT = 4,
	NET_HAS_MTU = 8,
	NET_HAS_MODE = 16,
	NET_HAS_PORTS = 32,   /* the ports listed are all that should be */
	NET_HAS_TIMEOUT = 64, /* shifted left by enum nsf_timeout */
};

enum net_snat {
	NET_SNAT_AUTO, /* the uplink's first address */
	NET_SNAT_ADDR,
	NET_SNAT_NONE, /* addresses stay as they are: plain routing */
};

enum net_mode { NET_MODE_AUTO, NET_MODE_BPF, NET_MODE_NETFILTER };

enum port_has {
	PORT_HAS_ADDR = 1,
	PORT_HAS_MAC = 2,
};

struct port {
	char name[NSF_NAME_LEN];
	char netns[NSF_NAME_LEN]; /* name under /run/netns; empty: adopted */
	char dev[IFNAMSIZ];       /* host-side interface; for a wanted port only if adopted */
	unsigned has;             /* enum port_has */
	struct addr addr;         /* family 0 for an adopted port */
	__u8 mac[6];
	/* what is, filled by a mode's read */
	int ifindex; /* of the host side; 0 if the interface is gone */
	__u32 slot;
	__u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
};

struct network {
	char name[NET_NAME_LEN];
	unsigned has; /* enum net_has */
	enum net_mode mode;
	struct addr gateway;   /* address and prefix length */
	__u8 mac[6];           /* the gateway's */
	char uplink[IFNAMSIZ]; /* empty: none */
	enum net_snat snat;
	struct addr snat_addr;
	__u32 mtu;                      /* 0: not set */
	__u32 timeout[NSF_TIMEOUT_MAX]; /* seconds */
	struct port *ports;
	size_t n_ports;
	/* what is, filled by a mode's read */
	__u32 id;
	bool whole;  /* gateway, uplink and hooks are as they were made */
	int ifindex; /* of the gateway; 0 if gone */
	int uplink_ifindex;
	struct port gw, up; /* counters of the gateway and of the leg on the uplink */
};

/* Sets the defaults of a network of that name; nothing is marked as set. */
void network_init(struct network *n, const char *name);
/* Frees the ports; accepts a zeroed struct. */
void network_free(struct network *n);
/* Appends a zeroed port of that name and returns it; NULL if there is no memory. Moves the others: keep no pointers to them. */
struct port *network_add_port(struct network *n, const char *name);
struct port *network_port(const struct network *n, const char *name); /* NULL if there is none */

/* A network's name: as an interface's, 1 to 11 characters of [A-Za-z0-9_.-], the first a letter or digit. */
bool network_name_ok(const char *name);
/* Gateway address and prefix of a subnet as the user wrote it: a network address means its first host. -EINVAL if no host fits (plen > 30). IPv4 only. */
int network_subnet(const struct addr *text, struct addr *ret);
/* True if the address lies in the network's subnet and is neither its network, broadcast nor gateway address. */
bool network_holds(const struct network *n, const struct addr *a);
