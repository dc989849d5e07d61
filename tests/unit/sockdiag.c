/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's sockets as the kernel tells of them: those that wait for peers, and who has them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "fresh.h"
#include "sockdiag.h"

static struct sockdiag last;
static int count;

static int keep(const struct sockdiag *s, void *arg)
{
	(void)arg;
	last = *s;
	count++;
	return 0;
}

/* A socket bound to "ADDRESS", port; listening if it is TCP. */
static int bound(int type, const char *text, __u16 port, bool only6)
{
	struct addr a = addr(text);
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(a.family, type | SOCK_CLOEXEC, 0), on = only6;

	assert_true(fd >= 0);
	memcpy(&in.sin_addr, a.bytes, 4);
	memcpy(&in6.sin6_addr, a.bytes, 16);
	if (a.family == AF_INET6)
		assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, a.family == AF_INET ? (void *)&in : (void *)&in6,
			      a.family == AF_INET ? sizeof(in) : sizeof(in6)),
			 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

static void sockets_that_wait_are_told(void **state)
{
	static const struct {
		int type;
		const char *bind;
		bool only6;
		const char *addr; /* as it is told */
		bool both;
	} rows[] = {
		{ SOCK_STREAM, "0.0.0.0", false, "0.0.0.0", false },
		{ SOCK_STREAM, "127.0.0.1", false, "127.0.0.1", false },
		{ SOCK_STREAM, "::", false, "::", true },
		{ SOCK_STREAM, "::", true, "::", false },
		{ SOCK_STREAM, "::1", false, "::1", false },
		{ SOCK_STREAM, "::ffff:127.0.0.1", false, "127.0.0.1", false },
		{ SOCK_DGRAM, "0.0.0.0", false, "0.0.0.0", false },
		{ SOCK_DGRAM, "127.0.0.1", false, "127.0.0.1", false },
		{ SOCK_DGRAM, "::", false, "::", true },
		{ SOCK_DGRAM, "::", true, "::", false },
	};
	struct link_change up = { .up = 1 };
	char text[ADDR_STRLEN];

	set(*state, "lo", up);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int fd = bound(rows[i].type, rows[i].bind, 8080, rows[i].only6);
		__u8 proto = rows[i].type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;

		count = 0;
		assert_int_equal(sockdiag_list(proto, keep, NULL), 0);
		assert_int_equal(count, 1);
		assert_int_equal(last.port, 8080);
		assert_string_equal(addr_format(&last.addr, false, text), rows[i].addr);
		assert_int_equal(last.both, rows[i].both);
		count = 0;
		assert_int_equal(sockdiag_list(proto == IPPROTO_TCP ? IPPROTO_UDP : IPPROTO_TCP, keep, NULL), 0);
		assert_int_equal(count, 0);
		close(fd);
	}
}

static void a_connected_udp_socket_waits_for_nobody(void **state)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9), .sin_addr = { htonl(0x7f000001) } };
	struct link_change up = { .up = 1 };
	int fd;

	set(*state, "lo", up);
	fd = bound(SOCK_DGRAM, "127.0.0.1", 8080, false);
	assert_int_equal(connect(fd, (void *)&to, sizeof(to)), 0);
	count = 0;
	assert_int_equal(sockdiag_list(IPPROTO_UDP, keep, NULL), 0);
	assert_int_equal(count, 0);
	close(fd);
}

static int stop(const struct sockdiag *s, void *arg)
{
	(void)s;
	(void)arg;
	count++;
	return 7;
}

static void many_sockets_come_in_one_walk_that_can_end(void **state)
{
	int fds[300];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = bound(SOCK_DGRAM, i % 2 ? "0.0.0.0" : "::", 10000 + i, false);
	count = 0;
	assert_int_equal(sockdiag_list(IPPROTO_UDP, keep, NULL), 0);
	assert_int_equal(count, ARRAY_SIZE(fds));
	count = 0;
	assert_int_equal(sockdiag_list(IPPROTO_UDP, stop, NULL), 7);
	assert_int_equal(count, 1);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void the_holder_has_a_name(void **state)
{
	char buf[SOCKDIAG_HOLDER], want[SOCKDIAG_HOLDER];
	int fd;

	(void)state;
	prctl(PR_SET_NAME, "holds it");
	fd = bound(SOCK_STREAM, "0.0.0.0", 8080, false);
	assert_int_equal(sockdiag_list(IPPROTO_TCP, keep, NULL), 0);
	snprintf(want, sizeof(want), "process 'holds it', pid %d", getpid());
	assert_string_equal(sockdiag_holder(last.inode, buf), want);
	close(fd);
	assert_string_equal(sockdiag_holder(last.inode, buf),
			    "a socket of the kernel, or of a process that is not seen from here");
	assert_string_equal(sockdiag_holder(0, buf),
			    "a socket of the kernel, or of a process that is not seen from here");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_NETNS(sockets_that_wait_are_told),
		IN_NETNS(a_connected_udp_socket_waits_for_nobody),
		IN_NETNS(many_sockets_come_in_one_walk_that_can_end),
		IN_NETNS(the_holder_has_a_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
