/* SPDX-License-Identifier: GPL-2.0-only */
/* A network in use changes its mode. */
#include "handover.h"

#include <errno.h>
#include <stdio.h>

#include "log.h"
#include "nf_record.h"
#include "state.h"

#define HANDOVER_FACT "mode" /* a network that changes its mode: the one that it is to have */

/* A flow as it was found, with its port's name. */
struct found {
	struct mode_flow f;
	char port[NSF_NAME_LEN];
};

/* What is carried, again and again until nothing is missed: each flow once. */
struct carrying {
	struct host *h;
	const struct mode *from, *to;
	const struct network *n;
	int was;   /* ifindex of the other mode's gateway */
	bool open; /* the network has ports whose containers are not known */
	struct found *v;
	size_t n_v, room;
	__u64 *seen; /* what was carried before, by hash, in order */
	size_t n_seen;
	struct handover_result *ret;
};

static int find_one(const struct mode_flow *f, void *arg)
{
	struct carrying *c = arg;
	struct found *more;

	if (c->n_v == c->room) {
		c->room = 2 * c->room + 256;
		more = realloc(c->v, c->room * sizeof(*more));
		if (!more)
			return fail(-ENOMEM, "%s: cannot carry flows over", c->n->name);
		c->v = more;
	}
	c->v[c->n_v].f = *f;
	c->v[c->n_v].f.net = c->n->name;
	snprintf(c->v[c->n_v++].port, NSF_NAME_LEN, "%s", f->port ? f->port : "");
	return 0;
}

/* FNV-1a over what makes it this flow. */
static __u64 hash_of(const struct mode_flow *f)
{
	const struct addr *const ends[] = { &f->inner, &f->ext, &f->peer };
	const __u16 ports[] = { f->inner_port, f->ext_port, f->peer_port, f->proto };
	__u64 hash = 14695981039346656037u;
	size_t i, k;

	for (i = 0; i < ARRAY_SIZE(ends); i++)
		for (k = 0; k < sizeof(ends[i]->bytes); k++)
			hash = (hash ^ ends[i]->bytes[k]) * 1099511628211u;
	for (i = 0; i < ARRAY_SIZE(ports); i++)
		hash = (hash ^ ports[i]) * 1099511628211u;
	return hash;
}

static int by_number(const void *a, const void *b)
{
	const __u64 *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The receiver's flow of one between two containers: each is the other's peer by its external end. */
static const struct mode_flow *far_of(const struct carrying *c, const struct mode_flow *f)
{
	size_t i;

	for (i = 0; f->hairpin && !f->inbound && i < c->n_v; i++) {
		const struct mode_flow *g = &c->v[i].f;

		if (g->hairpin && g->inbound && g->proto == f->proto && g->ext_port == f->peer_port &&
		    g->peer_port == f->ext_port && !memcmp(&g->peer, &f->ext, sizeof(g->peer)) &&
		    !memcmp(&g->ext, &f->peer, sizeof(g->ext)))
			return g;
	}
	return NULL;
}

/* Who lives behind an adopted port only the host's neighbours tell: they go along with the flows. */
static void introduce_one(const struct carrying *c, struct mode_flow *f)
{
	const struct port *p = f->port ? network_port(c->n, f->port) : NULL;

	if ((!p || !p->netns[0]) && !neighbour_get(c->h->nl, c->was, &f->inner, f->mac))
		neighbour_add(c->h->nl, c->n->ifindex, &f->inner, f->mac);
}

static void carry_one(struct carrying *c, struct found *one)
{
	int r = -ENOENT;

	one->f.port = one->port[0] ? one->port : NULL;
	if (c->open)
		introduce_one(c, &one->f);
	if (one->f.port || c->open)
		r = c->to->flow_put(c->h, &one->f, far_of(c, &one->f));
	c->ret->carried += !r || r == -EEXIST;
	c->ret->lost += r && r != -EEXIST;
	if (r && r != -EEXIST)
		debug("%s: a flow of protocol %u, port %u is not carried over: %s", c->n->name, one->f.proto,
		      one->f.inner_port, strerror(-r));
}

static int carry(void *arg)
{
	struct carrying *c = arg;
	const struct flow_filter all = { .net = c->n->name };
	size_t i, known = c->n_seen;
	__u64 *more, hash;
	int r;

	c->n_v = 0;
	r = c->from->flows(c->h, &all, find_one, c);
	if (r)
		return r;
	more = realloc(c->seen, (c->n_seen + c->n_v + 1) * sizeof(*more));
	if (!more)
		return fail(-ENOMEM, "%s: cannot carry flows over", c->n->name);
	c->seen = more;
	for (i = 0; i < c->n_v; i++) {
		hash = hash_of(&c->v[i].f);
		if (known && bsearch(&hash, c->seen, known, sizeof(hash), by_number))
			continue;
		carry_one(c, &c->v[i]);
		c->seen[c->n_seen++] = hash;
	}
	qsort(c->seen, c->n_seen, sizeof(*c->seen), by_number);
	return 0;
}

/* The host need not ask on the new gateway who its containers are. */
static int introduce(struct host *h, const struct network *n)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < n->n_ports; i++) {
		const struct port *p = &n->ports[i];

		if (p->addr.family)
			r = neighbour_add(h->nl, n->ifindex, &p->addr, p->mac);
		if (!r && p->addr6.family)
			r = neighbour_add(h->nl, n->ifindex, &p->addr6, p->mac);
	}
	return r ? fail(r, "%s: cannot make the containers known to the host", n->name) : 0;
}

/* An entry that the user made goes along; what was learned is learned again. */
static int carry_mac(const struct mode_mac *m, void *arg)
{
	const struct carrying *c = arg;
	const struct port *p = m->user ? network_port(c->n, m->port) : NULL;

	return p ? c->to->fdb_add(c->h, c->n, p, m->mac) : 0;
}

static int go(struct host *h, const struct mode *from, const struct mode *to, struct network *n,
	      struct handover_result *ret)
{
	struct carrying c = {
		.h = h, .from = from, .to = to, .n = n, .was = n->ifindex, .open = network_adopts(n), .ret = ret
	};
	int r = 0;

	*ret = (struct handover_result){};
	h->handing = true;
	if (from->aside)
		r = from->aside(h, n);
	if (!r)
		r = to->take(h, n);
	if (!r)
		r = introduce(h, n);
	if (!r)
		r = from->fdb(h, n->name, carry_mac, &c);
	if (!r)
		r = carry(&c);
	if (!r && to->swap)
		r = to->swap(h, n, true, carry, &c);
	if (!r && from->swap)
		r = from->swap(h, n, false, carry, &c);
	if (!r)
		r = from->leave(h, n);
	h->handing = false;
	if (!r)
		r = to->settle(h, n);
	free(c.v);
	free(c.seen);
	return r;
}

static const struct mode *other(const struct mode *m)
{
	return m == &mode_bpf ? &mode_netfilter : &mode_bpf;
}

/* Interfaces that we made are known by their port. */
static void forget_devices(struct network *n)
{
	size_t i;

	for (i = 0; i < n->n_ports; i++)
		if (n->ports[i].netns[0])
			n->ports[i].dev[0] = '\0';
}

static int go_or_back(struct host *h, const struct mode *to, struct network *n, struct handover_result *ret)
{
	struct handover_result back;
	int r;

	forget_devices(n);
	r = go(h, other(to), to, n, ret);
	if (r && go(h, to, other(to), n, &back)) {
		warn("%s: the change of mode could not be undone; the next command tries again, 'nsfast down %s' removes all",
		     n->name, n->name);
		return r;
	}
	return r ? (state_unset(h->cookie, HANDOVER_FACT, n->name), r) : state_unset(h->cookie, HANDOVER_FACT, n->name);
}

int handover(struct host *h, const struct mode *to, struct network *n, struct handover_result *ret)
{
	int r = state_set(h->cookie, HANDOVER_FACT, n->name, to->name);

	return r ? r : go_or_back(h, to, n, ret);
}

struct begun {
	char net[NET_NAME_LEN], to[16];
};

static int begun_first(const char *key, const char *value, void *arg)
{
	struct begun *b = arg;

	snprintf(b->net, sizeof(b->net), "%s", key);
	snprintf(b->to, sizeof(b->to), "%s", value);
	return 1;
}

int handover_resume(struct host *h)
{
	struct handover_result did;
	struct network n;
	struct begun b;
	int r = 0;

	while (!r && state_each(h->cookie, HANDOVER_FACT, begun_first, &b) == 1) {
		if (nf_record_saved(h, b.net, &n) && mode_bpf.read(h, b.net, &n)) {
			r = state_unset(h->cookie, HANDOVER_FACT, b.net); /* it is gone */
			continue;
		}
		r = go_or_back(h, streq(b.to, mode_bpf.name) ? &mode_bpf : &mode_netfilter, &n, &did);
		network_free(&n);
	}
	return r;
}

int handover_forget(struct host *h, const char *net)
{
	char to[16];

	return state_get(h->cookie, HANDOVER_FACT, net, to, sizeof(to)) ? 0
									: state_unset(h->cookie, HANDOVER_FACT, net);
}
