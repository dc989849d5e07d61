/* SPDX-License-Identifier: GPL-2.0-only */
/* Which mode a network is in, and which one a new network gets. */
#include "mode.h"

#include <errno.h>

#include "handover.h"
#include "log.h"

static const struct mode *const modes[] = { &mode_bpf, &mode_netfilter };

static int mode_is(const char *name, void *arg)
{
	return streq(name, arg) ? 1 : 0;
}

const struct mode *mode_of(struct host *h, const char *net)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (modes[i]->list(h, mode_is, (void *)net) == 1)
			return modes[i];
	return NULL;
}

int mode_forget(struct host *h, const char *net)
{
	int first = 0, r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		r = modes[i]->net_del(h, net);
		first = first ? first : r;
	}
	return first;
}

int mode_list(struct host *h, int (*cb)(const char *name, void *arg), void *arg)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(modes); i++)
		r = modes[i]->list(h, cb, arg);
	return r;
}

int mode_publishes(struct host *h, int (*cb)(const char *net, const struct publish *p, void *arg), void *arg)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(modes); i++)
		r = modes[i]->publishes(h, NULL, cb, arg);
	return r;
}

/* True if the mode has a say about a network, or about all. */
static bool mode_for(struct host *h, const struct mode *m, const char *net)
{
	return !net || mode_of(h, net) == m;
}

int mode_flows(struct host *h, const struct flow_filter *f, int (*cb)(const struct mode_flow *f, void *arg), void *arg)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(modes); i++)
		if (mode_for(h, modes[i], f->net))
			r = modes[i]->flows(h, f, cb, arg);
	return r;
}

int mode_flows_end(struct host *h, const struct flow_filter *f, __u64 *ret)
{
	__u64 ended;
	size_t i;
	int r = 0;

	*ret = 0;
	for (i = 0; !r && i < ARRAY_SIZE(modes); i++) {
		if (!mode_for(h, modes[i], f->net))
			continue;
		ended = 0;
		r = modes[i]->flows_end(h, f, &ended);
		*ret += ended;
	}
	return r;
}

int mode_fdb(struct host *h, const char *net, int (*cb)(const struct mode_mac *m, void *arg), void *arg)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(modes); i++)
		if (mode_for(h, modes[i], net))
			r = modes[i]->fdb(h, net, cb, arg);
	return r;
}

int mode_drops(struct host *h, const char *net,
	       int (*cb)(const char *net, const char *reason, const char *text, __u64 packets, void *arg), void *arg)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(modes); i++)
		if (mode_for(h, modes[i], net))
			r = modes[i]->drops(h, net, cb, arg);
	return r;
}

int mode_repair(struct host *h)
{
	size_t i;
	int r = handover_resume(h);

	for (i = 0; !r && i < ARRAY_SIZE(modes); i++)
		r = modes[i]->repair(h);
	return r;
}

const struct mode *mode_named(enum net_mode which)
{
	return which == NET_MODE_BPF ? &mode_bpf : which == NET_MODE_NETFILTER ? &mode_netfilter : NULL;
}

const struct mode *mode_choose(enum net_mode wanted)
{
	const struct mode *m = wanted == NET_MODE_NETFILTER ? &mode_netfilter : &mode_bpf;

	return m->probe && m->probe() ? NULL : m;
}
