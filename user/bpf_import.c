/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows that containers have by the kernel's connection tracking when their interfaces become ports. */
#include "bpf_import.h"

#include <linux/netfilter/nf_conntrack_common.h>
#include <string.h>

#include "bpf_flows.h"
#include "conntrack_flow.h"
#include "log.h"
#include "sysctl.h"

struct importing {
	struct host *h;
	const struct network *n;
	__u64 flows;
};

/* Asking for the connections would load the kernel's modules for them. */
static bool import_any(void)
{
	char text[32];

	return !sysctl_get("netfilter/nf_conntrack_count", text, sizeof(text)) && !streq(text, "0");
}

/* Begun inside the subnet, by nobody whose port nsfast made, and turned to an address that the network turns it to. */
static bool import_means(const struct network *n, const struct conntrack *c)
{
	bool six = c->orig.src.family == AF_INET6;
	const struct addr *pool = six ? n->pool6 : n->pool;
	unsigned i, count = six ? n->n_pool6 : n->n_pool;

	if ((c->status & (IPS_SRC_NAT | IPS_DST_NAT)) != IPS_SRC_NAT || !network_holds(n, &c->orig.src) ||
	    conntrack_port(n, &c->orig.src) || (six ? n->snat6 : n->snat) != NET_SNAT_ADDR)
		return false;
	for (i = 0; i < count && !conntrack_within(&c->reply.dst, &pool[i]); i++)
		;
	return i < count;
}

static int import_one(const struct conntrack *c, void *arg)
{
	struct importing *m = arg;
	struct mode_flow f;
	int r;

	if (!import_means(m->n, c))
		return 0;
	conntrack_flow(m->n, c, false, &f);
	if (f.state == FLOW_CLOSED || f.state == FLOW_RESET)
		return 0;
	r = bpf_flows_put(m->h, &f, NULL);
	m->flows += !r;
	if (r)
		debug("%s: a flow of protocol %u, port %u is not imported: %s", m->n->name, f.proto, f.inner_port,
		      strerror(-r));
	return 0;
}

__u64 bpf_import(struct host *h, const struct network *n)
{
	struct importing m = { .h = h, .n = n };
	int r = import_any() ? conntrack_list(import_one, &m) : 0;

	if (r)
		warn("%s: cannot read the host's connections, those of adopted ports will end: %s", n->name,
		     strerror(-r));
	return m.flows;
}

struct forgetting {
	struct nl *nl;
	const struct network *n;
};

static int forget_one(const struct mode_flow *f, void *arg)
{
	const struct forgetting *g = arg;
	struct conntrack c = {};

	if (f->inbound || conntrack_port(g->n, &f->inner))
		return 0;
	conntrack_tuples(f, NULL, &c);
	return conntrack_del(g->nl, &c.orig);
}

/*
 * The kernel sees no packet of them any more: what it knows would be older from one to the next. Left there for the days that
 * it has, it would be imported once more with the next port, over or not, and be taken for the truth by mode netfilter.
 */
void bpf_import_end(struct host *h, const struct network *n)
{
	const struct flow_filter all = { .net = n->name };
	struct forgetting g = { .n = n };
	autonl struct nl *nl = NULL;
	int r = nl_open_to(NETLINK_NETFILTER, &nl);

	if (r)
		return;
	g.nl = nl;
	r = bpf_flows_read(h, &all, forget_one, &g);
	if (r)
		warn("%s: cannot end the host's connections that were imported: %s", n->name, strerror(-r));
}
