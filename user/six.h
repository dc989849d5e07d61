/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 settings of interfaces: those that the kernel takes by /proc/sys only. */
#pragma once

#include "host.h"

/* Why IPv6 cannot be used in the current namespace, as the end of a sentence; NULL if it can. */
const char *six_lacks(void);

/* One of net.ipv6.conf.IFNAME of the current namespace. 0 or -errno; -ENOENT where the interface has no IPv6. Print
 * nothing. */
int six_get(const char *ifname, const char *key, int *ret);
int six_set(const char *ifname, const char *key, int value); /* not written if it is so already */

/* Forwarding on for one interface of the host. The kernel then forgets the default routes that routers have advertised,
 * on every interface (rt6_purge_dflt_routers()); this keeps them. 0 or -errno, prints nothing. */
int six_forward(struct host *h, const char *ifname);
/* Puts back what a six_forward() that was killed has left. The lock is held. */
void six_repair(struct host *h);
