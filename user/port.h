/* SPDX-License-Identifier: GPL-2.0-only */
/* What a port is in every mode: a veth pair and the container's end of it, or an interface that is adopted. */
#pragma once

#include "host.h"
#include "net.h"

#define PORT_INSIDE "eth0" /* the container's end */

/* A socket in the namespace; the caller comes back to its own. */
int port_enter(struct host *h, int netns, struct nl **ret);

/* The host's end of a port. */
void port_ifname(const char *net, const struct port *p, char ret[IFNAMSIZ]);
/* Refuses a namespace that has an interface of the port's name already. Removes what a killed run left of the port. Prints. */
int port_vacant(struct host *h, const struct network *n, const struct port *p, int netns);
/* The veth pair, both ends down, the far one in its namespace from the start. number tells the MACs that are chosen apart
 * within the network. Prints. */
int port_veth(struct host *h, const struct network *n, struct port *p, int netns, __u16 number, struct link *ret);
/* The container's side: address, default route; then both ends are ready. A namespace that is not ours keeps the default
 * route it has. ifindex is the host's end. Prints. */
int port_inside(struct host *h, const struct network *n, const struct port *p, int netns, int ifindex);
/* The MTU of the container's end. Prints nothing. */
int port_inside_mtu(struct host *h, const char *netns, __u32 mtu);
/* What the container's end is. Prints nothing. */
int port_inside_link(struct host *h, const char *netns, struct link *ret);
/* Lets the container's end take frames from XDP (1), or not (0): GRO makes it poll. -1 only asks. *ret_was: whether it did
 * before. Prints nothing. */
int port_inside_gro(const char *netns, int on, bool *ret_was);
/* Deletes interfaces, many at a time; what cannot be deleted stays, and is tried again alone by who knows whose it is. */
void port_delete_all(struct host *h, const int *ifindex, size_t n);
/* What may be adopted: an Ethernet interface that nobody else uses. Prints. */
int port_adoptable(struct host *h, const struct network *n, const struct port *p, struct link *ret);
