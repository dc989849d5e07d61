/* SPDX-License-Identifier: GPL-2.0-only */
/* A network's way to the outside in bpf mode: uplink hook, SNAT address and its ledger of external ports. */
#include "bpf_uplink.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "bpf_port.h"
#include "bpf_row.h"
#include "log.h"

static bool uplink_used(const struct dp *dp, __u32 uplink, __u32 but)
{
	__u32 i;

	for (i = 1; i < NSF_NETS_MAX; i++)
		if (i != but && dp->nets[i].uplink == uplink)
			return true;
	return false;
}

/* Index of the ledger of an address that a network uses, or -1. */
static int uplink_ledger_of(const struct dp *dp, __be32 addr, __u32 but)
{
	__u32 i;

	for (i = 1; i < NSF_NETS_MAX; i++)
		if (i != but && dp->nets[i].flags & NSF_NET_SNAT && dp->nets[i].snat4 == addr)
			return dp->nets[i].snat;
	return -1;
}

/* An empty ledger at an index that no network uses. A ledger that a killed run has left there is replaced. */
static int uplink_ledger_make(struct dp *dp, const char *net, __u16 was, __u16 *ret)
{
	autoclose int fd = -1;
	__u32 i, k, zero = 0;
	bool used[NSF_SNATS_MAX] = {};

	for (i = 1; i < NSF_NETS_MAX; i++)
		if (dp->nets[i].flags & NSF_NET_SNAT)
			used[dp->nets[i].snat] = true;
	/* not the one used last: flows of an old address must not meet a new ledger at their ledger's index */
	for (k = 1, i = (was + 1) % NSF_SNATS_MAX; k < NSF_SNATS_MAX && used[i]; k++)
		i = (was + 1 + k) % NSF_SNATS_MAX;
	if (used[i])
		return fail(-ENOSPC, "%s: this host has %d SNAT addresses, there is no room for more", net,
			    NSF_SNATS_MAX);
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "nsf_ledger", sizeof(__u32), sizeof(struct nsf_ledger),
			    NSF_LEDGER_MAX * NSF_LEDGER_PORTS, NULL);
	if (fd < 0 || bpf_map_update_elem(dp->map[DP_LEDGERS], &i, &fd, BPF_ANY))
		return fail(-errno, "%s: cannot make the ledger of external ports", net);
	for (k = i * NSF_LEDGER_MAX; k < (i + 1) * NSF_LEDGER_MAX; k++)
		bpf_map_update_elem(dp->map[DP_USED], &k, &zero, BPF_ANY);
	*ret = i;
	return 0;
}

static int uplink_ledger_drop(struct dp *dp, const struct nsf_net *row)
{
	__u32 i = row->snat;

	if (bpf_map_delete_elem(dp->map[DP_LEDGERS], &i) && errno != ENOENT)
		return fail(-errno, "cannot remove the ledger of external ports");
	return 0;
}

static int uplink_route_in(struct dp *dp, const struct nsf_net *row, __u32 id, bool on)
{
	struct nsf_subnet k = { .plen = __builtin_popcount(row->mask4), .addr4 = row->addr4 & row->mask4 };

	if (on ? bpf_map_update_elem(dp->map[DP_SUBNETS], &k, &id, BPF_ANY)
	       : (bpf_map_delete_elem(dp->map[DP_SUBNETS], &k) && errno != ENOENT))
		return fail(-errno, "cannot change whether the outside may reach the subnet");
	return 0;
}

/* Two networks with one SNAT address share its ledger. Flows of the old address end with it: peers know no other. */
static int uplink_snat(struct host *h, struct network *n, struct nsf_net *row)
{
	__u8 want = !n->uplink[0] ? 0 : n->snat == NET_SNAT_NONE ? NSF_NET_ROUTED : NSF_NET_SNAT;
	struct nsf_net was = *row;
	__be32 addr = 0;
	__u16 ledger = 0;
	int r, shared;

	if (want & NSF_NET_SNAT) {
		memcpy(&addr, n->snat_addr.bytes, sizeof(addr));
		if (row->flags & NSF_NET_SNAT && row->snat4 == addr)
			return 0;
		shared = uplink_ledger_of(&h->dp, addr, n->id);
		ledger = shared;
		r = shared < 0 ? uplink_ledger_make(&h->dp, n->name, row->snat, &ledger) : 0;
		if (r)
			return r;
	}
	row->flags = 0; /* no packet is translated by half of a change */
	row->snat = ledger;
	row->snat4 = addr;
	__atomic_store_n(&row->flags, want, __ATOMIC_RELEASE);
	r = uplink_route_in(&h->dp, row, n->id, want & NSF_NET_ROUTED);
	if (!r && was.flags & NSF_NET_SNAT && uplink_ledger_of(&h->dp, was.snat4, 0) < 0) {
		r = dp_run(&h->dp, DP_PROG_PURGE);
		if (!r)
			r = uplink_ledger_drop(&h->dp, &was);
	}
	return r;
}

static int uplink_slot(struct host *h, struct network *n, struct nsf_net *row)
{
	const struct nsf_port leg = { .net = n->id, .role = NSF_ROLE_UPLINK };
	__u32 slot;

	if (row->uplink_slot)
		return 0;
	slot = row_free_slot(&h->dp);
	if (!slot)
		return fail(-ENOSPC, "%s: this host has no room for another attachment", n->name);
	row_set_port(&h->dp, slot, &leg);
	row->uplink_slot = slot;
	return bpf_port_zero(h, slot);
}

int bpf_uplink_set(struct host *h, struct network *n)
{
	struct nsf_net *row = &h->dp.nets[n->id];
	__u32 was = row->uplink;
	struct link l = {};
	int r = uplink_slot(h, n, row);

	if (!r && n->uplink[0]) {
		r = link_get(h->nl, n->uplink, 0, &l);
		if (r)
			return fail(r, "%s: cannot read uplink '%s'", n->name, n->uplink);
		r = dp_attach(&h->dp, DP_PROG_FROM_UPLINK, l.ifindex, l.name, DP_INGRESS);
	}
	if (!r)
		r = uplink_snat(h, n, row);
	if (r)
		return r;
	__atomic_store_n(&row->uplink, l.ifindex, __ATOMIC_RELEASE);
	n->uplink_ifindex = l.ifindex;
	if (was && was != row->uplink && !uplink_used(&h->dp, was, 0))
		return dp_detach(&h->dp, was, DP_INGRESS);
	return 0;
}

int bpf_uplink_clear(struct host *h, __u32 id)
{
	struct nsf_net *row = &h->dp.nets[id];
	struct nsf_net was = *row;
	int first, r;

	row->uplink = 0;
	row->flags = 0;
	first = was.flags & NSF_NET_ROUTED ? uplink_route_in(&h->dp, &was, id, false) : 0;
	r = dp_run(&h->dp, DP_PROG_PURGE);
	first = first ? first : r;
	if (was.uplink && !uplink_used(&h->dp, was.uplink, 0)) {
		r = dp_detach(&h->dp, was.uplink, DP_INGRESS);
		first = first ? first : r;
	}
	if (was.flags & NSF_NET_SNAT && uplink_ledger_of(&h->dp, was.snat4, 0) < 0) {
		r = uplink_ledger_drop(&h->dp, &was);
		first = first ? first : r;
	}
	if (was.uplink_slot)
		row_clear_port(&h->dp, was.uplink_slot);
	row->uplink_slot = 0;
	return first;
}
