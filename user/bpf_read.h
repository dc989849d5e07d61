/* SPDX-License-Identifier: GPL-2.0-only */
/* Typed reads of bpf mode's maps. See struct mode for what each returns. */
#pragma once

#include "mode.h"

int bpf_read_net(struct host *h, const char *name, struct network *ret);
int bpf_read_list(struct host *h, int (*cb)(const char *name, void *arg), void *arg);
int bpf_read_drops(struct host *h, const char *net,
		   int (*cb)(const char *net, const char *reason, const char *text, __u64 packets, void *arg),
		   void *arg);
int bpf_read_externals(struct host *h, const char *net, int (*cb)(const struct mode_external *e, void *arg), void *arg);
