/* SPDX-License-Identifier: GPL-2.0-only */
/* Networks of netfilter mode: a bridge that carries the gateway's addresses. See struct mode. */
#pragma once

#include "host.h"
#include "net.h"

int nf_net_probe(void);
int nf_net_add(struct host *h, struct network *n);
int nf_net_change(struct host *h, struct network *n);
int nf_net_del(struct host *h, const char *name);
int nf_net_repair(struct host *h);
/* True if bridge, addresses and settings are as they were made; n has its ifindex. */
bool nf_net_whole(struct host *h, const struct network *n);
