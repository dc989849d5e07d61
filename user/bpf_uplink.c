/* SPDX-License-Identifier: GPL-2.0-only */
/* A network's way to the outside in bpf mode: uplink hook, leg and SNAT. */
#include "bpf_uplink.h"

#include <errno.h>

#include "bpf_port.h"
#include "bpf_row.h"
#include "bpf_snat.h"
#include "bpf_uplink6.h"
#include "bpf_xdp.h"
#include "log.h"

bool bpf_uplink_used(const struct dp *dp, __u32 uplink, __u32 but)
{
	__u32 i;

	for (i = 1; i < NSF_NETS_MAX; i++)
		if (i != but && dp->nets[i].uplink == uplink)
			return true;
	return false;
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

/* In comes what belongs to containers; out goes what the host says, which must not be taken for theirs. */
static int uplink_attach(struct host *h, const struct link *l)
{
	int r = dp_attach(&h->dp, DP_PROG_FROM_UPLINK, l->ifindex, l->name, DP_INGRESS);

	return r ? r : dp_attach(&h->dp, DP_PROG_TO_UPLINK, l->ifindex, l->name, DP_EGRESS);
}

static int uplink_detach(struct host *h, int ifindex)
{
	int r = dp_detach(&h->dp, ifindex, DP_INGRESS), second = dp_detach(&h->dp, ifindex, DP_EGRESS);

	return r ? r : second;
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
		if (!h->handing)
			r = uplink_attach(h, &l);
	}
	if (!r)
		r = bpf_snat_set(h, n, row);
	if (!r)
		r = bpf_uplink6_set(h, n, row);
	if (r)
		return r;
	if ((__u32)l.ifindex != was) /* whether this one forwards, XDP will tell */
		h->dp.ports[row->uplink_slot].flags = 0;
	memcpy(row->uplink_mac, l.mac, sizeof(row->uplink_mac));
	__atomic_store_n(&row->uplink, l.ifindex, __ATOMIC_RELEASE);
	n->uplink_ifindex = l.ifindex;
	if (!was || was == row->uplink)
		return 0;
	r = bpf_xdp_tidy(h, was);
	return r || bpf_uplink_used(&h->dp, was, 0) ? r : uplink_detach(h, was);
}

int bpf_uplink_clear(struct host *h, __u32 id)
{
	struct nsf_net *row = &h->dp.nets[id];
	__u32 was = row->uplink;
	int first = bpf_xdp_clear(h, id), r;

	row->uplink = 0;
	r = bpf_uplink6_clear(h, id);
	first = first ? first : r;
	r = bpf_snat_clear(h, id);
	first = first ? first : r;
	if (was && !bpf_uplink_used(&h->dp, was, 0)) {
		r = uplink_detach(h, was);
		first = first ? first : r;
	}
	if (row->uplink_slot)
		row_clear_port(&h->dp, row->uplink_slot);
	row->uplink_slot = 0;
	return first;
}
