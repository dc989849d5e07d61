/* SPDX-License-Identifier: GPL-2.0-only */
/* From what the user said to what should be: every choice that was left to nsfast. */
#include <errno.h>
#include <net/if_arp.h>
#include <stdio.h>

#include "log.h"
#include "netns.h"
#include "publish.h"
#include "up.h"
#include "up_six.h"

#define UP_SUBNET_FIRST 77 /* 10.77.0.0/24 and the /16s after it are tried */

static __u32 host_order(const struct addr *a)
{
	__be32 v;

	memcpy(&v, a->bytes, sizeof(v));
	return ntohl(v);
}

static void from_host_order(struct addr *ret, __u32 v, __u8 plen)
{
	__be32 be = htonl(v);

	*ret = (struct addr){ .family = AF_INET, .plen = plen };
	memcpy(ret->bytes, &be, sizeof(be));
}

static __u32 plen_mask(__u8 plen)
{
	return plen ? 0xffffffffu << (32 - plen) : 0;
}

struct overlap {
	__u32 addr;
	__u8 plen;
	int but; /* ifindex whose routes do not count: the network's own gateway */
	struct route found;
};

/* Default routes overlap everything and mean nothing; broadcast routes come with the others. */
static int up_overlaps(const struct route *r, void *arg)
{
	struct overlap *o = arg;
	__u32 mask = plen_mask(r->dst.plen < o->plen ? r->dst.plen : o->plen);

	if (!r->dst.plen || r->type == RTN_BROADCAST || r->type == RTN_MULTICAST || (o->but && r->ifindex == o->but) ||
	    (host_order(&r->dst) & mask) != (o->addr & mask))
		return 0;
	o->found = *r;
	return 1;
}

static int up_overlap(struct host *h, const struct addr *subnet, int but, struct route *ret)
{
	struct overlap o = { .addr = host_order(subnet), .plen = subnet->plen, .but = but };
	int r = route_list(h->nl, AF_INET, up_overlaps, &o);

	if (r > 0)
		*ret = o.found;
	return r < 0 ? fail(r, "cannot read the host's routes") : r;
}

static int up_choose_subnet(struct host *h, struct network *want)
{
	struct route route;
	unsigned i;
	int r;

	for (i = UP_SUBNET_FIRST; i < 256; i++) {
		from_host_order(&want->gateway, 10u << 24 | i << 16 | 1, 24);
		r = up_overlap(h, &want->gateway, 0, &route);
		if (r <= 0)
			return r;
	}
	hint("name one with --subnet ADDRESS/LENGTH");
	return fail_usage("%s: every subnet that would be chosen overlaps a route of this host", want->name);
}

static int up_subnet(struct host *h, const struct network *is, struct network *want)
{
	char text[ADDR_STRLEN], other[ADDR_STRLEN];
	struct route route;
	struct link l;
	int r;

	if (is && (!(want->has & NET_HAS_SUBNET) || !memcmp(&is->gateway, &want->gateway, sizeof(is->gateway)))) {
		want->gateway = is->gateway;
		return 0;
	}
	if (!(want->has & NET_HAS_SUBNET))
		return up_choose_subnet(h, want);
	r = up_overlap(h, &want->gateway, is ? is->ifindex : 0, &route);
	if (r <= 0)
		return r;
	addr_format(&want->gateway, true, text);
	addr_format(&route.dst, true, other);
	hint("choose another one with --subnet");
	return fail_usage("%s: subnet %s overlaps the route to %s of '%s'", want->name, text, other,
			  link_get(h->nl, NULL, route.ifindex, &l) ? "this host" : l.name);
}

static int up_uplink(struct host *h, const struct network *is, struct network *want, struct link *ret)
{
	struct route route;
	int r;

	*ret = (struct link){};
	if (!(want->has & NET_HAS_UPLINK)) {
		if (is && is->uplink_ifindex && !is->uplink[0]) {
			hint("name the interface that takes its place with --uplink IF, or say --uplink none");
			return fail_usage("%s: its uplink is gone", want->name);
		}
		if (is) {
			memcpy(want->uplink, is->uplink, sizeof(want->uplink));
		} else {
			if (route_default(h->nl, AF_INET, &route) || link_get(h->nl, NULL, route.ifindex, ret)) {
				hint("name the interface with --uplink IF, or do without by --uplink none");
				return fail_usage("%s: this host has no default route, so no uplink is known",
						  want->name);
			}
			memcpy(want->uplink, ret->name, sizeof(want->uplink));
		}
	}
	if (!want->uplink[0])
		return 0;
	r = link_get(h->nl, want->uplink, 0, ret);
	if (r == -ENODEV)
		return fail_usage("%s: no interface '%s' on this host to be the uplink", want->name, want->uplink);
	if (r)
		return fail(r, "%s: cannot read interface '%s'", want->name, want->uplink);
	if (streq(want->uplink, want->name))
		return fail_usage("%s: a network cannot be its own uplink", want->name);
	if (!strncmp(ret->alias, "nsfast:", 7))
		return fail_usage("%s: '%s' is nsfast's own (%s), it cannot be an uplink", want->name, want->uplink,
				  ret->alias);
	if (ret->type != ARPHRD_ETHER || ret->flags & IFF_LOOPBACK)
		return fail_usage("%s: uplink '%s' is no Ethernet interface", want->name, want->uplink);
	if (!(ret->flags & IFF_UP)) {
		hint("ip link set %s up", want->uplink);
		return fail_usage("%s: uplink '%s' is down", want->name, want->uplink);
	}
	return 0;
}

struct find_addr {
	struct addr a;
	bool any;
};

static int up_find_addr(int ifindex, const struct addr *a, void *arg)
{
	struct find_addr *f = arg;

	(void)ifindex;
	if (a->family != AF_INET || a->bytes[0] == 127 || (!f->any && memcmp(a->bytes, f->a.bytes, 4)))
		return 0;
	f->a = *a;
	return 1;
}

/* The address of SNat=auto: the uplink's first. */
static int up_snat_auto(struct host *h, struct network *want, const struct link *uplink)
{
	struct find_addr f = { .any = true };
	int r = addr_list(h->nl, uplink->ifindex, up_find_addr, &f);

	if (r < 0)
		return fail(r, "%s: cannot read the host's addresses", want->name);
	if (!r) {
		hint("give it one, or name another with --snat ADDRESS, or route without translation by --snat none");
		return fail_usage("%s: uplink '%s' has no IPv4 address for SNAT", want->name, want->uplink);
	}
	want->snat = NET_SNAT_ADDR;
	want->pool[0] = f.a;
	want->pool[0].plen = 32;
	want->n_pool = 1;
	return 0;
}

/* The pool as the user named it: answers must come back to each address. */
static int up_snat_pool(struct host *h, const struct network *want)
{
	char text[ADDR_STRLEN];
	unsigned i;

	for (i = 0; i < want->n_pool; i++) {
		struct find_addr f = { .a = want->pool[i] };
		int r = addr_list(h->nl, 0, up_find_addr, &f);

		if (r < 0)
			return fail(r, "%s: cannot read the host's addresses", want->name);
		if (r)
			continue;
		addr_format(&want->pool[i], false, text);
		hint("ip addr add %s/32 dev %s", text, want->uplink);
		return fail_usage("%s: SNAT address %s is no address of this host, so answers would not come back",
				  want->name, text);
	}
	return 0;
}

static int up_snat(struct host *h, const struct network *is, struct network *want, const struct link *uplink)
{
	if (!want->uplink[0]) {
		if (want->has & NET_HAS_SNAT && want->snat == NET_SNAT_ADDR)
			return fail_usage("%s: an SNAT address needs an uplink", want->name);
		want->snat = NET_SNAT_NONE;
		return 0;
	}
	if (is && !(want->has & NET_HAS_SNAT) && streq(is->uplink, want->uplink)) {
		want->snat = is->snat;
		memcpy(want->pool, is->pool, sizeof(want->pool));
		want->n_pool = is->n_pool;
		return 0;
	}
	switch (want->snat) {
	case NET_SNAT_AUTO:
		return up_snat_auto(h, want, uplink);
	case NET_SNAT_ADDR:
		return up_snat_pool(h, want);
	case NET_SNAT_NONE:
		break;
	}
	return 0;
}

/* What was not said of how SNAT is done and of limits stays as it is. */
static void up_policy(const struct network *is, struct network *want)
{
	unsigned i;

	want->policy = (want->policy & want->policy_has) | (is->policy & ~want->policy_has);
	if (!(want->has & NET_HAS_XDP))
		want->xdp = is->xdp;
	if (!(want->has & NET_HAS_SNAT_PORTS)) {
		want->port_min = is->port_min;
		want->port_max = is->port_max;
	}
	if (!(want->has & NET_HAS_EXCEPTS)) {
		memcpy(want->excepts, is->excepts, sizeof(want->excepts));
		want->n_excepts = is->n_excepts;
	}
	if (!(want->has & NET_HAS_FDB_AGE))
		want->fdb_age = is->fdb_age;
	for (i = 0; i < PORT_LIMIT_MAX; i++)
		if (!(want->has & NET_HAS_LIMIT << i))
			want->limit[i] = is->limit[i];
	for (i = 0; i < NSF_TIMEOUT_MAX; i++)
		if (!(want->has & NET_HAS_TIMEOUT << i))
			want->timeout[i] = is->timeout[i];
}

static bool up_taken(const struct network *n, __u32 addr)
{
	size_t i;

	if (host_order(&n->gateway) == addr)
		return true;
	for (i = 0; i < n->n_ports; i++)
		if (n->ports[i].addr.family && host_order(&n->ports[i].addr) == addr)
			return true;
	return false;
}

int up_resolve_port(const struct network *n, struct port *p)
{
	__u32 mask = plen_mask(n->gateway.plen), base = host_order(&n->gateway) & mask, i;
	char text[ADDR_STRLEN];

	if (p->dev[0])
		return 0;
	if (!p->netns[0])
		memcpy(p->netns, p->name, sizeof(p->netns));
	if (p->addr.family && !network_holds(n, &p->addr)) {
		addr_format(&p->addr, false, text);
		return fail_usage("%s/%s: address %s is not one for a port in the network's subnet", n->name, p->name,
				  text);
	}
	if (p->addr.family) {
		p->addr.plen = n->gateway.plen;
		return up_six_port(n, p);
	}
	for (i = 1; i < ~mask; i++)
		if (!up_taken(n, base + i)) {
			from_host_order(&p->addr, base + i, n->gateway.plen);
			return up_six_port(n, p);
		}
	return fail_usage("%s/%s: no address is free in %s", n->name, p->name, addr_format(&n->gateway, true, text));
}

/* A limit that was not asked for: the port's own stays, and one that was its network's is what that is now. */
static void up_limits(const struct network *is, const struct port *now, struct port *want)
{
	unsigned i;

	for (i = 0; i < PORT_LIMIT_MAX; i++)
		if (!(want->has & PORT_HAS_LIMIT << i))
			want->limit[i] = now->limit[i] == is->limit[i] ? 0 : now->limit[i];
}

/* Ports that the user listed keep the address they have, if no other was asked for. */
static int up_ports(const struct network *is, struct network *want)
{
	size_t i;
	int r = 0;

	if (is && !(want->has & NET_HAS_PORTS)) {
		for (i = 0; i < is->n_ports; i++) {
			struct port *p;

			if (!is->ports[i].netns[0] && !is->ports[i].dev[0]) {
				warn("%s/%s: its interface is gone, and so is the port", want->name, is->ports[i].name);
				continue;
			}
			p = network_add_port(want, is->ports[i].name);
			if (!p)
				return fail(-ENOMEM, "%s: cannot list ports", want->name);
			*p = is->ports[i];
			if (p->netns[0])
				p->dev[0] = '\0';
			if (p->addr.family && !network_holds(want, &p->addr))
				p->addr = (struct addr){}; /* another subnet brings another address */
			up_six_keep(want, p);
		}
	}
	for (i = 0; is && i < want->n_ports; i++) {
		const struct port *now = network_port(is, want->ports[i].name);

		if (now && !want->ports[i].dev[0] && !want->ports[i].addr.family && now->addr.family &&
		    network_holds(want, &now->addr) && !up_taken(want, host_order(&now->addr)))
			want->ports[i].addr = now->addr;
		if (now)
			up_limits(is, now, &want->ports[i]);
		up_six_again(want, now, &want->ports[i]);
	}
	for (i = 0; !r && i < want->n_ports; i++) {
		network_port_policy(&want->ports[i], is ? network_port(is, want->ports[i].name) : NULL);
		r = up_resolve_port(want, &want->ports[i]);
	}
	return r;
}

/* What XDP is to do, it must be there for. */
static int up_xdp(const struct network *want)
{
	if (!(want->policy & NSF_NET_XDP_FORWARD) || want->xdp != NET_XDP_OFF)
		return 0;
	hint("--xdp auto, or --xdp-forward no");
	return fail_usage("%s: XdpForward=yes needs XDP at the uplink: Xdp=auto or Xdp=native", want->name);
}

int up_resolve(struct host *h, const struct network *is, struct network *want)
{
	struct link uplink;
	int r = up_subnet(h, is, want);

	if (!r)
		r = up_uplink(h, is, want, &uplink);
	if (!r)
		r = up_snat(h, is, want, &uplink);
	if (r)
		return r;
	if (!(want->has & NET_HAS_MTU))
		want->mtu = is ? is->mtu : want->uplink[0] ? uplink.mtu : 1500;
	memcpy(want->uplink_mac, uplink.mac, sizeof(want->uplink_mac));
	if (is)
		up_policy(is, want);
	r = up_xdp(want);
	if (!r)
		r = up_six(h, is, want, &uplink);
	if (!r)
		r = up_ports(is, want);
	return r ? r : publish_resolve(h, is, want);
}
