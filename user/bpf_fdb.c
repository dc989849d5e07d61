/* SPDX-License-Identifier: GPL-2.0-only */
/* The forwarding database of bpf mode: which MAC is behind which port. */
#include "bpf_fdb.h"

#include <bpf/bpf.h>
#include <errno.h>

#include "nsfast/fdb.h"

#include "bpf_flows.h"
#include "bpf_row.h"
#include "log.h"

/* The port that an entry names is the one that it was made for. */
static bool fdb_alive(const struct dp *dp, const struct nsf_fdb *e)
{
	return e->slot < NSF_SLOTS_MAX && dp->ports[e->slot].gen == e->gen;
}

/* A learned entry that is removed or replaced. */
static void fdb_uncount(struct dp *dp, __u32 net, const struct nsf_fdb *e)
{
	if (e->flags & NSF_FDB_STATIC || !fdb_alive(dp, e))
		return;
	row_macs(dp, e->slot, 1);
	row_macs(dp, dp->nets[net].gateway_slot, 1);
}

static int fdb_delete(struct dp *dp, const struct nsf_fdb_key *k, const struct nsf_fdb *e)
{
	if (bpf_map_delete_elem(dp->map[DP_FDB], k))
		return -errno;
	fdb_uncount(dp, k->net, e);
	return 0;
}

/* A table full of learned MACs makes room: one of them is learned again when it speaks. */
static bool fdb_forget_learned(struct dp *dp)
{
	struct nsf_fdb_key k, *at = NULL;
	struct nsf_fdb e;

	while (!bpf_map_get_next_key(dp->map[DP_FDB], at, &k)) {
		at = &k;
		if (!bpf_map_lookup_elem(dp->map[DP_FDB], &k, &e) && !(e.flags & NSF_FDB_STATIC))
			return !fdb_delete(dp, &k, &e);
	}
	return false;
}

static int fdb_fix(struct dp *dp, __u32 net, const __u8 mac[6], __u32 slot, __u8 flags)
{
	struct nsf_fdb_key k = { .net = net };
	struct nsf_fdb was, e = { .gen = dp->ports[slot].gen, .slot = slot, .flags = NSF_FDB_STATIC | flags };
	char text[MAC_STRLEN];
	bool there;
	int tries = 0;

	memcpy(k.mac, mac, sizeof(k.mac));
	there = !bpf_map_lookup_elem(dp->map[DP_FDB], &k, &was);
	if (there && was.flags & NSF_FDB_STATIC && was.slot != slot && fdb_alive(dp, &was))
		return fail_usage("%s: MAC %s is that of %s already", dp->nets[net].name, mac_format(mac, text),
				  dp->ports[was.slot].role == NSF_ROLE_GATEWAY ? "the gateway"
									       : dp->names[was.slot].port);
	while (bpf_map_update_elem(dp->map[DP_FDB], &k, &e, BPF_ANY)) {
		if (errno == E2BIG && tries++ < 1000 && fdb_forget_learned(dp))
			continue; /* the room may have been taken by another learned one */
		return fail(-errno, "cannot enter %s into the forwarding database", mac_format(mac, text));
	}
	if (there)
		fdb_uncount(dp, net, &was);
	return 0;
}

int bpf_fdb_set(struct dp *dp, __u32 net, const __u8 mac[6], __u32 slot)
{
	return fdb_fix(dp, net, mac, slot, 0);
}

int bpf_fdb_unset(struct dp *dp, __u32 net, const __u8 mac[6], __u32 slot)
{
	struct nsf_fdb_key k = { .net = net };
	char text[MAC_STRLEN];
	struct nsf_fdb e;

	memcpy(k.mac, mac, sizeof(k.mac));
	if (bpf_map_lookup_elem(dp->map[DP_FDB], &k, &e) || e.slot != slot || !(e.flags & NSF_FDB_STATIC))
		return 0; /* another's */
	if (bpf_map_delete_elem(dp->map[DP_FDB], &k) && errno != ENOENT)
		return fail(-errno, "cannot take %s out of the forwarding database", mac_format(mac, text));
	return 0;
}

int bpf_fdb_add(struct host *h, const struct network *n, const struct port *p, const __u8 mac[6])
{
	return fdb_fix(&h->dp, n->id, mac, row_port(&h->dp, n->id, p->name), NSF_FDB_USER);
}

int bpf_fdb_del(struct host *h, const struct network *n, const __u8 mac[6])
{
	struct nsf_fdb_key k, next;
	struct nsf_fdb e;
	int r = -ENOENT, more = !bpf_map_get_next_key(h->dp.map[DP_FDB], NULL, &next);

	while (more && (!r || r == -ENOENT)) { /* of each VLAN */
		k = next;
		more = !bpf_map_get_next_key(h->dp.map[DP_FDB], &k, &next);
		if (k.net != n->id || memcmp(k.mac, mac, sizeof(k.mac)) ||
		    bpf_map_lookup_elem(h->dp.map[DP_FDB], &k, &e))
			continue;
		r = e.flags & NSF_FDB_STATIC && !(e.flags & NSF_FDB_USER) ? -EPERM : fdb_delete(&h->dp, &k, &e);
	}
	return r;
}

/* The next key is looked for before this one goes. */
int bpf_fdb_flush(struct host *h, const struct network *n, const struct port *p, __u64 *ret)
{
	struct nsf_fdb_key k, next;
	struct nsf_fdb e;
	int r = 0, more;

	*ret = 0;
	more = !bpf_map_get_next_key(h->dp.map[DP_FDB], NULL, &next);
	while (!r && more) {
		k = next;
		more = !bpf_map_get_next_key(h->dp.map[DP_FDB], &k, &next);
		if (k.net != n->id || bpf_map_lookup_elem(h->dp.map[DP_FDB], &k, &e) || e.flags & NSF_FDB_STATIC ||
		    (p && e.slot != p->slot))
			continue;
		r = fdb_delete(&h->dp, &k, &e);
		r = r == -ENOENT ? 0 : r;
		*ret += !r;
	}
	return r ? fail(r, "%s: cannot empty the forwarding database", n->name) : 0;
}

static bool fdb_read(const struct dp *dp, const struct nsf_fdb_key *k, const struct nsf_fdb *e, __u32 now,
		     struct mode_mac *ret)
{
	if (k->net >= NSF_NETS_MAX || !fdb_alive(dp, e))
		return false;
	ret->fixed = e->flags & NSF_FDB_STATIC;
	ret->idle = ret->fixed || (__s32)(now - e->seen) < 0 ? 0 : bpf_flows_seconds(now - e->seen);
	if (!ret->fixed && ret->idle > dp->nets[k->net].fdb_age)
		return false;
	memcpy(ret->mac, k->mac, sizeof(ret->mac));
	ret->vlan = k->vlan;
	ret->net = dp->nets[k->net].name;
	ret->user = e->flags & NSF_FDB_USER;
	ret->gateway = dp->ports[e->slot].role == NSF_ROLE_GATEWAY;
	ret->port = ret->gateway ? ret->net : dp->names[e->slot].port;
	ret->ifindex = dp->ports[e->slot].ifindex;
	return true;
}

int bpf_fdb_list(struct host *h, const char *net, int (*cb)(const struct mode_mac *m, void *arg), void *arg)
{
	const struct dp *dp = &h->dp;
	__u32 now = bpf_flows_tick(), id = net && dp->loaded ? row_net(dp, net) : 0;
	struct nsf_fdb_key k, *at = NULL;
	struct mode_mac row;
	struct nsf_fdb e;
	int r = 0;

	while (dp->loaded && !r && !bpf_map_get_next_key(dp->map[DP_FDB], at, &k)) {
		at = &k;
		if ((!net || k.net == id) && !bpf_map_lookup_elem(dp->map[DP_FDB], &k, &e) &&
		    fdb_read(dp, &k, &e, now, &row))
			r = cb(&row, arg);
	}
	return r;
}
