/* SPDX-License-Identifier: GPL-2.0-only */
/* What is in netfilter mode: the record, and what the kernel tells of it. See struct mode. */
#pragma once

#include "mode.h"

int nf_read_net(struct host *h, const char *name, struct network *ret);
int nf_read_drops(struct host *h, const char *net,
		  int (*cb)(const char *net, const char *reason, const char *text, __u64 packets, void *arg),
		  void *arg);
