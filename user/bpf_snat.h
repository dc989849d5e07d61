/* SPDX-License-Identifier: GPL-2.0-only */
/* SNAT of a network in bpf mode: its pool of addresses, their ledgers of external ports, exempt destinations. */
#pragma once

#include "host.h"
#include "net.h"

/*
 * Makes the row's SNAT, or plain routing, what the network says. Flows whose inner address is paired with another SNAT
 * address from now on end: their peers know no other.
 */
int bpf_snat_set(struct host *h, const struct network *n, struct nsf_net *row);
/* Parts of it for IPv6. enter: one address of a pool, of either family: networks with one address share its ledger. */
int bpf_snat_enter(struct dp *dp, const char *net, const struct addr *a, const struct nsf_net *row,
		   struct nsf_snat *ret);
/* Addresses that no network uses any more go, with their ledgers; the others get the range that holds now. */
int bpf_snat_tidy(struct dp *dp);
/* Takes all that from the row; its flows end. */
int bpf_snat_clear(struct host *h, __u32 id);
