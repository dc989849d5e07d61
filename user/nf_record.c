/* SPDX-License-Identifier: GPL-2.0-only */
/* What a network in netfilter mode should be: a file of configuration for each, which no flush of rules takes away. */
#include "nf_record.h"

#include <errno.h>
#include <stdio.h>

#include "conf.h"
#include "conf_write.h"
#include "log.h"
#include "state.h"

#define RECORD_BEGUN "begun"
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

int nf_record_remove(struct host *h, const char *name)
{
	char file[RECORD_LEN];

	return state_remove(record_file(h, name, file));
}

static bool record_half(struct host *h, const char *name)
{
	char value[8];

	return !state_get(h->cookie, RECORD_BEGUN, name, value, sizeof(value));
}

/* Addresses of ports stand without their prefix length: it is the subnet's. */
static void record_complete(struct network *n)
{
	size_t i;

	n->mode = NET_MODE_NETFILTER;
	for (i = 0; i < n->n_ports; i++) {
		struct port *p = &n->ports[i];

		if (p->addr.family)
			p->addr.plen = n->gateway.plen;
		if (p->addr6.family)
			p->addr6.plen = n->gateway6.plen;
		if (!p->netns[0] && !p->dev[0])
			snprintf(p->netns, sizeof(p->netns), "%s", p->name);
	}
}

int nf_record_read(struct host *h, const char *name, struct network *ret)
{
	char file[RECORD_LEN], path[sizeof(STATE_DIR) + RECORD_LEN];
	int r;

	snprintf(path, sizeof(path), STATE_DIR "/%s", record_file(h, name, file));
	if (access(path, F_OK) || record_half(h, name))
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

struct record_walk {
	struct host *h;
	int (*cb)(const char *name, void *arg);
	void *arg;
};

static int record_name(const char *name, void *arg)
{
	struct record_walk *w = arg;

	return record_half(w->h, name) ? 0 : w->cb(name, w->arg);
}

int nf_record_list(struct host *h, int (*cb)(const char *name, void *arg), void *arg)
{
	struct record_walk w = { h, cb, arg };
	char prefix[RECORD_LEN];

	return state_files(record_file(h, "", prefix), record_name, &w);
}

int nf_record_begin(struct host *h, const char *name)
{
	return state_set(h->cookie, RECORD_BEGUN, name, "1");
}

int nf_record_end(struct host *h, const char *name)
{
	return state_unset(h->cookie, RECORD_BEGUN, name);
}

static int record_first(const char *key, const char *value, void *arg)
{
	(void)value;
	snprintf(arg, NET_NAME_LEN, "%s", key);
	return 1;
}

bool nf_record_begun(struct host *h, char ret[NET_NAME_LEN])
{
	return state_each(h->cookie, RECORD_BEGUN, record_first, ret) == 1;
}
