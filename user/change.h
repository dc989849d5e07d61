/* SPDX-License-Identifier: GPL-2.0-only */
/* What every command begins with that changes something of a network that is there. */
#pragma once

#include "mode.h"

/* Lock, host and network. */
struct change {
	struct host h;
	const struct mode *m;
	struct network n;
	int lock;
};
#define CHANGE_NONE ((struct change){ .h = HOST_NONE, .lock = -1 })

/* Enters the host that was asked for, takes the lock, repairs, reads the network. 0, or a negative errno with a message. */
int change_begin(struct change *c, const char *net);
/* Accepts one that was not begun. */
void change_end(struct change *c);
#define autochange __attribute__((cleanup(change_end)))
