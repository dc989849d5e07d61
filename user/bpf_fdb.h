/* SPDX-License-Identifier: GPL-2.0-only */
/* The forwarding database of bpf mode: which MAC is behind which port. All print but bpf_fdb_list(). */
#pragma once

#include "host.h"
#include "mode.h"

/* A MAC that stays: of a managed port or a gateway; refused if it is another one's. */
int bpf_fdb_set(struct dp *dp, __u32 net, const __u8 mac[6], __u32 slot);
int bpf_fdb_unset(struct dp *dp, __u32 net, const __u8 mac[6], __u32 slot); /* 0 also if it is another's */

/* See struct mode. */
int bpf_fdb_add(struct host *h, const struct network *n, const struct port *p, const __u8 mac[6]);
int bpf_fdb_del(struct host *h, const struct network *n, const __u8 mac[6]);
int bpf_fdb_flush(struct host *h, const struct network *n, const struct port *p, __u64 *ret);
int bpf_fdb_list(struct host *h, const char *net, int (*cb)(const struct mode_mac *m, void *arg), void *arg);
