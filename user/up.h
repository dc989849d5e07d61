/* SPDX-License-Identifier: GPL-2.0-only */
/* From what the user said to what should be, and from what is to there. */
#pragma once

#include "mode.h"

/*
 * Chooses what was not set: subnet, uplink, SNAT address, MTU, namespaces and addresses of ports. is: the network as it
 * stands, or NULL. Refuses what cannot be (unknown or down interfaces, overlapping subnets, addresses taken) before
 * anything changes. 0, or a negative errno with a message.
 */
int up_resolve(struct host *h, const struct network *is, struct network *want);
/* Chooses address and namespace of one more port. */
int up_resolve_port(const struct network *n, struct port *p);

struct up_result {
	unsigned made, added, removed, changed; /* networks, ports, ports, settings */
	__u64 imported;                         /* flows */
};

/* Makes it so. Ports that should be as they are are not touched. What a failure or a signal leaves half
 * done is undone. */
int up_converge(struct host *h, const struct mode *m, const struct network *is, struct network *want,
		struct up_result *ret);
