/* SPDX-License-Identifier: GPL-2.0-only */
/* What `doctor` says, line by line: each thing that it looked at, how it is, and what cures it. */
#pragma once

#include "mode.h"

/* One line; what: the thing, cure: NULL if nothing is to be done. */
void doctor_line(const char *what, bool ok, const char *found, const char *cure);
/* "t0 MTU": what of which network. Returns buf. */
const char *doctor_of(const struct network *n, const char *what, char buf[64]);
/* Settings of the host that carry, change or stop packets. */
void doctor_host(struct host *h);
/* A network, and what stands in its way. 0, or -errno with a message. */
int doctor_network(struct host *h, const struct mode *m, const char *name);
/* XDP at its uplink. */
void doctor_xdp(const struct mode *m, const struct network *n);
