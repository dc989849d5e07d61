/* SPDX-License-Identifier: GPL-2.0-only */
/* Percentiles of times: right to a sixty-fourth, from one nanosecond to minutes. */
#include "capture.h"
#include "hist.h"

static void assert_near(double is, double want)
{
	if (is < want * (1 - 1.0 / HIST_STEPS) || is > want * (1 + 1.0 / HIST_STEPS))
		fail_msg("%f, not about %f", is, want);
}

static void one_time_is_all_percentiles(void **state)
{
	__u64 ns;

	(void)state;
	for (ns = 1; ns < 200000000000ULL; ns += ns / 3 + 1) {
		struct hist h = {};

		hist_add(&h, ns);
		assert_near(hist_quantile(&h, 0.5), (double)ns);
		assert_near(hist_quantile(&h, 0.999), (double)ns);
	}
}

static void percentiles_part_the_times(void **state)
{
	struct hist h = {};
	unsigned i;

	(void)state;
	for (i = 1; i <= 100000; i++)
		hist_add(&h, i);
	assert_near(hist_quantile(&h, 0.5), 50000);
	assert_near(hist_quantile(&h, 0.99), 99000);
	assert_near(hist_quantile(&h, 0.999), 99900);
	assert_near(hist_quantile(&h, 1), 100000);
}

static void nothing_and_too_much_are_no_trap(void **state)
{
	struct hist h = {};

	(void)state;
	assert_true(hist_quantile(&h, 0.5) == 0);
	hist_add(&h, ~0ULL);
	assert_true(hist_quantile(&h, 0.5) > 1e11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_time_is_all_percentiles),
		cmocka_unit_test(percentiles_part_the_times),
		cmocka_unit_test(nothing_and_too_much_are_no_trap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
