/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 of a port inside the container, in every mode. */
#include "port6.h"

#include <errno.h>

#include "log.h"
#include "netns.h"
#include "port.h"
#include "six.h"

/* Settings are those of the namespace that the caller is in. 0, or -errno where there is no IPv6. */
static int port6_settings(void)
{
	int off, r = six_get(PORT_INSIDE, "disable_ipv6", &off);

	if (!r && off)
		r = -EAFNOSUPPORT;
	return r ? r : six_set(PORT_INSIDE, "accept_ra", 0);
}

bool port6_begin(struct host *h, const struct network *n, const struct port *p, int netns)
{
	int r, back;

	if (!p->addr6.family)
		return false;
	r = netns_enter(netns);
	if (!r)
		r = port6_settings();
	back = netns_enter(h->netns);
	if (back)
		netns_enter(h->netns);
	if (r)
		warn("%s/%s: namespace '%s' has IPv6 disabled: its '%s' gets no IPv6 address", n->name, p->name,
		     p->netns, PORT_INSIDE);
	return !r && !back;
}

/* An address set without waiting for a duplicate that cannot be: the data path lets no other port have it. */
int port6_inside(const struct network *n, const struct port *p, struct nl *nl, const struct link *eth0)
{
	const struct addr gateway = addr_link_local(n->mac), ll = addr_link_local(eth0->mac);
	struct route route;
	int r = addr_add(nl, eth0->ifindex, &ll);

	if (!r)
		r = addr_add(nl, eth0->ifindex, &p->addr6);
	if (!r)
		r = addr_heard(nl, eth0->ifindex, &p->addr6);
	if (r)
		return r;
	if (!route_default(nl, AF_INET6, &route) && route.ifindex != eth0->ifindex) {
		warn("%s/%s: namespace '%s' has an IPv6 default route already, it stays", n->name, p->name, p->netns);
		return 0;
	}
	return route_add_default(nl, eth0->ifindex, &gateway);
}

static int port6_is_old(int ifindex, const struct addr *a, void *arg)
{
	struct addr *old = arg;

	(void)ifindex;
	if (a->family != AF_INET6 || memcmp(a->bytes, old->bytes, sizeof(a->bytes)))
		return 0;
	old->plen = a->plen;
	return 1;
}

/* Takes the address away, whatever its prefix length. */
static int port6_remove(struct nl *nl, const struct link *eth0, struct addr *old)
{
	int r = addr_list(nl, eth0->ifindex, port6_is_old, old);

	return r == 1 ? addr_del(nl, eth0->ifindex, old) : r;
}

int port6_change(struct host *h, const struct network *n, const struct port *p, const struct addr *was)
{
	const struct link_change none = { .addrgen_none = 1 };
	const struct addr gateway = addr_link_local(n->mac);
	struct addr old = *was;
	autoclose int fd = netns_open(p->netns);
	autonl struct nl *nl = NULL;
	struct link eth0;
	bool on = fd >= 0 && port6_begin(h, n, p, fd);
	int r = fd < 0 ? fd : port_enter(h, fd, &nl);

	if (!r)
		r = link_get(nl, PORT_INSIDE, 0, &eth0);
	if (!r && !old.family) /* the link-local one then is the kernel's, which may still be looking for a duplicate */
		old = addr_link_local(eth0.mac);
	if (!r)
		r = port6_remove(nl, &eth0, &old);
	if (!r && on)
		r = link_set(nl, eth0.ifindex, &none);
	if (!r)
		r = on ? port6_inside(n, p, nl, &eth0) : route_del_default(nl, eth0.ifindex, &gateway);
	return r ? fail(r, "%s/%s: cannot change the IPv6 address in namespace '%s'", n->name, p->name, p->netns) : 0;
}
