/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports of netfilter mode: on the bridge, with an entry of the record each. */
#include "nf_port.h"

#include <errno.h>
#include <stdio.h>

#include "announce.h"
#include "bridge.h"
#include "ifname.h"
#include "log.h"
#include "netns.h"
#include "nf_flows.h"
#include "nf_record.h"
#include "nf_rules.h"
#include "nf_vlan.h"
#include "port.h"
#include "port6.h"
#include "six.h"
#include "state.h"

#define PORT_FACT "port" /* that is being made, "NETWORK/PORT": its namespace, or '-' */

/* A change of the record: reads it, changes it, writes it, and makes the rules follow. */
static int port_record(struct host *h, const char *net, void (*change)(struct network *n, const void *arg),
		       const void *arg)
{
	struct network n;
	int r = nf_record_read(h, net, &n);

	if (r)
		return r;
	change(&n, arg);
	r = nf_record_write(h, &n);
	if (!r)
		r = nf_vlan_sync(h, &n);
	if (!r)
		r = nf_rules_sync(h, NULL);
	network_free(&n);
	return r;
}

/* The port as it should be stands where it stood, or last. */
static void record_put(struct network *n, const void *arg)
{
	const struct port *p = arg;
	struct port *to = network_port(n, p->name);

	if (!to)
		to = network_add_port(n, p->name);
	if (to)
		*to = *p;
}

/* What may change of a port that is there; who it is stays. */
static void record_change(struct network *n, const void *arg)
{
	const struct port *p = arg;
	struct port *to = network_port(n, p->name);

	if (!to)
		return;
	memcpy(to->limit, p->limit, sizeof(to->limit));
	to->policy = p->policy;
	to->mtu = p->mtu;
	to->vlan = p->vlan;
	to->trunk = p->trunk;
}

/* Its publishes go with it. */
static void record_take(struct network *n, const void *arg)
{
	size_t i, kept = 0;

	for (i = 0; i < n->n_ports; i++)
		if (!streq(n->ports[i].name, arg))
			n->ports[kept++] = n->ports[i];
	n->n_ports = kept;
	for (i = kept = 0; i < n->n_publishes; i++)
		if (!streq(n->publishes[i].port, arg))
			n->publishes[kept++] = n->publishes[i];
	n->n_publishes = kept;
}

static int port_leave(struct host *h, const char *netns)
{
	return netns[0] && !nf_record_lives(h, netns) ? host_netns_put(h, netns) : 0;
}

/* A number that no MAC chosen for the network has yet. */
static __u16 port_number(const struct network *n)
{
	__u16 number;
	__u8 mac[6];
	size_t i;

	for (number = 1;; number++) {
		ifname_mac(n->name, number, mac);
		for (i = 0; i < n->n_ports && memcmp(n->ports[i].mac, mac, sizeof(mac)); i++)
			;
		if (i == n->n_ports)
			return number;
	}
}

static int port_policy(struct host *h, const struct port *p, int ifindex)
{
	return bridge_port(h->nl, ifindex, p->policy & NSF_PORT_ISOLATED, !(p->policy & NSF_PORT_NO_UNKNOWN),
			   !(p->policy & NSF_PORT_NO_MULTICAST));
}

/* On the bridge, and up last of all: rules and lock stand by then. */
static int port_join(struct host *h, const struct network *n, const struct port *p, const struct link *l, int bridge)
{
	char alias[NET_NAME_LEN + NSF_NAME_LEN + 16];
	const struct link_change down = { .up = -1 };
	struct link_change up = { .up = 1 };
	const bool managed = p->netns[0], apart = p->vlan != NSF_VLAN_DEFAULT || vlans_any(&p->trunk);
	int r = 0;

	snprintf(alias, sizeof(alias), "nsfast:%s/%s", n->name, p->name);
	if (managed) {
		up.alias = alias;
		up.addrgen_none = 1;
		six_set(l->name, "disable_ipv6", 1); /* saves its own noise */
	}
	if (apart && l->flags & IFF_UP) /* a port begins in VLAN 1 */
		r = link_set(h->nl, l->ifindex, &down);
	if (!r)
		r = bridge_join(h->nl, l->ifindex, bridge);
	if (!r)
		r = port_policy(h, p, l->ifindex);
	if (!r && apart)
		r = nf_vlan_port(h, n, p, l->ifindex);
	if (!r && managed)
		r = bridge_lock(h->nl, l->ifindex);
	if (!r && managed)
		r = bridge_fdb_add(h->nl, l->ifindex, p->mac);
	if (!r)
		r = link_set(h->nl, l->ifindex, &up);
	return r ? fail(r, "%s/%s: cannot make '%s' a port of the bridge", n->name, p->name, l->name) : 0;
}

int nf_port_rejoin(struct host *h, const struct network *n, const struct port *p)
{
	char ifname[IFNAMSIZ];
	struct link l;

	port_ifname(n->name, p, ifname);
	if (link_get(h->nl, ifname, 0, &l))
		return 0;
	if (!l.master)
		return port_join(h, n, p, &l, n->ifindex);
	return network_vlans(n) ? nf_vlan_port(h, n, p, l.ifindex) : 0;
}

static const char *port_key(const char *net, const char *name, char buf[NET_NAME_LEN + NSF_NAME_LEN + 1])
{
	snprintf(buf, NET_NAME_LEN + NSF_NAME_LEN + 1, "%s/%s", net, name);
	return buf;
}

/* Before a port that can be is entered in the record, until it is whole: who is killed in between leaves this note. */
static int port_begin(struct host *h, const char *net, const struct port *p)
{
	char key[NET_NAME_LEN + NSF_NAME_LEN + 1];

	return state_set(h->cookie, PORT_FACT, port_key(net, p->name, key), p->netns[0] ? p->netns : "-");
}

static int port_end(struct host *h, const char *net, const struct port *p)
{
	char key[NET_NAME_LEN + NSF_NAME_LEN + 1], value[NSF_NAME_LEN];

	port_key(net, p->name, key);
	return state_get(h->cookie, PORT_FACT, key, value, sizeof(value)) ? 0 : state_unset(h->cookie, PORT_FACT, key);
}

static int port_adopt(struct host *h, const struct network *n, struct port *p, int bridge)
{
	struct link l;
	int r = port_adoptable(h, n, p, &l);

	if (!r && !(l.flags & IFF_UP))
		r = state_set(h->cookie, "down", p->dev, n->name);
	if (!r)
		r = port_begin(h, n->name, p);
	if (!r)
		r = port_record(h, n->name, record_put, p);
	if (!r)
		r = port_join(h, n, p, &l, bridge);
	if (!r)
		announce(h, n, l.ifindex);
	return r;
}

/* What its namespace, if it is there, says to it. */
static int port_may(struct host *h, const struct network *n, const struct port *p)
{
	autoclose int netns = netns_open(p->netns);

	return netns < 0 ? 0 : port_vacant(h, n, p, netns);
}

/* Those that live in namespaces are entered in the record all at once, with their MACs, and the rules follow once: with
 * each they would be written anew for all. */
int nf_ports_begin(struct host *h, const struct network *n)
{
	struct network now;
	struct port p;
	bool any = false;
	size_t i;
	int r = nf_record_read(h, n->name, &now);

	if (r)
		return r;
	for (i = 0; !r && i < n->n_ports; i++)
		if (n->ports[i].netns[0] && !network_port(&now, n->ports[i].name))
			r = port_may(h, n, &n->ports[i]);
	for (i = 0; !r && i < n->n_ports; i++) {
		p = n->ports[i];
		if (!p.netns[0] || network_port(&now, p.name))
			continue;
		if (!(p.has & PORT_HAS_MAC))
			ifname_mac(n->name, port_number(&now), p.mac);
		any = true;
		record_put(&now, &p);
		r = port_begin(h, n->name, &p);
	}
	if (!r && any)
		r = nf_record_write(h, &now);
	if (!r && any)
		r = nf_vlan_sync(h, &now);
	if (!r && any)
		r = nf_rules_sync(h, NULL);
	network_free(&now);
	return r;
}

/* begun: what the record has of it already, or NULL. */
static int port_create(struct host *h, const struct network *n, const struct network *now, struct port *p,
		       const struct port *begun, int bridge)
{
	autoclose int netns = -1;
	struct port own = *p;
	struct link l;
	int r = host_netns_get(h, n->name, p->netns, &netns);

	if (begun) {
		memcpy(own.mac, begun->mac, sizeof(own.mac));
		own.has |= PORT_HAS_MAC;
	}
	if (!r)
		r = port_veth(h, n, &own, netns, port_number(now), &l);
	memcpy(p->mac, own.mac, sizeof(p->mac));
	if (!r && !begun)
		r = port_begin(h, n->name, p);
	if (!r && !begun)
		r = port_record(h, n->name, record_put, p);
	if (!r)
		r = port_join(h, n, p, &l, bridge);
	if (!r)
		r = port_inside(h, n, p, netns, l.ifindex);
	if (!r)
		link_ready(h->nl, bridge); /* whose carrier came up with its first port's */
	return r;
}

int nf_port_add(struct host *h, struct network *n, struct port *p)
{
	struct network now;
	struct link bridge;
	int r = link_get(h->nl, n->name, 0, &bridge), second;

	if (r)
		return fail(r, "%s/%s: cannot read the bridge '%s'", n->name, p->name, n->name);
	r = nf_record_read(h, n->name, &now);
	if (r)
		return r;
	r = p->dev[0] ? port_adopt(h, n, p, bridge.ifindex)
		      : port_create(h, n, &now, p, network_port(&now, p->name), bridge.ifindex);
	network_free(&now);
	if (r) {
		nf_port_del(h, n->name, p->name);
		port_leave(h, p->netns);
	}
	second = port_end(h, n->name, p);
	return r ? r : second;
}

int nf_port_release(struct host *h, const char *net, const struct port *p)
{
	const struct link_change down = { .up = -1 };
	char ifname[IFNAMSIZ], was[NET_NAME_LEN];
	struct link l;
	int r;

	port_ifname(net, p, ifname);
	if (link_get(h->nl, ifname, 0, &l))
		return p->netns[0] ? 0 : state_unset(h->cookie, "down", ifname);
	if (p->netns[0]) {
		r = streq(l.kind, "veth") ? link_del(h->nl, l.ifindex) : 0;
		return r ? fail(r, "%s/%s: cannot delete '%s'", net, p->name, ifname) : 0;
	}
	r = l.master ? bridge_join(h->nl, l.ifindex, 0) : 0;
	if (!r && !state_get(h->cookie, "down", ifname, was, sizeof(was)))
		r = link_set(h->nl, l.ifindex, &down);
	if (r)
		return fail(r, "%s/%s: cannot release interface '%s'", net, p->name, ifname);
	return state_unset(h->cookie, "down", ifname);
}

struct adopted {
	const char *net;
	char dev[IFNAMSIZ];
};

static int adopted_first(const char *ifname, const char *net, void *arg)
{
	struct adopted *a = arg;

	if (!streq(net, a->net))
		return 0;
	snprintf(a->dev, sizeof(a->dev), "%s", ifname);
	return 1;
}

int nf_ports_give_back(struct host *h, const char *net)
{
	struct adopted a = { .net = net };
	struct port p = {};
	int r = 0;

	while (!r && state_each(h->cookie, "down", adopted_first, &a) == 1) {
		memcpy(p.dev, a.dev, sizeof(p.dev));
		memcpy(p.name, a.dev, sizeof(a.dev));
		r = nf_port_release(h, net, &p);
	}
	return r;
}

void nf_ports_release(struct host *h, const struct network *n)
{
	autofree int *ifindex = calloc(n->n_ports + 1, sizeof(*ifindex));
	char ifname[IFNAMSIZ];
	struct link l;
	size_t i, found = 0;

	for (i = 0; ifindex && i < n->n_ports; i++) {
		port_ifname(n->name, &n->ports[i], ifname);
		if (n->ports[i].netns[0] && !link_get(h->nl, ifname, 0, &l) && streq(l.kind, "veth"))
			ifindex[found++] = l.ifindex;
	}
	if (ifindex)
		port_delete_all(h, ifindex, found);
}

int nf_port_del(struct host *h, const char *net, const char *name)
{
	struct network now;
	struct port p, *found;
	int r = nf_record_read(h, net, &now), second;

	if (r)
		return r == -ENOENT ? 0 : r;
	found = network_port(&now, name);
	p = found ? *found : (struct port){};
	network_free(&now);
	if (!found)
		return 0;
	/* the interface goes before its rules */
	r = nf_port_release(h, net, &p);
	second = port_record(h, net, record_take, name);
	r = r ? r : second;
	p.addr.plen = 32;
	p.addr6.plen = 128;
	second = nf_flows_end_addr(&p.addr);
	r = r ? r : second;
	second = nf_flows_end_addr(&p.addr6);
	r = r ? r : second;
	second = port_leave(h, p.netns);
	r = r ? r : second;
	second = port_end(h, net, &p);
	return r ? r : second;
}

struct half {
	char key[NET_NAME_LEN + NSF_NAME_LEN + 1], netns[NSF_NAME_LEN];
};

static int half_first(const char *key, const char *value, void *arg)
{
	struct half *half = arg;

	snprintf(half->key, sizeof(half->key), "%s", key);
	snprintf(half->netns, sizeof(half->netns), "%s", streq(value, "-") ? "" : value);
	return 1;
}

int nf_port_repair(struct host *h)
{
	struct half half;
	char key[sizeof(half.key)], *name;
	int r = 0;

	while (!r && state_each(h->cookie, PORT_FACT, half_first, &half) == 1) {
		strcpy(key, half.key);
		name = strchr(key, '/');
		if (name) {
			*name++ = '\0';
			r = nf_port_del(h, key, name);
		}
		if (!r)
			r = port_leave(h, half.netns);
		if (!r)
			r = state_unset(h->cookie, PORT_FACT, half.key);
	}
	return r;
}

int nf_port_six(struct host *h, const struct network *n, const struct port *p)
{
	struct network now;
	struct addr was = {};
	struct port to, *found;
	int r = nf_record_read(h, n->name, &now);

	if (r)
		return r;
	found = network_port(&now, p->name);
	if (!found) {
		network_free(&now);
		return -ENOENT;
	}
	was = found->addr6;
	was.plen = 128;
	to = *found;
	to.addr6 = p->addr6;
	network_free(&now);
	r = port_record(h, n->name, record_put, &to);
	return r ? r : port6_change(h, n, &to, &was);
}

int nf_port_change(struct host *h, const struct network *n, const struct port *p)
{
	const __u32 mtu = p->mtu ? p->mtu : n->mtu;
	char ifname[IFNAMSIZ];
	struct link l;
	int r = port_record(h, n->name, record_change, p);

	port_ifname(n->name, p, ifname);
	if (r || link_get(h->nl, ifname, 0, &l))
		return r;
	r = port_policy(h, p, l.ifindex);
	if (r)
		return fail(r, "%s/%s: cannot change the bridge's port '%s'", n->name, p->name, ifname);
	r = nf_vlan_port(h, n, p, l.ifindex);
	if (r)
		return r;
	return p->netns[0] && l.mtu != mtu ? nf_port_mtu(h, n, p, mtu) : 0;
}

int nf_port_mtu(struct host *h, const struct network *n, const struct port *p, __u32 mtu)
{
	const struct link_change change = { .mtu = mtu };
	char ifname[IFNAMSIZ];
	struct link l;
	int r;

	port_ifname(n->name, p, ifname);
	r = link_get(h->nl, ifname, 0, &l);
	if (!r)
		r = link_set(h->nl, l.ifindex, &change);
	if (!r)
		six_set(ifname, "disable_ipv6", 1); /* above an MTU of 1280 the kernel has made it anew */
	if (!r)
		r = port_inside_mtu(h, p->netns, mtu);
	return r ? fail(r, "%s/%s: cannot set the MTU", n->name, p->name) : 0;
}
