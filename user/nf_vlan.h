/* SPDX-License-Identifier: GPL-2.0-only */
/* VLANs and multicast of netfilter mode: the bridge's filters. */
#pragma once

#include "host.h"
#include "net.h"

/* Filters VLANs if a port of the network needs it, and groups if that is wanted; after the rules, which know what the bridge
 * says of itself then. 0 also while there is no bridge. Prints. */
int nf_vlan_sync(struct host *h, const struct network *n);
/* Whether the bridge and its ports are as the network says: VLANs, and whether groups are overheard. */
bool nf_vlan_whole(struct host *h, const struct network *n);
/* A port of the bridge gets its VLANs, and what is fixed behind it is so in all of them. Prints. */
int nf_vlan_port(struct host *h, const struct network *n, const struct port *p, int ifindex);
