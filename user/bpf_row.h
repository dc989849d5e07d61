/* SPDX-License-Identifier: GPL-2.0-only */
/* Rows of bpf mode's tables: finding, taking and freeing slots; the commit of a row is its name. */
#pragma once

#include "host.h"
#include "net.h"

/* Network id, or 0 if there is none of that name. */
__u32 row_net(const struct dp *dp, const char *name);
/* Slot of a network's port, or 0. */
__u32 row_port(const struct dp *dp, __u32 net, const char *name);
/* A free network id or slot, or 0 if there is none. */
__u32 row_free_net(const struct dp *dp);
__u32 row_free_slot(const struct dp *dp);

/* Fills a slot: what carried its number before is dead from here on. The caller sets name and netns. */
void row_set_port(struct dp *dp, __u32 slot, const struct nsf_port *row);
/* Frees a slot, takes it out of its network's list; its flows and FDB entries are dead. */
void row_clear_port(struct dp *dp, __u32 slot);
/* What is known of all of a network's ports, by the list itself: no run that was killed leaves it wrong. */
void row_count_ports(struct dp *dp, struct nsf_net *net);
/* Writes a name, last of all; the readers see all or nothing. */
void row_commit(char *name, const char *text, size_t size);

/* Interface -> slot, for the data path. Print. */
int row_set_iface(struct dp *dp, int ifindex, __u32 slot, const char *ifname);
int row_unset_iface(struct dp *dp, int ifindex);

/* An address as keys have it: IPv4 as it is, IPv6 by its handle. */
__be32 row_handle(const struct dp *dp, const struct addr *a);
/* Address -> slot of a managed port. Print. */
int row_set_addr(struct dp *dp, __u32 net, const struct addr *a, __u32 slot);
int row_unset_addr(struct dp *dp, __u32 net, const struct addr *a, __u32 slot); /* 0 also if it is another's */
/* Addresses of a row; family 0 for none. */
struct addr row_addr4(__be32 addr, __u8 plen);
struct addr row_addr6(const __u8 addr[16], __u8 plen);

/* So many learned MACs less of a port, or by its gateway's slot of a network; the data path counts them too meanwhile. */
void row_macs(struct dp *dp, __u32 slot, __u32 n);
