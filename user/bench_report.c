/* SPDX-License-Identifier: GPL-2.0-only */
/* What `nsfast bench` found, as a table for people and as JSON with every sample. */
#include <stdio.h>
#include <sys/utsname.h>

#include "bench.h"
#include "out.h"
#include "spread.h"

#define BAR_MAX 24

struct spread bench_rate(const struct bench *b, const struct bench_cell *c, enum bench_path path)
{
	double v[BENCH_ROUNDS_MAX];
	unsigned i, n = 0;

	for (i = 0; i < b->n_rounds; i++)
		if (c->rounds[i][path].result.rate > 0)
			v[n++] = c->rounds[i][path].result.rate;
	return spread_of(v, n);
}

struct spread bench_ratio(const struct bench *b, const struct bench_cell *c, enum bench_path path, enum bench_path to)
{
	double v[BENCH_ROUNDS_MAX];
	unsigned i, n = 0;

	for (i = 0; i < b->n_rounds; i++)
		if (c->rounds[i][path].result.rate > 0 && c->rounds[i][to].result.rate > 0)
			v[n++] = c->rounds[i][path].result.rate / c->rounds[i][to].result.rate;
	return spread_of(v, n);
}

/* The median over the rounds of one number of a sample, which stands at an offset in it. */
static double middle(const struct bench *b, const struct bench_cell *c, enum bench_path path, size_t offset)
{
	double v[BENCH_ROUNDS_MAX];
	unsigned i, n = 0;

	for (i = 0; i < b->n_rounds; i++)
		if (c->rounds[i][path].result.rate > 0)
			memcpy(&v[n++], (const char *)&c->rounds[i][path] + offset, sizeof(v[0]));
	return spread_of(v, n).median;
}
#define MIDDLE(b, c, path, field) middle(b, c, path, offsetof(struct bench_sample, field))

/* The other path that a user would have instead: the quicker one of iptables. */
static enum bench_path rival(const struct bench *b, const struct bench_cell *c)
{
	return bench_rate(b, c, BENCH_LEGACY).median > bench_rate(b, c, BENCH_NFT).median ? BENCH_LEGACY : BENCH_NFT;
}

static void text_line(const struct bench *b, const struct bench_cell *c, enum bench_path path, double most)
{
	struct spread rate = bench_rate(b, c, path), wire = bench_ratio(b, c, path, BENCH_WIRE), than;
	double p99 = MIDDLE(b, c, path, result.p99_us);
	char text[16], bar[BAR_MAX + 1] = "";
	enum bench_path other = rival(b, c), relay = bench_relay_of(c->way);

	memset(bar, '#', (size_t)(rate.median / most * BAR_MAX + 0.5));
	out_text("  %-17s %7s  %-*s", bench_path_name(path), out_human((uint64_t)rate.median, text, sizeof(text)),
		 BAR_MAX, bar);
	if (path == BENCH_WIRE)
		out_text("%25s", "");
	else
		out_text("  %5.2f of wire (%.2f-%.2f)", wire.median, wire.min, wire.max);
	if (MIDDLE(b, c, path, cpu_ns) > 0)
		out_text("  %7.*f ns", MIDDLE(b, c, path, cpu_ns) < 10, MIDDLE(b, c, path, cpu_ns));
	if (p99 > 0)
		out_text("  p50 %.0f p99 %.0f p99.9 %.0f us", MIDDLE(b, c, path, result.p50_us), p99,
			 MIDDLE(b, c, path, result.p999_us));
	if (MIDDLE(b, c, path, result.loss) >= 0.001)
		out_text("  %.1f %% lost", 100 * MIDDLE(b, c, path, result.loss));
	than = bench_ratio(b, c, path, relay);
	if (bench_is_nsfast(path) && than.median > 0)
		out_text("  %.2f of %s", than.median, bench_path_name(relay));
	than = bench_ratio(b, c, path, other);
	if (bench_is_nsfast(path) && than.median > 0)
		out_text("  %.2f times %s", than.median, bench_path_name(other));
	out_text("\n");
}

static void text_cell(const struct bench *b, const struct bench_cell *c)
{
	enum bench_path path;
	double most = 0;

	for (path = 0; path < BENCH_PATHS_MAX; path++)
		if (bench_rate(b, c, path).median > most)
			most = bench_rate(b, c, path).median;
	out_text("\n%s, %s (%s)\n", c->work->title, bench_way_text(c->way), c->work->unit);
	for (path = 0; path < BENCH_PATHS_MAX; path++)
		if (bench_rate(b, c, path).median > 0)
			text_line(b, c, path, most);
}

static void cpu_model(char *ret, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[256];

	snprintf(ret, size, "unknown");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
			snprintf(ret, size, "%.*s", (int)strcspn(strchr(line, ':') + 2, "\n"), strchr(line, ':') + 2);
			break;
		}
	if (f)
		fclose(f);
}

static void text_end(const struct bench *b)
{
	enum bench_path path;
	struct utsname u;
	char cpu[128];

	uname(&u);
	cpu_model(cpu, sizeof(cpu));
	out_text(
		"\n%u rounds (a third as many of what --quick leaves out), each path twice in a round, there and back; samples of %u ms; client on CPU %d, server on CPU %d; %.0f s in all.\n"
		"Ratios are medians of the rounds' ratios, with the least and the greatest. ns: all CPUs' time for each unit.\n"
		"Disturbed samples: %u taken again, %u disturbed to the last. wire-again is a second bare pair: its ratio is the noise.\n"
		"Linux %s, %s.\n",
		b->n_rounds, b->ms, b->cpu, b->server_cpu, b->seconds, b->again, b->disturbed, u.release, cpu);
	out_text("nsfast-bpf passes no rule of the host's firewall, speaks no STP; the baselines' rules are\n"
		 "those that Docker writes for one network.\n");
	for (path = 0; path < BENCH_PATHS_MAX; path++)
		if (b->paths[path] && b->beds[path].lacks)
			out_text("Not measured: %s, for lack of %s.\n", bench_path_name(path), b->beds[path].lacks);
}

static void json_sample(const struct bench_sample *s)
{
	out_real("rate", NULL, s->result.rate);
	out_real("loss", NULL, s->result.loss);
	out_real("cpu_ns", NULL, s->cpu_ns);
	out_real("p50_us", NULL, s->result.p50_us);
	out_real("p99_us", NULL, s->result.p99_us);
	out_real("p999_us", NULL, s->result.p999_us);
	out_real("stolen", NULL, s->stolen);
	out_real("foreign", NULL, s->foreign);
}

static void json_spread(const char *key, struct spread s)
{
	out_open_object(key);
	out_real("median", NULL, s.median);
	out_real("min", NULL, s.min);
	out_real("max", NULL, s.max);
	out_close_object();
}

static void json_name(const struct bench_cell *c, enum bench_path path)
{
	out_str("traffic", NULL, c->work->name);
	out_str("way", NULL, bench_way_name(c->way));
	out_str("path", NULL, bench_path_name(path));
}

static void json_cells(const struct bench *b)
{
	enum bench_path path;
	size_t i;

	out_open_array("results");
	for (i = 0; i < b->n_cells; i++)
		for (path = 0; path < BENCH_PATHS_MAX; path++) {
			const struct bench_cell *c = &b->cells[i];

			if (bench_rate(b, c, path).median <= 0)
				continue;
			out_open_object(NULL);
			json_name(c, path);
			out_str("unit", NULL, c->work->unit);
			json_spread("rate", bench_rate(b, c, path));
			json_spread("of_wire", bench_ratio(b, c, path, BENCH_WIRE));
			json_spread("of_relay", bench_ratio(b, c, path, bench_relay_of(c->way)));
			json_spread("of_iptables_legacy", bench_ratio(b, c, path, BENCH_LEGACY));
			json_spread("of_iptables_nft", bench_ratio(b, c, path, BENCH_NFT));
			json_spread("of_bridge", bench_ratio(b, c, path, BENCH_BRIDGE));
			out_real("cpu_ns", NULL, MIDDLE(b, c, path, cpu_ns));
			out_real("p50_us", NULL, MIDDLE(b, c, path, result.p50_us));
			out_real("p99_us", NULL, MIDDLE(b, c, path, result.p99_us));
			out_real("p999_us", NULL, MIDDLE(b, c, path, result.p999_us));
			out_close_object();
		}
	out_close_array();
}

static void json_rows(const struct bench *b)
{
	size_t i;

	out_open_array("samples");
	for (i = 0; i < b->n_rows; i++) {
		const struct bench_row *row = &b->rows[i];

		out_open_object(NULL);
		json_name(&b->cells[row->cell], row->path);
		out_u64("round", NULL, row->round);
		out_bool("kept", NULL, row->kept);
		json_sample(&row->sample);
		out_close_object();
	}
	out_close_array();
}

static void json_report(const struct bench *b)
{
	struct utsname u;
	char cpu[128];

	uname(&u);
	cpu_model(cpu, sizeof(cpu));
	out_open_object(NULL);
	out_str("kernel", NULL, u.release);
	out_str("cpu_model", NULL, cpu);
	out_u64("cpu", NULL, (uint64_t)b->cpu);
	out_u64("server_cpu", NULL, (uint64_t)b->server_cpu);
	out_u64("rounds", NULL, b->n_rounds);
	out_u64("sample_ms", NULL, b->ms);
	out_real("seconds", NULL, b->seconds);
	out_u64("taken_again", NULL, b->again);
	out_u64("disturbed", NULL, b->disturbed);
	json_cells(b);
	json_rows(b);
	out_close_object();
}

void bench_report(const struct bench *b)
{
	size_t i;

	if (out_json) {
		json_report(b);
		return;
	}
	for (i = 0; i < b->n_cells; i++)
		text_cell(b, &b->cells[i]);
	text_end(b);
}
