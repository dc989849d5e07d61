/* SPDX-License-Identifier: GPL-2.0-only */
/* The paths that `nsfast bench` compares, each built and proven to do its job before it is measured. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "bench.h"
#include "log.h"
#include "netns.h"
#include "probe.h"
#include "sysctl.h"
#include "worker.h"

/* Room for a million flows and what the tables need besides; its cost is part of every number. */
#define FLOWS       "1310720"
#define FLOWS_QUICK "131072"
#define PUBLISHED   "20000-20999"

static const struct {
	const char *name, *text;
} paths[] = {
#define BENCH_PATH_ROW(id, name, text) { name, text },
	BENCH_PATHS(BENCH_PATH_ROW)
}, ways[] = {
#define BENCH_WAY_ROW(id, name, text)  { name, text },
	BENCH_WAYS(BENCH_WAY_ROW)
};

_Static_assert(LAB_PUBLISH_MIN == 20000 && LAB_PUBLISH_MAX == 20999, "PUBLISHED");

const char *bench_path_name(enum bench_path path)
{
	return paths[path].name;
}

const char *bench_path_text(enum bench_path path)
{
	return paths[path].text;
}

const char *bench_way_name(enum bench_way way)
{
	return ways[way].name;
}

const char *bench_way_text(enum bench_way way)
{
	return ways[way].text;
}

bool bench_is_wire(enum bench_path path)
{
	return path == BENCH_WIRE || path == BENCH_WIRE_AGAIN;
}

bool bench_is_bare(enum bench_path path)
{
	return bench_is_wire(path) || bench_is_relay(path);
}

bool bench_is_relay(enum bench_path path)
{
	return path >= BENCH_RELAY && path <= BENCH_LEAST_NAT;
}

bool bench_is_least(enum bench_path path)
{
	return path == BENCH_LEAST_PEER || path == BENCH_LEAST_NAT;
}

bool bench_is_extra(enum bench_path path)
{
	return bench_is_knob(path) || bench_is_least(path);
}

enum bench_path bench_relay_of(enum bench_way way)
{
	return way == BENCH_WITHIN ? BENCH_PEER : BENCH_RELAY;
}

enum bench_path bench_least_of(enum bench_way way)
{
	return way == BENCH_WITHIN ? BENCH_LEAST_PEER : BENCH_LEAST_NAT;
}

bool bench_is_nsfast(enum bench_path path)
{
	return path >= BENCH_NETFILTER;
}

enum lab_node bench_client(enum bench_path path, enum bench_way way)
{
	return !bench_is_bare(path) && (way == BENCH_IN || way == BENCH_BACK) ? LAB_OUTSIDE : LAB_A;
}

enum lab_node bench_server(enum bench_path path, enum bench_way way)
{
	if (bench_is_bare(path) || way == BENCH_WITHIN || way == BENCH_IN)
		return LAB_B;
	return way == BENCH_OUT ? LAB_OUTSIDE : LAB_A;
}

const char *bench_to(enum bench_path path, enum bench_way way)
{
	if (bench_is_bare(path) || way == BENCH_WITHIN)
		return LAB_B_ADDR;
	return way == BENCH_OUT ? LAB_SERVER_ADDR : LAB_HOST_ADDR;
}

/* All but mode bpf keep flows in the kernel's table, whose room is the machine's and not the benchmark's to change. */
static bool has_room(unsigned flows, enum bench_path path)
{
	char max[16] = "";

	if (bench_is_bare(path) || path == BENCH_BPF || path == BENCH_XDP || !flows)
		return true;
	if (bench_is_knob(path))
		return flows <= 1 << 16;
	return !sysctl_get("netfilter/nf_conntrack_max", max, sizeof(max)) && flows <= strtoul(max, NULL, 10) / 2;
}

/* A bridge by itself translates nothing, XDP is at the uplink, and between containers the wire itself is the limit. */
bool bench_fits(const struct bench *b, const struct bench_cell *c, enum bench_path path)
{
	const bool aside = path == BENCH_WIRE_AGAIN || bench_is_relay(path) || path == BENCH_XDP;

	if (!b->paths[path] || b->beds[path].lacks || (c->work && !has_room(c->work->flows, path)))
		return false;
	if (aside && c->work && !c->work->main && !(c->work->flood && path == BENCH_XDP))
		return false;
	if (c->work && c->work->kind == BENCH_LIFE)
		return path == BENCH_WIRE || path == BENCH_BRIDGE || path == BENCH_NETFILTER || path == BENCH_BPF;
	if (bench_is_least(path))
		return path == bench_least_of(c->way) && c->way != BENCH_IN &&
		       (!c->work || c->work->kind == BENCH_LOAD);
	if (bench_is_relay(path))
		return path == bench_relay_of(c->way);
	return path != (c->way == BENCH_WITHIN ? BENCH_XDP : BENCH_BRIDGE);
}

/* Runs this program, whose errors are shown and whose other words are not. */
static int exec_self(int out, void *arg)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	(void)out;
	if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
		return 127;
	execv("/proc/self/exe", arg);
	return 127;
}

int bench_self(const char *const argv[])
{
	autoclose int self = netns_self();
	int r = worker_run(self, 60, exec_self, (void *)argv);

	if (r == EXIT_FEATURE)
		return fail_feature("bench: 'nsfast %s' does not work here", argv[4]);
	return r ? fail(r < 0 ? r : -EPROTO, "bench: 'nsfast %s' failed (%d)", argv[4], r) : 0;
}

static int knob(const struct lab *l, enum bench_path path, int cpu)
{
	int r = bench_knob(l, path, cpu);

	return r ? fail(r, "bench: %s: cannot set the interfaces so", bench_path_name(path)) : 0;
}

/* flows NULL: the kernel's own table. */
static int lab_nsfast(struct lab *l, enum bench_path path, int cpu, const char *flows)
{
	const char *mode = path == BENCH_NETFILTER ? "netfilter" : "bpf", *xdp = path == BENCH_XDP ? "native" : "off";
	char host[64], a[16], b[16], ns_a[32], ns_b[32], spec[64];
	const char *const up[] = { "nsfast",
				   "-q",
				   "-n",
				   host,
				   "up",
				   "t0",
				   "--mode",
				   mode,
				   "--xdp",
				   xdp,
				   "--subnet",
				   LAB_GATEWAY,
				   "--ns",
				   ns_a,
				   "--ns",
				   ns_b,
				   "--uplink",
				   LAB_UPLINK,
				   "--snat",
				   "auto",
				   "--max-flows",
				   "none",
				   "--max-half-open",
				   "none",
				   "--max-ports",
				   "none",
				   "--mtu",
				   path == BENCH_MTU ? "9000" : "1500",
				   flows ? "--flows" : NULL,
				   flows,
				   NULL };
	const char *const publish[] = { "nsfast", "-q", "-n", host, "publish", "add", "t0", spec, NULL };
	int r = lab_stage(l, NULL);

	if (!r)
		r = knob(l, path, cpu);
	if (r)
		return r;
	snprintf(a, sizeof(a), "a%u", (unsigned)path); /* a name is one path's */
	snprintf(b, sizeof(b), "b%u", (unsigned)path);
	snprintf(host, sizeof(host), "/proc/%d/fd/%d", getpid(), l->ns[LAB_HOST]);
	snprintf(ns_a, sizeof(ns_a), "%s=10.77.0.2", a);
	snprintf(ns_b, sizeof(ns_b), "%s=10.77.0.3", b);
	r = bench_self(up);
	snprintf(spec, sizeof(spec), PUBLISHED ":%s:" PUBLISHED "/tcp", b);
	if (!r)
		r = bench_self(publish);
	snprintf(spec, sizeof(spec), PUBLISHED ":%s:" PUBLISHED "/udp", b);
	if (!r)
		r = bench_self(publish);
	if (r)
		return r;
	l->ns[LAB_A] = netns_open(a);
	l->ns[LAB_B] = netns_open(b);
	if (l->ns[LAB_A] < 0 || l->ns[LAB_B] < 0)
		return fail(-ENOENT, "bench: nsfast made no namespaces");
	return knob(l, path, cpu);
}

static int bed_make(struct bench *b, enum bench_path path)
{
	static const enum lab_rules rules[] = {
		[BENCH_BRIDGE] = LAB_NO_RULES,
		[BENCH_LEGACY] = LAB_IPTABLES_LEGACY,
		[BENCH_NFT] = LAB_IPTABLES_NFT,
	};
	struct bench_bed *bed = &b->beds[path];
	const char *flows = b->quick || bench_is_knob(path) ? FLOWS_QUICK : FLOWS;

	if (bench_is_wire(path))
		return lab_wire(&bed->lab);
	if (bench_is_relay(path))
		return bench_relay(bed, path);
	if (bench_is_nsfast(path))
		return lab_nsfast(&bed->lab, path, b->cpu, path == BENCH_NETFILTER ? NULL : flows);
	bed->lacks = lab_bridge_lacks(rules[path]);
	return bed->lacks ? 0 : lab_bridge(rules[path], &bed->lab);
}

/* What a server sees of its client. */
static const char *seen(enum bench_path path, enum bench_way way)
{
	if (path == BENCH_LEAST_NAT)
		return "you are 10.77.0.4 ";
	if (bench_is_bare(path) || way == BENCH_WITHIN)
		return "you are 10.77.0.2 ";
	return way == BENCH_OUT ? "you are 198.51.100.1 " : "you are 198.51.100.2 ";
}

/* A path that does not do its job is not measured: what answers must answer, and see the address it should see. */
static int bed_prove(const struct bench_bed *bed, enum bench_path path, enum bench_way way)
{
	const struct lab *l = &bed->lab;
	struct addr to = lab_addr(bench_to(path, way));
	int client = l->ns[bench_client(path, way)];
	autoworker struct worker web = WORKER_NONE;
	char page[128] = "";
	size_t len;
	double ms;
	int r = probe_ping(client, &to, 2000, &ms);

	if (r)
		return fail(r, "bench: %s, %s: no echo", bench_path_name(path), bench_way_text(way));
	r = probe_serve(&web, l->ns[bench_server(path, way)], LAB_PUBLISH_MIN);
	if (!r)
		r = probe_fetch(client, &to, LAB_PUBLISH_MIN, "/", page, sizeof(page) - 1, &len);
	if (r)
		return r;
	if (strncmp(page, seen(path, way), strlen(seen(path, way))))
		return fail(-EPROTO, "bench: %s, %s: the server says '%.60s', not '%s...'", bench_path_name(path),
			    bench_way_text(way), page, seen(path, way));
	return 0;
}

int bench_beds_make(struct bench *b)
{
	static const enum bench_way proven[] = { BENCH_WITHIN, BENCH_OUT, BENCH_IN };
	enum bench_path path;
	size_t i;
	int r = 0;

	for (path = 0; !r && path < BENCH_PATHS_MAX; path++) {
		if (!b->paths[path])
			continue;
		r = bed_make(b, path);
		for (i = 0; !r && i < ARRAY_SIZE(proven); i++)
			if (bench_fits(b, &(struct bench_cell){ .way = proven[i] }, path))
				r = bed_prove(&b->beds[path], path, proven[i]);
	}
	return r;
}

void bench_beds_close(struct bench *b)
{
	enum bench_path path;

	for (path = 0; path < BENCH_PATHS_MAX; path++) {
		for (int i = 0; i < 2; i++)
			if (b->beds[path].links[i] > 0)
				close(b->beds[path].links[i]);
		lab_close(&b->beds[path].lab);
	}
}
