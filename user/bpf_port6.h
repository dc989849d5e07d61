/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 of ports in bpf mode: the port's row. */
#pragma once

#include "host.h"
#include "net.h"

void bpf_port6_fill(const struct dp *dp, const struct port *p, struct nsf_port *row);
/* Makes the IPv6 address of a port that is there what it should be; nothing else of it is touched. See struct mode. */
int bpf_port6_change(struct host *h, const struct network *n, const struct port *p);
