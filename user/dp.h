/* SPDX-License-Identifier: GPL-2.0-only */
/* The loaded data path of one host: its pins, its maps, its hooks. Functions print on failure unless they say otherwise. */
#pragma once

#include <limits.h>
#include <linux/types.h>

#include "nsfast/flow.h"
#include "nsfast/group.h"
#include "nsfast/net.h"
#include "nsfast/port.h"
#include "nsfast/publish.h"
#include "nsfast/share.h"

#include "util.h"

/* Maps that are opened by name; those that struct dp points into are mapped as well. */
#define DP_MAPS(X) \
	X(IFACES, "nsf_ifaces") \
	X(IFACE_ROWS, "nsf_iface_rows") \
	X(SUBNETS, "nsf_subnets") \
	X(FDB, "nsf_fdb") \
	X(LEDGERS, "nsf_ledgers") \
	X(USED, "nsf_used") \
	X(COUNT, "nsf_count") \
	X(DROPS, "nsf_drops") \
	X(PORTS, "nsf_ports") \
	X(NAMES, "nsf_names") \
	X(NETS, "nsf_nets") \
	X(FLOWS, "nsf_flows") \
	X(FLOW_STATE, "nsf_flow_state") \
	X(FLOW_COUNTS, "nsf_flow_counts") \
	X(SUBNETS6, "nsf_subnets6") \
	X(EXCEPTS, "nsf_excepts") \
	X(EXTS, "nsf_exts") \
	X(ADDRS, "nsf_addrs") \
	X(SHARES, "nsf_shares") \
	X(PUBLISH, "nsf_publish") \
	X(PUBLISH_LIVE, "nsf_publish_live") \
	X(LOCALS, "nsf_locals") \
	X(ASKED, "nsf_asked") \
	X(UPLINKS, "nsf_uplinks") \
	X(TRUNKS, "nsf_trunks") \
	X(LISTENS, "nsf_listens")
#define DP_MAP_ENUM(id, name) DP_##id,
enum dp_map { DP_MAPS(DP_MAP_ENUM) DP_MAP_MAX };

/* Maps whose rows struct dp points to: field, map, number of rows. */
#define DP_TABLES(X) \
	X(ports, PORTS, NSF_SLOTS_MAX) \
	X(names, NAMES, NSF_SLOTS_MAX) \
	X(nets, NETS, NSF_NETS_MAX) \
	X(flows, FLOWS, dp->n_flows) \
	X(flow_counts, FLOW_COUNTS, dp->n_flows) \
	X(state, FLOW_STATE, 1) \
	X(shares, SHARES, NSF_SLOTS_MAX) \
	X(listens, LISTENS, NSF_SLOTS_MAX) \
	X(publish, PUBLISH, 2 * NSF_PUBLISH_MAX) \
	X(publish_live, PUBLISH_LIVE, 1)

#define DP_PROGS(X) \
	X(FROM_PORT, "nsf_from_port") \
	X(FROM_HOST, "nsf_from_host") \
	X(FROM_UPLINK, "nsf_from_uplink") \
	X(TO_UPLINK, "nsf_to_uplink") \
	X(FROM_WIRE, "nsf_from_wire") \
	X(FROM_FRAG, "nsf_from_frag") \
	X(START, "nsf_start") \
	X(ALIVE, "nsf_alive") \
	X(PURGE, "nsf_purge") \
	X(CARRY, "nsf_carry")
#define DP_PROG_ENUM(id, name) DP_PROG_##id,
enum dp_prog { DP_PROGS(DP_PROG_ENUM) DP_PROG_MAX };

#define DP_FLOWS_DEFAULT 131072 /* flows of a host */

struct dp {
	bool loaded;
	__u64 host;          /* cookie of the namespace */
	int map[DP_MAP_MAX]; /* descriptors, -1 if not open */
	struct nsf_port *ports;
	struct nsf_names *names;
	struct nsf_net *nets;
	struct nsf_flow *flows; /* the data path writes these four */
	struct nsf_flow_count *flow_counts;
	struct nsf_flow_state *state;
	struct nsf_share *shares;
	struct nsf_listen *listens;
	struct nsf_publish *publish;
	__u32 *publish_live;
	__u32 n_flows;
};

enum dp_hook { DP_INGRESS, DP_EGRESS, DP_WIRE };

/* Sizes the tables of an object that is not loaded yet. */
struct nsfast_bpf;
void dp_size(struct nsfast_bpf *s, __u32 flows);
/* From here on libbpf speaks only when it is asked to, at -v. */
void dp_hush(void);
/* Fits such an object to this kernel: its clock, and without what the kernel was built without. */
void dp_fit(struct nsfast_bpf *s);
/* Opens what is pinned for a host. -ENOENT without a message if nothing is loaded there; ret is then closed but usable. */
int dp_open(__u64 host, struct dp *ret);
/* Loads programs and maps, with room for so many flows, into the kernel and pins them, all or nothing, then opens them.
 * The lock is held. */
int dp_load(__u64 host, __u32 flows, struct dp *ret);
/* Accepts a zeroed or closed one. What is pinned stays. */
void dp_close(struct dp *dp);
/* Removes all pins of the host: programs leave their hooks, maps go. The lock is held. */
int dp_unload(__u64 host);
/* True if something is pinned for that host. Prints nothing. */
bool dp_pinned(__u64 host);
/* Calls cb for each host of which no hook is alive: its namespace is gone, or others deleted all its interfaces. */
void dp_each_dead(void (*cb)(__u64 host, void *arg), void *arg);
/* Removes the pins of hosts whose namespace is gone: all their hooks are dead. The lock is held. Prints nothing. */
void dp_collect(void);

/* Puts a program on an interface of the current namespace: by a pinned tcx link, or where the kernel has none, by clsact.
 * 0 also if it is there already. */
int dp_attach(struct dp *dp, enum dp_prog prog, int ifindex, const char *ifname, enum dp_hook hook);
/* Puts the program of frames on an interface, by a pinned link, in its driver or not at all. Prints nothing. */
int dp_attach_wire(const struct dp *dp, int ifindex);
/* Takes it off again; 0 also if it was not there. */
int dp_detach(struct dp *dp, int ifindex, enum dp_hook hook);
/* True if what was attached is there still. Prints nothing. */
bool dp_attached(const struct dp *dp, int ifindex, enum dp_hook hook);
/* True if programs of this host are in clsact, for lack of tcx. Prints nothing. */
bool dp_clsact(const struct dp *dp);

/* What a link is on: an interface's ifindex, or a namespace's inode number; 0 if that is gone. The kernel's struct in
 * Debian's headers ends before what tcx says, so it is read by offsets. Prints nothing. */
__u32 dp_link_target(int link);
/* A descriptor of a pinned program, or -errno. */
int dp_prog(const struct dp *dp, enum dp_prog prog);

/* Where something of the host's is pinned, by its name. Links of hooks are "link-...". Returns path. */
const char *dp_path(const struct dp *dp, const char *name, char path[PATH_MAX]);

/* Runs a program of the loader's own once. */
int dp_run(struct dp *dp, enum dp_prog prog);
