/* SPDX-License-Identifier: GPL-2.0-only */
/* Networks of bpf mode: gateway, uplink and SNAT; made, changed, mended, removed. */
#pragma once

#include "host.h"
#include "net.h"

/* See struct mode. */
int bpf_net_add(struct host *h, struct network *n);
int bpf_net_change(struct host *h, struct network *n);
int bpf_net_del(struct host *h, const char *name);

/* Removes what runs that were killed have left: rows without a name, ports without rows, publishes
 * without a port. */
int bpf_net_sweep(struct host *h);
