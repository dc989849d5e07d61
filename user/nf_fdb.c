/* SPDX-License-Identifier: GPL-2.0-only */
/* The forwarding database of netfilter mode: the bridge's. */
#include "nf_fdb.h"

#include <errno.h>

#include "bridge.h"
#include "log.h"
#include "nf_read.h"
#include "nf_record.h"

struct fdb_reading {
	const struct network *n;
	int (*cb)(const struct mode_mac *m, void *arg);
	void *arg;
};

/* The host's ends of ports have MACs of their own, which nobody speaks to. */
static int fdb_one(const struct bridge_fdb *e, void *arg)
{
	struct fdb_reading *f = arg;
	struct mode_mac m = { .net = f->n->name,
			      .ifindex = e->ifindex,
			      .fixed = e->fixed,
			      .idle = e->fixed ? 0 : e->idle,
			      .vlan = e->vlan };
	size_t i;

	memcpy(m.mac, e->mac, sizeof(m.mac));
	if (e->ifindex == f->n->ifindex) {
		m.gateway = true;
		m.port = memcmp(e->mac, f->n->mac, sizeof(m.mac)) ? NULL : f->n->name;
	}
	for (i = 0; !e->local && i < f->n->n_ports; i++)
		if (f->n->ports[i].ifindex == e->ifindex) {
			m.port = f->n->ports[i].name;
			m.user = e->fixed && !f->n->ports[i].netns[0];
		}
	return m.port ? f->cb(&m, f->arg) : 0;
}

static int fdb_walk(struct host *h, const struct network *n, int (*cb)(const struct mode_mac *m, void *arg), void *arg)
{
	struct fdb_reading f = { n, cb, arg };

	return n->ifindex ? bridge_fdb_list(h->nl, n->ifindex, fdb_one, &f) : 0;
}

struct fdb_nets {
	struct host *h;
	int (*cb)(const struct mode_mac *m, void *arg);
	void *arg;
};

static int fdb_net(const char *name, void *arg)
{
	struct fdb_nets *all = arg;
	struct network n;
	int r = nf_read_net(all->h, name, &n);

	if (r)
		return r == -ENOENT ? 0 : r;
	r = fdb_walk(all->h, &n, all->cb, all->arg);
	network_free(&n);
	return r;
}

int nf_fdb_list(struct host *h, const char *net, int (*cb)(const struct mode_mac *m, void *arg), void *arg)
{
	struct fdb_nets all = { h, cb, arg };

	return net ? fdb_net(net, &all) : nf_record_list(h, fdb_net, &all);
}

struct fdb_found {
	const __u8 *mac;
	struct mode_mac m;
};

static int fdb_is(const struct mode_mac *m, void *arg)
{
	struct fdb_found *f = arg;

	if (memcmp(m->mac, f->mac, sizeof(m->mac)))
		return 0;
	f->m = *m;
	return 1;
}

int nf_fdb_add(struct host *h, const struct network *n, const struct port *p, const __u8 mac[6])
{
	struct fdb_found f = { .mac = mac };
	char text[MAC_STRLEN];
	int r = fdb_walk(h, n, fdb_is, &f);

	if (r == 1 && f.m.fixed && f.m.ifindex != p->ifindex)
		return fail_usage("%s: MAC %s is that of %s already", n->name, mac_format(mac, text),
				  f.m.gateway ? "the gateway" : f.m.port);
	if (r >= 0)
		r = bridge_fdb_add(h->nl, p->ifindex, mac);
	return r ? fail(r, "%s: cannot enter %s into the forwarding database", n->name, mac_format(mac, text)) : 0;
}

int nf_fdb_del(struct host *h, const struct network *n, const __u8 mac[6])
{
	struct fdb_found f = { .mac = mac };
	int r, gone = 0;

	while ((r = fdb_walk(h, n, fdb_is, &f)) == 1) { /* of each VLAN */
		if (f.m.fixed && !f.m.user)
			return -EPERM;
		r = bridge_fdb_del(h->nl, f.m.ifindex, mac);
		if (r && r != -ENOENT)
			return r;
		gone++;
	}
	return r < 0 ? r : gone ? 0 : -ENOENT;
}

struct fdb_flushing {
	struct host *h;
	const struct port *p;
	__u64 n;
};

static int fdb_forget(const struct mode_mac *m, void *arg)
{
	struct fdb_flushing *f = arg;
	int r;

	if (m->fixed || (f->p && f->p->ifindex != m->ifindex))
		return 0;
	r = bridge_fdb_del(f->h->nl, m->ifindex, m->mac);
	f->n += !r;
	return r == -ENOENT ? 0 : r;
}

int nf_fdb_flush(struct host *h, const struct network *n, const struct port *p, __u64 *ret)
{
	struct fdb_flushing f = { .h = h, .p = p };
	int r = fdb_walk(h, n, fdb_forget, &f);

	*ret = f.n;
	return r ? fail(r, "%s: cannot empty the forwarding database", n->name) : 0;
}
