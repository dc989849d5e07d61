/* SPDX-License-Identifier: GPL-2.0-only */
/* Which mode a network is in, and which one a new network gets. */
#include "mode.h"

#include <errno.h>

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

int mode_repair(struct host *h)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(modes); i++)
		r = modes[i]->repair(h);
	return r;
}

const struct mode *mode_choose(enum net_mode wanted)
{
	const struct mode *m = wanted == NET_MODE_NETFILTER ? &mode_netfilter : &mode_bpf;

	return m->probe && m->probe() ? NULL : m;
}
