/* SPDX-License-Identifier: GPL-2.0-only */
/* What many measurements say together. */
#include "spread.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct spread spread_of(double *v, size_t n)
{
	if (!n)
		return (struct spread){};
	qsort(v, n, sizeof(*v), by_value);
	return (struct spread){
		.median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2,
		.min = v[0],
		.max = v[n - 1],
	};
}
