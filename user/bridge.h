/* SPDX-License-Identifier: GPL-2.0-only */
/* The Linux bridge, by route netlink. Functions return 0 or -errno and print nothing. */
#pragma once

#include "link.h"
#include "vlan.h"

/* A bridge without spanning tree, down. mac may be NULL: then the kernel chooses, and changes it with the ports. snooping: of
 * multicast, for which the bridge speaks on its ports by itself. */
int bridge_add(struct nl *nl, const char *name, const __u8 *mac, __u32 mtu, bool snooping);
/* Makes an interface a port of a bridge; bridge 0: of none. */
int bridge_join(struct nl *nl, int ifindex, int bridge);
/* Nothing but the static entries tells who is behind the port, and only they may send there. What a port sends may come back
 * to it: where bridge-nf-call-iptables is 1, the bridge itself translates, and a container may mean itself. */
int bridge_lock(struct nl *nl, int ifindex);
/* What the port hears: isolated ports nothing of each other; unknown: frames for MACs whose place is not known. */
int bridge_port(struct nl *nl, int ifindex, bool isolated, bool unknown, bool multicast);
/* Whether frames go to ports of their VLAN alone. -EOPNOTSUPP if the kernel was built without. */
int bridge_filtering(struct nl *nl, int bridge, bool on);
/* A port's VLANs: that of frames without a tag (0: none), and those with tags. All others go; nothing is lost meanwhile. */
int bridge_vlans(struct nl *nl, int ifindex, __u16 vlan, const struct nsf_trunk *tags);
/* Whether groups go to ports alone that listen. Of a kernel without, all hear all. */
int bridge_snooping(struct nl *nl, int bridge, bool on);
/* A setting of the bridge's own, IFLA_BR_*, of one byte; *ret stays as it was where the kernel has none such. */
int bridge_setting(struct nl *nl, int bridge, __u16 attr, __u8 *ret);
/* Calls cb for each port of all bridges with its VLANs, as for bridge_vlans(); a non-zero return ends the walk and is
 * returned. */
int bridge_vlans_list(struct nl *nl, int (*cb)(int ifindex, __u16 vlan, const struct nsf_trunk *tags, void *arg),
		      void *arg);
/* How long a learned MAC stays, in seconds. */
int bridge_ageing(struct nl *nl, int bridge, __u32 seconds);
/* A static entry: the MAC is behind the port, in all VLANs that the port is in now. */
int bridge_fdb_add(struct nl *nl, int ifindex, const __u8 mac[6]);
int bridge_fdb_del(struct nl *nl, int ifindex, const __u8 mac[6]);

struct bridge_fdb {
	int ifindex; /* of the port */
	__u8 mac[6];
	__u16 vlan; /* 0: of a bridge without VLANs, or of any */
	bool fixed; /* does not age */
	bool local; /* an interface's own */
	__u64 idle; /* seconds since its last frame */
};
/* Calls cb for each entry of a bridge; a non-zero return of cb ends the walk and is returned. */
int bridge_fdb_list(struct nl *nl, int bridge, int (*cb)(const struct bridge_fdb *e, void *arg), void *arg);
