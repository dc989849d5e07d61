/* SPDX-License-Identifier: GPL-2.0-only */
/* The demo's comparison: bridge + iptables and nsfast under the same traffic, interleaved, both ends on one CPU. */
#include <errno.h>

#include "demo.h"
#include "log.h"
#include "out.h"
#include "spread.h"
#include "worker.h"

#define ROUNDS    3
#define WARM_MS   50
#define SAMPLE_MS 350
#define BAR_MAX   24

enum side { KERNEL, BPF, SIDES };

static const struct {
	const char *key;
	enum lab_node server; /* the client is always A */
	const char *to;
	enum load_kind kind;
	const char *path, *traffic; /* path NULL: that of the line before */
} what[DEMO_ROWS] = {
	{ "outside", LAB_OUTSIDE, LAB_SERVER_ADDR, LOAD_RR, "Container to outside", "TCP transactions/s" },
	{ "outside", LAB_OUTSIDE, LAB_SERVER_ADDR, LOAD_CRR, NULL, "TCP connections/s" },
	{ "outside", LAB_OUTSIDE, LAB_SERVER_ADDR, LOAD_UDP, NULL, "UDP packets/s" },
	{ "container", LAB_B, LAB_B_ADDR, LOAD_RR, "Container to container", "TCP transactions/s" },
	{ "container", LAB_B, LAB_B_ADDR, LOAD_CRR, NULL, "TCP connections/s" },
};

static int measure(const struct lab *l, size_t row, double *rate)
{
	int cpu = worker_cpu(), r = demo_pause();
	struct load load = {
		.kind = what[row].kind,
		.client = { l->ns[LAB_A], cpu },
		.server = { l->ns[what[row].server], cpu },
		.to = lab_addr(what[row].to),
		.warm_ms = WARM_MS,
		.ms = SAMPLE_MS,
	};
	struct load_result result;

	if (!r)
		r = load_run(&load, &result);
	if (!r)
		*rate += result.rate / 2;
	return r;
}

/* Two samples of each, the second pair in reverse, and the next round the other way about: a drift of the machine's
 * speed then bears on both alike. */
static int run_round(const struct lab *const labs[SIDES], size_t row, unsigned round, double rate[SIDES])
{
	int r = 0;

	for (unsigned i = 0; !r && i < 4; i++) {
		enum side s = ((i == 1 || i == 2) ^ (round & 1)) ? BPF : KERNEL;

		if (labs[s])
			r = measure(labs[s], row, &rate[s]);
	}
	return r;
}

static int run_row(const struct lab *const labs[SIDES], size_t row, struct demo_row *ret)
{
	double kernel[ROUNDS], bpf[ROUNDS], ratio[ROUNDS];
	int r = 0;

	for (unsigned i = 0; !r && i < ROUNDS; i++) {
		double rate[SIDES] = { 0 };

		r = run_round(labs, row, i, rate);
		kernel[i] = rate[KERNEL];
		bpf[i] = rate[BPF];
		ratio[i] = labs[KERNEL] && rate[KERNEL] > 0 ? rate[BPF] / rate[KERNEL] : 0;
	}
	if (!r)
		*ret = (struct demo_row){ spread_of(kernel, ROUNDS).median, spread_of(bpf, ROUNDS).median,
					  spread_of(ratio, ROUNDS).median };
	return r;
}

/* What the bar leaves free of its column. */
static int print_bar(const char *name, double rate, double most, const char *colour, const char *off)
{
	char text[16], bar[BAR_MAX + 1];
	size_t n = most > 0 ? (size_t)(rate / most * BAR_MAX + 0.5) : 0;

	memset(bar, '#', n);
	bar[n] = '\0';
	out_text("%-18s%8s  %s%s%s", name, out_human((uint64_t)rate, text, sizeof(text)), colour, bar, off);
	return (int)(BAR_MAX - n);
}

static void print_row(size_t row, const struct demo_row *d, bool both, const struct demo_look *look)
{
	double most = d->kernel > d->bpf ? d->kernel : d->bpf;
	int rest;

	if (what[row].path)
		out_text("  %s\n", what[row].path);
	out_text("    %-20s", what[row].traffic);
	if (both) {
		print_bar("bridge + iptables", d->kernel, most, look->kernel, look->off);
		out_text("\n    %-20s", "");
	}
	rest = print_bar("nsfast bpf", d->bpf, most, look->nsfast, look->off);
	if (both)
		out_text("%*s  %s%.2f times%s", rest, "", look->head, d->ratio, look->off);
	out_text("\n");
}

static void print_method(bool both, const struct demo_look *look)
{
	out_text(
		"  %sClient and server share CPU %d, one connection at a time. Medians of %d rounds, each of two samples\n"
		"  of %.2f s%s; %d s in all. The rates are those of this machine, now.%s\n",
		look->dim, worker_cpu(), ROUNDS, SAMPLE_MS / 1000.0, both ? " on either side, taken in turns" : "",
		DEMO_ROWS * ROUNDS * (both ? 4 : 2) * (WARM_MS + SAMPLE_MS) / 1000, look->off);
}

/* A path that does not do its job is not measured. */
static int prove_bridge(const struct lab *l)
{
	struct demo_check c;
	int r = demo_check(l, LAB_A, LAB_OUTSIDE, LAB_SERVER_ADDR, LAB_HOST_ADDR, &c);

	return r ? r : demo_check(l, LAB_A, LAB_B, LAB_B_ADDR, LAB_A_ADDR, &c);
}

int demo_compare(const struct lab *bpf, const struct demo_look *look, struct demo_row rows[DEMO_ROWS])
{
	autolab struct lab bridge = LAB_NONE;
	const char *lacks = lab_bridge_lacks(LAB_IPTABLES);
	const struct lab *labs[SIDES] = { [KERNEL] = lacks ? NULL : &bridge, [BPF] = bpf };
	int r = 0;

	if (lacks) {
		out_text("  %s is missing, so there is nothing to compare with.\n", lacks);
	} else {
		r = lab_bridge(LAB_IPTABLES, &bridge);
		if (!r)
			r = prove_bridge(&bridge);
	}
	if (!r)
		print_method(!lacks, look);
	for (size_t i = 0; !r && i < DEMO_ROWS; i++) {
		r = run_row(labs, i, &rows[i]);
		if (!r)
			print_row(i, &rows[i], !lacks, look);
	}
	if (!r && !lacks && !lab_bridge_filters())
		out_text("  %sbr_netfilter is not loaded: between containers the bridge passed no iptables here.%s\n",
			 look->dim, look->off);
	if (!r)
		out_text("  %sNot measured: bulk transfer, several CPUs at once, a real network card.%s\n", look->dim,
			 look->off);
	return r;
}

void demo_compare_json(const struct demo_row rows[DEMO_ROWS])
{
	const char *lacks = lab_bridge_lacks(LAB_IPTABLES);

	out_open_object("comparison");
	out_str("baseline", NULL, lacks ? NULL : "bridge + iptables");
	out_str("missing", NULL, lacks);
	out_u64("cpu", NULL, (uint64_t)worker_cpu());
	out_u64("rounds", NULL, ROUNDS);
	out_u64("sample_ms", NULL, SAMPLE_MS);
	out_open_array("rows");
	for (size_t i = 0; i < DEMO_ROWS; i++) {
		out_open_object(NULL);
		out_str("to", NULL, what[i].key);
		out_str("traffic", NULL, load_name(what[i].kind));
		out_str("unit", NULL, load_unit(what[i].kind));
		if (!lacks)
			out_u64("baseline", NULL, (uint64_t)(rows[i].kernel + 0.5));
		out_u64("bpf", NULL, (uint64_t)(rows[i].bpf + 0.5));
		if (!lacks)
			out_u64("ratio_percent", NULL, (uint64_t)(rows[i].ratio * 100 + 0.5));
		out_close_object();
	}
	out_close_array();
	out_close_object();
}
