/* SPDX-License-Identifier: GPL-2.0-only */
/* How long containers' networks take to come and to go: many at once, and until nothing of them is left on the host. */
#include <errno.h>
#include <stdio.h>

#include "bench.h"
#include "log.h"

/* By our own netlink, without a process for each: as fast as this kernel makes such things. */
static int life_plain(bool bridge, double *made, double *ended)
{
	struct lab_crowd crowd;
	double begin = bench_now();
	int r = lab_crowd(bridge, &crowd), closed;

	*made = bench_now() - begin;
	begin = bench_now();
	closed = lab_crowd_close(&crowd);
	*ended = bench_now() - begin;
	return r ? r : closed;
}

/* A network of its own beside the one that carries the traffic: what is loaded once for a host is loaded already. */
static int life_nsfast(const struct lab *l, const char *mode, double *made, double *ended)
{
	enum { FIXED = 14 };
	char host[64], names[LAB_CROWD][8];
	const char *up[FIXED + 2 * LAB_CROWD + 1] = { "nsfast",   "-q",     "-n",     host,       "up",
						      "life",     "--mode", mode,     "--subnet", "10.78.0.1/24",
						      "--uplink", "none",   "--ipv6", "no" };
	const char *const down[] = { "nsfast", "-q", "-n", host, "down", "life", NULL };
	int r, before = lab_links(l->ns[LAB_HOST]);
	double begin;
	unsigned i;

	snprintf(host, sizeof(host), "/proc/%d/fd/%d", getpid(), l->ns[LAB_HOST]);
	for (i = 0; i < LAB_CROWD; i++) {
		snprintf(names[i], sizeof(names[i]), "life%u", i);
		up[FIXED + 2 * i] = "--ns";
		up[FIXED + 2 * i + 1] = names[i];
	}
	begin = bench_now();
	r = bench_self(up);
	*made = bench_now() - begin;
	begin = bench_now();
	if (!r)
		r = bench_self(down);
	if (!r)
		r = lab_links_gone(l->ns[LAB_HOST], before);
	*ended = bench_now() - begin;
	return r;
}

int bench_life(const struct bench *b, const struct bench_cell *c, enum bench_path path, struct load_result *ret)
{
	double made, ended;
	int r;

	if (bench_is_nsfast(path))
		r = life_nsfast(&b->beds[path].lab, path == BENCH_BPF ? "bpf" : "netfilter", &made, &ended);
	else
		r = life_plain(path == BENCH_BRIDGE, &made, &ended);
	ret->rate = LAB_CROWD / (c->work->ends ? ended : made);
	return r == -ETIMEDOUT ? fail(r, "bench: what containers left on the host does not go") : r;
}
