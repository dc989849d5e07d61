/* SPDX-License-Identifier: GPL-2.0-only */
/* The loaded data path of one host: its pins, its maps, its hooks. Functions print on failure unless they say otherwise. */
#pragma once

#include <linux/types.h>

#include "nsfast/flow.h"
#include "nsfast/net.h"
#include "nsfast/port.h"

#include "util.h"

/* Maps that are opened by name; the tables behind rows, names, nets, flows and flow_state are mapped as well. */
#define DP_MAPS(X) \
	X(IFACES, "nsf_ifaces") \
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
	X(FLOW_STATE, "nsf_flow_state")
#define DP_MAP_ENUM(id, name) DP_##id,
enum dp_map { DP_MAPS(DP_MAP_ENUM) DP_MAP_MAX };

#define DP_PROGS(X) \
	X(FROM_PORT, "nsf_from_port") \
	X(FROM_HOST, "nsf_from_host") \
	X(FROM_UPLINK, "nsf_from_uplink") \
	X(START, "nsf_start") \
	X(PURGE, "nsf_purge")
#define DP_PROG_ENUM(id, name) DP_PROG_##id,
enum dp_prog { DP_PROGS(DP_PROG_ENUM) DP_PROG_MAX };

#define DP_FLOWS_DEFAULT 131072 /* flows of a host */

struct dp {
	bool loaded;
	__u64 host;              /* cookie of the namespace */
	int map[DP_MAP_MAX];     /* descriptors, -1 if not open */
	struct nsf_port *ports;  /* NSF_SLOTS_MAX rows */
	struct nsf_names *names; /* NSF_SLOTS_MAX rows */
	struct nsf_net *nets;    /* NSF_NETS_MAX rows */
	struct nsf_flow *flows;  /* n_flows rows; the data path writes them */
	struct nsf_flow_state *state;
	__u32 n_flows;
};

enum dp_hook { DP_INGRESS, DP_EGRESS };

/* Opens what is pinned for a host. -ENOENT without a message if nothing is loaded there; ret is then closed but usable. */
int dp_open(__u64 host, struct dp *ret);
/* Loads programs and maps into the kernel and pins them, all or nothing, then opens them. The lock is held. */
int dp_load(__u64 host, struct dp *ret);
/* Accepts a zeroed or closed one. What is pinned stays. */
void dp_close(struct dp *dp);
/* Removes all pins of the host: programs leave their hooks, maps go. The lock is held. */
int dp_unload(__u64 host);
/* Calls cb for each host of which no hook is alive: its namespace is gone, or others deleted all its interfaces. */
void dp_each_dead(void (*cb)(__u64 host, void *arg), void *arg);
/* Removes the pins of hosts whose namespace is gone: all their hooks are dead. The lock is held. Prints nothing. */
void dp_collect(void);

/* Puts a program on an interface of the current namespace by a pinned tcx link. 0 also if it is there already. */
int dp_attach(struct dp *dp, enum dp_prog prog, int ifindex, const char *ifname, enum dp_hook hook);
/* Takes it off again; 0 also if it was not there. */
int dp_detach(struct dp *dp, int ifindex, enum dp_hook hook);
/* True if the pinned link is alive on that interface. Prints nothing. */
bool dp_attached(const struct dp *dp, int ifindex, enum dp_hook hook);

/* Runs a program of the loader's own once. */
int dp_run(struct dp *dp, enum dp_prog prog);
