/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces, their addresses and routes, by route netlink. Functions return 0 or -errno and print nothing unless they say so. */
#pragma once

#include <net/if.h>
#include <netinet/in.h>

#include "nl.h"
#include "util.h"

struct link {
	int ifindex;
	char name[IFNAMSIZ];
	char kind[16];   /* "veth", "bridge", ...; empty for hardware and lo */
	char alias[256]; /* empty if none */
	__u8 mac[6];
	__u32 mtu;
	__u32 flags;    /* IFF_* */
	__u16 type;     /* ARPHRD_* */
	int peer;       /* IFLA_LINK: ifindex of a veth's other end, in that end's namespace; 0 if none */
	int peer_netns; /* IFLA_LINK_NETNSID: >= 0 if the other end is in another namespace, else -1 */
	int master;     /* ifindex, 0 if none */
	__u32 group;    /* IFLA_GROUP */
	__u32 gso4_max; /* bytes of the longest IPv4 packet that the stack hands over uncut; 0: before Linux 6.3 */
};

/* By name or, with name NULL, by ifindex. -ENODEV if there is none. */
int link_get(struct nl *nl, const char *name, int ifindex, struct link *ret);
/* An end of a pair whose carrier came up with the other one's discards what it is to send until the kernel has got round
 * to it; this makes it do that first (since 6.8, before it is soon). */
int link_ready(struct nl *nl, int ifindex);
/* Calls cb for each; a non-zero return of cb ends the walk and is returned. */
int link_list(struct nl *nl, int (*cb)(const struct link *l, void *arg), void *arg);

struct link_counts {
	__u64 rx_packets, rx_bytes, tx_packets, tx_bytes; /* as the interface sees them */
};
int link_counts(struct nl *nl, int ifindex, struct link_counts *ret);

/* A veth pair in one request: both ends down, names and MACs as given, one queue each. peer_netns is a descriptor of
 * the namespace in which the peer is created, or -1 for the same. -EEXIST if a name is taken in its namespace. */
struct veth {
	const char *name, *peer_name;
	const __u8 *mac, *peer_mac;
	__u32 mtu;
	int peer_netns;
};
int link_add_veth(struct nl *nl, const struct veth *v);

/* What link_set changes; fields that are not set are left alone. */
struct link_change {
	int up;            /* 1 up, -1 down, 0 as it is */
	__u32 mtu;         /* 0 as it is */
	const char *alias; /* NULL as it is */
	int forwarding4;   /* net.ipv4.conf.IF.forwarding by IFLA_AF_SPEC: 1 on, -1 off, 0 as it is */
	int addrgen_none;  /* 1: IFLA_INET6_ADDR_GEN_MODE none; no link-local address appears; 0 as it is */
	int noarp;         /* 1: IFF_NOARP on */
	__u32 gso_max; /* bytes of the longest packet that the stack hands over uncut, of both families; 0 as it is */
};
int link_set(struct nl *nl, int ifindex, const struct link_change *c);
/* Another name; an interface that is up keeps running, but on kernels before 6.2, where it is down for that moment. */
int link_rename(struct nl *nl, int ifindex, const char *name);
/* 0 also if it is not there. */
int link_del(struct nl *nl, int ifindex);
/* Many at once: the kernel waits for its readers once for all of them, and not some 30 ms for each. Those that are not there
 * are none. They are of kinds that can be deleted, as veth can, and in a group of their own for that moment. */
int link_del_all(struct nl *nl, const int *ifindex, size_t n);

/* An address of either family with prefix length. */
struct addr {
	__u8 family; /* AF_INET or AF_INET6 */
	__u8 plen;
	__u8 bytes[16]; /* network order; IPv4 in the first four */
};

unsigned addr_size(__u8 family); /* 4 or 16 bytes */
/* True if the first plen bits are the same; of one family. */
bool addr_same_prefix(const struct addr *a, const struct addr *b, unsigned plen);
/* fe80::/64 and the modified EUI-64 of a MAC (RFC 4291, appendix A). */
struct addr addr_link_local(const __u8 mac[6]);

/* Adding what is there is 0. IPv4: global scope, broadcast address set if plen < 31. IPv6: without DAD, link scope for fe80::/10. */
int addr_add(struct nl *nl, int ifindex, const struct addr *a);
/* Waits until the interface hears who asks for an IPv6 address that was added: the kernel joins its group (RFC 4291, section
 * 2.7.1) some time after. A second at most. */
int addr_heard(struct nl *nl, int ifindex, const struct addr *a);
/* Removing what is not there is 0. */
int addr_del(struct nl *nl, int ifindex, const struct addr *a);
/* A neighbour that is known from the start; the kernel asks it again in its own time (NUD_STALE). */
int neighbour_add(struct nl *nl, int ifindex, const struct addr *a, const __u8 mac[6]);
/* The MAC that a neighbour was last known to have. -ENOENT if none is known. */
int neighbour_get(struct nl *nl, int ifindex, const struct addr *a, __u8 ret[6]);
/* All addresses of the namespace (ifindex 0) or of one interface; a non-zero return of cb ends the walk and is returned. */
int addr_list(struct nl *nl, int ifindex, int (*cb)(int ifindex, const struct addr *a, void *arg), void *arg);
/* An interface's oldest IPv6 address of global scope that is there to stay: not deprecated, tentative or made up for
 * privacy; one that is not unique local goes before one that is. plen 128. -ENOENT if there is none. */
int addr_global6(struct nl *nl, int ifindex, struct addr *ret);

struct route {
	__u8 family;
	struct addr dst; /* plen 0: default route */
	struct addr via; /* family 0 if none */
	int ifindex;     /* of the first next hop; 0 for routes without one */
	__u32 table, metric;
	__u8 type;       /* RTN_* */
	__u8 protocol;   /* RTPROT_* */
	struct addr src; /* preferred source, family 0 if none */
};
/* All routes of a family, all tables. */
int route_list(struct nl *nl, int family, int (*cb)(const struct route *r, void *arg), void *arg);
/* Default route by via through ifindex; replaces one of the same kind. */
int route_add_default(struct nl *nl, int ifindex, const struct addr *via);
/* Default route of a family to an interface on which everyone is a neighbour. */
int route_add_direct(struct nl *nl, int ifindex, __u8 family);
/* Removing what is not there is 0. */
int route_del_default(struct nl *nl, int ifindex, const struct addr *via);
/* The default route of the main table with the lowest metric. -ENOENT if there is none. */
int route_default(struct nl *nl, int family, struct route *ret);

/* Text: "10.0.0.1", "10.0.0.1/24", "fe80::1/64", "02:00:00:00:00:01". parse: 0 or -EINVAL, ret untouched then; without
 * "/LEN" plen is the whole address. format: into buf (ADDR_STRLEN), returns buf; with_plen adds "/LEN". */
#define ADDR_STRLEN 56
#define MAC_STRLEN  18
int addr_parse(const char *text, struct addr *ret);
const char *addr_format(const struct addr *a, bool with_plen, char buf[ADDR_STRLEN]);
int mac_parse(const char *text, __u8 ret[6]); /* refuses group addresses and zero */
const char *mac_format(const __u8 mac[6], char buf[MAC_STRLEN]);
