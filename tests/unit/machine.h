/* SPDX-License-Identifier: GPL-2.0-only */
/* What tests of /run/nsfast begin with: a small machine that nobody else sees, and nothing in its /run/nsfast. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture.h"
#include "log.h"
#include "state.h"

static inline bool exists(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* Each test begins without /run/nsfast, whatever the one before left. */
static inline int clean(void **state)
{
	char path[300];
	struct dirent *e;
	DIR *d;

	(void)state;
	log_level = -1;
	while (umount2(STATE_BPFFS, MNT_DETACH) == 0)
		;
	unlink(STATE_DIR);
	rmdir(STATE_BPFFS);
	d = opendir(STATE_DIR);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%s/%s", STATE_DIR, e->d_name);
		unlink(path);
	}
	if (d)
		closedir(d);
	return rmdir(STATE_DIR) && errno != ENOENT ? -1 : 0;
}

/* Waits until a child's message comes, ten seconds at most. */
static inline char get(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c = 0;

	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_int_equal(read(fd, &c, 1), 1);
	return c;
}

/* Runs a function in a child with a mount namespace of its own; 0 if it returned true. */
static inline int elsewhere(bool (*fn)(void), unsigned long propagation)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | propagation, NULL) || !fn());
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	return status;
}

/* The same in a namespace that is older than what the machine does meanwhile, and hears of no mount. */
static inline void elsewhere_after(bool (*meanwhile)(void), bool (*fn)(void))
{
	int there[2], done[2], status;
	char c = 0;
	pid_t pid;

	assert_true(pipe(there) == 0 && pipe(done) == 0);
	pid = fork();
	if (pid == 0)
		_exit(unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		      write(there[1], &c, 1) != 1 || read(done[0], &c, 1) != 1 || !fn());
	assert_true(pid > 0);
	get(there[0]);
	assert_true(meanwhile());
	assert_int_equal(write(done[1], &c, 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (int i = 0; i < 2; i++) {
		close(there[i]);
		close(done[i]);
	}
}

/* Ends as the child does. Without exit handlers: where process 1 is gone they can start nothing any more. */
__attribute__((noreturn)) static inline void end_as(pid_t pid)
{
	int status;

	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		_exit(1);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/*
 * The tests run in a small machine, of which nothing is seen outside: process 1 of a namespace of processes, whose
 * mounts are "the machine's", shared as systemd has them. The tests are its child: process 1 is not one like others.
 */
static inline int in_machine(int (*tests)(void))
{
	pid_t pid;

	if (unshare(CLONE_NEWNS | CLONE_NEWPID) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
		fprintf(stderr, "must be root: %s\n", strerror(errno));
		return 1;
	}
	pid = fork();
	if (pid)
		end_as(pid);
	if (mount("proc", "/proc", "proc", 0, NULL) || mount("tmpfs", "/run", "tmpfs", 0, "mode=0755") ||
	    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL)) {
		perror("mount");
		return 1;
	}
	pid = fork();
	if (pid)
		end_as(pid);
	return tests();
}
