/* SPDX-License-Identifier: GPL-2.0-only */
/* The chart of `nsfast bench`: for each traffic and way a bar for each path, as long as its share of the wire's rate. */
#include <errno.h>
#include <stdio.h>

#include "bench.h"
#include "out.h"
#include "spread.h"

#define WIDTH  860
#define LEFT   150                            /* of the bars */
#define RIGHT  150                            /* room for numbers behind them */
#define SCALE  ((WIDTH - LEFT - RIGHT) / 1.1) /* of a ratio of 1 */
#define TOP    84
#define LINE   19
#define BAR    12
#define CELL   34 /* title of a cell and the room above it */
#define BOTTOM 52

/* The viewer's choice of light or dark is the chart's. */
static const char style[] =
	"<style>"
	".bg{fill:#fff}text{font:12px system-ui,sans-serif;fill:#1b1f24}.h{font-size:19px;font-weight:600}"
	".t{font-weight:600}.q{fill:#59636e}.n{font-variant-numeric:tabular-nums}.grid{stroke:#d0d7de}"
	".range{stroke:#1b1f24;stroke-width:1.5;opacity:.55}"
	".wire{fill:#8c959f}.bridge{fill:#b6bec6}.tables{fill:#d8a657}.netfilter{fill:#6ea8d8}.bpf{fill:#1a7f5a}.xdp{fill:#57ab8a}"
	"@media(prefers-color-scheme:dark){.bg{fill:#0d1117}text{fill:#e6edf3}.q{fill:#9198a1}.grid{stroke:#30363d}"
	".range{stroke:#e6edf3}.wire{fill:#6e7681}.bridge{fill:#484f58}.tables{fill:#9e7430}.netfilter{fill:#3f6f99}"
	".bpf{fill:#3fb950}.xdp{fill:#2b7a3f}}"
	"</style>\n";

static const char *const colours[BENCH_PATHS_MAX] = {
	[BENCH_WIRE... BENCH_LEAST_NAT] = "wire", [BENCH_BRIDGE] = "bridge", [BENCH_LEGACY... BENCH_NFT] = "tables",
	[BENCH_NETFILTER] = "netfilter",          [BENCH_BPF] = "bpf",       [BENCH_XDP] = "xdp",
	[BENCH_GRO... BENCH_BIG] = "xdp",
};

/* The second wire is for the table: here its place is the end of the noise in each bar. */
static bool drawn(const struct bench *b, const struct bench_cell *c, enum bench_path path)
{
	return path != BENCH_WIRE_AGAIN && bench_rate(b, c, path).median > 0;
}

static unsigned cell_height(const struct bench *b, const struct bench_cell *c)
{
	unsigned n = 0, path;

	for (path = 0; path < BENCH_PATHS_MAX; path++)
		n += drawn(b, c, path);
	return n ? CELL + n * LINE : 0;
}

static void bar(FILE *f, const struct bench *b, const struct bench_cell *c, enum bench_path path, unsigned y)
{
	struct spread of = bench_ratio(b, c, path, BENCH_WIRE);
	double at = of.median > 1.1 ? 1.1 : of.median, lo = of.min > 1.1 ? 1.1 : of.min;
	double hi = of.max > 1.1 ? 1.1 : of.max;
	char rate[16];

	out_human((uint64_t)bench_rate(b, c, path).median, rate, sizeof(rate));
	fprintf(f, "<text x=\"%d\" y=\"%u\" text-anchor=\"end\"%s>%s</text>", LEFT - 8, y + BAR - 1,
		path == BENCH_BPF ? " class=\"t\"" : "", bench_path_name(path));
	fprintf(f, "<rect x=\"%d\" y=\"%u\" width=\"%.1f\" height=\"%d\" rx=\"2\" class=\"%s\"/>", LEFT, y, at * SCALE,
		BAR, colours[path]);
	if (path != BENCH_WIRE)
		fprintf(f, "<path d=\"M%.1f %uH%.1f\" class=\"range\"/>", LEFT + lo * SCALE, y + BAR / 2,
			LEFT + hi * SCALE);
	fprintf(f, "<text x=\"%d\" y=\"%u\" class=\"n\">%.2f</text>", WIDTH - RIGHT + 14, y + BAR - 1, of.median);
	fprintf(f, "<text x=\"%d\" y=\"%u\" class=\"n q\">%s/s</text>\n", WIDTH - RIGHT + 58, y + BAR - 1, rate);
}

static unsigned cell(FILE *f, const struct bench *b, const struct bench_cell *c, unsigned y)
{
	enum bench_path path;

	if (!cell_height(b, c))
		return y;
	y += CELL;
	fprintf(f,
		"<text x=\"%d\" y=\"%u\"><tspan class=\"t\">%s</tspan><tspan class=\"q\" dx=\"8\">%s</tspan></text>\n",
		LEFT, y - 7, c->work->title, bench_way_text(c->way));
	for (path = 0; path < BENCH_PATHS_MAX; path++)
		if (drawn(b, c, path)) {
			bar(f, b, c, path, y);
			y += LINE;
		}
	return y;
}

static void grid(FILE *f, unsigned height)
{
	int i;

	for (i = 0; i <= 4; i++)
		fprintf(f,
			"<path d=\"M%.1f %dV%u\" class=\"grid\"/><text x=\"%.1f\" y=\"%d\" class=\"q n\" text-anchor=\"middle\">%.2g</text>\n",
			LEFT + i * SCALE / 4, TOP, height - BOTTOM + 8, LEFT + i * SCALE / 4, TOP - 6, i / 4.0);
}

static void draw(FILE *f, const struct bench *b, unsigned height)
{
	unsigned y = TOP - 10;
	size_t i;

	fprintf(f,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" width=\"%d\" height=\"%u\" role=\"img\">\n%s"
		"<path d=\"M0 0H%dV%uH0Z\" class=\"bg\"/>\n",
		WIDTH, height, WIDTH, height, style, WIDTH, height);
	fprintf(f,
		"<title>nsfast bench</title>\n<text x=\"24\" y=\"34\" class=\"h\">Rates beside a bare veth pair</text>"
		"<text x=\"24\" y=\"54\" class=\"q\">1 is the pair itself, the limit of this kernel; longer is better. Lines: least and greatest of %u rounds.</text>\n",
		b->n_rounds);
	grid(f, height);
	for (i = 0; i < b->n_cells; i++)
		y = cell(f, b, &b->cells[i], y);
	fprintf(f,
		"<text x=\"24\" y=\"%u\" class=\"q\">Samples of %u ms, interleaved, both ends on one CPU. nsfast-bpf passes no rule of the host's firewall.</text>\n</svg>\n",
		height - 18, b->ms);
}

int bench_svg(const struct bench *b, FILE *f)
{
	unsigned height = TOP + BOTTOM;
	size_t i;

	for (i = 0; i < b->n_cells; i++)
		height += cell_height(b, &b->cells[i]);
	draw(f, b, height);
	return ferror(f) ? -EIO : 0;
}
