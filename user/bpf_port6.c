/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 of ports in bpf mode: inside the container, and in the port's row. */
#include "bpf_port6.h"

#include <errno.h>

#include "bpf_port.h"
#include "bpf_row.h"
#include "log.h"
#include "netns.h"
#include "six.h"

/* Settings are those of the namespace that the caller is in. 0, or -errno where there is no IPv6. */
static int port6_settings(void)
{
	int off, r = six_get(BPF_PORT_INSIDE, "disable_ipv6", &off);

	if (!r && off)
		r = -EAFNOSUPPORT;
	return r ? r : six_set(BPF_PORT_INSIDE, "accept_ra", 0);
}

bool bpf_port6_begin(struct host *h, const struct network *n, const struct port *p, int netns)
{
	int r, back;

	if (!p->addr6.family)
		return false;
	r = netns_enter(netns);
	if (!r)
		r = port6_settings();
	back = netns_enter(h->netns);
	if (r)
		warn("%s/%s: namespace '%s' has IPv6 disabled: its '%s' gets no IPv6 address", n->name, p->name,
		     p->netns, BPF_PORT_INSIDE);
	return !r && !back;
}

/* An address set without waiting for a duplicate that cannot be: the data path lets no other port have it. */
int bpf_port6_inside(const struct network *n, const struct port *p, struct nl *nl, const struct link *eth0)
{
	const struct addr gateway = addr_link_local(n->mac), ll = addr_link_local(eth0->mac);
	struct route route;
	int r = addr_add(nl, eth0->ifindex, &ll);

	if (!r)
		r = addr_add(nl, eth0->ifindex, &p->addr6);
	if (r)
		return r;
	if (!route_default(nl, AF_INET6, &route) && route.ifindex != eth0->ifindex) {
		warn("%s/%s: namespace '%s' has an IPv6 default route already, it stays", n->name, p->name, p->netns);
		return 0;
	}
	return route_add_default(nl, eth0->ifindex, &gateway);
}

void bpf_port6_fill(const struct dp *dp, const struct port *p, struct nsf_port *row)
{
	memcpy(row->addr6, p->addr6.bytes, sizeof(row->addr6));
	row->handle6 = p->addr6.family ? row_handle(dp, &p->addr6) : 0;
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

static int port6_rows(struct host *h, const struct network *n, const struct port *p, __u32 slot, const struct addr *old)
{
	int r = old->family ? row_unset_addr(&h->dp, n->id, old, slot) : 0;

	bpf_port6_fill(&h->dp, p, &h->dp.ports[slot]);
	return r || !p->addr6.family ? r : row_set_addr(&h->dp, n->id, &p->addr6, slot);
}

int bpf_port6_change(struct host *h, const struct network *n, const struct port *p)
{
	const struct link_change none = { .addrgen_none = 1 };
	const struct addr gateway = addr_link_local(n->mac);
	__u32 slot = row_port(&h->dp, n->id, p->name);
	struct addr old = row_addr6(h->dp.ports[slot].addr6, 128);
	autoclose int fd = netns_open(p->netns);
	autonl struct nl *nl = NULL;
	struct link eth0;
	bool on;
	int r = slot ? port6_rows(h, n, p, slot, &old) : -ENOENT;

	if (r)
		return r;
	on = fd >= 0 && bpf_port6_begin(h, n, p, fd);
	r = fd < 0 ? fd : bpf_port_enter(h, fd, &nl);
	if (!r)
		r = link_get(nl, BPF_PORT_INSIDE, 0, &eth0);
	if (!r && !old.family) /* the link-local one then is the kernel's, which may still be looking for a duplicate */
		old = addr_link_local(eth0.mac);
	if (!r)
		r = port6_remove(nl, &eth0, &old);
	if (!r && on)
		r = link_set(nl, eth0.ifindex, &none);
	if (!r)
		r = on ? bpf_port6_inside(n, p, nl, &eth0) : route_del_default(nl, eth0.ifindex, &gateway);
	return r ? fail(r, "%s/%s: cannot change the IPv6 address in namespace '%s'", n->name, p->name, p->netns) : 0;
}
