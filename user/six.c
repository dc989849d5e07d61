/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 settings of interfaces: those that the kernel takes by /proc/sys only. */
#include "six.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "link.h"
#include "state.h"

#define SIX_CONF "/proc/sys/net/ipv6/conf"
#define SIX_FACT "accept_ra" /* of an interface of the host: what it was before six_forward() */

static const char *six_path(const char *ifname, const char *key, char buf[128])
{
	snprintf(buf, 128, SIX_CONF "/%s/%s", ifname, key);
	return buf;
}

int six_get(const char *ifname, const char *key, int *ret)
{
	char path[128], text[16] = "";
	autoclose int fd = open(six_path(ifname, key, path), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (read(fd, text, sizeof(text) - 1) < 0)
		return -errno;
	*ret = atoi(text);
	return 0;
}

int six_set(const char *ifname, const char *key, int value)
{
	char path[128], text[16];
	autoclose int fd = -1;
	int is = 0, r = six_get(ifname, key, &is);

	if (r || is == value)
		return r;
	fd = open(six_path(ifname, key, path), O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, snprintf(text, sizeof(text), "%d", value)) < 0 ? -errno : 0;
}

const char *six_lacks(void)
{
	static const char *const conf[] = { "all", "default", "lo" };
	char path[128];
	size_t i;
	int off;

	for (i = 0; i < ARRAY_SIZE(conf); i++) {
		if (six_get(conf[i], "disable_ipv6", &off))
			return "this host has no IPv6";
		if (off)
			return "IPv6 is disabled on this host";
	}
	return access(six_path("default", "forwarding", path), W_OK) ? "'" SIX_CONF "' cannot be written" : NULL;
}

/* The kernel keeps advertised routes of interfaces whose accept_ra is 2; to an interface that does not forward, 1 and 2
 * are the same. */
static int six_keep_route(const struct route *route, void *arg)
{
	struct host *h = arg;
	char value[16];
	struct link l;
	int accept, r;

	if (route->dst.plen || route->protocol != RTPROT_RA || link_get(h->nl, NULL, route->ifindex, &l) ||
	    six_get(l.name, "accept_ra", &accept) || accept == 2)
		return 0;
	snprintf(value, sizeof(value), "%d", accept);
	r = state_set(h->cookie, SIX_FACT, l.name, value);
	return r ? r : six_set(l.name, "accept_ra", 2);
}

static int six_restore(const char *ifname, const char *value, void *arg)
{
	(void)arg;
	six_set(ifname, "accept_ra", atoi(value)); /* an interface that is gone has nothing to put back */
	return 0;
}

static int six_first(const char *ifname, const char *value, void *arg)
{
	(void)value;
	snprintf(arg, IFNAMSIZ, "%s", ifname);
	return 1;
}

void six_repair(struct host *h)
{
	char ifname[IFNAMSIZ];

	if (state_each(h->cookie, SIX_FACT, six_restore, NULL))
		return;
	while (state_each(h->cookie, SIX_FACT, six_first, ifname) == 1 && !state_unset(h->cookie, SIX_FACT, ifname))
		;
}

int six_forward(struct host *h, const char *ifname)
{
	int is, r = six_get(ifname, "forwarding", &is);

	if (r || is)
		return r;
	r = route_list(h->nl, AF_INET6, six_keep_route, h);
	if (!r)
		r = six_set(ifname, "forwarding", 1);
	six_repair(h);
	return r;
}
