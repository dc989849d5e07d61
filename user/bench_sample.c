/* SPDX-License-Identifier: GPL-2.0-only */
/* One sample of `nsfast bench`: its traffic, and who else had the CPU meanwhile. */
#include <dirent.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "bench.h"
#include "ethtool.h"
#include "host.h"
#include "log.h"
#include "worker.h"

/* Shares of the CPU's time beyond which a sample is not taken for good. Time is counted in ticks of 10 ms, so that of a
 * sample of a quarter of a second one tick is four hundredths. */
#define STOLEN_MAX  0.04
#define FOREIGN_MAX 0.08
#define TRIES       4
#define BULK_MS     600000

/* Where the CPU's time went, in seconds since some beginning. */
struct usage {
	double all, idle, stolen, ours, busy, at;
};

double bench_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A line of /proc/stat: user nice system idle iowait irq softirq steal, in ticks. */
static bool cpu_line(const char *line, const char *name, double ret[8])
{
	size_t len = strlen(name);

	return !strncmp(line, name, len) && sscanf(line + len, "%lf %lf %lf %lf %lf %lf %lf %lf", &ret[0], &ret[1],
						   &ret[2], &ret[3], &ret[4], &ret[5], &ret[6], &ret[7]) == 8;
}

/* The thread on which the kernel carries on what is too much for an interrupt, or 0 where it is not to be seen. */
static pid_t softirq_thread(int cpu)
{
	char want[32], path[64], comm[32];
	DIR *proc = opendir("/proc");
	struct dirent *e;
	pid_t pid = 0;
	FILE *f;

	snprintf(want, sizeof(want), "ksoftirqd/%d\n", cpu);
	while (proc && !pid && (e = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%.20s/comm", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(comm, sizeof(comm), f) && streq(comm, want))
			pid = atoi(e->d_name);
		if (f)
			fclose(f);
	}
	if (proc)
		closedir(proc);
	return pid;
}

/* Seconds that it has run. */
static double softirq_time(int cpu)
{
	static pid_t pid[CPU_SETSIZE]; /* -1: there is none */
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	if (!pid[cpu]) {
		pid[cpu] = softirq_thread(cpu);
		pid[cpu] = pid[cpu] ? pid[cpu] : -1;
	}
	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid[cpu]);
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return (double)ns / 1e9;
}

/* Of the client's and the server's CPU, which are one mostly. */
static struct usage read_usage(const struct bench *b)
{
	FILE *f = fopen("/proc/stat", "re");
	double hz = (double)sysconf(_SC_CLK_TCK), one[2][8] = {}, all[8] = {};
	struct usage u = { .at = bench_now() };
	struct rusage children;
	char line[256], name[2][16];
	size_t i;
	int n = b->server_cpu == b->cpu ? 1 : 2;

	snprintf(name[0], sizeof(name[0]), "cpu%d ", b->cpu);
	snprintf(name[1], sizeof(name[1]), "cpu%d ", b->server_cpu);
	while (f && fgets(line, sizeof(line), f))
		if (!cpu_line(line, "cpu ", all) && !cpu_line(line, name[0], one[0]) && n > 1)
			cpu_line(line, name[1], one[1]);
	if (f)
		fclose(f);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		u.all += (one[0][i] + one[1][i]) / hz;
	u.idle = (one[0][3] + one[1][3] + one[0][4] + one[1][4]) / hz;
	u.stolen = (one[0][7] + one[1][7]) / hz;
	u.busy = (all[0] + all[1] + all[2] + all[5] + all[6]) / hz;
	/* The workers' run time is exact, and the packets that their system calls carry are part of it. */
	if (!getrusage(RUSAGE_CHILDREN, &children))
		u.ours = (double)(children.ru_utime.tv_sec + children.ru_stime.tv_sec) +
			 (double)(children.ru_utime.tv_usec + children.ru_stime.tv_usec) / 1e6;
	u.ours += softirq_time(b->cpu) + (n > 1 ? softirq_time(b->server_cpu) : 0);
	return u;
}

/* True if all processes that carry it have ended with the sample, so that their time is known. */
static bool carried(const struct bench_work *w)
{
	return w->kind == BENCH_LOAD;
}

/* What others had of the CPU's time since then, and what each unit cost all CPUs. */
static void account(const struct bench *b, unsigned cell, const struct usage *then, struct bench_sample *s)
{
	struct usage now = read_usage(b);
	double all = now.all - then->all, units = s->result.rate * (now.at - then->at);

	/* of what is injected, the time around it is the greater part */
	if (units > 0 && carried(b->cells[cell].work))
		s->cpu_ns = (now.busy - then->busy) * 1e9 / units;
	if (all <= 0)
		return;
	s->stolen = (now.stolen - then->stolen) / all;
	s->foreign = 1 - s->stolen - (now.idle - then->idle + now.ours - then->ours) / all;
}

/* A free port of those that lead to the server. What an earlier sample left in TIME_WAIT has another number. */
static __u16 next_port(void)
{
	static unsigned n;

	return (__u16)(LAB_PUBLISH_MIN + ++n % (LAB_PUBLISH_MAX - LAB_PUBLISH_MIN + 1));
}

static struct load load_of(const struct bench *b, const struct bench_cell *c, enum bench_path path)
{
	const struct lab *l = &b->beds[path].lab;

	return (struct load){
		.kind = c->work->load,
		.client = { l->ns[bench_client(path, c->way)], b->cpu },
		.server = { l->ns[bench_server(path, c->way)], b->server_cpu },
		.to = lab_addr(bench_to(path, c->way)),
		.port = next_port(),
		.streams = c->work->streams,
		.warm_ms = b->warm_ms,
		.ms = b->ms,
	};
}

static int cut_segments(int out, void *arg)
{
	const bool *cut = arg;

	(void)out;
	return ethtool_set("eth0", ETHTOOL_STSO, !*cut) || ethtool_set("eth0", ETHTOOL_SGSO, !*cut);
}

static int run_load(const struct bench *b, const struct bench_cell *c, enum bench_path path, struct load_result *ret)
{
	struct load l = load_of(b, c, path);
	bool cut = c->work->segments;
	int r;

	if (cut && worker_run(l.client.netns, 5, cut_segments, &cut))
		return fail(-EIO, "bench: %s: cannot set the offloads of eth0", bench_path_name(path));
	r = load_run(&l, ret);
	if (cut) {
		cut = false;
		worker_run(l.client.netns, 5, cut_segments, &cut);
	}
	return r;
}

static int run_bulk(int out, void *arg)
{
	struct load_result result;

	(void)out;
	return load_run(arg, &result) != 0;
}

/* The stream has no end; it goes with its worker. */
static int run_beside(const struct bench *b, const struct bench_cell *c, enum bench_path path, struct load_result *ret)
{
	struct load bulk = load_of(b, c, path), l = load_of(b, c, path);
	autoworker struct worker w = WORKER_NONE;
	int r;

	bulk.kind = LOAD_STREAM;
	bulk.ms = BULK_MS;
	r = worker_start(&w, bulk.client.netns, -1, 60, run_bulk, &bulk);
	return r ? fail(r, "bench: cannot start a stream") : load_run(&l, ret);
}

static int run_once(struct bench *b, const struct bench_cell *c, enum bench_path path, struct load_result *ret)
{
	if (host_interrupted())
		return -EINTR;
	*ret = (struct load_result){};
	if (c->work->kind == BENCH_LOAD)
		return run_load(b, c, path, ret);
	if (c->work->kind == BENCH_BESIDE)
		return run_beside(b, c, path, ret);
	if (c->work->kind == BENCH_LIFE)
		return bench_life(b, c, path, ret);
	return bench_hose(b, c, path, ret);
}

static int keep_row(struct bench *b, const struct bench_row *row)
{
	struct bench_row *more = b->rows;

	if (!(b->n_rows & (b->n_rows - 1))) /* full: its room is the next power of two */
		more = realloc(b->rows, (b->n_rows ? 2 * b->n_rows : 1) * sizeof(*more));
	if (!more)
		return fail(-ENOMEM, "bench: cannot keep samples");
	b->rows = more;
	b->rows[b->n_rows++] = *row;
	return 0;
}

/* A disturbed sample is taken again at once, a few times at most, so that it ends on a busy machine too. Who
 * is a stranger is known only where all others' time is. */
int bench_measure(struct bench *b, unsigned cell, unsigned round, enum bench_path path, struct bench_sample *ret)
{
	const struct bench_cell *c = &b->cells[cell];
	struct bench_row row = { .cell = cell, .round = round, .path = path };
	unsigned tries;
	int r;

	for (tries = 0; tries < TRIES && !row.kept; tries++) {
		struct usage then = read_usage(b);

		row.sample = (struct bench_sample){};
		r = run_once(b, c, path, &row.sample.result);
		if (r)
			return r == -EINTR
				       ? r
				       : fail(r, "bench: %s, %s: no measurement", bench_path_name(path), c->work->name);
		account(b, cell, &then, &row.sample);
		row.kept = row.sample.stolen <= STOLEN_MAX && (!carried(c->work) || row.sample.foreign <= FOREIGN_MAX);
		b->again += !row.kept && tries + 1 < TRIES;
		b->disturbed += !row.kept && tries + 1 == TRIES;
		r = keep_row(b, &row);
		if (r)
			return r;
	}
	*ret = row.sample;
	return 0;
}
