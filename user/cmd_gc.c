/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast gc: removes ports whose interface is gone, and what killed runs have left. */
#include <errno.h>

#include "cmd.h"
#include "log.h"
#include "mode.h"
#include "opt.h"
#include "out.h"
#include "port.h"
#include "state.h"

struct gc {
	char nets[NSF_NETS_MAX][NET_NAME_LEN];
	size_t n;
};

static int gc_note(const char *name, void *arg)
{
	struct gc *g = arg;

	if (g->n < ARRAY_SIZE(g->nets))
		snprintf(g->nets[g->n++], NET_NAME_LEN, "%s", name);
	return 0;
}

static int gc_port(struct host *h, const struct mode *m, const char *net, const char *port)
{
	int r = m->port_del(h, net, port);

	if (r)
		return r;
	out_open_object(NULL);
	out_str("network", "%s/", net);
	out_str("name", "%s: removed, its interface was gone\n", port);
	out_close_object();
	return 0;
}

/* Not one that only lost its program: that `nsfast up` mends. */
static bool gc_gone(struct host *h, const struct network *n, const struct port *p)
{
	char ifname[IFNAMSIZ];
	struct link l;

	if (p->ifindex || !p->netns[0])
		return !p->ifindex;
	port_ifname(n->name, p, ifname);
	return link_get(h->nl, ifname, 0, &l) == -ENODEV;
}

static int gc_network(struct host *h, const char *name)
{
	const struct mode *m = mode_of(h, name);
	struct network n = {};
	int first = m ? m->read(h, name, &n) : 0, r;
	size_t i;

	for (i = 0; !first && i < n.n_ports; i++) {
		r = gc_gone(h, &n, &n.ports[i]) ? gc_port(h, m, name, n.ports[i].name) : 0;
		first = first ? first : r;
	}
	network_free(&n);
	return first;
}

int cmd_gc(int argc, char **argv)
{
	static const struct option none[] = { {} };
	autohost struct host h = HOST_NONE;
	autoclose int lock = -1;
	struct gc g = {};
	size_t i;
	int r = opt_next(argc, argv, "", none), first;

	r = r == -1 ? opt_words(argc, argv, 0, 0, "gc") : r;
	if (!r)
		r = opt_enter();
	if (r)
		return r;
	lock = state_lock_if_present();
	if (lock < 0 && lock != -ENOENT)
		return lock;
	r = lock < 0 ? 0 : host_open(&h);
	if (!r && lock >= 0)
		r = mode_repair(&h);
	if (!r && lock >= 0)
		r = mode_list(&h, gc_note, &g);
	if (r)
		return r;
	out_open_array(NULL);
	for (i = 0, first = 0; i < g.n; i++) {
		r = gc_network(&h, g.nets[i]);
		first = first ? first : r;
	}
	out_close_array();
	return first;
}
