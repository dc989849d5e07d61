/* SPDX-License-Identifier: GPL-2.0-only */
/* XDP at the uplink of bpf mode: its program, and the ports that take its frames. */
#pragma once

#include "host.h"
#include "net.h"

/*
 * Makes it what the network says. Native: fails where the driver does not do it, with the cause. Auto: says so, and tc
 * does it all.
 */
int bpf_xdp_set(struct host *h, const struct network *n);
/* A port that is new in the network. */
void bpf_xdp_port(struct host *h, const struct network *n, __u32 slot);
/* The network's ports take no frames any more, and the uplink is left if nobody else wants it. */
int bpf_xdp_clear(struct host *h, __u32 id);
/* Takes the program off an uplink (ifindex) that no network wants it on. */
int bpf_xdp_tidy(struct host *h, __u32 uplink);
/* Fills what is. */
void bpf_xdp_read(const struct dp *dp, const struct nsf_net *row, struct network *n);
