/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes of bpf mode: the table of rules, read and replaced as a whole. */
#include "bpf_publish.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "nsfast/addr.h"

#include "bpf_row.h"
#include "log.h"

/* The next set of rules; there is room for all that the table takes. */
struct rules {
	struct nsf_publish *v;
	__u32 n;
};

static void rules_free(struct rules *s)
{
	free(s->v);
}
#define autorules __attribute__((cleanup(rules_free)))

/* The live half, and how many rules it has. */
static const struct nsf_publish *rules_live(const struct dp *dp, __u32 *ret_n)
{
	__u32 live = __atomic_load_n(dp->publish_live, __ATOMIC_ACQUIRE), half = live >> NSF_PUBLISH_HALF;

	*ret_n = live & ((1U << NSF_PUBLISH_HALF) - 1);
	return dp->publish + half * NSF_PUBLISH_MAX;
}

/* A slot may have been given to another port since, and a network that is being removed has lost its name. */
static bool rule_alive(const struct dp *dp, const struct nsf_publish *r)
{
	const struct nsf_port *port = &dp->ports[r->slot % NSF_SLOTS_MAX];

	return port->role == NSF_ROLE_PORT && port->gen == r->port_gen && port->net == r->net &&
	       r->net < NSF_NETS_MAX && dp->nets[r->net].name[0] && dp->names[r->slot % NSF_SLOTS_MAX].port[0];
}

/* The order that the data path searches by. */
static int rule_compare(const void *a, const void *b)
{
	const struct nsf_publish *x = a, *y = b;
	__u64 k = (__u64)x->family << 56 | (__u64)x->proto << 48 | (__u64)ntohl(x->addr) << 16 | x->first;
	__u64 l = (__u64)y->family << 56 | (__u64)y->proto << 48 | (__u64)ntohl(y->addr) << 16 | y->first;

	return (k > l) - (k < l);
}

/* True if a rule that was is not one of those that are to be. */
static bool rules_lose(const struct dp *dp, const struct rules *next)
{
	const struct nsf_publish *was, *is;
	__u32 i, n;

	was = rules_live(dp, &n);
	for (i = 0; i < n; i++) {
		is = bsearch(&was[i], next->v, next->n, sizeof(*is), rule_compare);
		if (!is || memcmp(is, &was[i], sizeof(*is)))
			return true;
	}
	return false;
}

/*
 * Tells the networks whose ports' answers may belong to a rule: before there is one, and no more when there is none.
 * The flag only makes the data path look for flows, so that one too many does no harm.
 */
static void rules_flag(struct dp *dp, const struct rules *s, bool clear)
{
	bool has[NSF_NETS_MAX] = {};
	__u32 i;

	for (i = 0; i < s->n; i++)
		has[s->v[i].net] = true;
	for (i = 1; i < NSF_NETS_MAX; i++) {
		__u32 *flags = &dp->nets[i].flags;

		if (has[i] && !(*flags & NSF_NET_PUBLISH))
			__atomic_fetch_or(flags, NSF_NET_PUBLISH, __ATOMIC_RELEASE);
		else if (clear && !has[i] && *flags & NSF_NET_PUBLISH)
			__atomic_fetch_and(flags, ~NSF_NET_PUBLISH, __ATOMIC_RELEASE);
	}
}

/*
 * Makes the rules in s the live ones, by one store. The other half is written only when no program can still be reading
 * what was live before the last change: the barrier waits for all that run. *ret_lost: a rule that was is no more.
 */
static bool rules_write(struct dp *dp, struct rules *s, bool *ret_lost)
{
	__u32 n, half;
	const struct nsf_publish *live = rules_live(dp, &n);

	qsort(s->v, s->n, sizeof(*s->v), rule_compare);
	*ret_lost = rules_lose(dp, s);
	if (n == s->n && !*ret_lost) {
		rules_flag(dp, s, true);
		return false;
	}
	half = live == dp->publish;
	packets_wait();
	memcpy(dp->publish + half * NSF_PUBLISH_MAX, s->v, s->n * sizeof(*s->v));
	rules_flag(dp, s, false);
	__atomic_store_n(dp->publish_live, s->n ? half << NSF_PUBLISH_HALF | s->n : 0, __ATOMIC_RELEASE);
	rules_flag(dp, s, true);
	return true;
}

static int rules_room(struct rules *s)
{
	s->v = malloc(NSF_PUBLISH_MAX * sizeof(*s->v));
	return s->v ? 0 : fail(-ENOMEM, "cannot change publishes");
}

/* Rules that live; not those of a network, or with a slot only not those that lead to it. Net 0: all. */
static void rules_keep(const struct dp *dp, struct rules *s, __u32 net, __u32 slot)
{
	const struct nsf_publish *live;
	__u32 i, n;

	live = rules_live(dp, &n);
	for (i = 0; i < n; i++)
		if (rule_alive(dp, &live[i]) && (!net || live[i].net != net || (slot && live[i].slot != slot)))
			s->v[s->n++] = live[i];
}

static __u32 rule_handle(const struct dp *dp, const __u8 addr6[16])
{
	__u32 words[4];

	memcpy(words, addr6, sizeof(words));
	return nsf_handle6(words, dp->state->handle_key);
}

/* One rule of one family, if the port has an address of it and the user means it. */
static int rules_add(const struct dp *dp, struct rules *s, const struct publish *p, __u32 slot, __u8 family)
{
	static const __u8 none[16];
	const struct nsf_port *port = &dp->ports[slot];
	bool six = family == AF_INET6;
	struct nsf_publish r = {
		.first = p->first,
		.last = p->last,
		.to_first = p->to_first,
		.net = port->net,
		.slot = slot,
		.proto = p->proto,
		.family = six ? 6 : 4,
		.port_gen = port->gen,
	};

	if (p->addr.family && p->addr.family != family)
		return 0;
	if (six ? !memcmp(port->addr6, none, sizeof(none)) : !port->addr4)
		return 0;
	if (s->n == NSF_PUBLISH_MAX)
		return fail(-ENOSPC, "%s/%s: this host has %d publishes, there is no room for more",
			    dp->nets[port->net].name, p->port, NSF_PUBLISH_MAX);
	r.to = six ? port->handle6 : port->addr4;
	if (six) {
		memcpy(r.to6, port->addr6, sizeof(r.to6));
		memcpy(r.addr6, p->addr.bytes, sizeof(r.addr6));
		r.addr = memcmp(r.addr6, none, sizeof(none)) ? rule_handle(dp, r.addr6) : 0;
	} else {
		memcpy(&r.addr, p->addr.bytes, sizeof(r.addr));
	}
	s->v[s->n++] = r;
	return 0;
}

int bpf_publish_set(struct host *h, const struct network *n, bool *ret_changed)
{
	__u32 net = row_net(&h->dp, n->name);
	autorules struct rules s = {};
	bool lost;
	size_t i;
	int r = rules_room(&s);

	if (r)
		return r;
	rules_keep(&h->dp, &s, net, 0);
	for (i = 0; !r && i < n->n_publishes; i++) {
		const struct publish *p = &n->publishes[i];
		__u32 slot = row_port(&h->dp, net, p->port);

		if (!slot)
			return fail_missing("no port '%s' in network '%s'", p->port, n->name);
		r = rules_add(&h->dp, &s, p, slot, AF_INET);
		if (!r)
			r = rules_add(&h->dp, &s, p, slot, AF_INET6);
	}
	if (r)
		return r;
	*ret_changed = rules_write(&h->dp, &s, &lost);
	return lost ? dp_run(&h->dp, DP_PROG_PURGE) : 0;
}

int bpf_publish_drop(struct host *h, __u32 net, __u32 slot)
{
	autorules struct rules s = {};
	const struct nsf_publish *live;
	__u32 i, n;
	bool lost;
	int r;

	live = rules_live(&h->dp, &n);
	for (i = 0; i < n; i++)
		if (live[i].net == net && (!slot || live[i].slot == slot))
			break;
	if (i == n)
		return 0;
	r = rules_room(&s);
	if (r)
		return r;
	rules_keep(&h->dp, &s, net, slot);
	rules_write(&h->dp, &s, &lost);
	return 0;
}

int bpf_publish_sweep(struct host *h)
{
	autorules struct rules s = {};
	bool lost;
	int r = rules_room(&s);

	if (r)
		return r;
	rules_keep(&h->dp, &s, 0, 0);
	rules_write(&h->dp, &s, &lost);
	return lost ? dp_run(&h->dp, DP_PROG_PURGE) : 0;
}

static void rule_read(const struct dp *dp, const struct nsf_publish *r, struct publish *ret)
{
	bool six = r->family == 6;

	*ret = (struct publish){
		.proto = r->proto,
		.first = r->first,
		.last = r->last,
		.to_first = r->to_first,
	};
	ret->addr.family = ret->to.family = six ? AF_INET6 : AF_INET;
	ret->addr.plen = ret->to.plen = six ? 128 : 32;
	memcpy(ret->addr.bytes, six ? (const void *)r->addr6 : &r->addr, six ? 16 : 4);
	memcpy(ret->to.bytes, six ? (const void *)r->to6 : &r->to, six ? 16 : 4);
	snprintf(ret->port, sizeof(ret->port), "%s", dp->names[r->slot].port);
}

int bpf_publish_list(struct host *h, const char *net, int (*cb)(const char *net, const struct publish *p, void *arg),
		     void *arg)
{
	const struct nsf_publish *live;
	__u32 i, n = 0;
	int r = 0;

	live = h->dp.loaded ? rules_live(&h->dp, &n) : NULL;
	for (i = 0; !r && i < n; i++) {
		const struct nsf_publish rule = live[i];
		struct publish p;

		if (!rule_alive(&h->dp, &rule) || (net && !streq(h->dp.nets[rule.net].name, net)))
			continue;
		rule_read(&h->dp, &rule, &p);
		r = cb(h->dp.nets[rule.net].name, &p, arg);
	}
	return r;
}
