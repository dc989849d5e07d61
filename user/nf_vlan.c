/* SPDX-License-Identifier: GPL-2.0-only */
/* VLANs and multicast of netfilter mode: the bridge's filters. */
#include "nf_vlan.h"

#include <errno.h>
#include <linux/if_link.h>

#include "bridge.h"
#include "log.h"

int nf_vlan_sync(struct host *h, const struct network *n)
{
	struct link bridge;
	int r;

	if (link_get(h->nl, n->name, 0, &bridge) || !streq(bridge.kind, "bridge"))
		return 0;
	r = bridge_filtering(h->nl, bridge.ifindex, network_vlans(n));
	if (r == -EOPNOTSUPP) {
		hint("--mode bpf");
		return fail_feature("%s: this kernel's bridge knows no VLANs (CONFIG_BRIDGE_VLAN_FILTERING)", n->name);
	}
	if (!r)
		r = bridge_snooping(h->nl, bridge.ifindex, !(n->policy & NSF_NET_NO_SNOOPING));
	return r ? fail(r, "%s: cannot make the bridge heed VLANs and groups", n->name) : 0;
}

/* Another one than the record's: *arg is the network. */
static int vlan_differs(int ifindex, __u16 vlan, const struct nsf_trunk *tags, void *arg)
{
	const struct network *n = arg;
	size_t i;

	for (i = 0; i < n->n_ports && n->ports[i].ifindex != ifindex; i++)
		;
	return i < n->n_ports && (n->ports[i].vlan != vlan || !vlans_equal(&n->ports[i].trunk, tags));
}

bool nf_vlan_whole(struct host *h, const struct network *n)
{
	const bool vlans = network_vlans(n), groups = !(n->policy & NSF_NET_NO_SNOOPING);
	__u8 filters = vlans, snoops = groups;

	if (bridge_setting(h->nl, n->ifindex, IFLA_BR_VLAN_FILTERING, &filters) ||
	    bridge_setting(h->nl, n->ifindex, IFLA_BR_MCAST_SNOOPING, &snoops))
		return false;
	return !filters == !vlans && !snoops == !groups &&
	       (!vlans || !bridge_vlans_list(h->nl, vlan_differs, (void *)n));
}

struct fixed {
	struct host *h;
	int ifindex;
};

static int fixed_again(const struct bridge_fdb *e, void *arg)
{
	const struct fixed *f = arg;

	return e->fixed && !e->local && e->ifindex == f->ifindex ? bridge_fdb_add(f->h->nl, f->ifindex, e->mac) : 0;
}

int nf_vlan_port(struct host *h, const struct network *n, const struct port *p, int ifindex)
{
	struct fixed f = { h, ifindex };
	struct link bridge;
	int r = link_get(h->nl, n->name, 0, &bridge);

	if (!r)
		r = bridge_vlans(h->nl, ifindex, p->vlan, &p->trunk);
	if (r == -EOPNOTSUPP && p->vlan == NSF_VLAN_DEFAULT && !vlans_any(&p->trunk))
		return 0; /* without a filter it is in no other one */
	if (!r)
		r = bridge_fdb_list(h->nl, bridge.ifindex, fixed_again, &f);
	return r ? fail(r, "%s/%s: cannot set the port's VLANs", n->name, p->name) : 0;
}
