/* SPDX-License-Identifier: GPL-2.0-only */
/* A network's way to the outside in bpf mode: uplink hook, leg and SNAT. */
#pragma once

#include "host.h"
#include "net.h"

/* Makes uplink and SNAT of the row what the network says. */
int bpf_uplink_set(struct host *h, struct network *n);
/* True if another network than that one has the uplink, an ifindex; but 0: any. */
bool bpf_uplink_used(const struct dp *dp, __u32 uplink, __u32 but);
/* Takes the row's uplink away; its flows end. */
int bpf_uplink_clear(struct host *h, __u32 id);
