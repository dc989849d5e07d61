/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes of netfilter mode: maps from what a packet is for to the container that gets it. */
#pragma once

#include <stdio.h>

#include "host.h"
#include "net.h"

/* Writes maps and chains for the networks' rules; how many rules of nftables' they have. One lookup tells, however many
 * publishes there are: of one address first, then of any address of the host. */
unsigned nf_publish_script(FILE *f, const struct network *nets, size_t n);

/* See struct mode. */
int nf_publish_set(struct host *h, const struct network *n, bool *ret_changed);
int nf_publish_list(struct host *h, const char *net, int (*cb)(const char *net, const struct publish *p, void *arg),
		    void *arg);
