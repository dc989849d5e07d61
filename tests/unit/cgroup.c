/* SPDX-License-Identifier: GPL-2.0-only */
/* The root of cgroup2, looked for from mount namespaces that hide it. Needs root. */
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <time.h>

#include "cgroup.h"
#include "machine.h"

static char where[PATH_MAX];

static bool found(void)
{
	autoclose int fd = cgroup_root(where);
	struct statfs fs;

	return fd >= 0 && !fstatfs(fd, &fs) && fs.f_type == CGROUP2_SUPER_MAGIC;
}

/* As `ip netns exec` leaves it. */
static bool found_without_sys(void)
{
	return !umount2("/sys", MNT_DETACH) && !mount("sysfs", "/sys", "sysfs", 0, NULL) && found();
}

static bool found_below_another(void)
{
	return !mount("tmpfs", "/sys", "tmpfs", 0, NULL) && found();
}

static void it_is_found(void **state)
{
	(void)state;
	if (!found())
		skip();
	assert_int_equal(elsewhere(found, MS_PRIVATE), 0);
}

static void what_hides_it_is_looked_behind(void **state)
{
	(void)state;
	if (!found())
		skip();
	assert_int_equal(elsewhere(found_without_sys, MS_PRIVATE), 0);
	assert_int_equal(elsewhere(found_below_another, MS_PRIVATE), 0);
}

static void a_part_of_the_tree_is_not_it(void **state)
{
	char part[PATH_MAX + 32], name[32];
	autoclose int tree = -1;
	int r;

	(void)state;
	if (!found())
		skip();
	tree = open(where, O_PATH | O_CLOEXEC);
	snprintf(name, sizeof(name), "nsfast-test-%d", (int)time(NULL));
	snprintf(part, sizeof(part), "%s/%s", where, name);
	if (mkdir(part, 0755))
		skip();
	r = mkdir("/run/part", 0755) || mount(part, "/run/part", NULL, MS_BIND, NULL) || umount2(where, MNT_DETACH);
	if (!r)
		r = cgroup_root(where);
	umount2("/run/part", MNT_DETACH);
	assert_int_equal(unlinkat(tree, name, AT_REMOVEDIR), 0);
	assert_int_equal(r, -ENOENT);
}

static int tests(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(it_is_found), cmocka_unit_test(what_hides_it_is_looked_behind),
		cmocka_unit_test(a_part_of_the_tree_is_not_it), /* the last: the tree is gone then */
	};

	return cmocka_run_group_tests(all, NULL, NULL);
}

int main(void)
{
	return in_machine(tests);
}
