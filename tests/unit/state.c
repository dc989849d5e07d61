/* SPDX-License-Identifier: GPL-2.0-only */
/* /run/nsfast: facts, the lock and its races, what is removed. Needs root. */
#include <errno.h>
#include <fcntl.h>

#include "machine.h"

#define HOST 4711

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_file(const char *path, const char *want)
{
	char buf[512] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, buf, sizeof(buf) - 1) >= 0);
	close(fd);
	assert_string_equal(buf, want);
}

static int collect(const char *key, const char *value, void *arg)
{
	char *buf = arg;
	size_t n = strlen(buf);

	snprintf(buf + n, 256 - n, "%s=%s;", key, value);
	return streq(value, "stop") ? 42 : 0;
}

static void facts_are_kept_and_forgotten(void **state)
{
	char buf[256] = "old";
	int lock;

	(void)state;
	assert_int_equal(state_get(HOST, "netns", "a", buf, sizeof(buf)), -ENOENT);
	assert_int_equal(state_unset(HOST, "netns", "a"), 0);
	assert_false(exists(STATE_DIR));
	lock = state_lock();
	assert_true(lock >= 0);
	assert_int_equal(state_get(HOST, "netns", "a", buf, sizeof(buf)), -ENOENT);
	assert_string_equal(buf, "old");
	assert_int_equal(state_set(HOST, "netns", "a", "1"), 0);
	assert_int_equal(state_set(HOST, "netns", "b", "2"), 0);
	assert_int_equal(state_set(HOST, "down", "a", "3"), 0);
	assert_int_equal(state_set(HOST + 1, "netns", "a", "4"), 0);
	assert_int_equal(state_set(HOST, "netns", "a", "5"), 0);
	assert_file(STATE_DIR "/host-4711", "netns b 2\ndown a 3\nnetns a 5\n");
	assert_int_equal(state_get(HOST, "netns", "a", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "5");
	assert_int_equal(state_get(HOST, "down", "a", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "3");
	assert_int_equal(state_get(HOST + 1, "netns", "a", buf, sizeof(buf)), 0);
	assert_string_equal(buf, "4");
	assert_int_equal(state_get(HOST, "netns", "c", buf, sizeof(buf)), -ENOENT);

	assert_int_equal(state_unset(HOST, "netns", "a"), 0);
	assert_int_equal(state_unset(HOST, "netns", "a"), 0);
	assert_int_equal(state_unset(HOST, "down", "a"), 0);
	assert_file(STATE_DIR "/host-4711", "netns b 2\n");
	assert_int_equal(state_unset(HOST, "netns", "b"), 0);
	assert_false(exists(STATE_DIR "/host-4711"));
	assert_false(exists(STATE_DIR "/new"));
	assert_true(exists(STATE_DIR "/host-4712"));
	assert_int_equal(state_set(HOST, "down", "a", "3"), 0);
	assert_int_equal(state_forget(HOST + 1), 0);
	assert_int_equal(state_forget(HOST + 1), 0);
	assert_false(exists(STATE_DIR "/host-4712"));
	assert_file(STATE_DIR "/host-4711", "down a 3\n");
	close(lock);
}

static void each_walks_one_kind_and_stops(void **state)
{
	char buf[256] = "";

	(void)state;
	assert_int_equal(state_each(HOST, "netns", collect, buf), 0);
	state_set(HOST, "netns", "a", "1");
	state_set(HOST, "down", "x", "9");
	state_set(HOST, "netns", "b", "stop");
	state_set(HOST, "netns", "c", "3");
	assert_int_equal(state_each(HOST, "netns", collect, buf), 42);
	assert_string_equal(buf, "a=1;b=stop;");
}

static void a_damaged_file_loses_only_what_is_damaged(void **state)
{
	char buf[256] = "";

	(void)state;
	state_set(HOST, "netns", "a", "1");
	write_file(STATE_DIR "/host-4711", "\n\nnetns\nnetns a\n x y  z \nnetns b 2\nnetns c 3");
	write_file(STATE_DIR "/new", "half of");
	assert_int_equal(state_each(HOST, "netns", collect, buf), 0);
	assert_string_equal(buf, "b=2;c=3;");
	assert_int_equal(state_set(HOST, "netns", "d", "4"), 0);
	assert_file(STATE_DIR "/host-4711", "x y z\nnetns b 2\nnetns c 3\nnetns d 4\n");
	assert_false(exists(STATE_DIR "/new"));
}

static void white_space_is_refused(void **state)
{
	int r;

	(void)state;
	assert_prints("", "nsfast: cannot keep 'netns a b 1': Invalid argument\n",
		      r = state_set(HOST, "netns", "a b", "1"));
	assert_int_equal(r, -EINVAL);
	assert_prints("", "nsfast: cannot keep 'netns a 1\\x0a': Invalid argument\n",
		      r = state_set(HOST, "netns", "a", "1\n"));
	assert_int_equal(r, -EINVAL);
	assert_prints("", "nsfast: cannot keep 'netns a ': Invalid argument\n", r = state_set(HOST, "netns", "a", ""));
	assert_int_equal(r, -EINVAL);
	assert_false(exists(STATE_DIR));
}

static void the_directory_is_roots_own(void **state)
{
	struct stat st;
	int lock, r;

	(void)state;
	umask(0);
	lock = state_lock();
	umask(022);
	assert_true(lock >= 0);
	assert_int_equal(stat(STATE_DIR, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);
	assert_int_equal(stat(STATE_DIR "/lock", &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	close(lock);

	assert_int_equal(chmod(STATE_DIR, 0777), 0);
	lock = state_lock();
	assert_true(lock >= 0);
	close(lock);
	assert_int_equal(stat(STATE_DIR, &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0700);

	assert_int_equal(chown(STATE_DIR, 1000, 1000), 0);
	assert_prints(
		"",
		"nsfast: cannot make '/run/nsfast', user 1000 has one: File exists\nhint: remove it, it must be root's\n",
		r = state_lock());
	assert_int_equal(r, -EEXIST);
	assert_int_equal(log_exit_code(), EXIT_KERNEL);
	assert_int_equal(state_lock_if_present(), -EEXIST);
	assert_int_equal(state_set(HOST, "netns", "a", "1"), -EEXIST);
	assert_int_equal(state_bpffs(), -EEXIST);
	assert_int_equal(chown(STATE_DIR, 0, 0), 0);
}

static void planted_links_are_not_followed(void **state)
{
	int r;

	(void)state;
	assert_int_equal(mkdir("/run/other", 0700), 0);
	assert_int_equal(symlink("/run/other", STATE_DIR), 0);
	assert_prints(
		"",
		"nsfast: cannot use '/run/nsfast': Not a directory\nhint: it must be a directory of root's; remove what is there\n",
		r = state_lock());
	assert_int_equal(r, -ENOTDIR);
	assert_int_equal(unlink(STATE_DIR), 0);
	write_file(STATE_DIR, "a file");
	assert_int_equal(state_lock_if_present(), -ENOTDIR);
	assert_int_equal(unlink(STATE_DIR), 0);

	assert_int_equal(mkdir(STATE_DIR, 0700), 0);
	write_file("/run/other/victim", "text");
	assert_int_equal(symlink("/run/other/victim", STATE_DIR "/lock"), 0);
	assert_int_equal(symlink("/run/other/victim", STATE_DIR "/new"), 0);
	assert_int_equal(state_lock(), -ELOOP);
	assert_int_equal(state_set(HOST, "netns", "a", "1"), -ELOOP);
	assert_file("/run/other/victim", "text");
	assert_int_equal(unlink("/run/other/victim"), 0);
	assert_int_equal(rmdir("/run/other"), 0);
}

static void a_lock_of_nothing_is_not_made(void **state)
{
	int lock;

	(void)state;
	assert_int_equal(state_lock_if_present(), -ENOENT);
	assert_false(exists(STATE_DIR));
	assert_int_equal(log_exit_code(), EXIT_OK);
	lock = state_lock();
	close(lock);
	lock = state_lock_if_present();
	assert_true(lock >= 0);
	close(lock);
}

static void tidy_removes_all_that_was_made(void **state)
{
	int lock = state_lock();

	(void)state;
	assert_true(lock >= 0);
	assert_int_equal(state_bpffs(), 0);
	assert_int_equal(state_bpffs(), 0);
	write_file(STATE_DIR "/new", "left by a kill");
	state_tidy();
	assert_false(exists(STATE_DIR));
	close(lock);
	state_tidy();
	assert_false(exists(STATE_DIR));
	/* a kill between mkdir and mount */
	lock = state_lock();
	assert_int_equal(mkdir(STATE_BPFFS, 0700), 0);
	state_tidy();
	assert_false(exists(STATE_DIR));
	close(lock);
}

static void tidy_leaves_what_is_in_use(void **state)
{
	int lock = state_lock();

	(void)state;
	assert_int_equal(state_bpffs(), 0);
	assert_int_equal(mkdir(STATE_BPFFS "/pins", 0700), 0);
	state_tidy();
	assert_true(state_has_bpffs());
	assert_true(exists(STATE_BPFFS "/pins"));
	assert_int_equal(rmdir(STATE_BPFFS "/pins"), 0);
	assert_int_equal(state_set(HOST, "netns", "a", "1"), 0);
	state_tidy();
	assert_false(exists(STATE_BPFFS));
	assert_true(exists(STATE_DIR "/lock"));
	assert_true(exists(STATE_DIR "/host-4711"));
	close(lock);
}

/* True when a process waits in flock(): the kernel lists who is blocked on a lock, marked by an arrow. */
static bool waits(pid_t pid)
{
	char line[256], want[32];
	bool found = false;
	FILE *f = fopen("/proc/locks", "re");

	snprintf(want, sizeof(want), " %d ", pid);
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "->") && strstr(line, want);
	if (f)
		fclose(f);
	return found;
}

/* A child that asks for the lock and waits. It must not keep the holder's descriptor: that is the lock as well. */
static pid_t lock_in_child(int held, int report)
{
	pid_t pid = fork();

	if (pid == 0) {
		close(held);
		int lock = state_lock();
		struct stat st, now;
		bool same = lock >= 0 && fstat(lock, &st) == 0 && stat(STATE_DIR "/lock", &now) == 0 &&
			    st.st_ino == now.st_ino;

		_exit(write(report, same ? "y" : "n", 1) != 1);
	}
	assert_true(pid > 0);
	for (int i = 0; i < 10000 && !waits(pid); i++)
		poll(NULL, 0, 1);
	assert_true(waits(pid));
	return pid;
}

static void a_waiter_gets_the_lock_that_is_there(void **state)
{
	int lock = state_lock(), report[2], status;
	struct pollfd p;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(report), 0);
	/* the holder only lets go */
	pid = lock_in_child(lock, report[1]);
	p = (struct pollfd){ .fd = report[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 0), 0);
	close(lock);
	assert_int_equal(get(report[0]), 'y');
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);

	/* the holder removes directory and lock: the waiter's file is nobody's, it must make them again */
	lock = state_lock();
	pid = lock_in_child(lock, report[1]);
	state_tidy();
	assert_false(exists(STATE_DIR));
	close(lock);
	assert_int_equal(get(report[0]), 'y');
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);

	/* and if another has made them anew and holds the new lock, it waits again */
	lock = state_lock();
	pid = lock_in_child(lock, report[1]);
	state_tidy();
	int other = state_lock();
	assert_true(other >= 0);
	close(lock);
	assert_int_equal(poll(&p, 1, 50), 0);
	close(other);
	assert_int_equal(get(report[0]), 'y');
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	close(report[0]);
	close(report[1]);
}

static void many_writers_lose_nothing(void **state)
{
	enum { WRITERS = 20, ROUNDS = 20 };
	char key[16], buf[16];

	(void)state;
	for (int w = 0; w < WRITERS; w++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid)
			continue;
		snprintf(key, sizeof(key), "k%d", w);
		for (int i = 0; i < ROUNDS; i++) {
			int lock = state_lock();

			if (lock < 0 || (w % 2 && state_unset(HOST, "netns", key)))
				_exit(1);
			state_tidy(); /* must not take what others have set; it may take the lock, so it is the last */
			close(lock);
			lock = state_lock();
			if (lock < 0)
				_exit(1);
			snprintf(buf, sizeof(buf), "%d", i);
			if (state_set(HOST, "netns", key, buf))
				_exit(1);
			close(lock);
		}
		_exit(0);
	}
	for (int w = 0; w < WRITERS; w++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	for (int w = 0; w < WRITERS; w++) {
		snprintf(key, sizeof(key), "k%d", w);
		assert_int_equal(state_get(HOST, "netns", key, buf, sizeof(buf)), 0);
		assert_string_equal(buf, "19");
	}
}

static int all_tests(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_lock_of_nothing_is_not_made, clean),
		cmocka_unit_test_setup(facts_are_kept_and_forgotten, clean),
		cmocka_unit_test_setup(each_walks_one_kind_and_stops, clean),
		cmocka_unit_test_setup(a_damaged_file_loses_only_what_is_damaged, clean),
		cmocka_unit_test_setup(white_space_is_refused, clean),
		cmocka_unit_test_setup(the_directory_is_roots_own, clean),
		cmocka_unit_test_setup(planted_links_are_not_followed, clean),
		cmocka_unit_test_setup(tidy_removes_all_that_was_made, clean),
		cmocka_unit_test_setup(tidy_leaves_what_is_in_use, clean),
		cmocka_unit_test_setup(a_waiter_gets_the_lock_that_is_there, clean),
		cmocka_unit_test_setup(many_writers_lose_nothing, clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
	return in_machine(all_tests);
}
