/* SPDX-License-Identifier: GPL-2.0-only */
/* Forked helpers inside a network namespace, bounded in time, that die with their parent. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "netns.h"
#include "worker.h"

static int worker_settle(pid_t parent, int netns, int cpu, unsigned max_seconds)
{
	cpu_set_t set;

	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	/* The parent may have died before the line above; then nobody would ever send the signal. */
	if (getppid() != parent)
		return -ESRCH;
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_DFL);
	signal(SIGALRM, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	alarm(max_seconds);
	if (cpu >= 0) {
		CPU_ZERO(&set);
		CPU_SET(cpu, &set);
		if (sched_setaffinity(0, sizeof(set), &set))
			return -errno;
	}
	return netns_enter(netns);
}

int worker_start(struct worker *ret, int netns, int cpu, unsigned max_seconds, int (*run)(int out, void *arg),
		 void *arg)
{
	autoworker struct worker w = WORKER_NONE;
	pid_t parent = getpid();
	int fds[2], r, settled;

	if (pipe2(fds, O_CLOEXEC))
		return -errno;
	w.pid = fork();
	if (w.pid < 0) {
		r = -errno;
		w.pid = 0;
		close(fds[0]);
		close(fds[1]);
		return r;
	}
	if (w.pid == 0) {
		close(fds[0]);
		r = worker_settle(parent, netns, cpu, max_seconds);
		if (write(fds[1], &r, sizeof(r)) != sizeof(r) || r)
			_exit(1);
		_exit(run(fds[1], arg));
	}
	close(fds[1]);
	w.fd = fds[0];
	r = worker_read(&w, &settled, sizeof(settled), 5000);
	if (!r)
		r = settled;
	if (r)
		return r;
	*ret = w;
	w = WORKER_NONE;
	return 0;
}

int worker_read(const struct worker *w, void *buf, size_t size, int timeout_ms)
{
	struct pollfd p = { .fd = w->fd, .events = POLLIN };
	ssize_t n;
	int r;

	r = poll(&p, 1, timeout_ms);
	if (r < 0)
		return -errno;
	if (r == 0)
		return -ETIMEDOUT;
	/* Messages are shorter than PIPE_BUF, so they arrive whole. */
	n = read(w->fd, buf, size);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EPIPE;
}

int worker_wait(struct worker *w)
{
	int status = 0;
	pid_t r = 0;

	if (w->pid > 0) {
		do
			r = waitpid(w->pid, &status, 0);
		while (r < 0 && errno == EINTR);
	}
	if (w->fd >= 0)
		close(w->fd);
	*w = WORKER_NONE;
	if (r < 0)
		return -ECHILD;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

void worker_stop(struct worker *w)
{
	if (w->pid > 0)
		kill(w->pid, SIGKILL);
	worker_wait(w);
}

int worker_run(int netns, unsigned max_seconds, int (*run)(int out, void *arg), void *arg)
{
	struct worker w;
	int r;

	r = worker_start(&w, netns, -1, max_seconds, run, arg);
	return r ? r : worker_wait(&w);
}

int worker_socket(int netns, int family, int type, int protocol)
{
	autoclose int self = netns_self();
	autoclose int fd = -1;
	int r;

	if (self < 0)
		return self;
	r = netns_enter(netns);
	if (r)
		return r;
	fd = socket(family, type | SOCK_CLOEXEC, protocol);
	r = fd < 0 ? -errno : 0;
	/* Going on in a foreign namespace could harm it; nothing that follows would be right. */
	if (netns_enter(self))
		abort();
	return r ? r : take(&fd);
}

int worker_cpu(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		return 0;
	for (int i = CPU_SETSIZE - 1; i > 0; i--)
		if (CPU_ISSET(i, &set))
			return i;
	return 0;
}
