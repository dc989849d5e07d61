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
/* What Linux cannot do is refused, not left out. Prints. */
int nf_net_possible(const struct network *n);
/* The bridge, from nothing or what is missing of it; n->ifindex. Prints. */
int nf_net_bridge(struct host *h, struct network *n);
/* Removes it, also one that a killed run has left without its alias. Prints. */
int nf_net_bridge_del(struct host *h, const char *name);
/* What others drop is dropped, whatever our tables accept: warns of it. */
void nf_net_warn(const struct network *n);
/* True if bridge, addresses and settings are as they were made; n has its ifindex. */
bool nf_net_whole(struct host *h, const struct network *n);
