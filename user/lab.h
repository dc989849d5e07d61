/* SPDX-License-Identifier: GPL-2.0-only */
/* Test beds: small private topologies in namespaces that vanish with this process. */
#pragma once

#include "nsfast/abi.h"

#include "link.h"

enum lab_node { LAB_HOST, LAB_A, LAB_B, LAB_OUTSIDE, LAB_NODES };

/* Interfaces and addresses are the same in every topology. In A, B and OUTSIDE the interface is eth0. */
#define LAB_BRIDGE       "br0"
#define LAB_UPLINK       "up0"
#define LAB_GATEWAY      "10.77.0.1/24" /* of the bridge, or what nsfast is to make of the stage */
#define LAB_A_ADDR       "10.77.0.2/24"
#define LAB_B_ADDR       "10.77.0.3/24"
#define LAB_A_OTHER      "10.77.0.4/24"    /* of A, where pairs are relayed */
#define LAB_HOST_ADDR    "198.51.100.1/24" /* of the uplink */
#define LAB_OUTSIDE_ADDR "198.51.100.2/24" /* the host's next hop */
#define LAB_SERVER_ADDR  "203.0.113.10/32" /* behind it, in the same namespace, reached by the default route alone */
/* Ports of the host, TCP and UDP, that lead to B's of the same numbers. */
#define LAB_PUBLISH_MIN 20000
#define LAB_PUBLISH_MAX 20999

struct lab {
	int ns[LAB_NODES];       /* descriptors; -1 where the topology has no such node */
	char name[NSF_NAME_LEN]; /* the host's under /run/netns; empty: none */
};
#define LAB_NONE ((struct lab){ .ns = { -1, -1, -1, -1 } })

/* A bare veth pair between A and B: what a path could be at best. */
int lab_wire(struct lab *ret);
/* A, with a second address, host and B in a row, as if A and B were neighbours. ends: the host's, ifindexes, which nothing joins yet. */
int lab_pairs(struct lab *ret, int ends[2]);
/* What a container host has without nsfast: A and B on a bridge, br_netfilter if it is there, the rule set that Docker writes for one
 * bridge network with a range of published ports, MASQUERADE to the outside. Loaded by the iptables that the host has chosen, or
 * by one of the two; or none of it, and netfilter out of the way. -EOPNOTSUPP with a message if iptables is missing. */
enum lab_rules { LAB_IPTABLES, LAB_IPTABLES_LEGACY, LAB_IPTABLES_NFT, LAB_NO_RULES };
int lab_bridge(enum lab_rules rules, struct lab *ret);
/* A host, and containers with a pair, an address and a route each, which nothing joins, or a bridge does. closed: when the host
 * has none of their interfaces any more. */
#define LAB_CROWD 32
struct lab_crowd {
	int host, ns[LAB_CROWD];
};
int lab_crowd(bool bridge, struct lab_crowd *ret);
int lab_crowd_close(struct lab_crowd *c);
/* Interfaces of a host beside lo, or -errno; and waits until there are no more than so many, -ETIMEDOUT if they stay. */
int lab_links(int host);
int lab_links_gone(int host, int most);
/* The empty stage for nsfast: a host with an uplink and a default route, and the outside, which knows no way back to
 * private addresses. name (may be NULL) names the host's namespace under /run/netns. */
int lab_stage(struct lab *ret, const char *name);
/* Why lab_bridge() cannot work here, or NULL if it can. */
const char *lab_bridge_lacks(enum lab_rules rules);
/* True if the kernel has br_netfilter: what one container sends another passes iptables too, as on a Docker host. */
bool lab_bridge_filters(void);

/* From here on /run is a private one, which goes when this process goes, however it ends: names of namespaces, pins and the
 * lock live below it. Prints. */
int lab_hide_run(void);

/* Closes the descriptors, which ends the namespaces, and takes the name away. */
void lab_close(struct lab *l);
#define autolab __attribute__((cleanup(lab_close)))

/* An address of the list above. */
struct addr lab_addr(const char *text);
