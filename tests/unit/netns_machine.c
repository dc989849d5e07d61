/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of namespaces, given, found and taken away from other mount namespaces. Needs root. */
#include <fcntl.h>

#include "machine.h"
#include "netns.h"

static bool name(void)
{
	autoclose int fd = netns_make();

	return fd >= 0 && netns_bind(fd, "a") == 0;
}

static bool find(void)
{
	autoclose int fd = netns_open("a");

	return fd >= 0;
}

/* By its path too, as others look for it. */
static bool name_and_find(void)
{
	autoclose int fd = -1;

	if (!name() || !find())
		return false;
	fd = netns_open(NETNS_DIR "/a");
	return fd >= 0;
}

static bool unname(void)
{
	return netns_unbind("a") == 0 && !exists(NETNS_DIR "/a") && netns_open("a") == -ENOENT;
}

static bool unname_and_name(void)
{
	return find() && unname() && name_and_find();
}

static int no_names(void **state)
{
	(void)state;
	while (umount2(NETNS_DIR "/a", MNT_DETACH) == 0)
		;
	unlink(NETNS_DIR "/a");
	while (umount2(NETNS_DIR, MNT_DETACH) == 0)
		;
	return rmdir(NETNS_DIR) && errno != ENOENT ? -1 : 0;
}

/* The name outlives the process that gave it, and is the same for all, whatever hears of the machine's mounts. */
static void a_name_given_elsewhere_is_the_machines(void **state)
{
	static const unsigned long propagations[] = { MS_SLAVE, MS_PRIVATE, MS_SHARED };

	for (size_t i = 0; i < ARRAY_SIZE(propagations); i++) {
		unsigned long other = propagations[(i + 1) % ARRAY_SIZE(propagations)];

		assert_int_equal(elsewhere(name_and_find, propagations[i]), 0);
		assert_true(find());
		assert_int_equal(elsewhere(find, other), 0);
		assert_int_equal(elsewhere(unname_and_name, other), 0);
		assert_true(find());
		assert_int_equal(elsewhere(unname, propagations[i]), 0);
		assert_int_equal(netns_open("a"), -ENOENT);
		assert_int_equal(no_names(state), 0);
	}
}

/* Where the machine's directory is there as a mount already, and where it is not. */
static void an_older_namespace_finds_the_machines_names(void **state)
{
	(void)state;
	elsewhere_after(name, find);
	assert_true(unname());
	elsewhere_after(name, find);
	assert_true(find());
}

static void an_older_namespace_takes_the_machines_names_away(void **state)
{
	(void)state;
	elsewhere_after(name, unname);
	assert_int_equal(netns_open("a"), -ENOENT);
	elsewhere_after(name, unname_and_name);
	assert_true(find());
}

/* A name that was made in the other namespace only, by `ip netns add` there, is an empty file to the machine. */
static bool name_here_only(void)
{
	int file;

	mkdir(NETNS_DIR, 0755);
	file = open(NETNS_DIR "/a", O_RDONLY | O_CREAT | O_EXCL, 0);
	return file >= 0 && mount("/proc/self/ns/net", NETNS_DIR "/a", "none", MS_BIND, NULL) == 0 && find() &&
	       unname();
}

static void a_name_of_the_other_namespace_alone_is_taken_away_too(void **state)
{
	(void)state;
	assert_int_equal(elsewhere(name_here_only, MS_PRIVATE), 0);
	assert_false(exists(NETNS_DIR "/a"));
}

static bool hide_run(void)
{
	return mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") == 0;
}

static bool name_in_hidden_run(void)
{
	return hide_run() && netns_open("a") == -ENOENT && name_and_find();
}

static void who_has_another_run_has_other_names(void **state)
{
	(void)state;
	assert_int_equal(elsewhere(name_in_hidden_run, MS_PRIVATE), 0);
	assert_int_equal(netns_open("a"), -ENOENT);
	assert_true(name());
	assert_int_equal(elsewhere(name_in_hidden_run, MS_PRIVATE), 0);
	assert_true(find());
}

static int all_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_name_given_elsewhere_is_the_machines, no_names),
		cmocka_unit_test_setup(an_older_namespace_finds_the_machines_names, no_names),
		cmocka_unit_test_setup(an_older_namespace_takes_the_machines_names_away, no_names),
		cmocka_unit_test_setup(a_name_of_the_other_namespace_alone_is_taken_away_too, no_names),
		cmocka_unit_test_setup(who_has_another_run_has_other_names, no_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return in_machine(all_tests);
}
