/* SPDX-License-Identifier: GPL-2.0-only */
/* Networks of bpf mode: gateway, uplink and SNAT; made, changed, mended, removed. */
#pragma once

#include "host.h"
#include "net.h"

/* See struct mode. */
int bpf_net_add(struct host *h, struct network *n);
int bpf_net_change(struct host *h, struct network *n);
int bpf_net_del(struct host *h, const char *name);

/* Parts of these, for bpf_handover.c. Print. */

/* The data path, loaded if it is not, and a row without a name: n->id. */
int bpf_net_begin(struct host *h, struct network *n);
/* Gateway, its slot and its hook: from nothing, or what is missing of it. */
int bpf_net_gateway(struct host *h, struct network *n);
/* Removes the network in a row, however far its making came. Goes on after a failure and returns the first. */
int bpf_net_clear(struct host *h, __u32 id, const char *name);
/* The last network takes the data path with it. */
int bpf_net_end(struct host *h);

/* Removes what runs that were killed have left: rows without a name, ports without rows, publishes
 * without a port. */
int bpf_net_sweep(struct host *h);
