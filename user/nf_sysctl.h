/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings of the host that netfilter mode needs and puts back: forwarding on uplinks, counts of flows. */
#pragma once

#include "host.h"
#include "net.h"

/* Sets what the records need, and one network more that is being made (NULL: none); what nobody needs any more gets the
 * value back that it had. Prints. */
int nf_sysctl_sync(struct host *h, const struct network *making);
/* True if all of a network's are set. Prints nothing. */
bool nf_sysctl_whole(const struct network *n);
/* True where one interface alone can forward IPv6, since Linux 6.17; before, all do or none. */
bool nf_sysctl_one6(void);
/* True if it is for our sake that what comes in by an uplink is forwarded: it was not, or would not be, without. Of IPv6
 * that is by any interface where nf_sysctl_one6() is false. Prints nothing. */
bool nf_sysctl_opened(struct host *h, const char *uplink, int family);
/* Forwarding of IPv6 on the gateway itself: it goes with it. 0 or -errno. */
int nf_sysctl_gateway6(const char *ifname);
