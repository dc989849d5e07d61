/* SPDX-License-Identifier: GPL-2.0-only */
/* A connection that the kernel tracks, as a flow of a network's. */
#pragma once

#include "conntrack.h"
#include "mode.h"

/* As the container at one end has it: at the receiver's (in), or at the sender's. */
void conntrack_flow(const struct network *n, const struct conntrack *c, bool in, struct mode_flow *ret);
/* Its two directions, and how it is translated: one that the container began is turned at its source, one that came by a
 * publish at its destination, and one between two containers, far being the receiver's flow, at both. */
void conntrack_tuples(const struct mode_flow *m, const struct mode_flow *far, struct conntrack *ret);
/* The port that has this address; NULL if none has, or it is behind a learning one. */
const char *conntrack_port(const struct network *n, const struct addr *a);
/* True if the address has the prefix; of family 0, none has it. */
bool conntrack_within(const struct addr *a, const struct addr *net);
bool conntrack_icmp(__u8 proto);
