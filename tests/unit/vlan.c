/* SPDX-License-Identifier: GPL-2.0-only */
/* Sets of VLANs and their text. */
#include "capture.h"

#include "vlan.h"

static void a_set_is_its_ranges(void **state)
{
	struct nsf_trunk t = {}, other = {};
	char buf[VLANS_STRLEN];

	(void)state;
	assert_false(vlans_any(&t));
	assert_string_equal(vlans_format(&t, buf), "");
	vlans_add(&t, 20, 20);
	vlans_add(&t, 63, 65);
	vlans_add(&t, 64, 70);
	vlans_add(&t, NSF_VLAN_MAX, NSF_VLAN_MAX);
	assert_string_equal(vlans_format(&t, buf), "20,63-70,4094");
	assert_true(vlans_any(&t) && vlans_has(&t, 70) && !vlans_has(&t, 71));
	assert_false(vlans_equal(&t, &other));
	vlans_add(&t, 1, NSF_VLAN_MAX);
	assert_string_equal(vlans_format(&t, buf), "1-4094");
}

static void ranges_that_are_not_in_it_are_found_too(void **state)
{
	struct nsf_trunk t = {};
	unsigned first = 1, last;

	(void)state;
	vlans_add(&t, 1, 9);
	vlans_add(&t, 4000, 4000);
	assert_true(vlans_range(&t, false, &first, &last));
	assert_int_equal(first, 10);
	assert_int_equal(last, 3999);
	first = last + 1;
	assert_true(vlans_range(&t, false, &first, &last));
	assert_int_equal(first, 4001);
	assert_int_equal(last, NSF_VLAN_MAX);
	first = last + 1;
	assert_false(vlans_range(&t, false, &first, &last));
}

static void the_longest_text_has_room(void **state)
{
	struct nsf_trunk t = {};
	char buf[VLANS_STRLEN];
	unsigned i;

	(void)state;
	for (i = 0; i < VLAN_RANGES_MAX; i++)
		vlans_add(&t, 4000 - 3 * i, 4001 - 3 * i);
	assert_int_equal(strlen(vlans_format(&t, buf)), VLAN_RANGES_MAX * 10 - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_set_is_its_ranges),
		cmocka_unit_test(ranges_that_are_not_in_it_are_found_too),
		cmocka_unit_test(the_longest_text_has_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
