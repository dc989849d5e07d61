/* SPDX-License-Identifier: GPL-2.0-only */
/* What is in netfilter mode: the record, and what the kernel tells of it. */
#include "nf_read.h"

#include <errno.h>
#include <linux/netfilter.h>

#include "nsfast/drop.h"

#include "log.h"
#include "nf_flows.h"
#include "nf_net.h"
#include "port.h"
#include "nf_publish.h"
#include "nf_record.h"
#include "nf_rules.h"
#include "nft.h"

static void read_counts(struct host *h, int ifindex, bool from_inside, struct port *ret)
{
	struct link_counts c;

	if (link_counts(h->nl, ifindex, &c))
		return;
	/* as the data path sees them: rx is what comes in from the port */
	ret->rx_packets = from_inside ? c.rx_packets : c.tx_packets;
	ret->rx_bytes = from_inside ? c.rx_bytes : c.tx_bytes;
	ret->tx_packets = from_inside ? c.tx_packets : c.rx_packets;
	ret->tx_bytes = from_inside ? c.tx_bytes : c.rx_bytes;
}

static void read_port(struct host *h, struct network *n, struct port *p)
{
	char ifname[IFNAMSIZ];
	struct link l;

	port_ifname(n->name, p, ifname);
	p->has = p->netns[0] ? PORT_HAS_ADDR | PORT_HAS_MAC | (p->addr6.family ? PORT_HAS_ADDR6 : 0) : 0;
	if (link_get(h->nl, ifname, 0, &l) || (p->netns[0] && !streq(l.kind, "veth"))) {
		p->dev[0] = '\0';
		return;
	}
	n->whole &= l.master == n->ifindex;
	p->ifindex = l.ifindex;
	memcpy(p->dev, l.name, sizeof(p->dev));
	read_counts(h, l.ifindex, true, p);
}

static int read_publish(const char *net, const struct publish *p, void *arg)
{
	struct publish *to = network_add_publish(arg);

	if (!to)
		return fail(-ENOMEM, "%s: cannot read publishes", net);
	*to = *p;
	return 0;
}

static int read_used(const struct mode_flow *f, void *arg)
{
	struct port *p = f->port ? network_port(arg, f->port) : NULL;

	if (!p || f->state == FLOW_CLOSED || f->state == FLOW_RESET)
		return 0;
	p->used[PORT_LIMIT_FLOWS]++;
	p->used[PORT_LIMIT_HALF] += f->state == FLOW_OPENING;
	return 0;
}

static void read_limits(struct network *n)
{
	size_t i;
	unsigned k;

	for (i = 0; i < n->n_ports; i++)
		for (k = 0; k < PORT_LIMIT_MAX; k++)
			n->ports[i].limit[k] = network_limit(n, &n->ports[i], k);
}

int nf_read_net(struct host *h, const char *name, struct network *ret)
{
	struct link l;
	size_t i;
	int r = nf_record_read(h, name, ret);

	if (r)
		return r;
	if (!link_get(h->nl, name, 0, &l) && streq(l.kind, "bridge")) {
		ret->ifindex = l.ifindex;
		memcpy(ret->mac, l.mac, sizeof(ret->mac));
		read_counts(h, l.ifindex, false, &ret->gw);
	}
	if (ret->uplink[0] && !link_get(h->nl, ret->uplink, 0, &l)) {
		ret->uplink_ifindex = l.ifindex;
		memcpy(ret->uplink_mac, l.mac, sizeof(ret->uplink_mac));
	}
	ret->whole = true;
	ret->hooks = "netfilter";
	for (i = 0; i < ret->n_ports; i++)
		read_port(h, ret, &ret->ports[i]);
	read_limits(ret);
	ret->n_publishes = 0;
	free(ret->publishes);
	ret->publishes = NULL;
	r = nf_publish_list(h, name, read_publish, ret);
	if (r) {
		network_free(ret);
		return r;
	}
	ret->whole &= nf_net_whole(h, ret);
	return nf_flows_read(h, &(struct flow_filter){ .net = name }, read_used, ret);
}

#define DROP_ROW(name, text) { #name, text },
static const struct {
	const char *name, *text;
} drops[] = { NSF_DROPS(DROP_ROW) };

struct drops_reading {
	struct host *h;
	__u64 packets[ARRAY_SIZE(drops)]; /* of one network */
	int ifindex;
	int (*cb)(const char *net, const char *reason, const char *text, __u64 packets, void *arg);
	void *arg;
};

static int drops_count(const char *name, __u64 packets, __u64 bytes, void *arg)
{
	struct drops_reading *d = arg;
	const char *end = strrchr(name, '_');
	size_t i;

	(void)bytes;
	if (!end || atoi(end + 1) != d->ifindex)
		return 0;
	for (i = 0; i < ARRAY_SIZE(drops); i++)
		if (strlen(drops[i].name) == (size_t)(end - name) && !strncmp(drops[i].name, name, end - name))
			d->packets[i] += packets;
	return 0;
}

static int drops_net(const char *name, void *arg)
{
	struct drops_reading *d = arg;
	struct link l;
	size_t i;
	int r = 0;

	if (link_get(d->h->nl, name, 0, &l))
		return 0;
	d->ifindex = l.ifindex;
	memset(d->packets, 0, sizeof(d->packets));
	nft_counters(NFPROTO_INET, NF_TABLE, drops_count, d);
	nft_counters(NFPROTO_BRIDGE, NF_TABLE, drops_count, d);
	for (i = 0; !r && i < ARRAY_SIZE(drops); i++)
		if (d->packets[i])
			r = d->cb(name, drops[i].name, drops[i].text, d->packets[i], d->arg);
	return r;
}

int nf_read_drops(struct host *h, const char *net,
		  int (*cb)(const char *net, const char *reason, const char *text, __u64 packets, void *arg), void *arg)
{
	struct drops_reading d = { .h = h, .cb = cb, .arg = arg };

	return net ? drops_net(net, &d) : nf_record_list(h, drops_net, &d);
}
