/* SPDX-License-Identifier: GPL-2.0-only */
/* Offloads of an interface of the current namespace, by ethtool's ioctls. */
#include "ethtool.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "util.h"

static int ethtool_ask(const char *ifname, struct ethtool_value *v)
{
	autoclose int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_data = (void *)v };

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", ifname);
	return ioctl(fd, SIOCETHTOOL, &ifr) ? -errno : 0;
}

int ethtool_set(const char *ifname, __u32 cmd, __u32 value)
{
	return ethtool_ask(ifname, &(struct ethtool_value){ .cmd = cmd, .data = value });
}

int ethtool_get(const char *ifname, __u32 cmd, __u32 *ret)
{
	struct ethtool_value v = { .cmd = cmd };
	int r = ethtool_ask(ifname, &v);

	if (!r)
		*ret = v.data;
	return r;
}
