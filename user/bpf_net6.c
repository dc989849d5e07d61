/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 of networks in bpf mode: the gateway's settings and addresses. */
#include "bpf_net6.h"

#include <errno.h>

#include "bpf_row.h"
#include "ifname.h"
#include "log.h"
#include "six.h"

/*
 * Above an MTU of 1280 the kernel makes an interface's IPv6 anew, and where it is up, an address with it: it is disabled
 * again before that has settled, and enabled only when addresses are not made up any more.
 */
static int net6_mtu(struct host *h, const struct network *n, const struct link *l)
{
	const struct link_change grow = { .mtu = n->mtu };
	int r;

	if (l->mtu >= NET_MTU6_MIN || n->mtu < NET_MTU6_MIN)
		return 0;
	r = link_set(h->nl, l->ifindex, &grow);
	return r ? r : six_set(l->name, "disable_ipv6", 1);
}

int bpf_net6_links(struct host *h, const struct network *n, const struct link *gw, const struct link *far)
{
	const struct link_change none = { .addrgen_none = 1 };
	const struct link *ends[] = { gw, far };
	int i, r;

	if (!n->gateway6.family) {
		/* containers then reach no service of the host by a link-local address either */
		for (i = 0; i < 2; i++)
			six_set(ends[i]->name, "disable_ipv6", 1);
		return 0;
	}
	for (i = 0; i < 2; i++) {
		r = net6_mtu(h, n, ends[i]);
		if (!r)
			r = link_set(h->nl, ends[i]->ifindex, &none);
		if (!r)
			r = six_set(ends[i]->name, "disable_ipv6", 0);
		if (!r)
			r = six_set(ends[i]->name, "accept_ra", 0);
		if (r)
			return r;
	}
	return 0;
}

int bpf_net6_gateway(struct host *h, const struct network *n, const struct link *gw, const struct link *far)
{
	const struct addr ll = addr_link_local(n->mac);
	int r;

	if (!n->gateway6.family)
		return 0;
	r = six_forward(h, far->name);
	if (!r)
		r = six_set(gw->name, "forwarding", 0);
	if (!r)
		r = six_set(gw->name, "drop_unicast_in_l2_multicast", 1);
	if (!r)
		r = addr_add(h->nl, gw->ifindex, &ll);
	return r ? r : addr_add(h->nl, gw->ifindex, &n->gateway6);
}

int bpf_net6_leave(struct host *h, const struct network *n, const struct nsf_net *row)
{
	const struct addr was = row_addr6(row->gateway6, row->plen6);
	int r;

	if (!was.family || !memcmp(&was, &n->gateway6, sizeof(was)))
		return 0;
	r = addr_del(h->nl, row->gateway, &was);
	return r ? fail(r, "%s: cannot take the IPv6 address of the gateway away", n->name) : 0;
}

void bpf_net6_fill(const struct network *n, struct nsf_net *row)
{
	const struct addr ll = addr_link_local(n->mac);

	memset(row->addr6, 0, sizeof(row->addr6));
	if (n->gateway6.family)
		memcpy(row->addr6, ll.bytes, sizeof(row->addr6));
	memcpy(row->gateway6, n->gateway6.bytes, sizeof(row->gateway6));
	row->plen6 = n->gateway6.plen;
}

struct net6_need {
	struct addr gateway, ll;
	unsigned found;
};

static int net6_found(int ifindex, const struct addr *a, void *arg)
{
	struct net6_need *need = arg;

	(void)ifindex;
	need->found += !memcmp(a, &need->gateway, sizeof(*a)) || !memcmp(a, &need->ll, sizeof(*a));
	return 0;
}

/* True if a setting is this one. */
static bool net6_is(const char *ifname, const char *key, int value)
{
	int is;

	return !six_get(ifname, key, &is) && is == value;
}

bool bpf_net6_whole(struct host *h, const struct network *n)
{
	struct net6_need need = { .gateway = n->gateway6, .ll = addr_link_local(n->mac) };
	char far[IFNAMSIZ];

	if (!n->gateway6.family)
		return true;
	ifname_far(n->name, far);
	return net6_is(far, "forwarding", 1) && net6_is(n->name, "forwarding", 0) && net6_is(n->name, "accept_ra", 0) &&
	       !addr_list(h->nl, n->ifindex, net6_found, &need) && need.found == 2;
}
