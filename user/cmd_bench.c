/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast bench: how fast each path is on this machine, in namespaces that nobody else sees and that end with it. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <stdio.h>

#include "bench.h"
#include "cmd.h"
#include "log.h"
#include "opt.h"
#include "worker.h"

#define ROUNDS       9
#define ROUNDS_QUICK 3
#define MS           150
#define MS_QUICK     90
#define WARM_MS      50

#define WAY(way) (1U << BENCH_##way)
#define SOCKETS  (WAY(WITHIN) | WAY(OUT) | WAY(IN))
#define INJECTED (WAY(WITHIN) | WAY(OUT) | WAY(BACK))
#define OUTSIDE  (WAY(OUT) | WAY(BACK))

static const struct bench_work works[] = {
	{ "rr", "TCP request and response", "transactions", .load = LOAD_RR, .ways = SOCKETS, .main = true },
	{ "crr", "TCP connect, request, response", "connections", .load = LOAD_CRR, .ways = SOCKETS, .main = true },
	{ "udp", "UDP, 64 bytes, from sockets", "packets", .load = LOAD_UDP, .ways = SOCKETS, .main = true },
	{ "stream", "TCP stream", "bytes", .load = LOAD_STREAM, .ways = SOCKETS, .main = true },
	{ "stream8", "8 TCP streams", "bytes", .load = LOAD_STREAM, .streams = 8, .ways = SOCKETS },
	{ "segments", "TCP stream cut by the sender", "bytes", .load = LOAD_STREAM, .segments = true, .ways = SOCKETS },
	{ "beside", "TCP request and response beside a stream", "transactions", .kind = BENCH_BESIDE, .load = LOAD_RR,
	  .ways = SOCKETS },
	{ "hose", "UDP, 60 bytes, injected, 1 flow", "packets", .kind = BENCH_HOSE, .flows = 1, .ways = INJECTED,
	  .main = true },
	{ "hose1k", "UDP, 60 bytes, injected, 1,024 flows", "packets", .kind = BENCH_HOSE, .flows = 1 << 10,
	  .ways = OUTSIDE },
	{ "hose64k", "UDP, 60 bytes, injected, 65,536 flows", "packets", .kind = BENCH_HOSE, .flows = 1 << 16,
	  .ways = OUTSIDE },
	{ "hose1m", "UDP, 60 bytes, injected, 1,048,576 flows", "packets", .kind = BENCH_HOSE, .flows = 1 << 20,
	  .ways = OUTSIDE },
	{ "new", "UDP, 60 bytes, injected, each a new flow", "packets", .kind = BENCH_HOSE, .ways = WAY(OUT) },
	{ "flood", "UDP, 60 bytes, injected, that nobody asked for", "packets", .kind = BENCH_HOSE, .flows = 1 << 10,
	  .flood = true, .ways = WAY(BACK) },
	{ "make", "Containers made, 32 at once", "containers", .kind = BENCH_LIFE, .ways = WAY(WITHIN) },
	{ "end", "Containers removed, 32 at once", "containers", .kind = BENCH_LIFE, .ends = true,
	  .ways = WAY(WITHIN) },
};

/* What --only has named, as bits; of a kind of which it names none, all are meant. */
static struct {
	unsigned works, ways, paths;
} only;

/* False if it names nothing. */
static bool add_word(const char *word)
{
	enum bench_path path;
	enum bench_way way;
	bool known = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(works); i++)
		if (streq(word, works[i].name)) {
			only.works |= 1U << i;
			known = true;
		}
	for (way = 0; way < BENCH_WAYS_MAX; way++)
		if (streq(word, bench_way_name(way))) {
			only.ways |= 1U << way;
			known = true;
		}
	for (path = 0; path < BENCH_PATHS_MAX; path++)
		if (streq(word, bench_path_name(path))) {
			only.paths |= 1U << path;
			known = true;
		}
	return known;
}

static int add_only(char *text)
{
	char *word, *rest = text;

	while ((word = strsep(&rest, ",")))
		if (!add_word(word)) {
			hint("'nsfast bench --list' names traffic, ways and paths");
			return fail_usage("bench: '%s' is nothing that is measured", word);
		}
	return 0;
}

static int list(void)
{
	enum bench_path path;
	enum bench_way way;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(works); i++)
		printf("%-18s%s\n", works[i].name, works[i].title);
	for (way = 0; way < BENCH_WAYS_MAX; way++)
		printf("%-18s%s\n", bench_way_name(way), bench_way_text(way));
	for (path = 0; path < BENCH_PATHS_MAX; path++)
		printf("%-18s%s\n", bench_path_name(path), bench_path_text(path));
	return 0;
}

/* The wire is always there: all others are told beside it. */
static void choose_paths(struct bench *b)
{
	enum bench_path path;

	for (path = 0; path < BENCH_PATHS_MAX; path++) {
		if (only.paths)
			b->paths[path] = only.paths & 1U << path;
		else
			b->paths[path] = b->quick ? path == BENCH_NFT || path == BENCH_BPF : !bench_is_extra(path);
	}
	b->paths[BENCH_WIRE] = true;
}

static bool wanted(const struct bench *b, size_t work, enum bench_way way)
{
	if (!(works[work].ways & 1U << way) || (only.ways && !(only.ways & 1U << way)))
		return false;
	if (only.works)
		return only.works & 1U << work;
	return !b->quick || (works[work].main && way != BENCH_IN);
}

static int choose_cells(struct bench *b)
{
	enum bench_way way;
	size_t i;

	b->cells = calloc(ARRAY_SIZE(works) * BENCH_WAYS_MAX, sizeof(*b->cells));
	if (!b->cells)
		return fail(-ENOMEM, "bench: cannot keep results");
	for (i = 0; i < ARRAY_SIZE(works); i++)
		for (way = 0; way < BENCH_WAYS_MAX; way++)
			if (wanted(b, i, way))
				b->cells[b->n_cells++] = (struct bench_cell){ .work = &works[i], .way = way };
	return b->n_cells ? 0 : fail_usage("bench: --only leaves nothing to measure");
}

/* What is not the main traffic has a third of the rounds. */
static unsigned rounds_of(const struct bench *b, size_t cell)
{
	return b->cells[cell].work->main ? b->n_rounds : (b->n_rounds + 2) / 3;
}

static void tell_round(const struct bench *b, size_t cell, unsigned round)
{
	const struct bench_cell *c = &b->cells[cell];

	progress("%3zu %%  %s, %s, round %u of %u", (cell * b->n_rounds + round) * 100 / (b->n_cells * b->n_rounds),
		 c->work->title, bench_way_text(c->way), round + 1, rounds_of(b, cell));
}

/* The mean of what two samples say. */
static void add_half(struct bench_sample *sum, const struct bench_sample *s)
{
	sum->result.rate += s->result.rate / 2;
	sum->result.loss += s->result.loss / 2;
	sum->result.p50_us += s->result.p50_us / 2;
	sum->result.p99_us += s->result.p99_us / 2;
	sum->result.p999_us += s->result.p999_us / 2;
	sum->cpu_ns += s->cpu_ns / 2;
	sum->stolen += s->stolen / 2;
	sum->foreign += s->foreign / 2;
}

/* All paths, then all again in reverse: a drift of the machine's speed bears on all alike. The first one moves on from
 * round to round, so that nobody always follows the same neighbour. */
static int run_round(struct bench *b, size_t cell, unsigned round)
{
	struct bench_cell *c = &b->cells[cell];
	struct bench_sample s;
	unsigned i, path;
	int r;

	for (i = 0; i < 2 * BENCH_PATHS_MAX; i++) {
		path = ((i < BENCH_PATHS_MAX ? i : 2 * BENCH_PATHS_MAX - 1 - i) + round) % BENCH_PATHS_MAX;
		if (!bench_fits(b, c, path))
			continue;
		r = bench_measure(b, (unsigned)cell, round, path, &s);
		if (r)
			return r;
		add_half(&c->rounds[round][path], &s);
	}
	return 0;
}

static int run_all(struct bench *b)
{
	double begin = bench_now();
	unsigned round;
	size_t i;
	int r = bench_beds_make(b);

	for (i = 0; !r && i < b->n_cells; i++)
		for (round = 0; !r && round < rounds_of(b, i); round++) {
			tell_round(b, i, round);
			r = run_round(b, i, round);
		}
	progress(NULL);
	b->seconds = bench_now() - begin;
	return r;
}

static int number(const char *option, const char *text, unsigned lo, unsigned hi, unsigned *ret)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || n < lo || n > hi)
		return fail_usage("bench: --%s: '%s' is no number from %u to %u", option, text, lo, hi);
	*ret = (unsigned)n;
	return 0;
}

/* N, or N,M: the client's, and the server's. */
static int cpus(char *text, unsigned *ret, unsigned *ret_server)
{
	char *second = strchr(text, ',');
	int r;

	if (second)
		*second++ = '\0';
	r = number("cpu", text, 0, CPU_SETSIZE - 1, ret);
	*ret_server = *ret;
	return r || !second ? r : number("cpu", second, 0, CPU_SETSIZE - 1, ret_server);
}

enum { QUICK = OPT_LONG, ONLY, LIST, SVG, N_ROUNDS, TIME, CPU };

static const struct option words[] = {
	{ "quick", no_argument, NULL, QUICK },
	{ "only", required_argument, NULL, ONLY },
	{ "list", no_argument, NULL, LIST },
	{ "svg", required_argument, NULL, SVG },
	{ "rounds", required_argument, NULL, N_ROUNDS },
	{ "time", required_argument, NULL, TIME },
	{ "cpu", required_argument, NULL, CPU },
	{},
};

struct choice {
	unsigned rounds, ms, cpu, server_cpu;
	bool quick, list;
	const char *svg;
};

static int parse(int argc, char **argv, struct choice *ret)
{
	int c, r = 0;

	while (!r && (c = opt_next(argc, argv, "", words)) != -1) {
		if (c == QUICK)
			ret->quick = true;
		else if (c == ONLY)
			r = add_only(optarg);
		else if (c == LIST)
			ret->list = true;
		else if (c == SVG)
			ret->svg = optarg;
		else if (c == N_ROUNDS)
			r = number("rounds", optarg, 1, BENCH_ROUNDS_MAX, &ret->rounds);
		else if (c == TIME)
			r = number("time", optarg, 10, 10000, &ret->ms);
		else if (c == CPU)
			r = cpus(optarg, &ret->cpu, &ret->server_cpu);
		else
			r = c;
	}
	return r ? r : opt_words(argc, argv, 0, 0, "bench");
}

/* Where the chart will be: found before /run is another one. */
static int open_dir(const char *file)
{
	autofree char *copy = strdup(file);
	int fd = copy ? open(dirname(copy), O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0 || faccessat(fd, ".", W_OK, 0))
		return fail(-errno, "bench: %s: cannot write the chart", file);
	return fd;
}

static int write_chart(const struct bench *b, int dir, const char *file)
{
	const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	int r = f ? bench_svg(b, f) : -errno;

	if (f && fclose(f) && !r)
		r = -errno;
	return r ? fail(r, "bench: %s: cannot write the chart", file) : 0;
}

static int run_bench(struct bench *b, const char *svg)
{
	autoclose int dir = -1;
	int r = opt_may_run();

	if (!r)
		r = choose_cells(b);
	if (!r && svg) {
		dir = open_dir(svg);
		r = dir < 0 ? dir : 0;
	}
	if (r)
		return r;
	host_catch_signals();
	r = lab_hide_run();
	if (!r)
		r = run_all(b);
	if (host_interrupted()) {
		info("bench: interrupted; nothing is left");
		return -EINTR;
	}
	if (!r)
		bench_report(b);
	return r || !svg ? r : write_chart(b, dir, svg);
}

int cmd_bench(int argc, char **argv)
{
	struct choice as = { .cpu = (unsigned)worker_cpu(), .server_cpu = (unsigned)worker_cpu() };
	struct bench b = {};
	enum bench_path path;
	int r = parse(argc, argv, &as);

	if (r)
		return r;
	if (as.list)
		return list();
	for (path = 0; path < BENCH_PATHS_MAX; path++)
		b.beds[path].lab = LAB_NONE;
	b.quick = as.quick;
	b.n_rounds = as.rounds ? as.rounds : as.quick ? ROUNDS_QUICK : ROUNDS;
	b.ms = as.ms ? as.ms : as.quick ? MS_QUICK : MS;
	b.warm_ms = WARM_MS;
	b.cpu = (int)as.cpu;
	b.server_cpu = (int)as.server_cpu;
	choose_paths(&b);
	r = run_bench(&b, as.svg);
	bench_beds_close(&b);
	free(b.cells);
	free(b.rows);
	return r;
}
