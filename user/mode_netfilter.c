/* SPDX-License-Identifier: GPL-2.0-only */
/* The mode of a Linux bridge and nftables: not built yet, and says so before anything changes. */
#include "log.h"
#include "mode.h"

static int netfilter_probe(void)
{
	hint("use --mode bpf");
	return fail_feature("mode netfilter is not built yet");
}

/* There can be no networks in this mode. */
static int netfilter_list(struct host *h, int (*cb)(const char *name, void *arg), void *arg)
{
	(void)h;
	(void)cb;
	(void)arg;
	return 0;
}

static int netfilter_publishes(struct host *h, const char *net,
			       int (*cb)(const char *net, const struct publish *p, void *arg), void *arg)
{
	(void)h;
	(void)net;
	(void)cb;
	(void)arg;
	return 0;
}

static int netfilter_repair(struct host *h)
{
	(void)h;
	return 0;
}

const struct mode mode_netfilter = {
	.name = "netfilter",
	.probe = netfilter_probe,
	.list = netfilter_list,
	.repair = netfilter_repair,
	.publishes = netfilter_publishes,
};
