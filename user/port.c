/* SPDX-License-Identifier: GPL-2.0-only */
/* What a port is in every mode: a veth pair and the container's end of it, or an interface that is adopted. */
#include "port.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <net/if_arp.h>

#include "ethtool.h"
#include "ifname.h"
#include "log.h"
#include "mode.h"
#include "netns.h"
#include "port6.h"

void port_ifname(const char *net, const struct port *p, char ret[IFNAMSIZ])
{
	if (p->netns[0])
		ifname_port(net, p->name, ret);
	else
		snprintf(ret, IFNAMSIZ, "%s", p->dev);
}

int port_enter(struct host *h, int netns, struct nl **ret)
{
	int r = netns_enter(netns), back;

	if (r)
		return r;
	r = nl_open(ret);
	back = netns_enter(h->netns);
	if (back)
		netns_enter(h->netns); /* what is undone is the host's */
	return r ? r : back;
}

int port_inside(struct host *h, const struct network *n, const struct port *p, int netns, int ifindex)
{
	struct link_change up = { .up = 1 };
	autonl struct nl *nl = NULL;
	struct link eth0, lo;
	struct route route;
	bool ipv6 = port6_begin(h, n, p, netns);
	int r = port_enter(h, netns, &nl);

	up.addrgen_none = ipv6;
	if (!r)
		r = link_get(nl, PORT_INSIDE, 0, &eth0);
	if (!r)
		r = link_set(nl, eth0.ifindex, &up);
	if (!r && host_netns_ours(h, p->netns) && !link_get(nl, "lo", 0, &lo))
		r = link_set(nl, lo.ifindex, &up);
	if (!r)
		r = addr_add(nl, eth0.ifindex, &p->addr);
	if (!r && ipv6)
		r = port6_inside(n, p, nl, &eth0);
	if (!r)
		r = link_ready(nl, eth0.ifindex);
	if (!r)
		r = link_ready(h->nl, ifindex);
	if (r)
		return fail(r, "%s/%s: cannot set up '%s' in namespace '%s'", n->name, p->name, PORT_INSIDE, p->netns);
	if (!route_default(nl, AF_INET, &route) && route.ifindex != eth0.ifindex) {
		warn("%s/%s: namespace '%s' has a default route already, it stays", n->name, p->name, p->netns);
		return 0;
	}
	r = route_add_default(nl, eth0.ifindex, &n->gateway);
	return r ? fail(r, "%s/%s: cannot set the default route in namespace '%s'", n->name, p->name, p->netns) : 0;
}

int port_vacant(struct host *h, const struct network *n, const struct port *p, int netns)
{
	char ifname[IFNAMSIZ];
	autonl struct nl *inside = NULL;
	struct link there;
	int r = port_enter(h, netns, &inside);

	if (r)
		return fail(r, "%s/%s: cannot enter namespace '%s'", n->name, p->name, p->netns);
	ifname_port(n->name, p->name, ifname);
	if (!link_get(h->nl, ifname, 0, &there)) /* no row leads to it: a killed run left it */
		link_del(h->nl, there.ifindex);
	if (!link_get(inside, PORT_INSIDE, 0, &there)) {
		hint("give the port another namespace, or adopt its interface with --dev");
		return fail_usage("%s/%s: namespace '%s' has an interface '%s' already", n->name, p->name, p->netns,
				  PORT_INSIDE);
	}
	return 0;
}

int port_veth(struct host *h, const struct network *n, struct port *p, int netns, __u16 number, struct link *ret)
{
	char ifname[IFNAMSIZ];
	__u8 host_mac[6];
	int r = port_vacant(h, n, p, netns);

	if (r)
		return r;
	ifname_port(n->name, p->name, ifname);
	if (!(p->has & PORT_HAS_MAC))
		ifname_mac(n->name, number, p->mac);
	memcpy(host_mac, p->mac, sizeof(host_mac));
	host_mac[0] ^= 4; /* another one that is local too */
	r = link_add_veth(h->nl, &(struct veth){ .name = ifname,
						 .peer_name = PORT_INSIDE,
						 .mac = host_mac,
						 .peer_mac = p->mac,
						 .mtu = p->mtu ? p->mtu : n->mtu,
						 .peer_netns = netns });
	if (!r)
		r = link_get(h->nl, ifname, 0, ret);
	return r ? fail(r, "%s/%s: cannot make interface '%s'", n->name, p->name, ifname) : 0;
}

static int port_has_address(int ifindex, const struct addr *a, void *arg)
{
	(void)ifindex;
	*(struct addr *)arg = *a;
	return a->family == AF_INET;
}

struct port_use {
	struct host *h;
	const struct network *n;
	const struct port *p;
};

/* An interface that a network has already; prints. */
static int port_used(const char *name, void *arg)
{
	const struct port_use *u = arg;
	const struct mode *m = mode_of(u->h, name);
	char far[IFNAMSIZ];
	struct network n = {};
	bool used, port = false;
	size_t i;

	if (!m || m->read(u->h, name, &n))
		return 0;
	ifname_far(name, far);
	used = streq(u->p->dev, n.uplink) || streq(u->p->dev, name) || streq(u->p->dev, far);
	for (i = 0; i < n.n_ports; i++)
		port |= streq(u->p->dev, n.ports[i].dev);
	network_free(&n);
	if (port)
		return fail_usage("%s/%s: interface '%s' is a port already", u->n->name, u->p->name, u->p->dev);
	return used ? fail_usage("%s/%s: interface '%s' is used by network '%s'", u->n->name, u->p->name, u->p->dev,
				 name)
		    : 0;
}

#define PORT_DELETE 64 /* at a time: the kernel waits once or twice for each, and somebody may be watching */

void port_delete_all(struct host *h, const int *ifindex, size_t n)
{
	size_t i;

	for (i = 0; i < n; i += PORT_DELETE) {
		progress("interface %zu of %zu", i + 1, n);
		link_del_all(h->nl, ifindex + i, n - i < PORT_DELETE ? n - i : PORT_DELETE);
	}
	progress(NULL);
}

int port_adoptable(struct host *h, const struct network *n, const struct port *p, struct link *ret)
{
	char text[ADDR_STRLEN];
	struct addr a;
	int r = link_get(h->nl, p->dev, 0, ret);

	if (r == -ENODEV)
		return fail_usage("%s/%s: no interface '%s' on this host", n->name, p->name, p->dev);
	if (r)
		return fail(r, "%s/%s: cannot read interface '%s'", n->name, p->name, p->dev);
	if (ret->type != ARPHRD_ETHER || ret->flags & IFF_LOOPBACK)
		return fail_usage("%s/%s: interface '%s' is no Ethernet interface", n->name, p->name, p->dev);
	r = mode_list(h, port_used, &(struct port_use){ h, n, p });
	if (r)
		return r;
	if (ret->master)
		return fail_usage("%s/%s: interface '%s' belongs to a bridge or bond", n->name, p->name, p->dev);
	if (addr_list(h->nl, ret->ifindex, port_has_address, &a) > 0) {
		hint("an adopted interface belongs to the network alone: ip addr del %s dev %s",
		     addr_format(&a, true, text), p->dev);
		return fail_usage("%s/%s: interface '%s' carries the host's address %s", n->name, p->name, p->dev,
				  text);
	}
	return 0;
}

struct port_gro {
	int on;
	bool was;
};

static int port_gro_work(void *arg)
{
	struct port_gro *g = arg;
	__u32 was;
	int r = ethtool_get(PORT_INSIDE, ETHTOOL_GGRO, &was);

	g->was = !r && was;
	return r || g->on < 0 || g->was == g->on ? r : ethtool_set(PORT_INSIDE, ETHTOOL_SGRO, g->on);
}

int port_inside_gro(const char *netns, int on, bool *ret_was)
{
	struct port_gro g = { .on = on };
	autoclose int fd = netns_open(netns);
	int r = fd < 0 ? fd : netns_run(fd, port_gro_work, &g);

	*ret_was = g.was;
	return r;
}

int port_inside_mtu(struct host *h, const char *netns, __u32 mtu)
{
	const struct link_change change = { .mtu = mtu };
	autoclose int fd = netns_open(netns);
	autonl struct nl *nl = NULL;
	struct link eth0;
	int r = fd < 0 ? fd : port_enter(h, fd, &nl);

	if (!r)
		r = link_get(nl, PORT_INSIDE, 0, &eth0);
	return r ? r : link_set(nl, eth0.ifindex, &change);
}

int port_inside_link(struct host *h, const char *netns, struct link *ret)
{
	autoclose int fd = netns_open(netns);
	autonl struct nl *nl = NULL;
	int r = fd < 0 ? fd : port_enter(h, fd, &nl);

	return r ? r : link_get(nl, PORT_INSIDE, 0, ret);
}
