/* SPDX-License-Identifier: GPL-2.0-only */
/* Typed reads of bpf mode's maps. */
#include "bpf_read.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "nsfast/count.h"
#include "nsfast/drop.h"

#include "bpf_flows.h"
#include "bpf_frag.h"
#include "bpf_net6.h"
#include "bpf_publish.h"
#include "bpf_row.h"
#include "bpf_uplink6.h"
#include "bpf_xdp.h"
#include "ifname.h"
#include "log.h"

static int read_count(struct host *h, __u32 slot, struct port *ret)
{
	int i, cpus = libbpf_num_possible_cpus();
	autofree struct nsf_count *c = cpus > 0 ? calloc(cpus, sizeof(*c)) : NULL;

	if (!c)
		return fail(-ENOMEM, "cannot read counters");
	if (slot && bpf_map_lookup_elem(h->dp.map[DP_COUNT], &slot, c))
		return fail(-errno, "cannot read the counters of slot %u", slot);
	for (i = 0; i < cpus; i++) {
		ret->rx_packets += c[i].rx_packets;
		ret->rx_bytes += c[i].rx_bytes;
		ret->tx_packets += c[i].tx_packets;
		ret->tx_bytes += c[i].tx_bytes;
	}
	return 0;
}

static void read_share(const struct nsf_share *s, struct port *p)
{
	p->limit[PORT_LIMIT_FLOWS] = s->max_flows;
	p->limit[PORT_LIMIT_HALF] = s->max_half;
	p->limit[PORT_LIMIT_PORTS] = s->max_ports;
	p->limit[PORT_LIMIT_MACS] = s->max_macs;
	p->limit[PORT_LIMIT_FLOOD] = s->max_flood;
	p->used[PORT_LIMIT_FLOWS] = s->flows;
	p->used[PORT_LIMIT_HALF] = s->half + s->half_in;
	p->used[PORT_LIMIT_PORTS] = s->ports;
	p->used[PORT_LIMIT_MACS] = s->macs;
	p->moves = s->moves;
	p->unlearned = s->unlearned;
}

static int read_port(struct host *h, struct network *n, __u32 slot)
{
	const struct nsf_port *row = &h->dp.ports[slot];
	const struct nsf_names *names = &h->dp.names[slot];
	struct port *p = network_add_port(n, names->port);
	struct link l;

	if (!p)
		return fail(-ENOMEM, "%s: cannot read ports", n->name);
	p->slot = slot;
	read_share(&h->dp.shares[slot], p);
	memcpy(p->netns, names->netns, sizeof(p->netns));
	p->policy = row->flags & PORT_POLICY;
	p->vlan = row->vlan;
	if (row->trunk)
		bpf_map_lookup_elem(h->dp.map[DP_TRUNKS], &slot, &p->trunk);
	p->mtu = p->netns[0] && row->mtu != n->mtu ? row->mtu : 0;
	if (row->flags & NSF_PORT_MANAGED) {
		p->addr = row_addr4(row->addr4, n->gateway.plen);
		p->addr6 = row_addr6(row->addr6, n->gateway6.plen);
		memcpy(p->mac, row->mac, sizeof(p->mac));
		p->has = PORT_HAS_ADDR | PORT_HAS_MAC | (p->addr6.family ? PORT_HAS_ADDR6 : 0);
	}
	if (!link_get(h->nl, NULL, row->ifindex, &l) && dp_attached(&h->dp, row->ifindex, DP_INGRESS)) {
		p->ifindex = l.ifindex;
		memcpy(p->dev, l.name, sizeof(p->dev));
	}
	p->frames = row->flags & NSF_PORT_NAPI;
	return read_count(h, slot, p);
}

static void read_uplink(struct host *h, const struct nsf_net *row, struct network *n)
{
	struct link l;

	n->snat = row->flags & NSF_NET_SNAT ? NET_SNAT_ADDR : NET_SNAT_NONE;
	memcpy(n->uplink_mac, row->uplink_mac, sizeof(n->uplink_mac));
	bpf_uplink6_read(row, n);
	bpf_xdp_read(&h->dp, row, n);
	n->uplink_ifindex = row->uplink;
	n->uplink[0] = '\0';
	if (row->uplink && !link_get(h->nl, NULL, row->uplink, &l))
		memcpy(n->uplink, l.name, sizeof(n->uplink));
}

/* How SNAT is done, and what a port may use. */
static void read_policy(struct host *h, const struct nsf_net *row, struct network *n)
{
	struct nsf_except k, *at = NULL;

	for (n->n_pool = 0; n->n_pool < row->n_snat && n->n_pool < NSF_POOL_MAX; n->n_pool++)
		n->pool[n->n_pool] = row_addr4(row->snat[n->n_pool].addr, 32);
	n->port_min = row->port_min;
	n->port_max = row->port_max;
	n->policy = row->flags & NET_POLICY;
	n->limit[PORT_LIMIT_FLOWS] = row->max_flows;
	n->limit[PORT_LIMIT_HALF] = row->max_half;
	n->limit[PORT_LIMIT_PORTS] = row->max_ports;
	n->limit[PORT_LIMIT_MACS] = row->max_macs;
	n->limit[PORT_LIMIT_FLOOD] = row->max_flood;
	n->fdb_age = row->fdb_age;
	while (!bpf_map_get_next_key(h->dp.map[DP_EXCEPTS], at, &k)) {
		struct addr a = { .family = k.family == 6 ? AF_INET6 : AF_INET, .plen = k.plen - 32 };

		at = &k;
		memcpy(a.bytes, k.addr, sizeof(a.bytes));
		if (k.net == n->id)
			network_add_except(n, &a);
	}
}

static bool read_forwarding(const char *ifname)
{
	char path[64], on = '?';
	autoclose int fd = -1;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/forwarding", ifname);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &on, 1) == 1 && on == '1';
}

static int read_is_addr(int ifindex, const struct addr *a, void *arg)
{
	(void)ifindex;
	return !memcmp(a, arg, sizeof(*a));
}

/* Somebody may have changed forwarding for all interfaces: the far end needs it for route lookups, and the gateway
 * must not have it, or the host would forward what it does not know as its own. */
static bool read_whole(struct host *h, const struct nsf_net *row, const struct network *n)
{
	struct addr gateway = n->gateway;
	char far[IFNAMSIZ];

	ifname_far(n->name, far);
	return n->ifindex && read_forwarding(far) && !read_forwarding(n->name) &&
	       addr_list(h->nl, n->ifindex, read_is_addr, &gateway) == 1 && bpf_net6_whole(h, n) &&
	       (!row->uplink || (n->uplink[0] && dp_attached(&h->dp, row->uplink, DP_INGRESS) &&
				 dp_attached(&h->dp, row->uplink, DP_EGRESS) && bpf_frag_whole(h) &&
				 (n->xdp != NET_XDP_NATIVE ||
				  (n->xdp_attached && (n->xdp_forwards || !(n->policy & NSF_NET_XDP_FORWARD))))));
}

static int read_publish(const char *net, const struct publish *p, void *arg)
{
	struct publish *to = network_add_publish(arg);

	if (!to)
		return fail(-ENOMEM, "%s: cannot read publishes", net);
	*to = *p;
	return 0;
}

int bpf_read_net(struct host *h, const char *name, struct network *ret)
{
	__u32 id = h->dp.loaded ? row_net(&h->dp, name) : 0, slot;
	const struct nsf_net *row;
	struct link l;
	int r;

	if (!id)
		return -ENOENT;
	row = &h->dp.nets[id];
	network_init(ret, name);
	ret->id = id;
	ret->mode = NET_MODE_BPF;
	ret->mtu = row->mtu;
	ret->flows = h->dp.n_flows;
	memcpy(ret->mac, row->mac, sizeof(ret->mac));
	memcpy(ret->timeout, row->timeout, sizeof(ret->timeout));
	ret->gateway = row_addr4(row->addr4, __builtin_popcount(row->mask4));
	ret->gateway6 = row_addr6(row->gateway6, row->plen6);
	if (!link_get(h->nl, NULL, row->gateway, &l) && streq(l.name, name) &&
	    dp_attached(&h->dp, row->gateway, DP_EGRESS))
		ret->ifindex = row->gateway;
	read_uplink(h, row, ret);
	read_policy(h, row, ret);
	ret->whole = read_whole(h, row, ret);
	ret->hooks = dp_clsact(&h->dp) ? "clsact" : "tcx";
	r = read_count(h, row->gateway_slot, &ret->gw);
	if (!r)
		r = read_count(h, row->uplink_slot, &ret->up);
	for (slot = row->first; !r && slot; slot = h->dp.ports[slot].next)
		if (h->dp.names[slot].port[0])
			r = read_port(h, ret, slot);
	if (!r)
		r = bpf_publish_list(h, name, read_publish, ret);
	if (r)
		network_free(ret);
	return r;
}

int bpf_read_list(struct host *h, int (*cb)(const char *name, void *arg), void *arg)
{
	__u32 i;
	int r = 0;

	for (i = 1; h->dp.loaded && !r && i < NSF_NETS_MAX; i++)
		if (h->dp.nets[i].name[0])
			r = cb(h->dp.nets[i].name, arg);
	return r;
}

static int read_used(struct host *h, __u32 ledger, struct mode_external *ret)
{
	__u32 i, key, used;

	for (i = 0; i < NSF_LEDGER_MAX; i++) {
		key = ledger * NSF_LEDGER_MAX + i;
		if (bpf_map_lookup_elem(h->dp.map[DP_USED], &key, &used))
			return fail(-errno, "cannot read how many external ports are in use");
		ret->used[i] = used;
	}
	return 0;
}

int bpf_read_externals(struct host *h, const char *net, int (*cb)(const struct mode_external *e, void *arg), void *arg)
{
	__u32 id = h->dp.loaded ? row_net(&h->dp, net) : 0, i;
	const struct nsf_net *row;
	struct mode_external e;
	int r = 0;

	if (!id)
		return -ENOENT;
	row = &h->dp.nets[id];
	for (i = 0; !r && row->flags & NSF_NET_SNAT && i < row->n_snat && i < NSF_POOL_MAX; i++) {
		e.addr = row_addr4(row->snat[i].addr, 32);
		r = read_used(h, row->snat[i].ledger, &e);
		r = r ? r : cb(&e, arg);
	}
	for (i = 0; !r && row->flags & NSF_NET_SNAT6 && i < row->n_snat6 && i < NSF_POOL_MAX; i++) {
		e.addr = (struct addr){ .family = AF_INET6, .plen = 128 };
		memcpy(e.addr.bytes, row->pool6[i], sizeof(e.addr.bytes));
		r = read_used(h, row->snat6[i].ledger, &e);
		r = r ? r : cb(&e, arg);
	}
	return r;
}

static int read_drop(const struct dp *dp, __u32 key, __u64 *values, int cpus, __u64 *ret)
{
	int i;

	if (bpf_map_lookup_elem(dp->map[DP_DROPS], &key, values))
		return fail(-errno, "cannot read the drop counters");
	for (*ret = 0, i = 0; i < cpus; i++)
		*ret += values[i];
	return 0;
}

#define DROP_WORDS(name, text) { #name, text },
static const struct {
	const char *name, *text;
} drop_words[] = { NSF_DROPS(DROP_WORDS) };

int bpf_read_drops(struct host *h, const char *net,
		   int (*cb)(const char *net, const char *reason, const char *text, __u64 packets, void *arg),
		   void *arg)
{
	const struct dp *dp = &h->dp;
	int cpus = libbpf_num_possible_cpus(), r = 0;
	autofree __u64 *values = cpus > 0 ? calloc(cpus, sizeof(*values)) : NULL;
	__u32 id, reason;
	__u64 n = 0;

	if (!values)
		return fail(-ENOMEM, "cannot read the drop counters");
	for (id = 0; dp->loaded && !r && id < NSF_NETS_MAX; id++) {
		if ((id && !dp->nets[id].name[0]) || (net && !streq(dp->nets[id].name, net)))
			continue;
		for (reason = 1; !r && reason < NSF_DROP_MAX; reason++) {
			r = read_drop(dp, id * NSF_DROP_STRIDE + reason, values, cpus, &n);
			if (!r && n)
				r = cb(dp->nets[id].name, drop_words[reason].name, drop_words[reason].text, n, arg);
		}
	}
	return r;
}
