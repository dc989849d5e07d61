/* SPDX-License-Identifier: GPL-2.0-only */
/* VLANs of netfilter mode: the bridge's filter. */
#include "nf_vlan.h"

#include <errno.h>

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
	return r ? fail(r, "%s: cannot make the bridge heed VLANs", n->name) : 0;
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
