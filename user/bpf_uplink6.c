/* SPDX-License-Identifier: GPL-2.0-only */
/* A network's IPv6 way to the outside in bpf mode: SNAT address and its ledger, or plain routing. */
#include "bpf_uplink6.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "bpf_row.h"
#include "bpf_snat.h"
#include "log.h"

#define UPLINK6_FLAGS (NSF_NET_SNAT6 | NSF_NET_ROUTED6)

/* The subnet of a network that the outside may reach; with gateway NULL none. */
static int uplink6_route_in(struct dp *dp, __u32 id, const struct addr *gateway)
{
	struct nsf_subnet6 want = {}, k, next, *at = NULL;
	__u32 i, is;

	if (gateway) {
		want.plen = gateway->plen;
		for (i = 0; i < gateway->plen; i++)
			want.addr6[i / 8] |= gateway->bytes[i / 8] & 0x80 >> i % 8;
	}
	while (!bpf_map_get_next_key(dp->map[DP_SUBNETS6], at, &next)) {
		k = next;
		at = &k;
		if (bpf_map_lookup_elem(dp->map[DP_SUBNETS6], &k, &is) || is != id || !memcmp(&k, &want, sizeof(k)))
			continue;
		if (bpf_map_delete_elem(dp->map[DP_SUBNETS6], &k) && errno != ENOENT)
			return fail(-errno, "cannot keep the outside from the IPv6 subnet");
		at = NULL; /* its neighbours may stand elsewhere now */
	}
	if (gateway && bpf_map_update_elem(dp->map[DP_SUBNETS6], &want, &id, BPF_ANY))
		return fail(-errno, "cannot let the outside reach the IPv6 subnet");
	return 0;
}

static __u32 uplink6_way(const struct network *n)
{
	if (!n->gateway6.family || !n->uplink[0])
		return 0;
	return n->snat6 == NET_SNAT_ADDR ? NSF_NET_SNAT6 : n->snat6 == NET_SNAT_NONE ? NSF_NET_ROUTED6 : 0;
}

/* True if the network's row says otherwise. */
static bool uplink6_differs(const struct network *n, const struct nsf_snat *pool, const struct nsf_net *row, __u32 way,
			    unsigned count)
{
	unsigned i;

	if ((row->flags & UPLINK6_FLAGS) != way || row->n_snat6 != count ||
	    memcmp(row->snat6, pool, count * sizeof(pool[0])))
		return true;
	for (i = 0; i < count; i++)
		if (memcmp(row->pool6[i], n->pool6[i].bytes, sizeof(row->pool6[i])))
			return true;
	return false;
}

int bpf_uplink6_set(struct host *h, const struct network *n, struct nsf_net *row)
{
	__u32 way = uplink6_way(n);
	unsigned i, count = way == NSF_NET_SNAT6 ? n->n_pool6 : 0;
	struct nsf_snat pool[NSF_POOL_MAX] = {};
	bool in;
	int r = 0;

	for (i = 0; !r && i < count; i++)
		r = bpf_snat_enter(&h->dp, n->name, &n->pool6[i], row, &pool[i]);
	if (r)
		return r;
	if (uplink6_differs(n, pool, row, way, count)) {
		/* no packet is translated by half of a change */
		__atomic_store_n(&row->flags, row->flags & ~UPLINK6_FLAGS, __ATOMIC_RELEASE);
		row->n_snat6 = 0;
		for (i = 0; count && i < NSF_POOL_MAX; i++) {
			row->snat6[i] = pool[i % count];
			memcpy(row->pool6[i], n->pool6[i % count].bytes, sizeof(row->pool6[i]));
		}
		row->n_snat6 = count;
		__atomic_store_n(&row->flags, row->flags | way, __ATOMIC_RELEASE);
		r = dp_run(&h->dp, DP_PROG_PURGE);
	}
	/* answers of exempt destinations come in as those of a routed network do */
	in = way == NSF_NET_ROUTED6 || (way && n->n_excepts);
	if (!r)
		r = uplink6_route_in(&h->dp, n->id, in ? &n->gateway6 : NULL);
	return r ? r : bpf_snat_tidy(&h->dp);
}

int bpf_uplink6_clear(struct host *h, __u32 id)
{
	struct nsf_net *row = &h->dp.nets[id];

	__atomic_store_n(&row->flags, row->flags & ~UPLINK6_FLAGS, __ATOMIC_RELEASE);
	row->n_snat6 = 0;
	return uplink6_route_in(&h->dp, id, NULL);
}

/* What leaves nothing outside was left to choose, and may be chosen again. */
void bpf_uplink6_read(const struct nsf_net *row, struct network *n)
{
	n->snat6 = row->flags & NSF_NET_SNAT6     ? NET_SNAT_ADDR
		   : row->flags & NSF_NET_ROUTED6 ? NET_SNAT_NONE
						  : NET_SNAT_AUTO;
	if (!(row->flags & NSF_NET_SNAT6))
		return;
	for (n->n_pool6 = 0; n->n_pool6 < row->n_snat6 && n->n_pool6 < NSF_POOL_MAX; n->n_pool6++)
		n->pool6[n->n_pool6] = row_addr6(row->pool6[n->n_pool6], 128);
}
