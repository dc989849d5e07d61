/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own sockets, by real ones in a namespace: what they ask, where it goes, and what they hear. */
#include "sock.h"

static void test_connect(void **state)
{
	static const struct {
		const char *ask, *shown;
		bool six; /* goes to TO6 */
	} rows[] = {
		{ "127.0.0.1", "127.0.0.1", false },
		{ "127.1.2.3", "127.1.2.3", false },
		{ "0.0.0.0", "127.0.0.1", false },
		{ HOST, HOST, false },
		{ "::ffff:127.0.0.1", "::ffff:127.0.0.1", false },
		{ "::ffff:" HOST, "::ffff:" HOST, false },
		{ "::ffff:0.0.0.0", "::ffff:127.0.0.1", false },
		{ "::1", "::1", true },
		{ "::", "::1", true },
		{ HOST6, HOST6, true },
	};
	struct machine *m = *state;
	size_t i;

	usual(m);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		autoclose int fd = socket_of(rows[i].ask, SOCK_STREAM);
		autoclose int served = -1;
		union name n;

		assert_int_equal(dial(fd, rows[i].ask, 8080), 0);
		served = accept(rows[i].six ? m->tcp6 : m->tcp, NULL, NULL);
		assert_true(served >= 0);
		n = peer(fd);
		assert_name(&n, rows[i].shown, 8080);
	}
}

static void test_fast_open(void **state)
{
	struct machine *m = *state;
	autoclose int fd = socket_of(HOST, SOCK_STREAM);
	autoclose int served = -1;
	union name n = name(HOST, 8080);

	usual(m);
	assert_int_equal(sendto(fd, "x", 1, MSG_FASTOPEN, &n.any, name_len(&n)), 1);
	served = accept(m->tcp, NULL, NULL);
	assert_true(served >= 0);
	n = peer(fd);
	assert_name(&n, HOST, 8080);
}

static void test_not_ours(void **state)
{
	struct machine *m = *state;

	usual(m);
	assert_int_equal(try("127.0.0.1", 8079), -ECONNREFUSED);
	assert_int_equal(try("127.0.0.1", 5300), -ECONNREFUSED); /* of UDP */
	assert_int_equal(try("::1", 8081), -ECONNREFUSED);
	assert_int_equal(try(STRANGER, 8080), -ECONNREFUSED);
	assert_int_equal(try(STRANGER6, 8080), -ECONNREFUSED);
	assert_int_equal(try("::ffff:" STRANGER, 8080), -ECONNREFUSED);
	assert_int_equal(try(TO, 80), 0);
}

static void test_address(void **state)
{
	struct machine *m = *state;

	RULES(m, rule("127.0.0.1", IPPROTO_TCP, 8080, 8080, TO, 80), rule(HOST, IPPROTO_TCP, 9000, 9000, TO, 80));
	assert_int_equal(try("127.0.0.1", 8080), 0);
	assert_int_equal(try("0.0.0.0", 8080), 0);
	assert_int_equal(try("127.0.0.2", 8080), -ECONNREFUSED);
	assert_int_equal(try(HOST, 8080), -ECONNREFUSED);
	assert_int_equal(try(HOST, 9000), 0);
	assert_int_equal(try("127.0.0.1", 9000), -ECONNREFUSED);
	RULES(m, rule(HOST6, IPPROTO_TCP, 8080, 8080, TO6, 80));
	assert_int_equal(try(HOST6, 8080), 0);
	assert_int_equal(try("::1", 8080), -ECONNREFUSED);
	m->rows[0].addr6[15]++; /* another address with the same handle */
	m->rows[NSF_PUBLISH_MAX].addr6[15]++;
	assert_int_equal(try(HOST6, 8080), -ECONNREFUSED);
}

static void test_address_first(void **state)
{
	struct machine *m = *state;
	autoclose int fd = socket_of(HOST, SOCK_DGRAM);

	RULES(m, rule(NULL, IPPROTO_UDP, 5300, 5300, TO, 53), rule(HOST, IPPROTO_UDP, 5300, 5300, TO, 54));
	say(fd, HOST, 5300);
	hear(m->other);
	say(fd, "127.0.0.1", 5300);
	hear(m->udp);
}

static void test_range(void **state)
{
	struct machine *m = *state;
	autoclose int fd = socket_of(HOST, SOCK_DGRAM);
	union name n;

	usual(m);
	say(fd, HOST, 5301);
	echo(m->other);
	n = hear(fd);
	assert_name(&n, HOST, 5301);
}

/* Of two rules that lead to one end the answer tells the latest: each is asked alone here. */
static void test_unconnected(void **state)
{
	struct machine *m = *state;
	autoclose int fd = socket_of(HOST, SOCK_DGRAM);
	autoclose int fd6 = socket_of(HOST6, SOCK_DGRAM);
	union name n;

	usual(m);
	say(fd, "127.0.0.1", 5300);
	say(fd, HOST, 5301);
	echo(m->udp);
	n = hear(fd);
	assert_name(&n, "127.0.0.1", 5300);
	echo(m->other);
	n = hear(fd);
	assert_name(&n, HOST, 5301);
	say(fd, HOST, 5300);
	echo(m->udp);
	n = hear(fd);
	assert_name(&n, HOST, 5300);

	say(fd6, "::1", 5300);
	echo(m->udp6);
	n = hear(fd6);
	assert_name(&n, "::1", 5300);
	say(fd6, "::ffff:127.0.0.1", 5300);
	echo(m->udp);
	n = hear(fd6);
	assert_name(&n, "::ffff:127.0.0.1", 5300);
}

static void test_connected(void **state)
{
	struct machine *m = *state;
	autoclose int fd = socket_of(HOST, SOCK_DGRAM);
	union name n;

	usual(m);
	assert_int_equal(dial(fd, HOST, 5300), 0);
	n = peer(fd);
	assert_name(&n, HOST, 5300);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	echo(m->udp);
	n = hear(fd);
	assert_name(&n, HOST, 5300);
	assert_int_equal(dial(fd, TO, 53), 0);
	n = peer(fd);
	assert_name(&n, TO, 53);
	assert_int_equal(send(fd, "x", 1, 0), 1);
	echo(m->udp);
	n = hear(fd);
	assert_name(&n, TO, 53);
}

/* The kernel takes another way with these: it sends them as if each datagram had an address of its own. */
static void test_connected_mapped(void **state)
{
	struct machine *m = *state;
	autoclose int fd = socket_of(HOST6, SOCK_DGRAM);
	union name n;

	usual(m);
	assert_int_equal(dial(fd, "::ffff:" HOST, 5300), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send(fd, "x", 1, 0), 1);
		echo(m->udp);
		n = hear(fd);
		assert_name(&n, "::ffff:" HOST, 5300);
		n = peer(fd);
		assert_name(&n, "::ffff:" HOST, 5300);
	}
}

static void test_own_name(void **state)
{
	struct machine *m = *state;
	autoclose int fd = socket_of(HOST, SOCK_DGRAM);
	union name n;

	usual(m);
	say(fd, HOST, 5300);
	echo(m->udp);
	n = hear(fd);
	assert_name(&n, HOST, 5300);
	say(fd, TO, 53);
	echo(m->udp);
	n = hear(fd);
	assert_name(&n, TO, 53);
}

/* A socket that asks many: the latest NSF_ASKED_MAX are known by name, whatever came before. */
static void test_many(void **state)
{
	struct machine *m = *state;
	autoclose int fd = socket_of(HOST, SOCK_DGRAM);
	int server[2 * NSF_ASKED_MAX];
	union name n;
	__u16 i;

	RULES(m, rule(NULL, IPPROTO_UDP, 7000, 7999, TO, 7000));
	for (i = 0; i < ARRAY_SIZE(server); i++) {
		server[i] = bound(TO, 7000 + i, SOCK_DGRAM);
		say(fd, HOST, 7000 + i);
	}
	for (i = 0; i < ARRAY_SIZE(server); i++) {
		echo(server[i]);
		n = hear(fd);
		assert_name(&n, i < NSF_ASKED_MAX ? TO : HOST, 7000 + i);
		close(server[i]);
	}
}

static void test_left_alone(void **state)
{
	struct machine *m = *state;
	autoclose int loop = socket_of(HOST, SOCK_STREAM);
	autoclose int loop6 = socket_of(HOST6, SOCK_STREAM);
	autoclose int device = socket_of(HOST, SOCK_STREAM);
	autoclose int host = socket_of(HOST, SOCK_STREAM);
	autoclose int udp = bound("127.0.0.1", 0, SOCK_DGRAM);
	union name n = name("127.0.0.5", 0);
	struct pollfd none = { .fd = m->udp, .events = POLLIN };

	usual(m);
	assert_int_equal(bind(loop, &n.any, name_len(&n)), 0);
	assert_int_equal(dial(loop, HOST, 8080), -ECONNREFUSED);
	n = name("::1", 0);
	assert_int_equal(bind(loop6, &n.any, name_len(&n)), 0);
	assert_int_equal(dial(loop6, "::1", 8080), -ECONNREFUSED);
	assert_int_equal(setsockopt(device, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3), 0);
	assert_int_equal(dial(device, HOST, 8080), -ECONNREFUSED);
	n = name(HOST, 0);
	assert_int_equal(bind(host, &n.any, name_len(&n)), 0);
	assert_int_equal(dial(host, HOST, 8080), 0);
	say(udp, "127.0.0.1", 5300);
	assert_int_equal(poll(&none, 1, 0), 0);
}

static void test_gone(void **state)
{
	struct machine *m = *state;
	struct nsf_publish r = rule(NULL, IPPROTO_TCP, 8080, 8080, TO, 80);

	usual(m);
	assert_int_equal(try(HOST, 8080), 0);
	r.port_gen++;
	RULES(m, r);
	assert_int_equal(try(HOST, 8080), -ECONNREFUSED);
	rules(m, NULL, 0);
	assert_int_equal(try(HOST, 8080), -ECONNREFUSED);
}

/* A child in another namespace, with the same cgroup and the same addresses: 0 if nothing of ours is done there. */
static int elsewhere(void)
{
	struct machine there = {};
	autoclose int listener = -1;

	if (unshare(CLONE_NEWNET) || nl_open(&there.nl) || link_set(there.nl, 1, &(struct link_change){ .up = 1 }))
		return 1;
	lo_addr(&there, TO "/32");
	lo_addr(&there, HOST "/32");
	listener = bound(TO, 80, SOCK_STREAM);
	return try(HOST, 8080) == -ECONNREFUSED && try("127.0.0.1", 8080) == -ECONNREFUSED && !try(TO, 80) ? 0 : 2;
}

static void test_elsewhere(void **state)
{
	struct machine *m = *state;
	int status;
	pid_t pid;

	usual(m);
	pid = fork();
	if (!pid)
		_exit(elsewhere());
	assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
	assert_int_equal(status, 0);
}

#define TEST(text, f) \
	{ \
		text, f, NULL, NULL, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("the host reaches a publish by each of its addresses, and hears the one it asked", test_connect),
		TEST("data in the SYN goes there too", test_fast_open),
		TEST("other ports, protocols and addresses are not touched", test_not_ours),
		TEST("a rule for one address is for no other", test_address),
		TEST("a rule for one address comes before the one for any", test_address_first),
		TEST("a range leads to a range", test_range),
		TEST("an answer comes from the address that was asked", test_unconnected),
		TEST("a connected datagram socket hears what it asked, until it asks another", test_connected),
		TEST("so does one of IPv6 that is connected to an IPv4 address", test_connected_mapped),
		TEST("a container asked by its own name answers by it", test_own_name),
		TEST("a socket that asks many knows the latest", test_many),
		TEST("a socket bound to loopback or to a device is left alone", test_left_alone),
		TEST("a rule whose port has gone leads nowhere", test_gone),
		TEST("sockets of other namespaces are not touched", test_elsewhere),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
