/* SPDX-License-Identifier: GPL-2.0-only */
/* Small proofs that a path works: a web server that tells whom it saw, a fetch, an echo request. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

#include "load.h"
#include "log.h"
#include "probe.h"

#define HEAD_MAX 2048
#define BODY_MAX (1ULL << 40)
#define PATIENCE 5 /* seconds that one side waits for the other */

static void set_patience(int fd)
{
	struct timeval t = { .tv_sec = PATIENCE };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

static bool send_all(int fd, const char *data, size_t len)
{
	while (len) {
		ssize_t n = send(fd, data, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		data += n;
		len -= (size_t)n;
	}
	return true;
}

/* Reads up to the empty line that ends an HTTP head, and perhaps beyond. buf gets a NUL; ret_head is the head's length
 * with its empty line. The number of bytes read, 0 if it never came, or -errno. */
static ssize_t read_head(int fd, char buf[HEAD_MAX], size_t *ret_head)
{
	size_t len = 0;

	while (len < HEAD_MAX - 1) {
		ssize_t n = recv(fd, buf + len, HEAD_MAX - 1 - len, 0);
		const char *end;

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		len += (size_t)n;
		buf[len] = 0;
		end = strstr(buf, "\r\n\r\n");
		if (end) {
			*ret_head = (size_t)(end - buf) + 4;
			return (ssize_t)len;
		}
	}
	return 0;
}

static bool send_head(int fd, const char *status, unsigned long long len)
{
	char head[160];
	int n = snprintf(head, sizeof(head),
			 "HTTP/1.0 %s\r\nContent-Type: text/plain\r\nContent-Length: %llu\r\n"
			 "Connection: close\r\n\r\n",
			 status, len);

	return send_all(fd, head, (size_t)n);
}

static void send_pattern(int fd, unsigned long long len)
{
	char block[251 * 256];

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)probe_byte(i);
	while (len) {
		size_t n = len < sizeof(block) ? len : sizeof(block);

		if (!send_all(fd, block, n))
			return;
		len -= n;
	}
}

static void answer(int fd, const struct sockaddr_in *from)
{
	char head[HEAD_MAX], text[64], ip[INET_ADDRSTRLEN] = "?";
	unsigned long long len;
	size_t head_len;
	char *end;
	int n;

	if (read_head(fd, head, &head_len) <= 0)
		return;
	if (strncmp(head, "GET /", 5)) {
		send_head(fd, "400 Bad Request", 0);
		return;
	}
	if (head[5] == ' ') {
		inet_ntop(AF_INET, &from->sin_addr, ip, sizeof(ip));
		n = snprintf(text, sizeof(text), "you are %s port %u\n", ip, ntohs(from->sin_port));
		if (send_head(fd, "200 OK", (size_t)n))
			send_all(fd, text, (size_t)n);
		return;
	}
	errno = 0;
	len = strtoull(head + 5, &end, 10);
	if (head[5] < '0' || head[5] > '9' || *end != ' ' || errno || len > BODY_MAX) {
		send_head(fd, "404 Not Found", 0);
		return;
	}
	if (send_head(fd, "200 OK", len))
		send_pattern(fd, len);
}

static int serve(int out, void *arg)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(*(__u16 *)arg) };
	autoclose int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r = 0;

	if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int)) ||
	    bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 128))
		r = -errno;
	if (write(out, &r, sizeof(r)) != sizeof(r) || r)
		return 1;
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		autoclose int fd = accept4(listener, (struct sockaddr *)&from, &len, SOCK_CLOEXEC);

		if (fd < 0)
			continue;
		set_patience(fd);
		answer(fd, &from);
	}
}

int probe_serve(struct worker *ret, int netns, __u16 port)
{
	autoworker struct worker w = WORKER_NONE;
	int r, ready;

	r = worker_start(&w, netns, -1, 0, serve, &port);
	if (!r)
		r = worker_read(&w, &ready, sizeof(ready), PATIENCE * 1000);
	if (!r)
		r = ready;
	if (r)
		return fail(r, "cannot serve on port %u", port);
	*ret = w;
	w = WORKER_NONE;
	return 0;
}

/* Status and length out of an HTTP head. */
static bool head_parse(const char *head, unsigned *ret_status, unsigned long long *ret_len)
{
	const char *line = strstr(head, "\r\nContent-Length: ");

	return sscanf(head, "HTTP/1.%*1[01] %3u", ret_status) == 1 && line &&
	       sscanf(line, "\r\nContent-Length: %llu", ret_len) == 1;
}

/* The rest of the answer after the head, to the connection's end. */
static ssize_t read_body(int fd, char *buf, size_t len, size_t size)
{
	for (;;) {
		char beyond;
		bool full = len == size;
		ssize_t n = recv(fd, full ? &beyond : buf + len, full ? 1 : size - len, 0);

		if (n < 0)
			return -errno;
		if (n == 0)
			return (ssize_t)len;
		if (full)
			return -EMSGSIZE;
		len += (size_t)n;
	}
}

/* The whole exchange; prints nothing. */
static int fetch(int fd, const struct sockaddr_storage *to, socklen_t to_len, const char *path, char *buf, size_t size,
		 size_t *ret_len)
{
	char head[HEAD_MAX], request[256];
	unsigned long long announced;
	unsigned status;
	size_t head_len, rest;
	ssize_t n;

	if (snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\n\r\n", path) >= (int)sizeof(request))
		return -ENAMETOOLONG;
	if (connect(fd, (const struct sockaddr *)to, to_len))
		return errno == EINPROGRESS ? -ETIMEDOUT : -errno;
	if (!send_all(fd, request, strlen(request)))
		return -errno;
	n = read_head(fd, head, &head_len);
	if (n <= 0)
		return n ? (int)n : -EPROTO;
	rest = (size_t)n - head_len;
	if (!head_parse(head, &status, &announced) || status != 200)
		return -EPROTO;
	if (rest > size)
		return -EMSGSIZE;
	memcpy(buf, head + head_len, rest);
	n = read_body(fd, buf, rest, size);
	if (n < 0)
		return (int)n;
	if ((unsigned long long)n != announced)
		return -EPROTO;
	*ret_len = (size_t)n;
	return 0;
}

int probe_fetch(int netns, const struct addr *to, __u16 port, const char *path, void *buf, size_t size, size_t *ret_len)
{
	autoclose int fd = worker_socket(netns, to->family, SOCK_STREAM, 0);
	struct sockaddr_storage s;
	socklen_t len = load_sockaddr(to, port, &s);
	char text[ADDR_STRLEN];
	int r = fd;

	if (fd >= 0) {
		set_patience(fd);
		r = fetch(fd, &s, len, path, buf, size, ret_len);
	}
	if (r == -EAGAIN)
		r = -ETIMEDOUT;
	if (!r || r == -EINTR)
		return r;
	return fail(r, "cannot fetch http://%s:%u%s", addr_format(to, false, text), port, path);
}

static __u16 icmp_sum(const void *data, size_t len)
{
	const __u16 *p = data;
	__u32 sum = 0;

	for (; len > 1; len -= 2)
		sum += *p++;
	sum = (sum >> 16) + (sum & 0xffff);
	return (__u16) ~(sum + (sum >> 16));
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

struct echo {
	struct icmphdr h;
	char data[56];
};

/* The socket sees every ICMP message from that address, so ours is found by its number. */
static bool is_reply(const char *packet, ssize_t n, const struct echo *sent)
{
	const struct iphdr *ip = (const struct iphdr *)packet;
	const struct icmphdr *icmp;

	if (n < (ssize_t)sizeof(*ip) || n < ip->ihl * 4 + (ssize_t)sizeof(*sent))
		return false;
	icmp = (const struct icmphdr *)(packet + ip->ihl * 4);
	return icmp->type == ICMP_ECHOREPLY && icmp->un.echo.id == sent->h.un.echo.id &&
	       icmp->un.echo.sequence == sent->h.un.echo.sequence && !memcmp(icmp + 1, sent->data, sizeof(sent->data));
}

static int echo_once(int fd, const struct echo *e, int timeout_ms, double *ret_ms)
{
	double start = now_ms(), left = timeout_ms;
	char packet[256] __attribute__((aligned(4)));
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (send(fd, e, sizeof(*e), 0) < 0)
		return -errno;
	for (; left > 0; left = start + timeout_ms - now_ms()) {
		int r = poll(&p, 1, (int)left + 1);
		ssize_t n = r > 0 ? recv(fd, packet, sizeof(packet), 0) : 0;

		if (r < 0 || n < 0)
			return -errno;
		if (n > 0 && is_reply(packet, n, e)) {
			*ret_ms = now_ms() - start;
			return 0;
		}
	}
	return -ETIMEDOUT;
}

int probe_ping(int netns, const struct addr *to, int timeout_ms, double *ret_ms)
{
	/* A raw socket: ping sockets are closed to everyone in a new namespace (net.ipv4.ping_group_range). */
	autoclose int fd = worker_socket(netns, AF_INET, SOCK_RAW, IPPROTO_ICMP);
	static __u16 sequence;
	struct echo e = { .h = { .type = ICMP_ECHO } };
	struct sockaddr_storage s;
	socklen_t len = load_sockaddr(to, 0, &s);
	char text[ADDR_STRLEN];
	int r = fd;

	e.h.un.echo.id = (__u16)getpid();
	e.h.un.echo.sequence = htons(++sequence);
	for (size_t i = 0; i < sizeof(e.data); i++)
		e.data[i] = (char)probe_byte(i);
	e.h.checksum = icmp_sum(&e, sizeof(e));
	if (fd >= 0)
		r = connect(fd, (struct sockaddr *)&s, len) ? -errno : echo_once(fd, &e, timeout_ms, ret_ms);
	if (!r || r == -ETIMEDOUT || r == -EINTR)
		return r;
	return fail(r, "cannot ping %s", addr_format(to, false, text));
}
