/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 of ports in bpf mode: inside the container, and in the port's row. */
#pragma once

#include "host.h"
#include "net.h"

/* The container's end before it goes up: no router's advertisement counts. False if the network or the namespace has no
 * IPv6; of the latter it warns. */
bool bpf_port6_begin(struct host *h, const struct network *n, const struct port *p, int netns);
/* Once it is up: addresses that work at once, and the default route unless the namespace has one. 0 or -errno. */
int bpf_port6_inside(const struct network *n, const struct port *p, struct nl *nl, const struct link *eth0);

void bpf_port6_fill(const struct dp *dp, const struct port *p, struct nsf_port *row);
/* Makes the IPv6 address of a port that is there what it should be; nothing else of it is touched. See struct mode. */
int bpf_port6_change(struct host *h, const struct network *n, const struct port *p);
