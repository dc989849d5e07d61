/* SPDX-License-Identifier: GPL-2.0-only */
/* Times in classes whose width is a part of their size: percentiles without keeping each. */
#include "hist.h"

#include <stddef.h>

#include "util.h"

/* Times below HIST_STEPS are classes of their own; above, the leading bit chooses the doubling, the next six the step. */
static size_t class_of(__u64 ns)
{
	unsigned shift = ns < HIST_STEPS ? 0 : 63 - (unsigned)__builtin_clzll(ns) - 6;
	size_t c = shift * HIST_STEPS + (size_t)(ns >> shift);

	return c < HIST_CLASSES ? c : HIST_CLASSES - 1;
}

/* The middle of a class. */
static double value_of(size_t c)
{
	size_t shift = c < 2 * (size_t)HIST_STEPS ? 0 : c / HIST_STEPS - 1;

	return ((double)(c - shift * HIST_STEPS) + (shift ? 0.5 : 0)) * (double)(1ULL << shift);
}

void hist_add(struct hist *h, __u64 ns)
{
	h->n++;
	h->classes[class_of(ns)]++;
}

double hist_quantile(const struct hist *h, double q)
{
	double want = q * (double)h->n, sum = 0;
	size_t c;

	for (c = 0; h->n && c < HIST_CLASSES; c++) {
		sum += h->classes[c];
		if (sum >= want && sum > 0)
			return value_of(c);
	}
	return 0;
}
