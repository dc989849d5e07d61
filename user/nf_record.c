/* SPDX-License-Identifier: GPL-2.0-only */
/* What a network in netfilter mode should be: a file of configuration for each, which no flush of rules takes away. */
#include "nf_record.h"

#include <errno.h>
#include <stdio.h>

#include "conf.h"
#include "conf_write.h"
#include "log.h"
#include "state.h"

#define RECORD_FACT  "net" /* of which there is a file: how far it came */
#define RECORD_BEGUN "begun"
#define RECORD_UP    "up"
#define RECORD_LEN   64

static const char *record_file(const struct host *h, const char *name, char buf[RECORD_LEN])
{
	snprintf(buf, RECORD_LEN, "net-%llu-%s", (unsigned long long)h->cookie, name);
	return buf;
}

static void record_text(FILE *f, const void *arg)
{
	conf_write(f, arg, "netfilter");
}

int nf_record_write(struct host *h, const struct network *n)
{
	char file[RECORD_LEN];

	return state_write(record_file(h, n->name, file), record_text, n);
}

static bool record_half(struct host *h, const char *name)
{
	char value[8];

	return state_get(h->cookie, RECORD_FACT, name, value, sizeof(value)) || !streq(value, RECORD_UP);
}

/* Addresses of ports stand without their prefix length: it is the subnet's. */
static void record_complete(struct network *n)
{
	size_t i;

	n->mode = NET_MODE_NETFILTER;
	n->has = n->policy_has = 0;
	n->ipv6_off = false;
	for (i = 0; i < n->n_ports; i++) {
		struct port *p = &n->ports[i];

		if (!(p->has & PORT_HAS_VLAN))
			p->vlan = NSF_VLAN_DEFAULT;
		p->has = 0;
		if (p->addr.family)
			p->addr.plen = n->gateway.plen;
		if (p->addr6.family)
			p->addr6.plen = n->gateway6.plen;
		if (!p->netns[0] && !p->dev[0])
			snprintf(p->netns, sizeof(p->netns), "%s", p->name);
	}
}

int nf_record_saved(struct host *h, const char *name, struct network *ret)
{
	char file[RECORD_LEN], path[sizeof(STATE_DIR) + RECORD_LEN];
	int r;

	snprintf(path, sizeof(path), STATE_DIR "/%s", record_file(h, name, file));
	if (access(path, F_OK))
		return -ENOENT;
	network_init(ret, name);
	r = conf_read(path, ret);
	if (r) {
		network_free(ret);
		return r;
	}
	record_complete(ret);
	return 0;
}

int nf_record_read(struct host *h, const char *name, struct network *ret)
{
	return record_half(h, name) ? -ENOENT : nf_record_saved(h, name, ret);
}

struct record_walk {
	const char *want;
	int (*cb)(const char *name, void *arg);
	void *arg;
};

static int record_name(const char *key, const char *value, void *arg)
{
	struct record_walk *w = arg;

	return streq(value, w->want) ? w->cb(key, w->arg) : 0;
}

int nf_record_list(struct host *h, int (*cb)(const char *name, void *arg), void *arg)
{
	struct record_walk w = { RECORD_UP, cb, arg };

	return state_each(h->cookie, RECORD_FACT, record_name, &w);
}

struct lives {
	struct host *h;
	const char *netns;
};

static int lives_in(const char *name, void *arg)
{
	const struct lives *l = arg;
	struct network n;
	int r = nf_record_read(l->h, name, &n);
	size_t i;

	if (r)
		return 0;
	for (i = 0; !r && i < n.n_ports; i++)
		r = streq(n.ports[i].netns, l->netns);
	network_free(&n);
	return r;
}

bool nf_record_lives(struct host *h, const char *netns)
{
	struct lives l = { h, netns };

	return nf_record_list(h, lives_in, &l) == 1;
}

int nf_record_begin(struct host *h, const char *name)
{
	return state_set(h->cookie, RECORD_FACT, name, RECORD_BEGUN);
}

int nf_record_end(struct host *h, const char *name)
{
	return state_set(h->cookie, RECORD_FACT, name, RECORD_UP);
}

int nf_record_remove(struct host *h, const char *name)
{
	char file[RECORD_LEN];
	int r = state_remove(record_file(h, name, file));

	return r ? r : state_unset(h->cookie, RECORD_FACT, name);
}

static int record_first(const char *name, void *arg)
{
	snprintf(arg, NET_NAME_LEN, "%s", name);
	return 1;
}

bool nf_record_begun(struct host *h, char ret[NET_NAME_LEN])
{
	struct record_walk w = { RECORD_BEGUN, record_first, ret };

	return state_each(h->cookie, RECORD_FACT, record_name, &w) == 1;
}
