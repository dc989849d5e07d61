/* SPDX-License-Identifier: GPL-2.0-only */
/* What a driver does for XDP, as it says itself, by the kernel's generic netlink family "netdev". */
#pragma once

#include <linux/types.h>

/* NETDEV_XDP_ACT_* of an interface of the current namespace, as it is now. -EOPNOTSUPP: this kernel, older than 6.3, does not
 * tell. */
int netdev_xdp(__u32 ifindex, __u64 *ret);
