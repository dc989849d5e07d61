/* SPDX-License-Identifier: GPL-2.0-only */
/* The choices of `up` that concern IPv6. All print. */
#pragma once

#include "host.h"
#include "net.h"

/* Chooses subnet and SNAT; uplink and MTU are chosen already. is: the network as it stands, or NULL. */
int up_six(struct host *h, const struct network *is, struct network *want, const struct link *uplink);
/* What of a port that is there the network cannot have any more is chosen anew. */
void up_six_keep(const struct network *n, struct port *p);
/* A port that the user listed keeps the address it has now (NULL: is not there), if no other was asked for. */
void up_six_again(const struct network *n, const struct port *now, struct port *p);
/* Chooses the address of a port whose IPv4 address is chosen. */
int up_six_port(const struct network *n, struct port *p);
