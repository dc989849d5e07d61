/* SPDX-License-Identifier: GPL-2.0-only */
/* The model: a network and its ports as plain data, "what should be" or "what is". */
#pragma once

#include <net/if.h>

#include "nsfast/abi.h"
#include "nsfast/net.h"
#include "nsfast/port.h"
#include "nsfast/share.h"

#include "link.h"
#include "vlan.h"

#define NET_NAME_LEN 12 /* a network's name is an interface's with room for a suffix: 11 characters and a NUL */

/* What of the model was set, by the command line or the file. What was not set is chosen by `up`, or left as it is. */
enum net_has {
	NET_HAS_SUBNET = 1,
	NET_HAS_UPLINK = 2,
	NET_HAS_SNAT = 4,
	NET_HAS_MTU = 8,
	NET_HAS_MODE = 16,
	NET_HAS_PORTS = 32, /* the ports listed are all that should be */
	NET_HAS_SNAT_PORTS = 64,
	NET_HAS_EXCEPTS = 128,
	NET_HAS_LIMIT = 256,       /* shifted left by enum port_limit */
	NET_HAS_TIMEOUT = 1 << 16, /* shifted left by enum nsf_timeout */
	NET_HAS_FDB_AGE = 1 << 25,
	NET_HAS_XDP = 1 << 26,
	NET_HAS_IPV6 = 1 << 27, /* whether there is IPv6 at all */
	NET_HAS_SUBNET6 = 1 << 28,
	NET_HAS_SNAT6 = 1 << 29,
	NET_HAS_PUBLISH = 1 << 30, /* the publishes listed are all that should be */
};

enum net_snat {
	NET_SNAT_AUTO, /* the uplink's first address; IPv6: what is, if it has none: nothing goes outside */
	NET_SNAT_ADDR,
	NET_SNAT_NONE, /* addresses stay as they are: plain routing */
};

enum net_mode { NET_MODE_AUTO, NET_MODE_BPF, NET_MODE_NETFILTER };

enum port_has {
	PORT_HAS_ADDR = 1,
	PORT_HAS_MAC = 2,
	PORT_HAS_ADDR6 = 4,
	PORT_HAS_MTU = 8,
	PORT_HAS_VLAN = 16,
	PORT_HAS_TRUNK = 32,
	PORT_HAS_LIMIT = 256, /* shifted left by enum port_limit */
};

/* What a port may use of the tables that all ports share: key in the file, option, key in JSON. */
#define PORT_LIMITS(X) \
	X(FLOWS, "MaxFlows", "max-flows", "flows")           /* conversations that are not closed */ \
	X(HALF, "MaxHalfOpen", "max-half-open", "half_open") /* of them, opened by one side only */ \
	X(PORTS, "MaxPorts", "max-ports", "external_ports") \
	X(MACS, "MaxMacs", "max-macs", "macs") /* learned */ \
	X(FLOOD, "MaxFlood", "max-flood", \
	  "flood") /* frames to all a second, the last of these; 0: by the number of ports */
#define PORT_LIMIT_ENUM(id, key, option, json) PORT_LIMIT_##id,
enum port_limit { PORT_LIMITS(PORT_LIMIT_ENUM) PORT_LIMIT_MAX };
#define PORT_LIMIT_NONE 0xffffffffu

/* The bits of enum nsf_net_flag that the user chooses: how SNAT is done, not whether, what containers reach of the host, and
 * whether XDP forwards. */
#define NET_POLICY \
	(NSF_NET_RANDOM | NSF_NET_EIF | NSF_NET_STRICT | NSF_NET_SILENT | NSF_NET_NO_ANSWERS | NSF_NET_NO_SNOOPING | \
	 NET_POLICY_ACCESS | NSF_NET_XDP_FORWARD)
#define NET_POLICY_ACCESS (NSF_NET_HOST_GATEWAY | NSF_NET_HOST_NONE)

/* Likewise of enum nsf_port_flag. */
#define PORT_POLICY (NSF_PORT_ISOLATED | NSF_PORT_FLOOD | NSF_PORT_SERVES)

#define NET_EXCEPTS_MAX 64

/* XDP at the uplink. Never the generic kind, which is slower than none. */
enum net_xdp {
	NET_XDP_OFF,
	NET_XDP_AUTO,   /* where it can be had */
	NET_XDP_NATIVE, /* or not at all */
};
extern const char *const net_xdp_words[]; /* by that, NULL-terminated */

struct port {
	char name[NSF_NAME_LEN];
	char netns[NSF_NAME_LEN]; /* name under /run/netns; empty: adopted */
	char dev[IFNAMSIZ];       /* host-side interface; for a wanted port only if adopted */
	unsigned has;             /* enum port_has */
	struct addr addr;         /* family 0 for an adopted port */
	struct addr addr6;        /* family 0 for an adopted port, and where the network has no IPv6 */
	__u8 mac[6];
	__u32 limit[PORT_LIMIT_MAX]; /* 0: the network's */
	__u32 policy, policy_has;    /* of PORT_POLICY: set, and said by the user */
	__u32 mtu;                   /* 0: the network's */
	__u16 vlan;                  /* of its frames without a tag; 0: it has none such */
	struct nsf_trunk trunk;      /* the VLANs whose frames have tags there */
	/* what is, filled by a mode's read */
	int ifindex; /* of the host side; 0 if the interface is gone */
	bool frames; /* XDP sends it what comes for it */
	__u32 slot;
	__u64 rx_packets, rx_bytes, tx_packets, tx_bytes;
	__u32 used[PORT_LIMIT_MAX];
	__u32 moves, unlearned; /* MACs that came from another port; frames whose MAC was not learned */
};

/* A rule: a port of the host, or a range of them, leads to a container. */
struct publish {
	struct addr addr;        /* of the host; zero: any; family 0: any, of each family that the container has */
	__u8 proto;              /* IPPROTO_TCP, UDP or SCTP */
	__u16 first, last;       /* ports of the host, host order */
	__u16 to_first;          /* the container's port for first; the others follow */
	char port[NSF_NAME_LEN]; /* the container, by its port's name */
	struct addr to;          /* what is: the container's address; a wanted rule has none */
};

struct network {
	char name[NET_NAME_LEN];
	unsigned has; /* enum net_has */
	enum net_mode mode;
	struct addr gateway;   /* address and prefix length */
	struct addr gateway6;  /* the same of the IPv6 subnet; family 0: no IPv6 */
	bool ipv6_off;         /* the user wants no IPv6 */
	__u8 mac[6];           /* the gateway's */
	char uplink[IFNAMSIZ]; /* empty: none */
	enum net_xdp xdp;
	enum net_snat snat;
	struct addr pool[NSF_POOL_MAX]; /* SNAT addresses; an inner address always has the same one */
	unsigned n_pool;
	__u16 port_min, port_max;             /* range of the external ports that are chosen */
	__u32 policy, policy_has;             /* of NET_POLICY: set, and said by the user */
	struct addr excepts[NET_EXCEPTS_MAX]; /* destinations that see the ports' own addresses; sorted */
	unsigned n_excepts;
	enum net_snat snat6;
	struct addr pool6[NSF_POOL_MAX];
	unsigned n_pool6;
	__u32 limit[PORT_LIMIT_MAX];    /* of a port that has none of its own; 0: by the size of the table */
	__u32 mtu;                      /* 0: not set */
	__u32 fdb_age;                  /* seconds that a learned MAC stays; 0: none is learned */
	__u32 timeout[NSF_TIMEOUT_MAX]; /* seconds */
	__u32 flows;                    /* room in the host's flow table, fixed while there is a network; 0: not set */
	struct port *ports;
	size_t n_ports;
	struct publish *publishes;
	size_t n_publishes;
	/* what is, filled by a mode's read */
	__u32 id;
	bool xdp_attached, xdp_forwards;
	bool whole;        /* gateway, uplink and hooks are as they were made */
	const char *hooks; /* "tcx", "clsact" or "netfilter": by what the kernel hands packets over */
	int ifindex;       /* of the gateway; 0 if gone */
	int uplink_ifindex;
	__u8 uplink_mac[6]; /* as the data path knows it */
	struct port gw, up; /* counters of the gateway and of the leg on the uplink */
};

/* Sets the defaults of a network of that name; nothing is marked as set. */
void network_init(struct network *n, const char *name);
/* Frees ports and publishes; accepts a zeroed struct. */
void network_free(struct network *n);
/* Appends a zeroed port of that name and returns it; NULL if there is no memory. Moves the others: keep no pointers to them. */
struct port *network_add_port(struct network *n, const char *name);
struct port *network_port(const struct network *n, const char *name); /* NULL if there is none */
bool network_adopts(const struct network *n);                         /* one of its ports is an adopted interface */
/* The same for a publish. */
struct publish *network_add_publish(struct network *n);

/* A network's name: as an interface's, 1 to 11 characters of [A-Za-z0-9_.-], the first a letter or digit. */
bool network_name_ok(const char *name);
#define NET_MTU6_MIN 1280  /* RFC 8200, section 5 */
#define NET_MTU_MAX  65535 /* of IPv4's length field */

/* Gateway address and prefix of a subnet as the user wrote it: a network address means its first host. -EINVAL if no
 * host fits, or if it is IPv6 and the prefix length is not 64 to 120. */
int network_subnet(const struct addr *text, struct addr *ret);
/* Enters a destination in its place, host bits cleared. 0, -EEXIST, or -ENOSPC if there are NET_EXCEPTS_MAX. */
int network_add_except(struct network *n, const struct addr *a);
/* Limits that were not set: one port alone must not fill a table of so many flows. */
void network_limits(struct network *n, __u32 flows);
/* Frames to all that a port may send where the user said nothing. */
__u32 network_flood(const struct network *n);
/* What was not said of a port is as it is now, or with now NULL as it is for one of its kind. */
void network_port_policy(struct port *p, const struct port *now);
/* True if a port is in another VLAN than the gateway, or in several. */
bool network_vlans(const struct network *n);
/* What holds for a port: its own limit or the network's. */
__u32 network_limit(const struct network *n, const struct port *p, enum port_limit l);
/* True if the address lies in the network's subnet of its family and is neither its network, broadcast nor gateway
 * address. */
bool network_holds(const struct network *n, const struct addr *a);
