/* SPDX-License-Identifier: GPL-2.0-only */
/* The forwarding database of netfilter mode: the bridge's. See struct mode. */
#pragma once

#include "host.h"
#include "mode.h"

int nf_fdb_add(struct host *h, const struct network *n, const struct port *p, const __u8 mac[6]);
int nf_fdb_del(struct host *h, const struct network *n, const __u8 mac[6]);
int nf_fdb_flush(struct host *h, const struct network *n, const struct port *p, __u64 *ret);
int nf_fdb_list(struct host *h, const char *net, int (*cb)(const struct mode_mac *m, void *arg), void *arg);
