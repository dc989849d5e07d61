/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 of a port inside the container, in every mode. */
#pragma once

#include "host.h"
#include "net.h"

/* The container's end before it goes up: no router's advertisement counts. False if the network or the namespace has no
 * IPv6; of the latter it warns. */
bool port6_begin(struct host *h, const struct network *n, const struct port *p, int netns);
/* Once it is up: addresses that work at once, and the default route unless the namespace has one. 0 or -errno. */
int port6_inside(const struct network *n, const struct port *p, struct nl *nl, const struct link *eth0);
/* Makes the address what it is in p where it was another one (family 0: none). Prints. */
int port6_change(struct host *h, const struct network *n, const struct port *p, const struct addr *was);
