/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 of networks in bpf mode: the gateway's settings and addresses. */
#pragma once

#include "host.h"
#include "net.h"

/* The gateway's pair before it goes up: IPv6 is on where the network has it, and neither end chooses an address. 0 or
 * -errno. */
int bpf_net6_links(struct host *h, const struct network *n, const struct link *gw, const struct link *far);
/* Forwarding and addresses, once it is up. 0 or -errno. */
int bpf_net6_gateway(struct host *h, const struct network *n, const struct link *gw, const struct link *far);
/* Takes the row's gateway address away if it is no longer to be the network's. Prints. */
int bpf_net6_leave(struct host *h, const struct network *n, const struct nsf_net *row);
void bpf_net6_fill(const struct network *n, struct nsf_net *row);
/* True if the gateway is as the functions above left it. */
bool bpf_net6_whole(struct host *h, const struct network *n);
