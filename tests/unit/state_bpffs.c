/* SPDX-License-Identifier: GPL-2.0-only */
/* The bpffs of /run/nsfast, seen from other mount namespaces. Needs root. */
#include "machine.h"
#include "util.h"

/* Runs a function in a child with a mount namespace of its own; 0 if it returned true. */
static int elsewhere(bool (*fn)(void), unsigned long propagation)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | propagation, NULL) == 0 && fn() ? 0
														   : 1);
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

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

static int before, after;

/* Says that it is in its namespace, waits, and looks there for what the machine has mounted since. */
static bool look_later(void)
{
	char c;

	return write(before, "b", 1) == 1 && read(after, &c, 1) == 1 && find_pins();
}

static bool tidy_later(void)
{
	char c;

	return write(before, "b", 1) == 1 && read(after, &c, 1) == 1 && tidy_there();
}

static void run_later(bool (*fn)(void), bool expect_pins)
{
	int up[2], down[2], status;
	pid_t pid;

	assert_true(pipe(up) == 0 && pipe(down) == 0);
	before = up[1];
	after = down[0];
	pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || !fn());
	assert_true(pid > 0);
	get(up[0]);
	assert_true(make_and_pin());
	assert_int_equal(write(down[1], "a", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(exists(STATE_BPFFS "/pins"), expect_pins);
	for (int i = 0; i < 2; i++) {
		close(up[i]);
		close(down[i]);
	}
}

/* A namespace that is older than the machine's mount and hears of none: rmdir() there would take the mount away. */
static void an_older_namespace_finds_the_machines_bpffs(void **state)
{
	(void)state;
	run_later(look_later, true);
	assert_int_equal(rmdir(STATE_BPFFS "/pins"), 0);
	state_tidy();
	assert_false(exists(STATE_DIR));
	run_later(tidy_later, true);
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
