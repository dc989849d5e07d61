/* SPDX-License-Identifier: GPL-2.0-only */
/* The comparison: a wire, bridge + iptables and nsfast under the same traffic, interleaved, on one CPU. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "lab.h"
#include "load.h"
#include "log.h"
#include "netns.h"
#include "probe.h"

#define ROUNDS_MAX 99
#define WARM_MS    100

/* Shares of the CPU's time beyond which a sample is not taken for good. Time is counted in ticks of 10 ms, so that of a
 * sample of half a second one tick is two hundredths. */
#define STOLEN_MAX  0.02
#define FOREIGN_MAX 0.05
#define TRIES       4

/* A round measures each path twice, in an order that is its own mirror image: a drift of the machine's speed then
 * bears on all alike. A second wire beside the first is the measure of what noise alone can do. */
enum path_id { WIRE, WIRE_AGAIN, BRIDGE, NSFAST, BRIDGE_SNAT, NSFAST_SNAT, PATHS };

struct path {
	const char *name;
	const struct lab *lab;
	enum lab_node server; /* the client is always A */
	const char *to;
};

struct ratio {
	const char *name;
	enum path_id num, den;
	double promise[LOAD_MAX]; /* the least median that nsfast promises; 0: none */
};

static const struct ratio ratios[] = {
	{ "wire/wire (noise)", WIRE_AGAIN, WIRE, { 0 } },
	{ "bridge/wire", BRIDGE, WIRE, { 0 } },
	{ "nsfast/wire", NSFAST, WIRE, { [LOAD_RR] = 0.85, [LOAD_CRR] = 0.85 } },
	{ "nsfast/bridge", NSFAST, BRIDGE, { 0 } },
	{ "bridge+snat/wire", BRIDGE_SNAT, WIRE, { 0 } },
	{ "nsfast+snat/wire", NSFAST_SNAT, WIRE, { 0 } },
	{ "nsfast+snat/bridge+snat", NSFAST_SNAT, BRIDGE_SNAT, { [LOAD_RR] = 1.3, [LOAD_CRR] = 1.4 } },
};

struct disturbance {
	double stolen, foreign;
};

static struct {
	unsigned rounds, ms;
	int cpu;
	bool kinds[LOAD_MAX];
	bool verbose, json, check;
	const char *nsfast;
} opt = { .rounds = 9, .ms = 500, .cpu = -1, .nsfast = ".build/nsfast" };

static struct lab beds[4] = { LAB_NONE, LAB_NONE, LAB_NONE, LAB_NONE };
static struct path paths[PATHS];
static double rates[LOAD_MAX][ROUNDS_MAX][PATHS]; /* mean of a round's two samples */
static unsigned redone, disturbed;                /* samples that were taken again, that were bad to the last */

/* nsfast's names, pins and lock live below /run: a private one, which goes when this process goes. */
static int hide_run(void)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
		return fail(-errno, "cannot make a private /run");
	return 0;
}

static int exec_nsfast(int out, void *arg)
{
	(void)out;
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execl(opt.nsfast, opt.nsfast, "-n", arg, "up", "t0", "--mode", "bpf", "--subnet", LAB_GATEWAY, "--ns",
	      "a=10.77.0.2", "--ns", "b=10.77.0.3", "--uplink", LAB_UPLINK, "--snat", "auto", NULL);
	fail(-errno, "cannot execute '%s'", opt.nsfast);
	return 127;
}

static int lab_nsfast(struct lab *l)
{
	autoclose int self = netns_self();
	char host[64];
	int r;

	r = lab_stage(l, NULL);
	if (r)
		return r;
	snprintf(host, sizeof(host), "/proc/%d/fd/%d", getpid(), l->ns[LAB_HOST]);
	r = worker_run(self, 60, exec_nsfast, host);
	if (r)
		return fail(-EIO, "'%s up' failed (%d)", opt.nsfast, r);
	l->ns[LAB_A] = netns_open("a");
	l->ns[LAB_B] = netns_open("b");
	return l->ns[LAB_A] < 0 || l->ns[LAB_B] < 0 ? fail(-ENOENT, "nsfast made no namespaces") : 0;
}

static void add_path(enum path_id id, const char *name, const struct lab *l, enum lab_node server, const char *to)
{
	paths[id] = (struct path){ name, l, server, to };
}

static int build(void)
{
	const char *lacks = lab_bridge_lacks(LAB_IPTABLES);
	int r;

	r = lab_wire(&beds[0]);
	if (!r)
		r = lab_wire(&beds[1]);
	if (r)
		return r;
	add_path(WIRE, "wire", &beds[0], LAB_B, LAB_B_ADDR);
	add_path(WIRE_AGAIN, "wire-again", &beds[1], LAB_B, LAB_B_ADDR);
	if (lacks) {
		warn("skipped: bridge, bridge+snat: missing: %s", lacks);
	} else {
		r = lab_bridge(LAB_IPTABLES, &beds[2]);
		if (r)
			return r;
		add_path(BRIDGE, "bridge", &beds[2], LAB_B, LAB_B_ADDR);
		add_path(BRIDGE_SNAT, "bridge+snat", &beds[2], LAB_OUTSIDE, LAB_SERVER_ADDR);
	}
	if (access(opt.nsfast, X_OK)) {
		warn("skipped: nsfast, nsfast+snat: there is no '%s'", opt.nsfast);
		return 0;
	}
	r = lab_nsfast(&beds[3]);
	if (r)
		return r;
	add_path(NSFAST, "nsfast", &beds[3], LAB_B, LAB_B_ADDR);
	add_path(NSFAST_SNAT, "nsfast+snat", &beds[3], LAB_OUTSIDE, LAB_SERVER_ADDR);
	return 0;
}

/* A path that does not do its job is not measured: what answers must answer, and see the address it should see. */
static int prove(const struct path *p)
{
	const char *want = p->server == LAB_OUTSIDE ? "you are 198.51.100.1 " : "you are 10.77.0.2 ";
	struct addr to = lab_addr(p->to);
	autoworker struct worker web = WORKER_NONE;
	char page[128] = "";
	size_t len;
	double ms;
	int r;

	r = probe_ping(p->lab->ns[LAB_A], &to, 2000, &ms);
	if (r)
		return fail(r, "%s: no echo from %s", p->name, p->to);
	r = probe_serve(&web, p->lab->ns[p->server], 80);
	if (!r)
		r = probe_fetch(p->lab->ns[LAB_A], &to, 80, "/", page, sizeof(page) - 1, &len);
	if (r)
		return r;
	if (strncmp(page, want, strlen(want)))
		return fail(-EPROTO, "%s: the server says '%.60s', not '%s'", p->name, page, want);
	return 0;
}

/* Where the CPU's time went, in seconds since some beginning. */
struct usage {
	double all, idle, stolen, ours;
};

static struct usage read_usage(void)
{
	FILE *f = fopen("/proc/stat", "re");
	double hz = (double)sysconf(_SC_CLK_TCK);
	double t[8] = { 0 }; /* user nice system idle iowait irq softirq steal */
	struct usage u = { 0 };
	struct rusage children;
	char line[256], name[16];
	size_t len;

	len = (size_t)snprintf(name, sizeof(name), "cpu%d ", opt.cpu);
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, len))
			sscanf(line + len, "%lf %lf %lf %lf %lf %lf %lf %lf", &t[0], &t[1], &t[2], &t[3], &t[4], &t[5],
			       &t[6], &t[7]);
	if (f)
		fclose(f);
	for (size_t i = 0; i < ARRAY_SIZE(t); i++)
		u.all += t[i] / hz;
	u.idle = (t[3] + t[4]) / hz;
	u.stolen = t[7] / hz;
	/* The workers' run time is exact, and the packets that their system calls carry are part of it. */
	if (!getrusage(RUSAGE_CHILDREN, &children))
		u.ours = (double)(children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
			 (double)(children.ru_utime.tv_usec + children.ru_stime.tv_usec) / 1e6;
	return u;
}

/* The share of the CPU's time that went to others since then: other virtual machines, other processes. */
static void read_disturbance(const struct usage *then, struct disturbance *ret)
{
	struct usage now = read_usage();
	double all = now.all - then->all;

	*ret = (struct disturbance){ 0 };
	if (all <= 0)
		return;
	ret->stolen = (now.stolen - then->stolen) / all;
	ret->foreign = 1 - ret->stolen - (now.idle - then->idle + now.ours - then->ours) / all;
}

static void print_sample(enum load_kind kind, unsigned round, const struct path *p, const struct load_result *r,
			 const struct disturbance *d)
{
	if (opt.json)
		printf("{\"sample\":\"%s\",\"path\":\"%s\",\"round\":%u,\"rate\":%.1f,\"unit\":\"%s\",\"loss\":%.4f,"
		       "\"stolen\":%.3f,\"foreign\":%.3f}\n",
		       load_name(kind), p->name, round, r->rate, load_unit(kind), r->loss, d->stolen, d->foreign);
	else if (opt.verbose)
		printf("%-6s round %2u  %-12s %14.1f %-14s  loss %.3f  stolen %.3f  foreign %6.3f\n", load_name(kind),
		       round, p->name, r->rate, load_unit(kind), r->loss, d->stolen, d->foreign);
	fflush(stdout);
}

/* A disturbed sample is taken again at once, a few times at most, so that it ends on a busy machine too. */
static int measure(enum load_kind kind, unsigned round, const struct path *p, double *ret_rate)
{
	struct load l = {
		.kind = kind,
		.client = { p->lab->ns[LAB_A], opt.cpu },
		.server = { p->lab->ns[p->server], opt.cpu },
		.to = lab_addr(p->to),
		.warm_ms = WARM_MS,
		.ms = opt.ms,
	};
	struct load_result result;
	struct disturbance d;

	for (unsigned tries = 0; tries < TRIES; tries++) {
		struct usage then = read_usage();
		int r = load_run(&l, &result);

		if (r)
			return fail(r, "%s: no measurement", p->name);
		read_disturbance(&then, &d);
		print_sample(kind, round, p, &result, &d);
		*ret_rate = result.rate;
		if (d.stolen <= STOLEN_MAX && d.foreign <= FOREIGN_MAX)
			return 0;
		redone++;
	}
	redone--;
	disturbed++;
	return 0;
}

/* All paths, then all again in reverse. The first one moves on from round to round, so that nobody always follows the
 * same neighbour. */
static int run_round(enum load_kind kind, unsigned round)
{
	double sum[PATHS] = { 0 }, rate = 0;
	int r;

	for (unsigned i = 0; i < 2 * PATHS; i++) {
		unsigned id = ((i < PATHS ? i : 2 * PATHS - 1 - i) + round) % PATHS;

		if (!paths[id].name)
			continue;
		r = measure(kind, round + 1, &paths[id], &rate);
		if (r)
			return r;
		sum[id] += rate;
	}
	for (unsigned id = 0; id < PATHS; id++)
		rates[kind][round][id] = sum[id] / 2;
	return 0;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Sorts in place. */
static double median(double *v, unsigned n)
{
	qsort(v, n, sizeof(*v), by_value);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void print_rates(enum load_kind kind)
{
	double v[ROUNDS_MAX], m;

	for (unsigned id = 0; id < PATHS; id++) {
		if (!paths[id].name)
			continue;
		for (unsigned i = 0; i < opt.rounds; i++)
			v[i] = rates[kind][i][id];
		m = median(v, opt.rounds);
		if (opt.json)
			printf("{\"rate\":\"%s\",\"path\":\"%s\",\"unit\":\"%s\",\"median\":%.1f,\"min\":%.1f,"
			       "\"max\":%.1f}\n",
			       load_name(kind), paths[id].name, load_unit(kind), m, v[0], v[opt.rounds - 1]);
		else
			printf("%-8s%-26s%14.0f%14.0f%14.0f  %s\n", load_name(kind), paths[id].name, m, v[0],
			       v[opt.rounds - 1], load_unit(kind));
	}
}

static void print_ratio(enum load_kind kind, const struct ratio *q, const double *sorted, double m)
{
	double lo = sorted[0], hi = sorted[opt.rounds - 1], promise = q->promise[kind];

	if (opt.json) {
		printf("{\"ratio\":\"%s\",\"of\":\"%s\",\"median\":%.4f,\"min\":%.4f,\"max\":%.4f", load_name(kind),
		       q->name, m, lo, hi);
		if (promise > 0)
			printf(",\"promise\":%.2f,\"kept\":%s", promise, m >= promise ? "true" : "false");
		printf("}\n");
		return;
	}
	printf("%-8s%-26s%14.3f%14.3f%14.3f", load_name(kind), q->name, m, lo, hi);
	if (promise > 0)
		printf("  promised %.2f: %s", promise, m >= promise ? "kept" : "broken");
	printf("\n");
}

/* True if every promise about this traffic was kept. */
static bool print_ratios(enum load_kind kind)
{
	double v[ROUNDS_MAX], m;
	bool kept = true;

	for (size_t k = 0; k < ARRAY_SIZE(ratios); k++) {
		const struct ratio *q = &ratios[k];

		if (!paths[q->num].name || !paths[q->den].name)
			continue;
		for (unsigned i = 0; i < opt.rounds; i++)
			v[i] = rates[kind][i][q->num] / rates[kind][i][q->den];
		m = median(v, opt.rounds);
		print_ratio(kind, q, v, m);
		kept = kept && m >= q->promise[kind];
	}
	return kept;
}

static bool report(void)
{
	bool kept = true;

	if (!opt.json)
		printf("%u rounds, two samples of %u ms each, both ends on CPU %d\n"
		       "disturbed samples: %u taken again, %u bad to the last\n\n%-8s%-26s%14s%14s%14s\n",
		       opt.rounds, opt.ms, opt.cpu, redone, disturbed, "", "", "median", "min", "max");
	for (enum load_kind kind = 0; kind < LOAD_MAX; kind++)
		if (opt.kinds[kind])
			print_rates(kind);
	if (!opt.json)
		printf("\nratios of each round\n");
	for (enum load_kind kind = 0; kind < LOAD_MAX; kind++)
		if (opt.kinds[kind] && !print_ratios(kind))
			kept = false;
	return kept;
}

static int set_kind(const char *name)
{
	for (enum load_kind kind = 0; kind < LOAD_MAX; kind++) {
		if (!streq(name, load_name(kind)))
			continue;
		opt.kinds[kind] = true;
		return 0;
	}
	return fail_usage("unknown traffic '%s'", name);
}

static int number(const char *text, unsigned lo, unsigned hi, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < lo || n > hi)
		return fail_usage("'%s' is no number from %u to %u", text, lo, hi);
	*ret = (unsigned)n;
	return 0;
}

static int parse(int argc, char **argv)
{
	unsigned cpu = (unsigned)worker_cpu();
	int c, r = 0;

	while (!r && (c = getopt(argc, argv, "n:t:c:w:b:vjk")) != -1) {
		if (c == 'n')
			r = number(optarg, 1, ROUNDS_MAX, &opt.rounds);
		else if (c == 't')
			r = number(optarg, 10, 60000, &opt.ms);
		else if (c == 'c')
			r = number(optarg, 0, CPU_SETSIZE - 1, &cpu);
		else if (c == 'w')
			r = set_kind(optarg);
		else if (c == 'b')
			opt.nsfast = optarg;
		else if (c == 'v')
			opt.verbose = true;
		else if (c == 'j')
			opt.json = true;
		else if (c == 'k')
			opt.check = true;
		else
			r = fail_usage("usage: %s [-n ROUNDS] [-t MS] [-c CPU] [-w rr|crr|udp|stream]... [-b NSFAST] "
				       "[-v] [-j] [-k]",
				       argv[0]);
	}
	opt.cpu = (int)cpu;
	if (!opt.kinds[LOAD_RR] && !opt.kinds[LOAD_CRR] && !opt.kinds[LOAD_UDP] && !opt.kinds[LOAD_STREAM])
		opt.kinds[LOAD_RR] = opt.kinds[LOAD_CRR] = opt.kinds[LOAD_UDP] = true;
	return r;
}

int main(int argc, char **argv)
{
	int r;

	r = parse(argc, argv);
	if (!r)
		r = hide_run();
	if (!r)
		r = build();
	for (unsigned id = 0; !r && id < PATHS; id++)
		if (paths[id].name)
			r = prove(&paths[id]);
	for (enum load_kind kind = 0; !r && kind < LOAD_MAX; kind++)
		for (unsigned round = 0; !r && opt.kinds[kind] && round < opt.rounds; round++)
			r = run_round(kind, round);
	if (r)
		return log_exit_code() ? (int)log_exit_code() : EXIT_KERNEL;
	return !report() && opt.check ? 1 : 0;
}
