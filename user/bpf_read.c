/* SPDX-License-Identifier: GPL-2.0-only */
/* Typed reads of bpf mode's maps. */
#include "bpf_read.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "nsfast/count.h"
#include "nsfast/drop.h"
#include "nsfast/fdb.h"

#include "bpf_row.h"
#include "ifname.h"
#include "log.h"

static void read_addr(struct addr *ret, __be32 addr, __u8 plen)
{
	*ret = (struct addr){ .family = AF_INET, .plen = plen };
	memcpy(ret->bytes, &addr, sizeof(addr));
}

/* What the data path counts time in. */
static __u32 read_tick(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return ((__u64)t.tv_sec * 1000000000ULL + t.tv_nsec) >> NSF_TICK_SHIFT;
}

static __u64 read_seconds(__u32 ticks)
{
	return (((__u64)ticks << NSF_TICK_SHIFT) + 500000000) / 1000000000;
}

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

static int read_port(struct host *h, struct network *n, __u32 slot)
{
	const struct nsf_port *row = &h->dp.ports[slot];
	const struct nsf_names *names = &h->dp.names[slot];
	struct port *p = network_add_port(n, names->port);
	struct link l;

	if (!p)
		return fail(-ENOMEM, "%s: cannot read ports", n->name);
	p->slot = slot;
	memcpy(p->netns, names->netns, sizeof(p->netns));
	if (row->flags & NSF_PORT_MANAGED) {
		read_addr(&p->addr, row->addr4, n->gateway.plen);
		memcpy(p->mac, row->mac, sizeof(p->mac));
		p->has = PORT_HAS_ADDR | PORT_HAS_MAC;
	}
	if (!link_get(h->nl, NULL, row->ifindex, &l) && dp_attached(&h->dp, row->ifindex, DP_INGRESS)) {
		p->ifindex = l.ifindex;
		memcpy(p->dev, l.name, sizeof(p->dev));
	}
	return read_count(h, slot, p);
}

static void read_uplink(struct host *h, const struct nsf_net *row, struct network *n)
{
	struct link l;

	n->snat = row->flags & NSF_NET_SNAT ? NET_SNAT_ADDR : NET_SNAT_NONE;
	if (row->flags & NSF_NET_SNAT)
		read_addr(&n->snat_addr, row->snat4, 32);
	n->uplink_ifindex = row->uplink;
	n->uplink[0] = '\0';
	if (row->uplink && !link_get(h->nl, NULL, row->uplink, &l))
		memcpy(n->uplink, l.name, sizeof(n->uplink));
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
	       addr_list(h->nl, n->ifindex, read_is_addr, &gateway) == 1 &&
	       (!row->uplink || (n->uplink[0] && dp_attached(&h->dp, row->uplink, DP_INGRESS)));
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
	memcpy(ret->mac, row->mac, sizeof(ret->mac));
	memcpy(ret->timeout, row->timeout, sizeof(ret->timeout));
	read_addr(&ret->gateway, row->addr4, __builtin_popcount(row->mask4));
	if (!link_get(h->nl, NULL, row->gateway, &l) && streq(l.name, name) &&
	    dp_attached(&h->dp, row->gateway, DP_EGRESS))
		ret->ifindex = row->gateway;
	read_uplink(h, row, ret);
	ret->whole = read_whole(h, row, ret);
	r = read_count(h, row->gateway_slot, &ret->gw);
	if (!r)
		r = read_count(h, row->uplink_slot, &ret->up);
	for (slot = row->first; !r && slot; slot = h->dp.ports[slot].next)
		if (h->dp.names[slot].port[0])
			r = read_port(h, ret, slot);
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

/* The timeout class is the sweep's; words as conntrack(8) users know them. */
static const char *read_state(const struct nsf_flow *f, enum nsf_timeout *class)
{
	const __u8 syn = NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER, fin = NSF_TCP_FIN_IN | NSF_TCP_FIN_PEER;

	if (f->proto != IPPROTO_TCP) {
		*class = f->proto == IPPROTO_UDP ? NSF_TIMEOUT_UDP : NSF_TIMEOUT_ICMP;
		return "active";
	}
	*class = NSF_TIMEOUT_TCP_TRANS;
	if (f->tcp & NSF_TCP_RST)
		return "reset";
	if ((f->tcp & syn) != syn)
		return "opening";
	if ((f->tcp & fin) == fin)
		return "closed";
	*class = NSF_TIMEOUT_TCP_EST;
	return f->tcp & fin ? "half-closed" : "established";
}

static void read_flow(const struct dp *dp, const struct nsf_flow *f, __u32 now, struct mode_flow *ret)
{
	enum nsf_timeout class;
	__u64 idle = read_seconds((__s32)(now - f->seen) > 0 ? now - f->seen : 0), limit;

	ret->state = read_state(f, &class);
	ret->proto = f->proto == IPPROTO_TCP ? "tcp" : f->proto == IPPROTO_UDP ? "udp" : "icmp";
	limit = dp->nets[f->net].timeout[class];
	ret->left = limit > idle ? limit - idle : 0;
	read_addr(&ret->inner, f->inner, 32);
	read_addr(&ret->ext, f->ext, 32);
	read_addr(&ret->peer, f->peer, 32);
	ret->inner_port = ntohs(f->inner_port);
	ret->ext_port = ntohs(f->ext_port);
	ret->peer_port = ntohs(f->peer_port);
	ret->net = dp->nets[f->net].name;
	ret->port = dp->names[f->slot].port;
}

static __u32 read_flow_end(const struct dp *dp)
{
	__u32 fresh = __atomic_load_n(&dp->state->fresh, __ATOMIC_RELAXED);

	return fresh < dp->n_flows ? fresh : dp->n_flows;
}

int bpf_read_flows(struct host *h, const char *net, int (*cb)(const struct mode_flow *f, void *arg), void *arg)
{
	const struct dp *dp = &h->dp;
	__u32 i, now = read_tick(), id = net && dp->loaded ? row_net(dp, net) : 0;
	int r = 0;

	if (!dp->loaded)
		return 0;
	for (i = 0; !r && i < read_flow_end(dp); i++) {
		struct nsf_flow f = dp->flows[i];
		struct mode_flow row;

		/* copied while it was given to another conversation: that one is not told yet */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(f.flags & NSF_FLOW_LIVE) || dp->flows[i].gen != f.gen || (net && f.net != id) ||
		    f.net >= NSF_NETS_MAX || f.slot >= NSF_SLOTS_MAX)
			continue;
		read_flow(dp, &f, now, &row);
		r = cb(&row, arg);
	}
	return r;
}

int bpf_read_usage(struct host *h, struct mode_usage *ret)
{
	__u32 i;

	*ret = (struct mode_usage){ .flows_max = h->dp.n_flows };
	for (i = 0; h->dp.loaded && i < read_flow_end(&h->dp); i++)
		ret->flows += !!(h->dp.flows[i].flags & NSF_FLOW_LIVE);
	return 0;
}

static bool read_mac(const struct dp *dp, const struct nsf_fdb_key *k, const struct nsf_fdb *e, __u32 now,
		     struct mode_mac *ret)
{
	if (k->net >= NSF_NETS_MAX || e->slot >= NSF_SLOTS_MAX || dp->ports[e->slot].gen != e->gen)
		return false;
	ret->fixed = e->flags & NSF_FDB_STATIC;
	ret->idle = ret->fixed || (__s32)(now - e->seen) < 0 ? 0 : read_seconds(now - e->seen);
	if (!ret->fixed && ret->idle > NSF_FDB_AGE)
		return false;
	memcpy(ret->mac, k->mac, sizeof(ret->mac));
	ret->net = dp->nets[k->net].name;
	ret->port = dp->ports[e->slot].role == NSF_ROLE_GATEWAY ? ret->net : dp->names[e->slot].port;
	return true;
}

int bpf_read_fdb(struct host *h, const char *net, int (*cb)(const struct mode_mac *m, void *arg), void *arg)
{
	const struct dp *dp = &h->dp;
	__u32 now = read_tick(), id = net && dp->loaded ? row_net(dp, net) : 0;
	struct nsf_fdb_key k, *at = NULL;
	struct mode_mac row;
	struct nsf_fdb e;
	int r = 0;

	while (dp->loaded && !r && !bpf_map_get_next_key(dp->map[DP_FDB], at, &k)) {
		at = &k;
		if ((!net || k.net == id) && !bpf_map_lookup_elem(dp->map[DP_FDB], &k, &e) &&
		    read_mac(dp, &k, &e, now, &row))
			r = cb(&row, arg);
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
