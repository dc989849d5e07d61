/* SPDX-License-Identifier: GPL-2.0-only */
/* The bpffs of /run/nsfast, seen from other mount namespaces. Needs root. */
#include "machine.h"
#include "util.h"

static void the_bpffs_is_closed_to_others(void **state)
{
	struct stat st;
	int lock = state_lock();

	(void)state;
	assert_false(state_has_bpffs());
	assert_int_equal(state_bpffs(), 0);
	assert_true(state_has_bpffs());
	assert_int_equal(stat(STATE_BPFFS, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(st.st_uid, 0);
	close(lock);
}

static bool make_and_pin(void)
{
	return state_bpffs() == 0 && mkdir(STATE_BPFFS "/pins", 0700) == 0;
}

static bool find_pins(void)
{
	return state_has_bpffs() && exists(STATE_BPFFS "/pins") && state_bpffs() == 0 && exists(STATE_BPFFS "/pins");
}

static bool tidy_there(void)
{
	state_tidy();
	return true;
}

/* The mount of a process that was in another mount namespace must outlive it, in the machine's. */
static void a_bpffs_made_elsewhere_is_the_machines(void **state)
{
	static const unsigned long propagations[] = { MS_SLAVE, MS_PRIVATE };

	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++) {
		unsigned long other = propagations[1 - i];

		assert_int_equal(elsewhere(make_and_pin, propagations[i]), 0);
		assert_true(state_has_bpffs());
		assert_true(exists(STATE_BPFFS "/pins"));
		assert_int_equal(elsewhere(find_pins, propagations[i]), 0);
		assert_int_equal(elsewhere(find_pins, other), 0);
		/* only what is empty is removed, and then everywhere */
		assert_int_equal(elsewhere(tidy_there, propagations[i]), 0);
		assert_true(exists(STATE_BPFFS "/pins"));
		assert_int_equal(rmdir(STATE_BPFFS "/pins"), 0);
		assert_int_equal(elsewhere(tidy_there, propagations[i]), 0);
		assert_false(exists(STATE_DIR));
		clean(state);
	}
}

/* A namespace that is older than the machine's mount and hears of none: rmdir() there would take the mount away. */
static void an_older_namespace_finds_the_machines_bpffs(void **state)
{
	(void)state;
	elsewhere_after(make_and_pin, find_pins);
	assert_true(exists(STATE_BPFFS "/pins"));
	assert_int_equal(rmdir(STATE_BPFFS "/pins"), 0);
	state_tidy();
	assert_false(exists(STATE_DIR));
	elsewhere_after(make_and_pin, tidy_there);
	assert_true(exists(STATE_BPFFS "/pins"));
}

static int all_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_bpffs_is_closed_to_others, clean),
		cmocka_unit_test_setup(a_bpffs_made_elsewhere_is_the_machines, clean),
		cmocka_unit_test_setup(an_older_namespace_finds_the_machines_bpffs, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return in_machine(all_tests);
}
