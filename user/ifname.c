/* SPDX-License-Identifier: GPL-2.0-only */
/* Names and MACs that nsfast chooses: the same ones for the same network and port every time. */
#include "ifname.h"

#include <fcntl.h>
#include <stdio.h>

#include "util.h"

#define FNV_START 2166136261u

/* FNV-1a. */
static __u32 hash(__u32 h, const char *text)
{
	while (*text)
		h = (h ^ (__u8)*text++) * 16777619u;
	return h;
}

void ifname_port(const char *net, const char *port, char ret[IFNAMSIZ])
{
	snprintf(ret, IFNAMSIZ, "nsf%08x", hash(hash(hash(FNV_START, net), "/"), port));
}

bool ifname_is_port(const char *ifname)
{
	return strlen(ifname) == 11 && !strncmp(ifname, "nsf", 3) && strspn(ifname + 3, "0123456789abcdef") == 8;
}

void ifname_far(const char *net, char ret[IFNAMSIZ])
{
	snprintf(ret, IFNAMSIZ, "%.11s-far", net);
}

void ifname_aside(const char *net, char ret[IFNAMSIZ])
{
	snprintf(ret, IFNAMSIZ, "%.11s-gw", net);
}

/* Two hosts on one wire must not choose the same MACs. Without a machine id the name alone decides. */
static __u32 machine(void)
{
	char id[64] = "";
	autoclose int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && read(fd, id, sizeof(id) - 1) < 0)
		id[0] = '\0';
	return hash(FNV_START, id);
}

void ifname_mac(const char *net, __u16 number, __u8 ret[6])
{
	__u32 h = hash(machine(), net);

	ret[0] = 2;
	ret[1] = h >> 16;
	ret[2] = h >> 8;
	ret[3] = h;
	ret[4] = number >> 8;
	ret[5] = number;
}
