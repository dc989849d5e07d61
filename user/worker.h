/* SPDX-License-Identifier: GPL-2.0-only */
/* Forked helpers inside a network namespace, bounded in time, that die with their parent. */
#pragma once

#include <sys/types.h>

#include "util.h"

struct worker {
	pid_t pid; /* 0: none */
	int fd;    /* the parent's end of the pipe on which the worker reports; -1: none */
};
#define WORKER_NONE ((struct worker){ 0, -1 })

/*
 * Forks a child that enters the namespace, pins itself to the CPU (-1: any), and calls run(out, arg); what run returns is
 * its exit code, out the pipe to the parent. The child is killed when the parent dies, and by itself after max_seconds
 * (0: no limit); it ignores SIGINT, so that Ctrl-C leaves the clean-up to the parent. When this returns 0 the child is
 * where it should be; else it is gone. Prints nothing.
 */
int worker_start(struct worker *ret, int netns, int cpu, unsigned max_seconds, int (*run)(int out, void *arg),
		 void *arg);
/* One whole message of the worker. 0, -ETIMEDOUT, -EINTR, or -EPIPE if the worker is gone. */
int worker_read(const struct worker *w, void *buf, size_t size, int timeout_ms);
/* Waits for its end and returns the exit code; -EINTR if a signal killed it. */
int worker_wait(struct worker *w);
/* Kills it and waits; accepts a stopped one. */
void worker_stop(struct worker *w);
#define autoworker __attribute__((cleanup(worker_stop)))

/* The same in one call: runs it in the namespace, waits, returns its exit code or -errno. */
int worker_run(int netns, unsigned max_seconds, int (*run)(int out, void *arg), void *arg);

/* A socket that belongs to another namespace; the caller stays where it is. A descriptor, or -errno. */
int worker_socket(int netns, int family, int type, int protocol);
/* The CPU that measurements are pinned to: the last one that this process may use. */
int worker_cpu(void);
