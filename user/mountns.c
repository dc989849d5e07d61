/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's mount namespace: whether ours is another, and work that is done there. */
#include "mountns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>

#define OURS     "/proc/self/ns/mnt"
#define MACHINES "/proc/1/ns/mnt"

static bool same_file(const char *a, const char *b)
{
	struct stat sa, sb;

	return stat(a, &sa) == 0 && stat(b, &sb) == 0 && sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

bool mountns_away(const char *dir)
{
	char machines[PATH_MAX];
	struct stat st;

	snprintf(machines, sizeof(machines), "/proc/1/root%s", dir);
	return stat(MACHINES, &st) == 0 && !same_file(OURS, MACHINES) && same_file(dir, machines);
}

struct visit {
	int (*work)(void *arg);
	void *arg;
	int r;
};

/* In a thread: setns() moves only the thread that calls it, and the descriptors stay ours. */
static void *visit_thread(void *arg)
{
	struct visit *v = arg;
	autoclose int ns = open(MACHINES, O_RDONLY | O_CLOEXEC);

	if (ns < 0 || unshare(CLONE_FS) || setns(ns, CLONE_NEWNS))
		v->r = -errno;
	else
		v->r = v->work(v->arg);
	return NULL;
}

int mountns_run(int (*work)(void *arg), void *arg)
{
	struct visit v = { .work = work, .arg = arg };
	pthread_t thread;
	int r = pthread_create(&thread, NULL, visit_thread, &v);

	if (r)
		return -r;
	pthread_join(thread, NULL);
	return v.r;
}
