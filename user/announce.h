/* SPDX-License-Identifier: GPL-2.0-only */
/* The gateway tells those behind an adopted interface where it is. */
#pragma once

#include "host.h"
#include "net.h"

/*
 * Who was on another network until now may know another MAC by the gateway's addresses, and would go on sending to it. Sent
 * once, out of the interface alone, which is up; who does not hear it finds out by asking, some seconds later. Prints nothing.
 */
void announce(struct host *h, const struct network *n, int ifindex);
