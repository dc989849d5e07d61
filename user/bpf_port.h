/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports of bpf mode: made, adopted, removed. */
#pragma once

#include "host.h"
#include "net.h"

/* See struct mode. */
int bpf_port_add(struct host *h, struct network *n, struct port *p);
int bpf_port_del(struct host *h, const char *net, const char *name);
int bpf_port_change(struct host *h, const struct network *n, const struct port *p);

/* Enters a port whose interface is there, from another mode; its hook comes later. Prints. */
int bpf_port_take(struct host *h, const struct network *n, const struct port *p);

/* Removes the port in a slot and the rules that lead to it, however far its making came, but not its namespace. Its flows
 * end with the next purge. */
int bpf_port_clear(struct host *h, __u32 slot);
/* The interfaces of those ports, first and what follows it, that live in namespaces go at once. What stays, bpf_port_clear()
 * tries again and tells. */
void bpf_ports_release(struct host *h, __u32 first);
/* What is left of interfaces that are gone: their numbers, which another one may get. */
int bpf_ports_gone(struct host *h);
/* True if a port lives in the namespace of that name. */
bool bpf_port_lives(struct host *h, const char *netns);
/* Sets the MTU of both ends of a managed port. */
int bpf_port_mtu(struct host *h, __u32 slot, __u32 mtu);
/* Starts a slot's counters at zero. */
int bpf_port_zero(struct host *h, __u32 slot);
