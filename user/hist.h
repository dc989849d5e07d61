/* SPDX-License-Identifier: GPL-2.0-only */
/* Times in classes whose width is a part of their size: percentiles without keeping each. */
#pragma once

#include <linux/types.h>

/* Each doubling has so many classes: an answer is wrong by 1/64 at most. */
#define HIST_STEPS   64
#define HIST_CLASSES (34 * HIST_STEPS) /* up to 2^38 ns, which is four minutes; what is more counts as that */

struct hist {
	__u64 n;
	__u32 classes[HIST_CLASSES];
};

void hist_add(struct hist *h, __u64 ns);
/* The least time that no more than the share 1 - q of all exceed, in nanoseconds; 0 without any. */
double hist_quantile(const struct hist *h, double q);
