/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes of bpf mode: the table of rules, read and replaced as a whole. */
#pragma once

#include "host.h"
#include "net.h"

/* See struct mode. Rules whose port is gone are not there. */
int bpf_publish_list(struct host *h, const char *net, int (*cb)(const char *net, const struct publish *p, void *arg),
		     void *arg);
int bpf_publish_set(struct host *h, const struct network *n, bool *ret_changed);

/* Removes the rules that lead to a port, or with slot 0 to any port of a network. Their flows end with the next purge. */
int bpf_publish_drop(struct host *h, __u32 net, __u32 slot);
/* Removes the rules that a killed run has left without a port. */
int bpf_publish_sweep(struct host *h);
