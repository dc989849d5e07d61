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
/* Writes a name, last of all; the readers see all or nothing. */
void row_commit(char *name, const char *text, size_t size);

/* Interface -> slot, for the data path. Print. */
int row_set_iface(struct dp *dp, int ifindex, __u32 slot, const char *ifname);
int row_unset_iface(struct dp *dp, int ifindex);

/* A MAC that stays: of a managed port or a gateway; refused if it is another one's. Print. */
int row_set_mac(struct dp *dp, __u32 net, const __u8 mac[6], __u32 slot);
int row_unset_mac(struct dp *dp, __u32 net, const __u8 mac[6]);
