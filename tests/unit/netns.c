/* SPDX-License-Identifier: GPL-2.0-only */
/* Namespaces with a private /run: names, making, finding, taking away. Needs root. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <nsfast/abi.h>

#include "netns.h"

/* A mount namespace of our own with an empty /run. */
static int private_run(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) || mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL))
		return -1;
	return mount("none", "/run", "tmpfs", 0, "mode=755");
}

static ino_t inode(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	return st.st_ino;
}

static ino_t inode_here(void)
{
	autoclose int fd = netns_self();

	return inode(fd);
}

static void make_named(const char *name)
{
	autoclose int fd = netns_make();

	assert_true(fd >= 0);
	assert_int_equal(netns_bind(fd, name), 0);
}

static bool on_nsfs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == NSFS_MAGIC;
}

static void names_are_checked(void **state)
{
	static const char *const good[] = { "a", "0", "A-b_c.d", "ns1", "a..b" };
	static const char *const bad[] = { "", ".", "..", "-a", "_a", ".a", "a/b", "/", "a b", "a\n", "\xc3\xa4" };
	char name[NSF_NAME_LEN + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(netns_name_ok(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(netns_name_ok(bad[i]));
	memset(name, 'x', sizeof(name));
	name[NSF_NAME_LEN] = '\0';
	assert_false(netns_name_ok(name));
	name[NSF_NAME_LEN - 1] = '\0';
	assert_true(netns_name_ok(name));
}

static void a_made_namespace_is_new_and_the_caller_stays(void **state)
{
	autoclose int self = netns_self(), a = netns_make(), b = netns_make();
	__u64 ca, cb, cself;

	(void)state;
	assert_true(self >= 0 && a >= 0 && b >= 0);
	assert_int_equal(inode_here(), inode(self));
	assert_int_not_equal(inode(a), inode(self));
	assert_int_not_equal(inode(a), inode(b));
	assert_int_equal(netns_cookie(a, &ca), 0);
	assert_int_equal(netns_cookie(b, &cb), 0);
	assert_int_equal(netns_cookie(self, &cself), 0);
	assert_true(ca != cb && ca != cself && ca && cself);
	assert_int_equal(inode_here(), inode(self));
}

static void one_can_enter_and_come_back(void **state)
{
	autoclose int self = netns_self(), a = netns_make(), file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(netns_enter(a), 0);
	assert_int_equal(inode_here(), inode(a));
	assert_int_equal(netns_enter(self), 0);
	assert_int_equal(inode_here(), inode(self));
	assert_int_equal(netns_enter(file), -EINVAL);
	assert_int_equal(netns_enter(-1), -EBADF);
}

static void a_cookie_needs_a_namespace(void **state)
{
	autoclose int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	__u64 cookie = 42;

	(void)state;
	assert_int_equal(netns_cookie(file, &cookie), -EINVAL);
	assert_int_equal(netns_cookie(-1, &cookie), -EBADF);
	assert_int_equal(cookie, 42);
}

static void a_name_holds_the_namespace_until_it_is_taken_away(void **state)
{
	struct stat st;
	ino_t ino;
	int fd;

	(void)state;
	assert_int_equal(netns_open("one"), -ENOENT);
	fd = netns_make();
	ino = inode(fd);
	assert_int_equal(netns_bind(fd, "one"), 0);
	close(fd);
	assert_true(on_nsfs(NETNS_DIR "/one"));
	fd = netns_open("one");
	assert_true(fd >= 0);
	assert_int_equal(inode(fd), ino);
	close(fd);
	fd = netns_open(NETNS_DIR "/one");
	assert_true(fd >= 0);
	assert_int_equal(inode(fd), ino);
	close(fd);
	assert_int_equal(stat(NETNS_DIR, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(netns_unbind("one"), 0);
	assert_int_equal(netns_unbind("one"), 0);
	assert_int_equal(access(NETNS_DIR "/one", F_OK), -1);
	assert_int_equal(netns_open("one"), -ENOENT);
}

static void a_taken_name_is_refused_and_untouched(void **state)
{
	autoclose int fd = netns_make(), first = -1;

	(void)state;
	make_named("taken");
	first = netns_open("taken");
	assert_int_equal(netns_bind(fd, "taken"), -EEXIST);
	{
		autoclose int again = netns_open("taken");

		assert_int_equal(inode(again), inode(first));
	}
	assert_int_equal(netns_unbind("taken"), 0);
}

static void what_is_no_namespace_gets_no_name(void **state)
{
	autoclose int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	autoclose int mnt = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	autoclose int net = netns_self();

	(void)state;
	assert_int_equal(netns_bind(file, "bad"), -EINVAL);
	assert_int_equal(netns_bind(mnt, "bad"), -EINVAL);
	assert_int_equal(netns_bind(-1, "bad"), -EINVAL);
	assert_int_equal(netns_bind(net, "../bad"), -EINVAL);
	assert_int_equal(netns_bind(net, ""), -EINVAL);
	assert_int_equal(access(NETNS_DIR "/bad", F_OK), -1);
	assert_int_equal(access("/run/bad", F_OK), -1);
}

static void only_network_namespaces_are_opened(void **state)
{
	int fd;

	(void)state;
	make_named("some");
	assert_int_equal(netns_open("/proc/self/ns/mnt"), -EINVAL);
	assert_int_equal(netns_open("/dev/null"), -EINVAL);
	assert_int_equal(netns_open("/dev/null/x"), -ENOENT);
	assert_int_equal(netns_open("/run/none/x"), -ENOENT);
	assert_int_equal(netns_open(""), -ENOENT);
	assert_int_equal(netns_open("."), -ENOENT);
	assert_int_equal(netns_open(".."), -ENOENT);
	fd = netns_open("/proc/self/ns/net");
	assert_true(fd >= 0);
	close(fd);

	assert_int_equal(mkfifo(NETNS_DIR "/fifo", 0600), 0);
	assert_int_equal(mkdir(NETNS_DIR "/dir", 0700), 0);
	assert_int_equal(symlink("/proc/self/ns/net", NETNS_DIR "/link"), 0);
	assert_int_equal(netns_open("fifo"), -EINVAL);
	assert_int_equal(netns_open("dir"), -EINVAL);
	fd = netns_open("link");
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(netns_unbind("fifo"), -EINVAL);
	assert_int_equal(netns_unbind("dir"), -EINVAL);
	assert_int_equal(netns_unbind("link"), -EINVAL);
	assert_int_equal(unlink(NETNS_DIR "/fifo"), 0);
	assert_int_equal(unlink(NETNS_DIR "/link"), 0);
	assert_int_equal(rmdir(NETNS_DIR "/dir"), 0);
	assert_int_equal(netns_unbind("some"), 0);
}

static void leftovers_are_removed_and_foreign_files_are_not(void **state)
{
	int fd = netns_make();
	FILE *f;

	(void)state;
	assert_int_equal(netns_bind(fd, "rest"), 0);
	close(fd);
	assert_int_equal(umount2(NETNS_DIR "/rest", MNT_DETACH), 0);
	assert_int_equal(netns_open("rest"), -EINVAL);
	assert_int_equal(netns_unbind("rest"), 0);
	assert_int_equal(access(NETNS_DIR "/rest", F_OK), -1);

	f = fopen(NETNS_DIR "/text", "we");
	fputs("text", f);
	fclose(f);
	assert_int_equal(netns_unbind("text"), -EINVAL);
	assert_int_equal(unlink(NETNS_DIR "/text"), 0);
	assert_int_equal(netns_unbind("../run"), -EINVAL);
}

static int collect(const char *name, void *arg)
{
	strcat(strcat(arg, name), " ");
	return streq(name, "stop") ? 5 : 0;
}

static void names_are_listed(void **state)
{
	char all[64] = "";

	(void)state;
	make_named("x1");
	make_named("x2");
	assert_int_equal(netns_list(collect, all), 0);
	assert_true(streq(all, "x1 x2 ") || streq(all, "x2 x1 "));
	make_named("stop");
	all[0] = '\0';
	assert_int_equal(netns_list(collect, all), 5);
	assert_int_equal(netns_unbind("x1"), 0);
	assert_int_equal(netns_unbind("x2"), 0);
	assert_int_equal(netns_unbind("stop"), 0);
}

static int never(const char *name, void *arg)
{
	(void)name;
	(void)arg;
	return 1;
}

static void without_the_directory_there_are_no_names(void **state)
{
	(void)state;
	assert_int_equal(netns_list(never, NULL), 0);
	assert_int_equal(netns_open("x"), -ENOENT);
	assert_int_equal(netns_unbind("x"), 0);
	assert_int_equal(access(NETNS_DIR, F_OK), -1);
}

/* Mount points below /run/netns, and whether the directory's own mount is shared. */
static int count_mounts(bool *ret_shared)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[1024];
	int n = 0;

	assert_non_null(f);
	*ret_shared = false;
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, " " NETNS_DIR "/"))
			n++;
		if (strstr(line, " " NETNS_DIR " ") && strstr(line, " shared:"))
			*ret_shared = true;
	}
	fclose(f);
	return n;
}

static void the_directory_is_bound_once_and_shared(void **state)
{
	bool shared;

	(void)state;
	make_named("m1");
	make_named("m2");
	assert_int_equal(count_mounts(&shared), 2);
	assert_true(shared);
	assert_int_equal(netns_unbind("m1"), 0);
	assert_int_equal(netns_unbind("m2"), 0);
	assert_int_equal(count_mounts(&shared), 0);
}

/* A namespace that another program bound over ours: taking the name away takes both mounts. */
static void stacked_mounts_are_all_taken_away(void **state)
{
	bool shared;

	(void)state;
	make_named("twice");
	assert_int_equal(mount("/proc/self/ns/net", NETNS_DIR "/twice", "none", MS_BIND, NULL), 0);
	assert_int_equal(count_mounts(&shared), 2);
	assert_int_equal(netns_unbind("twice"), 0);
	assert_int_equal(count_mounts(&shared), 0);
	assert_int_equal(access(NETNS_DIR "/twice", F_OK), -1);
}

static void no_descriptor_is_left_or_inherited(void **state)
{
	int next = dup(0), fd, i;
	__u64 cookie;

	(void)state;
	assert_true(next >= 0);
	close(next);
	fd = netns_make();
	assert_int_equal(fd, next);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(netns_cookie(fd, &cookie), 0);
	assert_int_equal(netns_bind(fd, "fd"), 0);
	i = netns_open("fd");
	assert_int_equal(fcntl(i, F_GETFD), FD_CLOEXEC);
	close(i);
	i = netns_self();
	assert_int_equal(i, next + 1);
	assert_int_equal(fcntl(i, F_GETFD), FD_CLOEXEC);
	close(i);
	close(fd);
	assert_int_equal(netns_unbind("fd"), 0);
	assert_int_equal(netns_open("fd"), -ENOENT);
	i = dup(0);
	assert_int_equal(i, next);
	close(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_checked),
		cmocka_unit_test(without_the_directory_there_are_no_names),
		cmocka_unit_test(a_made_namespace_is_new_and_the_caller_stays),
		cmocka_unit_test(one_can_enter_and_come_back),
		cmocka_unit_test(a_cookie_needs_a_namespace),
		cmocka_unit_test(a_name_holds_the_namespace_until_it_is_taken_away),
		cmocka_unit_test(a_taken_name_is_refused_and_untouched),
		cmocka_unit_test(what_is_no_namespace_gets_no_name),
		cmocka_unit_test(only_network_namespaces_are_opened),
		cmocka_unit_test(leftovers_are_removed_and_foreign_files_are_not),
		cmocka_unit_test(names_are_listed),
		cmocka_unit_test(the_directory_is_bound_once_and_shared),
		cmocka_unit_test(stacked_mounts_are_all_taken_away),
		cmocka_unit_test(no_descriptor_is_left_or_inherited),
	};

	return cmocka_run_group_tests_name("netns", tests, private_run, NULL);
}
