/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to the model: the INI file and the values of options. Prints what is wrong with file, line, column and the offending word. */
#pragma once

#include "net.h"

/*
 * Reads a file ("-": stdin) into a network made by network_init(). [Network] once: Name, Mode, Address, IPv6, Uplink,
 * Xdp, XdpForward, SNat, SNat6, Masquerade (yes: auto for both, no: none for both), SnatPorts, SnatExcept, SnatPort,
 * SnatOverload, SnatIcmp, Filter, MTU, Flows, FdbAgeing, NeighSuppress, MulticastSnooping, HostAccess,
 * the keys of PORT_LIMITS, Timeout<Key> for each NSF_TIMEOUTS key in seconds (below the RFC's floor: a warning).
 * [Port NAME] any number: Netns (default NAME), Device (adopts it; excludes Netns, Address, MAC, MTU, Guard and
 * Publish), Address, MAC, MTU, Isolated, Guard, Flood, Vlan, VlanTrunk, Publish (any number of times), the keys of
 * PORT_LIMITS.
 * '#' and ';' begin comments, at a line's start or after white space. Keys and sections are as written here, case
 * counts; an unknown one is an error with "did you mean". Ports in the file set NET_HAS_PORTS. 0 or a negative errno.
 */
int conf_read(const char *path, struct network *n);

/* One value, as an option or a key has it; what names it in messages ("--subnet"). All print and return -EINVAL. */
int conf_name(const char *what, const char *text, struct network *n);
int conf_mode(const char *what, const char *text, struct network *n);
int conf_subnet(const char *what, const char *text, struct network *n);      /* of either family, or of both: A/L,A/L */
int conf_ipv6(const char *what, const char *text, struct network *n);        /* yes or no */
int conf_uplink(const char *what, const char *text, struct network *n);      /* "none": no uplink */
int conf_xdp(const char *what, const char *text, struct network *n);         /* off, auto or native */
int conf_xdp_forward(const char *what, const char *text, struct network *n); /* yes or no */
int conf_snat(const char *what, const char *text, struct network *n);        /* auto, none or IPv4 addresses: A,B... */
int conf_snat6(const char *what, const char *text, struct network *n);       /* auto, none or IPv6 addresses */
int conf_snat_ports(const char *what, const char *text, struct network *n);  /* LOW-HIGH */
int conf_snat_except(const char *what, const char *text, struct network *n); /* CIDR,CIDR... adds; none forgets all */
int conf_snat_port(const char *what, const char *text, struct network *n);   /* preserve or random */
int conf_snat_overload(const char *what, const char *text, struct network *n); /* yes or no, so the next */
int conf_snat_icmp(const char *what, const char *text, struct network *n);
int conf_filter(const char *what, const char *text, struct network *n); /* address-port or endpoint-independent */
int conf_limit(const char *what, const char *text, enum port_limit l, struct network *n); /* a number, or none */
int conf_port_limit(const char *what, const char *text, enum port_limit l, struct port *p);
int conf_fdb_ageing(const char *what, const char *text, struct network *n);     /* seconds; 0: nothing is learned */
int conf_neigh_suppress(const char *what, const char *text, struct network *n); /* yes or no */
int conf_snooping(const char *what, const char *text, struct network *n);       /* yes or no */
int conf_host_access(const char *what, const char *text, struct network *n);    /* all, gateway or none */
int conf_mtu(const char *what, const char *text, struct network *n);            /* 576 to 65535 */
int conf_flows(const char *what, const char *text, struct network *n);          /* size of the flow table */
int conf_ns(const char *what, const char *text, struct network *n); /* NAME[=ADDR[,ADDR]]: a port; no duplicates */
int conf_timeout(const char *what, const char *text, enum nsf_timeout t, struct network *n); /* seconds */
int conf_port_netns(const char *what, const char *text, struct port *p);
int conf_port_device(const char *what, const char *text, struct port *p);  /* adopts: the port has no namespace then */
int conf_port_address(const char *what, const char *text, struct port *p); /* of either family, or of both: A,A */
int conf_port_mac(const char *what, const char *text, struct port *p);
int conf_port_mtu(const char *what, const char *text, struct port *p);
int conf_port_isolated(const char *what, const char *text, struct port *p); /* yes or no, so the next */
int conf_port_guard(const char *what, const char *text, struct port *p);
int conf_port_flood(const char *what, const char *text, struct port *p); /* all, multicast, unicast or none */
int conf_port_vlan(const char *what, const char *text, struct port *p);  /* 1 to 4094, or none */
int conf_port_trunk(const char *what, const char *text, struct port *p); /* VLANs and ranges of them, or none */

/* The words back, for what is. */
const char *conf_host_access_word(const struct network *n);
const char *conf_port_flood_word(const struct port *p);

/* A publish more. The first one: [ADDR:]PORT[-PORT]:NAME:PORT[-PORT][/tcp|udp|sctp]; an IPv6 address in brackets. The
 * second one: the same without NAME, for the network's last port. */
int conf_publish(const char *what, const char *text, struct network *n);
int conf_port_publish(const char *what, const char *text, struct network *n);

/* VLANs of a port and what is published of it go together. Prints. */
int conf_check_vlan(const struct network *n, const struct port *p);
/* After all is read: addresses inside the subnet (if it is known), no address twice, not the gateway's. Prints. */
int conf_check(const struct network *n);

/* Parts of values. conf_host4, conf_host6: an address that an interface can have, without a prefix length; print. */
char *
conf_word(char **rest); /* the next word of a list that commas part, without the blanks around it; NULL at the end */
/* One of a few words, each of which stands for some of the bits that mask has; the list ends with a row without a word.
 * Prints. */
struct conf_bits {
	const char *text;
	__u32 bits;
};
int conf_bits(const char *what, const char *text, const struct conf_bits *words, __u32 mask, __u32 *policy, __u32 *has);
/* Which of the words of a NULL-terminated list it is; -1: none, and what was meant is hinted at. */
int conf_choice(const char *text, const char *const *words);
bool conf_number(const char *text, __u32 min, __u32 max, __u32 *ret);
int conf_host4(const char *what, const char *text, struct addr *ret);
int conf_host6(const char *what, const char *text, struct addr *ret);

/* The word of a NULL-terminated list that is nearest to a typo, or NULL if none is near. */
const char *conf_nearest(const char *word, const char *const *list);
/* Hints at it, if there is one. */
void conf_hint(const char *word, const char *const *list);
