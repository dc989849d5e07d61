/* SPDX-License-Identifier: GPL-2.0-only */
/* What passes through the host by XDP in bpf mode (XdpForward): by which uplinks, and whether their drivers can. */
#pragma once

#include "host.h"
#include "net.h"

/* True if an uplink's driver sends away frames that came in, and takes those that came in elsewhere. -EOPNOTSUPP: the kernel
 * does not tell. */
int bpf_through_able(__u32 uplink, bool *ret);
/* A network asks for it, and XDP is on its uplink, or is not to be had there. Fails as XDP itself would: with Xdp=auto it only
 * says that it cannot be; where the kernel does not tell, always. */
int bpf_through_check(struct host *h, const struct network *n, __u32 uplink);
/* Makes it so, after everything that changes which networks there are on an uplink, or what they want. */
void bpf_through_set(struct dp *dp, __u32 uplink);
/* Whether it is so for a network. */
bool bpf_through_is(const struct dp *dp, const struct nsf_net *row);
