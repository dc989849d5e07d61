/* SPDX-License-Identifier: GPL-2.0-only */
/* SNAT of a network in bpf mode: its pool of addresses, their ledgers of external ports, exempt destinations. */
#include "bpf_snat.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "bpf_row.h"
#include "log.h"

/* Map nsf_exts, read at once: it is changed while it is walked. */
struct snat_exts {
	struct nsf_ext_key key[NSF_SNATS_MAX];
	struct nsf_ext value[NSF_SNATS_MAX];
	unsigned n;
};

static void snat_exts(const struct dp *dp, struct snat_exts *ret)
{
	const struct nsf_ext_key *at = NULL;

	ret->n = 0;
	while (ret->n < NSF_SNATS_MAX && !bpf_map_get_next_key(dp->map[DP_EXTS], at, &ret->key[ret->n])) {
		at = &ret->key[ret->n];
		if (!bpf_map_lookup_elem(dp->map[DP_EXTS], at, &ret->value[ret->n]))
			ret->n++;
	}
}

static bool snat_in_pool(const struct nsf_net *row, const struct nsf_ext_key *k)
{
	const struct nsf_snat *pool = k->family == 6 ? row->snat6 : row->snat;
	unsigned i, n = k->family == 6 ? row->n_snat6 : row->n_snat;

	for (i = 0; i < n; i++)
		if (pool[i].addr == k->addr)
			return true;
	return false;
}

/* The lowest and highest external port of the networks that use an address; false if there are none. */
static bool snat_range(const struct dp *dp, const struct nsf_ext_key *k, struct nsf_ext *ext)
{
	bool used = false;
	__u32 i;

	for (i = 1; i < NSF_NETS_MAX; i++) {
		const struct nsf_net *row = &dp->nets[i];

		if (!snat_in_pool(row, k))
			continue;
		if (!used || row->port_min < ext->port_min)
			ext->port_min = row->port_min;
		if (!used || row->port_max > ext->port_max)
			ext->port_max = row->port_max;
		used = true;
	}
	return used;
}

int bpf_snat_tidy(struct dp *dp)
{
	struct snat_exts exts;
	unsigned i;

	snat_exts(dp, &exts);
	for (i = 0; i < exts.n; i++) {
		struct nsf_ext ext = exts.value[i];
		__u32 ledger = ext.ledger;

		if (snat_range(dp, &exts.key[i], &ext)) {
			if (memcmp(&ext, &exts.value[i], sizeof(ext)) &&
			    bpf_map_update_elem(dp->map[DP_EXTS], &exts.key[i], &ext, BPF_EXIST))
				return fail(-errno, "cannot change the range of external ports");
			continue;
		}
		if (bpf_map_delete_elem(dp->map[DP_EXTS], &exts.key[i]) ||
		    (bpf_map_delete_elem(dp->map[DP_LEDGERS], &ledger) && errno != ENOENT))
			return fail(-errno, "cannot remove the ledger of external ports");
	}
	return 0;
}

/* An empty ledger at an index that no address has. A ledger that a killed run has left there is replaced. */
static int snat_ledger_make(struct dp *dp, const char *net, __u16 was, __u16 *ret)
{
	__u32 i = 0, k, zero = 0;
	bool used[NSF_SNATS_MAX] = {};
	autoclose int fd = -1;
	struct snat_exts exts;

	snat_exts(dp, &exts);
	for (k = 0; k < exts.n; k++)
		used[exts.value[k].ledger % NSF_SNATS_MAX] = true;
	/* not the one used last: what is left of an old address must not meet a new ledger at its ledger's index */
	for (k = 1; k <= NSF_SNATS_MAX; k++) {
		i = (was + k) % NSF_SNATS_MAX;
		if (!used[i])
			break;
	}
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

int bpf_snat_enter(struct dp *dp, const char *net, const struct addr *a, const struct nsf_net *row,
		   struct nsf_snat *ret)
{
	const struct nsf_snat *had = a->family == AF_INET6 ? row->snat6 : row->snat;
	struct nsf_ext_key k = { .addr = row_handle(dp, a), .family = a->family == AF_INET6 ? 6 : 4 };
	struct nsf_ext ext = { .port_min = row->port_min, .port_max = row->port_max };
	int r;

	if (bpf_map_lookup_elem(dp->map[DP_EXTS], &k, &ext)) {
		r = snat_ledger_make(dp, net, had->ledger, &ext.ledger);
		if (r)
			return r;
		if (bpf_map_update_elem(dp->map[DP_EXTS], &k, &ext, BPF_ANY))
			return fail(-errno, "%s: cannot enter an SNAT address into the data path", net);
	}
	*ret = (struct nsf_snat){ .addr = k.addr, .ledger = ext.ledger };
	return 0;
}

/*
 * Whoever reads in the middle of it gets an address of the old pool or the new one, always with its own ledger: each
 * entry is written at once, and those behind the last one repeat the pool. What began with the old one ends by the purge.
 */
static void snat_write_pool(struct nsf_net *row, const struct nsf_snat pool[NSF_POOL_MAX], unsigned n)
{
	struct nsf_snat entry;
	unsigned i;

	for (i = 0; n && i < NSF_POOL_MAX; i++) {
		entry = pool[i % n];
		__atomic_store(&row->snat[i], &entry, __ATOMIC_RELEASE);
	}
	__atomic_store_n(&row->n_snat, n, __ATOMIC_RELEASE);
}

static struct nsf_except snat_except_key(__u32 id, const struct addr *a)
{
	struct nsf_except k = { .plen = 32 + a->plen, .net = id, .family = a->family == AF_INET6 ? 6 : 4 };

	memcpy(k.addr, a->bytes, sizeof(k.addr));
	return k;
}

static bool snat_except_wanted(const struct network *n, const struct nsf_except *k)
{
	unsigned i;

	for (i = 0; n && i < n->n_excepts; i++) {
		struct nsf_except want = snat_except_key(n->id, &n->excepts[i]);

		if (!memcmp(&want, k, sizeof(want)))
			return true;
	}
	return false;
}

/* Makes the exempt destinations of a network those of n, or none with n NULL. */
static int snat_excepts(struct dp *dp, __u32 id, const struct network *n)
{
	struct nsf_except k, next, *at = NULL;
	__u32 one = 1;
	unsigned i;

	while (!bpf_map_get_next_key(dp->map[DP_EXCEPTS], at, &next)) {
		k = next;
		at = &k;
		if (k.net != id || snat_except_wanted(n, &k))
			continue;
		if (bpf_map_delete_elem(dp->map[DP_EXCEPTS], &k) && errno != ENOENT)
			return fail(-errno, "cannot take a destination out of those without SNAT");
		at = NULL; /* its neighbours may stand elsewhere now */
	}
	for (i = 0; n && i < n->n_excepts; i++) {
		k = snat_except_key(id, &n->excepts[i]);
		if (bpf_map_update_elem(dp->map[DP_EXCEPTS], &k, &one, BPF_ANY))
			return fail(-errno, "%s: cannot enter a destination without SNAT", n->name);
	}
	return 0;
}

static int snat_route_in(struct dp *dp, const struct nsf_net *row, __u32 id, bool on)
{
	struct nsf_subnet k = { .plen = __builtin_popcount(row->mask4), .addr4 = row->addr4 & row->mask4 };

	if (on ? bpf_map_update_elem(dp->map[DP_SUBNETS], &k, &id, BPF_ANY)
	       : (bpf_map_delete_elem(dp->map[DP_SUBNETS], &k) && errno != ENOENT))
		return fail(-errno, "cannot change whether the outside may reach the subnet");
	return 0;
}

#define SNAT_FLAGS (NSF_NET_SNAT | NSF_NET_ROUTED | NSF_NET_EXCEPT | NET_POLICY)

int bpf_snat_set(struct host *h, const struct network *n, struct nsf_net *row)
{
	__u32 way = !n->uplink[0] ? 0 : n->snat == NET_SNAT_NONE ? NSF_NET_ROUTED : NSF_NET_SNAT;
	unsigned i, count = way == NSF_NET_SNAT ? n->n_pool : 0;
	struct nsf_snat pool[NSF_POOL_MAX] = {};
	bool other, had = row->n_snat;
	int r = 0;

	for (i = 0; !r && i < count; i++)
		r = bpf_snat_enter(&h->dp, n->name, &n->pool[i], row, &pool[i]);
	if (!r)
		r = snat_excepts(&h->dp, n->id, n);
	if (r)
		return r;
	other = count != row->n_snat || memcmp(pool, row->snat, count * sizeof(pool[0]));
	if (other)
		snat_write_pool(row, pool, count);
	__atomic_store_n(&row->flags,
			 (row->flags & ~SNAT_FLAGS) | way | n->policy | (n->n_excepts ? NSF_NET_EXCEPT : 0),
			 __ATOMIC_RELEASE);
	/* answers of exempt destinations come in as those of a routed network do */
	r = snat_route_in(&h->dp, row, n->id, way == NSF_NET_ROUTED || (way && n->n_excepts));
	if (!r && other && had)
		r = dp_run(&h->dp, DP_PROG_PURGE);
	return r ? r : bpf_snat_tidy(&h->dp);
}

int bpf_snat_clear(struct host *h, __u32 id)
{
	struct nsf_net *row = &h->dp.nets[id];
	int first = row->flags & (NSF_NET_ROUTED | NSF_NET_EXCEPT) ? snat_route_in(&h->dp, row, id, false) : 0, r;

	__atomic_store_n(&row->flags, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&row->n_snat, 0, __ATOMIC_RELEASE);
	r = dp_run(&h->dp, DP_PROG_PURGE);
	first = first ? first : r;
	r = bpf_snat_tidy(&h->dp);
	first = first ? first : r;
	r = snat_excepts(&h->dp, id, NULL);
	return first ? first : r;
}
