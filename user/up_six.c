/* SPDX-License-Identifier: GPL-2.0-only */
/* The choices of `up` that concern IPv6. */
#include "up_six.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/random.h>

#include "log.h"
#include "six.h"

struct overlap6 {
	const struct addr *subnet;
	int but; /* ifindex whose routes do not count: the network's own gateway */
	struct route found;
};

static int six_overlaps(const struct route *r, void *arg)
{
	struct overlap6 *o = arg;

	if (!r->dst.plen || r->type == RTN_MULTICAST || (o->but && r->ifindex == o->but) ||
	    !addr_same_prefix(&r->dst, o->subnet, r->dst.plen < o->subnet->plen ? r->dst.plen : o->subnet->plen))
		return 0;
	o->found = *r;
	return 1;
}

static int six_overlap(struct host *h, const struct addr *subnet, int but, struct route *ret)
{
	struct overlap6 o = { .subnet = subnet, .but = but };
	int r = route_list(h->nl, AF_INET6, six_overlaps, &o);

	if (r > 0)
		*ret = o.found;
	return r < 0 ? fail(r, "cannot read the host's IPv6 routes") : r;
}

/* A unique local subnet (RFC 4193): fd00::/8 and 40 random bits, its subnet 0. */
static int six_choose_subnet(struct host *h, struct network *want)
{
	struct addr a = { .family = AF_INET6, .plen = 64, .bytes = { 0xfd, [15] = 1 } };
	struct route route;
	int r;

	do {
		if (getrandom(&a.bytes[1], 5, 0) != 5)
			return fail(-errno, "%s: cannot choose an IPv6 subnet", want->name);
		r = six_overlap(h, &a, 0, &route);
	} while (r > 0);
	if (!r)
		want->gateway6 = a;
	return r;
}

static int six_own_subnet(struct host *h, const struct network *is, const struct network *want)
{
	char text[ADDR_STRLEN], other[ADDR_STRLEN];
	struct route route;
	struct link l;
	int r = six_overlap(h, &want->gateway6, is ? is->ifindex : 0, &route);

	if (r <= 0)
		return r;
	addr_format(&want->gateway6, true, text);
	addr_format(&route.dst, true, other);
	hint("choose another one with --subnet");
	return fail_usage("%s: subnet %s overlaps the route to %s of '%s'", want->name, text, other,
			  link_get(h->nl, NULL, route.ifindex, &l) ? "this host" : l.name);
}

static int six_subnet(struct host *h, const struct network *is, struct network *want)
{
	bool had = is && is->gateway6.family, said = want->has & (NET_HAS_SUBNET6 | NET_HAS_IPV6);
	const char *lacks = six_lacks();

	if (want->ipv6_off || (is && !had && !said)) {
		want->gateway6 = (struct addr){};
		return 0;
	}
	if (want->mtu < NET_MTU6_MIN && said)
		return fail_usage("%s: an MTU of %u is too little for IPv6, which needs %d", want->name, want->mtu,
				  NET_MTU6_MIN);
	if (lacks && said) {
		hint("do without by --ipv6 no");
		return fail_usage("%s: there can be no IPv6: %s", want->name, lacks);
	}
	if (want->mtu < NET_MTU6_MIN || lacks) {
		if (had || !lacks)
			warn("%s: goes without IPv6: %s", want->name, lacks ? lacks : "its MTU is less than 1280");
		want->gateway6 = (struct addr){};
		return 0;
	}
	if (had && (!(want->has & NET_HAS_SUBNET6) || !memcmp(&is->gateway6, &want->gateway6, sizeof(is->gateway6)))) {
		want->gateway6 = is->gateway6;
		return 0;
	}
	return want->has & NET_HAS_SUBNET6 ? six_own_subnet(h, is, want) : six_choose_subnet(h, want);
}

static int six_is_addr(int ifindex, const struct addr *a, void *arg)
{
	const struct addr *b = arg;

	(void)ifindex;
	return a->family == AF_INET6 && !memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

/* Without an address for it on the uplink IPv6 ends at the host, until `up` finds one. */
static int six_snat_auto(struct host *h, struct network *want, const struct link *uplink)
{
	int r = addr_global6(h->nl, uplink->ifindex, &want->pool6[0]);

	if (!r) {
		want->snat6 = NET_SNAT_ADDR;
		want->n_pool6 = 1;
	}
	return !r || r == -ENOENT ? 0 : fail(r, "%s: cannot read the addresses of '%s'", want->name, want->uplink);
}

/* The pool as the user named it, as up_snat_pool(). */
static int six_snat_pool(struct host *h, const struct network *want)
{
	char text[ADDR_STRLEN];
	unsigned i;

	for (i = 0; i < want->n_pool6; i++) {
		int r = addr_list(h->nl, 0, six_is_addr, (void *)&want->pool6[i]);

		if (r < 0)
			return fail(r, "%s: cannot read the host's addresses", want->name);
		if (r)
			continue;
		addr_format(&want->pool6[i], false, text);
		hint("ip addr add %s/128 dev %s", text, want->uplink);
		return fail_usage("%s: SNAT address %s is no address of this host, so answers would not come back",
				  want->name, text);
	}
	return 0;
}

static int six_snat(struct host *h, const struct network *is, struct network *want, const struct link *uplink)
{
	if (!want->gateway6.family || !want->uplink[0]) {
		if (want->has & NET_HAS_SNAT6 && want->snat6 == NET_SNAT_ADDR)
			return fail_usage("%s: an IPv6 SNAT address needs %s", want->name,
					  want->uplink[0] ? "an IPv6 subnet" : "an uplink");
		want->snat6 = NET_SNAT_AUTO;
		return 0;
	}
	if (is && !(want->has & NET_HAS_SNAT6) && is->gateway6.family && streq(is->uplink, want->uplink)) {
		want->snat6 = is->snat6;
		memcpy(want->pool6, is->pool6, sizeof(want->pool6));
		want->n_pool6 = is->n_pool6;
	}
	if (want->snat6 == NET_SNAT_AUTO)
		return six_snat_auto(h, want, uplink);
	if (want->snat6 == NET_SNAT_NONE || !(want->has & NET_HAS_SNAT6))
		return 0;
	return six_snat_pool(h, want);
}

int up_six(struct host *h, const struct network *is, struct network *want, const struct link *uplink)
{
	int r = six_subnet(h, is, want);

	return r ? r : six_snat(h, is, want, uplink);
}

void up_six_keep(const struct network *n, struct port *p)
{
	if (!p->addr6.family || network_holds(n, &p->addr6))
		return;
	p->addr6 = (struct addr){};
	p->has &= ~PORT_HAS_ADDR6;
}

static bool six_taken(const struct network *n, const struct addr *a)
{
	size_t i;

	for (i = 0; i < n->n_ports; i++)
		if (n->ports[i].addr6.family && !memcmp(n->ports[i].addr6.bytes, a->bytes, sizeof(a->bytes)))
			return true;
	return false;
}

void up_six_again(const struct network *n, const struct port *now, struct port *p)
{
	if (now && !p->dev[0] && !p->addr6.family && network_holds(n, &now->addr6) && !six_taken(n, &now->addr6))
		p->addr6 = now->addr6;
}

static __u32 low_bits(const struct addr *a, unsigned at)
{
	__be32 v;

	memcpy(&v, &a->bytes[at], sizeof(v));
	return ntohl(v);
}

/* The subnet's host of that number, if there is one. */
static bool six_host(const struct network *n, __u32 number, struct addr *ret)
{
	__u32 rest = n->gateway6.plen > 96 ? 0xffffffffu >> (n->gateway6.plen - 96) : 0xffffffffu;
	unsigned i;
	__be32 v;

	if (number & ~rest)
		return false;
	*ret = n->gateway6;
	for (i = n->gateway6.plen; i < 96; i++)
		ret->bytes[i / 8] &= ~(0x80 >> i % 8);
	v = htonl((low_bits(&n->gateway6, 12) & ~rest) | number);
	memcpy(&ret->bytes[12], &v, sizeof(v));
	return network_holds(n, ret);
}

int up_six_port(const struct network *n, struct port *p)
{
	__u32 number = low_bits(&p->addr, 0) & (0xffffffffu >> n->gateway.plen);
	char text[ADDR_STRLEN];
	struct addr a;

	if (p->addr6.family && !network_holds(n, &p->addr6)) {
		addr_format(&p->addr6, false, text);
		if (!n->gateway6.family)
			return fail_usage("%s/%s: address %s, but the network has no IPv6", n->name, p->name, text);
		return fail_usage("%s/%s: address %s is not one for a port in the network's subnet", n->name, p->name,
				  text);
	}
	if (p->addr6.family)
		p->addr6.plen = n->gateway6.plen;
	if (p->dev[0] || p->addr6.family || !n->gateway6.family)
		return 0;
	/* the number of the IPv4 address, or else the first that is free */
	if (!six_host(n, number, &a) || six_taken(n, &a)) {
		for (number = 1; number <= NSF_SLOTS_MAX + 1; number++)
			if (six_host(n, number, &a) && !six_taken(n, &a))
				break;
		if (number > NSF_SLOTS_MAX + 1)
			return fail_usage("%s/%s: no address is free in %s", n->name, p->name,
					  addr_format(&n->gateway6, true, text));
	}
	p->addr6 = a;
	return 0;
}
