/* SPDX-License-Identifier: GPL-2.0-only */
/* Measured traffic between two namespaces: a client and a server, forked, pinned, bounded in time. */
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <time.h>

#include "hist.h"
#include "load.h"
#include "log.h"
#include "worker.h"

#define BURST       32
#define UDP_SIZE    64
#define STREAM_SIZE (128 * 1024)
/* Room for what a whole time slice of the sender makes. With the default size, and both ends on one CPU, the receiver's
 * queue overflows: a third of the datagrams over a wire, a seventh over a bridge, and the ratio of the two is bent. */
#define UDP_BUFFER (8 << 20)
#define GRACE_MS   5000

/*
 * What a worker tells its parent: the server first its port; then whoever counts the result; anyone an error at any
 * time. Who does not count goes on until it is killed.
 */
struct report {
	int err; /* -errno of `what` */
	char what[24];
	__u16 port;
	struct load_result result;
};

struct job {
	const struct load *load;
	__u16 port; /* the server's, for the client */
	int out;
};

typedef int (*side_fn)(struct job *j);

/* Counts units over a stretch of time that begins after the warm-up, and measures its true length. */
struct meter {
	const struct load *load;
	__u64 from, last, until, n;
	struct hist *times; /* between units, while counting; NULL: not wanted */
	bool counting;
};

static __u64 now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (__u64)t.tv_sec * 1000000000 + (__u64)t.tv_nsec;
}

static struct meter meter_start(const struct load *l)
{
	__u64 now = now_ns();

	return (struct meter){ .load = l, .last = now, .until = now + l->warm_ms * 1000000ULL };
}

/* Adds n units. True when the time is over; the rate is ready then. */
static bool meter_add(struct meter *m, __u64 n, double *ret_rate)
{
	__u64 now = now_ns();

	m->n += n;
	if (m->times && m->counting)
		hist_add(m->times, now - m->last);
	m->last = now;
	if (now < m->until)
		return false;
	if (m->counting) {
		*ret_rate = (double)m->n * 1e9 / (double)(now - m->from);
		return true;
	}
	m->counting = true;
	m->n = 0;
	m->from = now;
	m->until = now + m->load->ms * 1000000ULL;
	return false;
}

static int tell(const struct job *j, const struct report *r)
{
	return write(j->out, r, sizeof(*r)) == sizeof(*r) ? 0 : 1;
}

/* Reports errno; the worker's exit code. */
static int broken(const struct job *j, const char *what)
{
	struct report r = { .err = errno ? -errno : -EIO };

	strncpy(r.what, what, sizeof(r.what) - 1);
	tell(j, &r);
	return 1;
}

/* Stays until it is killed: an end of the connection now would be an error to the other side. */
static void __attribute__((noreturn)) finished(const struct job *j, const struct load_result *result)
{
	tell(j, &(struct report){ .result = *result });
	for (;;)
		pause();
}

socklen_t load_sockaddr(const struct addr *a, __u16 port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	ret->ss_family = a->family;
	switch (a->family) {
	case AF_INET:
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, a->bytes, sizeof(v4->sin_addr));
		return sizeof(*v4);
	case AF_INET6:
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, a->bytes, sizeof(v6->sin6_addr));
		return sizeof(*v6);
	}
	return 0;
}

/* Any address, and, if none is asked for, a new port each time: what an earlier run left in TIME_WAIT is then none of this
 * one's business. */
static int serve_open(struct job *j, int type)
{
	struct addr any = { .family = j->load->to.family };
	struct report ready = { 0 };
	struct sockaddr_storage s;
	socklen_t len = load_sockaddr(&any, j->load->port, &s);
	autoclose int fd = socket(any.family, type | SOCK_CLOEXEC, 0);
	int size = UDP_BUFFER;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) ||
	    bind(fd, (struct sockaddr *)&s, len) || getsockname(fd, (struct sockaddr *)&s, &len))
		return -1;
	if (type == SOCK_STREAM && listen(fd, 128))
		return -1;
	if (type == SOCK_DGRAM && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		return -1;
	/* The port has the same place in both families' structures. */
	ready.port = ntohs(((struct sockaddr_in *)&s)->sin_port);
	if (tell(j, &ready))
		return -1;
	return take(&fd);
}

static int accept_one(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return fd;
}

static int dial(const struct job *j, int type)
{
	struct sockaddr_storage s;
	socklen_t len = load_sockaddr(&j->load->to, j->port, &s);
	autoclose int fd = socket(s.ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	if (type == SOCK_STREAM && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)))
		return -1;
	if (connect(fd, (struct sockaddr *)&s, len))
		return -1;
	return take(&fd);
}

static int rr_server(struct job *j)
{
	autoclose int listener = serve_open(j, SOCK_STREAM);
	autoclose int fd = listener < 0 ? -1 : accept_one(listener);
	char byte;

	if (fd < 0)
		return broken(j, "listen");
	while (recv(fd, &byte, 1, 0) == 1 && send(fd, &byte, 1, 0) == 1)
		;
	return broken(j, "answer");
}

static int rr_client(struct job *j)
{
	static struct hist times;
	struct meter m = meter_start(j->load);
	struct load_result result = {};
	autoclose int fd = dial(j, SOCK_STREAM);
	char byte = 'x';

	if (fd < 0)
		return broken(j, "connect");
	m.times = &times;
	do {
		errno = 0;
		if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1)
			return broken(j, "get an answer");
	} while (!meter_add(&m, 1, &result.rate));
	result.p50_us = hist_quantile(&times, 0.5) / 1e3;
	result.p99_us = hist_quantile(&times, 0.99) / 1e3;
	result.p999_us = hist_quantile(&times, 0.999) / 1e3;
	finished(j, &result);
}

/*
 * The server closes first, and the client waits for that. TIME_WAIT then stays at the server, where a port is not used
 * up and the kernel takes a new SYN of the same pair at once (newer sequence number and time stamp); at the client a
 * port is free again when connect() next comes round to it, however many seconds this runs. An RST by SO_LINGER would
 * be shorter, but no real client does it, and it spares NAT the end of a connection, which is part of its work.
 */
static int crr_server(struct job *j)
{
	autoclose int listener = serve_open(j, SOCK_STREAM);
	char byte;

	if (listener < 0)
		return broken(j, "listen");
	for (;;) {
		autoclose int fd = accept_one(listener);

		if (fd < 0)
			return broken(j, "accept");
		if (recv(fd, &byte, 1, 0) != 1 || send(fd, &byte, 1, 0) != 1)
			return broken(j, "answer");
	}
}

static int crr_client(struct job *j)
{
	struct meter m = meter_start(j->load);
	struct load_result result = {};
	char byte = 'x';

	do {
		autoclose int fd = dial(j, SOCK_STREAM);

		if (fd < 0)
			return broken(j, "connect");
		errno = 0;
		if (send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1)
			return broken(j, "get an answer");
		if (recv(fd, &byte, 1, 0) != 0)
			return broken(j, "see the connection's end");
	} while (!meter_add(&m, 1, &result.rate));
	finished(j, &result);
}

/* The numbers in the first and last datagram of the counted stretch tell how many were sent in between. */
static int udp_server(struct job *j)
{
	static __u64 data[BURST][UDP_SIZE / sizeof(__u64)];
	struct iovec iov[BURST];
	struct mmsghdr msgs[BURST] = { 0 };
	struct meter m = { 0 };
	__u64 first = 0, last;
	autoclose int fd = serve_open(j, SOCK_DGRAM);
	struct load_result result = {};

	if (fd < 0)
		return broken(j, "open a socket");
	for (int i = 0; i < BURST; i++) {
		iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	for (;;) {
		int n = recvmmsg(fd, msgs, BURST, MSG_WAITFORONE, NULL);
		bool counting = m.counting;

		if (n < 1)
			return broken(j, "receive");
		if (!m.load)
			m = meter_start(j->load);
		last = data[n - 1][0];
		if (meter_add(&m, (__u64)n, &result.rate))
			break;
		if (m.counting && !counting)
			first = last;
	}
	if (last > first)
		result.loss = 1 - (double)m.n / (double)(last - first);
	finished(j, &result);
}

static int udp_client(struct job *j)
{
	static __u64 data[BURST][UDP_SIZE / sizeof(__u64)];
	struct iovec iov[BURST];
	struct mmsghdr msgs[BURST] = { 0 };
	autoclose int fd = dial(j, SOCK_DGRAM);
	__u64 next = 1;

	if (fd < 0)
		return broken(j, "connect");
	for (int i = 0; i < BURST; i++) {
		iov[i] = (struct iovec){ data[i], sizeof(data[i]) };
		msgs[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	}
	for (;;) {
		int n;

		for (int i = 0; i < BURST; i++)
			data[i][0] = next + (__u64)i;
		n = sendmmsg(fd, msgs, BURST, 0);
		if (n > 0)
			next += (__u64)n;
		else if (errno != ENOBUFS)
			return broken(j, "send");
	}
}

static unsigned streams(const struct job *j)
{
	return j->load->streams ? j->load->streams : 1;
}

/* The next connection that is ready, by turns. One alone is not asked: its calls wait. */
static int stream_next(struct pollfd *fds, unsigned n, unsigned *turn)
{
	unsigned i;

	if (n == 1)
		return fds[0].fd;
	for (;;) {
		for (i = 0; i < n; i++) {
			*turn = (*turn + 1) % n;
			if (fds[*turn].revents) {
				fds[*turn].revents = 0;
				return fds[*turn].fd;
			}
		}
		if (poll(fds, n, -1) < 0)
			return -1;
	}
}

static int stream_server(struct job *j)
{
	static char data[STREAM_SIZE];
	struct pollfd fds[LOAD_STREAMS_MAX];
	struct load_result result = {};
	autoclose int listener = serve_open(j, SOCK_STREAM);
	unsigned n = streams(j), turn = 0, i;
	struct meter m;
	ssize_t got;

	for (i = 0; i < n; i++) {
		fds[i] = (struct pollfd){ .fd = listener < 0 ? -1 : accept_one(listener), .events = POLLIN };
		if (fds[i].fd < 0)
			return broken(j, "listen");
	}
	m = meter_start(j->load);
	do {
		errno = 0;
		got = recv(stream_next(fds, n, &turn), data, sizeof(data), 0);
		if (got <= 0)
			return broken(j, "receive");
	} while (!meter_add(&m, (__u64)got, &result.rate));
	finished(j, &result);
}

static int stream_client(struct job *j)
{
	static char data[STREAM_SIZE];
	struct pollfd fds[LOAD_STREAMS_MAX];
	unsigned n = streams(j), turn = 0, i;

	for (i = 0; i < n; i++) {
		fds[i] = (struct pollfd){ .fd = dial(j, SOCK_STREAM), .events = POLLOUT };
		if (fds[i].fd < 0)
			return broken(j, "connect");
	}
	while (send(stream_next(fds, n, &turn), data, sizeof(data), n == 1 ? 0 : MSG_DONTWAIT) > 0)
		;
	return broken(j, "send");
}

static const struct {
	const char *name, *unit;
	side_fn server, client;
} kinds[LOAD_MAX] = {
	[LOAD_RR] = { "rr", "transactions/s", rr_server, rr_client },
	[LOAD_CRR] = { "crr", "connections/s", crr_server, crr_client },
	[LOAD_UDP] = { "udp", "packets/s", udp_server, udp_client },
	[LOAD_STREAM] = { "stream", "bytes/s", stream_server, stream_client },
};

const char *load_name(enum load_kind kind)
{
	return kinds[kind].name;
}

const char *load_unit(enum load_kind kind)
{
	return kinds[kind].unit;
}

static int run_server(int out, void *arg)
{
	struct job *j = arg;

	j->out = out;
	return kinds[j->load->kind].server(j);
}

static int run_client(int out, void *arg)
{
	struct job *j = arg;

	j->out = out;
	return kinds[j->load->kind].client(j);
}

/* Reads one report; a worker's error becomes ours. */
static int hear(const struct worker *w, const struct load *l, int timeout_ms, struct report *ret)
{
	int r = worker_read(w, ret, sizeof(*ret), timeout_ms);

	if (r == -EINTR)
		return r;
	if (r)
		return fail(r, "load '%s': no result", load_name(l->kind));
	ret->what[sizeof(ret->what) - 1] = 0;
	if (ret->err)
		return fail(ret->err, "load '%s': cannot %s", load_name(l->kind), ret->what);
	return 0;
}

int load_run(const struct load *l, struct load_result *ret)
{
	unsigned limit = (l->warm_ms + l->ms + 2 * GRACE_MS) / 1000;
	autoworker struct worker server = WORKER_NONE, client = WORKER_NONE;
	struct job j = { .load = l };
	struct pollfd p[2];
	struct report report;
	int r;

	r = worker_start(&server, l->server.netns, l->server.cpu, limit, run_server, &j);
	if (r)
		return r == -EINTR ? r : fail(r, "load '%s': cannot start the server", load_name(l->kind));
	r = hear(&server, l, GRACE_MS, &report);
	if (r)
		return r;
	j.port = report.port;
	r = worker_start(&client, l->client.netns, l->client.cpu, limit, run_client, &j);
	if (r)
		return r == -EINTR ? r : fail(r, "load '%s': cannot start the client", load_name(l->kind));
	p[0] = (struct pollfd){ .fd = client.fd, .events = POLLIN };
	p[1] = (struct pollfd){ .fd = server.fd, .events = POLLIN };
	r = poll(p, ARRAY_SIZE(p), (int)(l->warm_ms + l->ms + GRACE_MS));
	if (r < 0)
		return errno == EINTR ? -EINTR : fail(-errno, "load '%s': no result", load_name(l->kind));
	r = hear(p[0].revents || !p[1].revents ? &client : &server, l, 0, &report);
	if (r)
		return r;
	*ret = report.result;
	return 0;
}
