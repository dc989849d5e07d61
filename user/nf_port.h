/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports of netfilter mode: on the bridge, with an entry of the record each. See struct mode. */
#pragma once

#include "host.h"
#include "net.h"

int nf_ports_begin(struct host *h, const struct network *n);
int nf_port_add(struct host *h, struct network *n, struct port *p);
int nf_port_six(struct host *h, const struct network *n, const struct port *p);
int nf_port_del(struct host *h, const char *net, const char *name);
int nf_port_change(struct host *h, const struct network *n, const struct port *p);

/* Removes the ports that killed runs have half made. Prints. */
int nf_port_repair(struct host *h);
/* Takes the interface away, or gives an adopted one back as it was. 0 also if it is not there. Prints. */
int nf_port_release(struct host *h, const char *net, const struct port *p);
/* Gives all adopted interfaces back that are noted to have been down, for which no record is needed. Prints. */
int nf_ports_give_back(struct host *h, const char *net);
/* The interfaces of all ports that live in namespaces go at once. What stays, nf_port_release() tries again and tells. */
void nf_ports_release(struct host *h, const struct network *n);
/* Sets the MTU of both ends of a managed port. Prints. */
int nf_port_mtu(struct host *h, const struct network *n, const struct port *p, __u32 mtu);
/* Puts a port that is there back on the bridge, if it is not. Prints. */
int nf_port_rejoin(struct host *h, const struct network *n, const struct port *p);
