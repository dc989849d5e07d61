/* SPDX-License-Identifier: GPL-2.0-only */
/* Networks of netfilter mode: a bridge that carries the gateway's addresses. */
#include "nf_net.h"

#include <errno.h>
#include <stdio.h>

#include "bridge.h"
#include "conntrack.h"
#include "firewall.h"
#include "ifname.h"
#include "log.h"
#include "nf_flows.h"
#include "nf_port.h"
#include "nf_record.h"
#include "nf_rules.h"
#include "nf_sysctl.h"
#include "nf_vlan.h"
#include "nft.h"
#include "six.h"
#include "sysctl.h"

#define NET_MAX_KEY "netfilter/nf_conntrack_max"

int nf_net_probe(void)
{
	if (!nft_there()) {
		hint("apt-get install nftables");
		return fail_feature("netfilter mode needs the program 'nft'");
	}
	if (!conntrack_there())
		return fail_feature("netfilter mode needs the kernel's connection tracking (CONFIG_NF_CONNTRACK)");
	return 0;
}

int nf_net_possible(const struct network *n)
{
	const char *what = n->xdp == NET_XDP_NATIVE     ? "Xdp=native"
			   : n->policy & NSF_NET_EIF    ? "Filter=endpoint-independent"
			   : n->policy & NSF_NET_STRICT ? "SnatOverload=no"
							: NULL;

	if (!what)
		return 0;
	hint("--mode bpf");
	return fail_usage("%s: %s is not to be had in mode netfilter", n->name, what);
}

static const char *net_alias(const char *name, char buf[NET_NAME_LEN + 16])
{
	snprintf(buf, NET_NAME_LEN + 16, "nsfast:%s", name);
	return buf;
}

/* The bridge, if it is there and ours. -ENODEV if nothing is there. */
static int net_find(struct host *h, const char *name, struct link *ret)
{
	char alias[NET_NAME_LEN + 16];
	int r = link_get(h->nl, name, 0, ret);

	if (r)
		return r == -ENODEV ? r : fail(r, "%s: cannot read interface '%s'", name, name);
	if (streq(ret->kind, "bridge") && streq(ret->alias, net_alias(name, alias)))
		return 0;
	if (h->handing && streq(ret->kind, "bridge") && !ret->alias[0]) /* a killed run has left it */
		return 0;
	hint("give the network another name");
	return fail_usage("%s: an interface of this name exists already", name);
}

static void net_limits(struct network *n)
{
	char text[16] = "";

	sysctl_get(NET_MAX_KEY, text, sizeof(text));
	network_limits(n, strtoul(text, NULL, 10));
}

/* Settings that are the gateway's own and go with it. */
static int net_settings(const struct network *n)
{
	static const char *const on[] = { "forwarding", "route_localnet", "drop_unicast_in_l2_multicast" };
	char key[64];
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(on); i++) {
		snprintf(key, sizeof(key), "ipv4/conf/%s/%s", n->name, on[i]);
		r = sysctl_set(key, "1");
	}
	if (!n->gateway6.family) {
		six_set(n->name, "disable_ipv6", 1);
		return r;
	}
	if (!r)
		r = six_set(n->name, "disable_ipv6", 0);
	if (!r)
		r = six_set(n->name, "accept_ra", 0);
	if (!r)
		r = six_set(n->name, "drop_unicast_in_l2_multicast", 1);
	return r ? r : nf_sysctl_gateway6(n->name);
}

static int net_addresses(struct host *h, const struct network *n)
{
	const struct addr ll = addr_link_local(n->mac);
	int r = addr_add(h->nl, n->ifindex, &n->gateway);

	if (r || !n->gateway6.family)
		return r;
	r = addr_add(h->nl, n->ifindex, &ll);
	return r ? r : addr_add(h->nl, n->ifindex, &n->gateway6);
}

int nf_net_bridge(struct host *h, struct network *n)
{
	char alias[NET_NAME_LEN + 16];
	const struct link_change named = { .mtu = n->mtu, .addrgen_none = 1, .alias = net_alias(n->name, alias) };
	const struct link_change up = { .up = 1 };
	struct link l;
	int r = net_find(h, n->name, &l);

	if (r && r != -ENODEV)
		return r;
	if (r == -ENODEV) {
		/* by a change alone does the kernel know that the MTU is not its to lower with a port's */
		r = bridge_add(h->nl, n->name, n->mac, n->mtu - 1, false);
		if (!r)
			r = link_get(h->nl, n->name, 0, &l);
	}
	if (!r)
		r = link_set(h->nl, l.ifindex, &named);
	if (!r)
		r = net_settings(n);
	if (!r)
		r = bridge_ageing(h->nl, l.ifindex, n->fdb_age);
	if (!r)
		r = link_set(h->nl, l.ifindex, &up);
	n->ifindex = r ? 0 : l.ifindex;
	if (!r)
		r = net_addresses(h, n);
	return r ? fail(r, "%s: cannot set up the bridge", n->name) : 0;
}

/* The record without what is still to be made: that is entered when it is. */
static int net_record(struct host *h, const struct network *n, const struct network *now)
{
	struct network as = *n;

	as.ports = now ? now->ports : NULL;
	as.n_ports = now ? now->n_ports : 0;
	as.publishes = now ? now->publishes : NULL;
	as.n_publishes = now ? now->n_publishes : 0;
	return nf_record_write(h, &as);
}

static int net_blocked(const char *chain, const char *cure, void *arg)
{
	const struct network *n = arg;

	warn("%s: the firewall's chain %s drops what is forwarded: %s", n->name, chain, cure);
	return 0;
}

void nf_net_warn(const struct network *n)
{
	firewall_blocks(n, net_blocked, (void *)n);
}

int nf_net_add(struct host *h, struct network *n)
{
	struct network bare;
	struct link l;
	int r = nf_net_possible(n);

	if (!r)
		r = net_find(h, n->name, &l);
	if (r != -ENODEV)
		return r ? r : fail_usage("%s: an interface of this name exists already", n->name);
	net_limits(n);
	ifname_mac(n->name, 0, n->mac);
	r = nf_record_begin(h, n->name);
	if (!r)
		r = net_record(h, n, NULL);
	bare = *n;
	bare.ports = NULL;
	bare.publishes = NULL;
	bare.n_ports = bare.n_publishes = 0;
	/* rules first: when packets are forwarded, they are translated */
	if (!r)
		r = nf_net_bridge(h, n);
	if (!r)
		r = nf_rules_sync(h, &bare);
	if (!r)
		r = nf_vlan_sync(h, n);
	if (!r)
		r = nf_sysctl_sync(h, &bare);
	if (!r)
		r = nf_record_end(h, n->name);
	if (r)
		nf_net_del(h, n->name);
	else
		nf_net_warn(n);
	return r;
}

static int net_old_address(struct host *h, const struct network *was, const struct network *n)
{
	struct link l;

	if (!was->gateway6.family || !memcmp(&was->gateway6, &n->gateway6, sizeof(was->gateway6)) ||
	    link_get(h->nl, n->name, 0, &l))
		return 0;
	return addr_del(h->nl, l.ifindex, &was->gateway6);
}

/* By the same uplink, and translated if it was. */
static bool net_routed_as(const struct network *was, const struct network *n)
{
	return streq(was->uplink, n->uplink) && was->snat == n->snat && was->snat6 == n->snat6 &&
	       !memcmp(&was->gateway, &n->gateway, sizeof(n->gateway)) &&
	       !memcmp(&was->gateway6, &n->gateway6, sizeof(n->gateway6));
}

int nf_net_change(struct host *h, struct network *n)
{
	struct network was;
	size_t i;
	int r = nf_net_possible(n);

	if (!r)
		r = nf_record_read(h, n->name, &was);
	if (r)
		return r;
	ifname_mac(n->name, 0, n->mac);
	net_limits(n);
	r = net_old_address(h, &was, n);
	if (!r)
		r = net_record(h, n, &was);
	if (!r)
		r = nf_net_bridge(h, n);
	if (!r)
		r = net_routed_as(&was, n) ? nf_rules_sync(h, NULL) : nf_rules_change(h, &was);
	if (!r)
		r = nf_vlan_sync(h, n);
	if (!r)
		r = nf_sysctl_sync(h, NULL);
	if (!r)
		r = nf_flows_end_pool(n);
	for (i = 0; !r && i < was.n_ports; i++)
		r = nf_port_rejoin(h, n, &was.ports[i]);
	for (i = 0; !r && i < was.n_ports && was.mtu != n->mtu; i++)
		if (was.ports[i].netns[0] && !was.ports[i].mtu)
			r = nf_port_mtu(h, n, &was.ports[i], n->mtu);
	network_free(&was);
	return r;
}

/* Ports of ours that are still on the bridge, or were on their way there, by their alias. */
struct net_strays {
	const char *net; /* NULL: any */
	struct host *h;
	int ifindex[64];
	size_t n;
};

static bool net_knows(struct host *h, const char *net, const char *port)
{
	struct network n;
	bool knows;

	if (nf_record_read(h, net, &n))
		return false;
	knows = network_port(&n, port);
	network_free(&n);
	return knows;
}

static int net_is(const char *name, void *arg)
{
	return streq(name, arg);
}

/* A port of a network of ours that the record does not know. Other modes' are none of it. */
static int net_stray(const struct link *l, void *arg)
{
	struct net_strays *s = arg;
	char net[sizeof(l->alias)], *slash;

	if (strncmp(l->alias, "nsfast:", 7) || !streq(l->kind, "veth"))
		return 0;
	snprintf(net, sizeof(net), "%s", l->alias + 7);
	slash = strchr(net, '/');
	if (!slash)
		return 0;
	*slash++ = '\0';
	if (s->net ? !streq(net, s->net) : nf_record_list(s->h, net_is, net) != 1 || net_knows(s->h, net, slash))
		return 0;
	s->ifindex[s->n++] = l->ifindex;
	return s->n == ARRAY_SIZE(s->ifindex);
}

static int net_sweep(struct host *h, const char *net)
{
	struct net_strays s = { .net = net, .h = h };
	int first = 0, r;
	size_t i;

	do {
		s.n = 0;
		link_list(h->nl, net_stray, &s);
		for (i = 0; i < s.n; i++) {
			r = link_del(h->nl, s.ifindex[i]);
			first = first ? first : r;
		}
	} while (!first && s.n == ARRAY_SIZE(s.ifindex));
	return first;
}

int nf_net_bridge_del(struct host *h, const char *name)
{
	char alias[NET_NAME_LEN + 16];
	struct link l;
	int r;

	if (link_get(h->nl, name, 0, &l) || !streq(l.kind, "bridge") ||
	    (l.alias[0] && !streq(l.alias, net_alias(name, alias))))
		return 0;
	r = link_del(h->nl, l.ifindex);
	return r ? fail(r, "%s: cannot delete the bridge", name) : 0;
}

/* However far its making or its removal came. Interfaces go before rules: nothing leaves untranslated. */
static int net_clear(struct host *h, const char *name)
{
	int first = net_sweep(h, name), r;

	r = nf_net_bridge_del(h, name);
	first = first ? first : r;
	r = nf_sysctl_sync(h, NULL);
	first = first ? first : r;
	r = nf_rules_sync(h, NULL);
	first = first ? first : r;
	r = nf_port_repair(h);
	first = first ? first : r;
	r = host_netns_put_all(h, name, NULL);
	first = first ? first : r;
	/* what could not be removed is not forgotten: the next run goes on */
	return first ? first : nf_record_remove(h, name);
}

int nf_net_del(struct host *h, const char *name)
{
	struct network n;
	char begun[NET_NAME_LEN];
	int r = nf_record_read(h, name, &n), first = 0;
	size_t i;

	if (r == -ENOENT)
		return nf_record_begun(h, begun) ? nf_net_repair(h) : 0;
	if (r) {
		warn("%s: its record cannot be read: what bears its name is removed", name);
		first = nf_record_begin(h, name);
		r = first ? first : net_clear(h, name);
		return r ? r : nf_ports_give_back(h, name);
	}
	first = nf_record_begin(h, name);
	nf_ports_release(h, &n);
	for (i = 0; i < n.n_ports; i++) {
		r = nf_port_release(h, name, &n.ports[i]);
		first = first ? first : r;
	}
	network_free(&n);
	r = net_clear(h, name);
	first = first ? first : r;
	r = nf_flows_end_addr(&n.gateway);
	first = first ? first : r;
	r = nf_flows_end_addr(&n.gateway6);
	return first ? first : r;
}

static int net_namespaces(const char *name, void *arg)
{
	return host_netns_put_all(arg, name, nf_record_lives);
}

int nf_net_repair(struct host *h)
{
	char name[NET_NAME_LEN];
	int first = 0, r;

	while (!first && nf_record_begun(h, name))
		first = net_clear(h, name);
	r = nf_port_repair(h);
	first = first ? first : r;
	r = net_sweep(h, NULL);
	first = first ? first : r;
	r = nf_record_list(h, net_namespaces, h);
	return first ? first : r;
}

struct net_need {
	struct addr gateway, gateway6;
	unsigned found;
};

static int net_found(int ifindex, const struct addr *a, void *arg)
{
	struct net_need *need = arg;

	(void)ifindex;
	need->found += !memcmp(a, &need->gateway, sizeof(*a)) || !memcmp(a, &need->gateway6, sizeof(*a));
	return 0;
}

bool nf_net_whole(struct host *h, const struct network *n)
{
	struct net_need need = { .gateway = n->gateway, .gateway6 = n->gateway6 };

	return n->ifindex && !addr_list(h->nl, n->ifindex, net_found, &need) &&
	       need.found == 1U + (n->gateway6.family != 0) && nf_sysctl_whole(n) && nf_rules_whole(h) &&
	       nf_vlan_whole(h, n);
}
