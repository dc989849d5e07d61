/* SPDX-License-Identifier: GPL-2.0-only */
/* What many measurements say together. */
#pragma once

#include <stddef.h>

struct spread {
	double median, min, max;
};

/* Sorts v. All zero without any. */
struct spread spread_of(double *v, size_t n);
