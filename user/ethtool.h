/* SPDX-License-Identifier: GPL-2.0-only */
/* Offloads of an interface of the current namespace, by ethtool's ioctls. */
#pragma once

#include <linux/types.h>
#include <stdbool.h>

/* cmd is one of ETHTOOL_S... that take a number: ETHTOOL_SGRO, ETHTOOL_STSO, ETHTOOL_SGSO with 0 or 1, ETHTOOL_SFLAGS. 0 or
 * -errno; prints nothing. */
int ethtool_set(const char *ifname, __u32 cmd, __u32 value);
/* The same of ETHTOOL_G... */
int ethtool_get(const char *ifname, __u32 cmd, __u32 *ret);
