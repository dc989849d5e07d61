/* SPDX-License-Identifier: GPL-2.0-only */
/* A network's IPv6 way to the outside in bpf mode: SNAT address and its ledger, or plain routing. */
#pragma once

#include "host.h"
#include "net.h"

/* Makes the row's IPv6 SNAT, or plain routing, what the network says. Flows of another SNAT address end. Prints. */
int bpf_uplink6_set(struct host *h, const struct network *n, struct nsf_net *row);
/* Takes all that from the row; its flows, and the ledger, end with bpf_snat_clear(). */
int bpf_uplink6_clear(struct host *h, __u32 id);
void bpf_uplink6_read(const struct nsf_net *row, struct network *n);
