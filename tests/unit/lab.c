/* SPDX-License-Identifier: GPL-2.0-only */
/* Test beds, probes and traffic: they do what the comparisons rest on. Needs root. */
#include "capture.h"

#include <errno.h>
#include <sys/stat.h>

#include "lab.h"
#include "load.h"
#include "netns.h"
#include "probe.h"
#include "worker.h"

static int ping(const struct lab *l, enum lab_node from, const char *to)
{
	struct addr a = lab_addr(to);
	double ms = -1;
	int r = probe_ping(l->ns[from], &a, 1000, &ms);

	assert_true(r || (ms > 0 && ms < 1000));
	return r;
}

static void a_wire_carries_echoes_and_nothing_else_is_there(void **state)
{
	autolab struct lab l = LAB_NONE;

	(void)state;
	assert_int_equal(lab_wire(&l), 0);
	assert_int_equal(ping(&l, LAB_A, LAB_B_ADDR), 0);
	assert_int_equal(ping(&l, LAB_B, LAB_A_ADDR), 0);
	assert_int_equal(ping(&l, LAB_A, "10.77.0.99"), -ETIMEDOUT);
	assert_true(l.ns[LAB_HOST] < 0 && l.ns[LAB_OUTSIDE] < 0);
}

/* What the server at an address tells the client about itself. */
static void assert_seen(const struct lab *l, enum lab_node from, enum lab_node server, const char *to, const char *want)
{
	autoworker struct worker web = WORKER_NONE;
	struct addr a = lab_addr(to);
	char page[100] = "";
	size_t len;

	assert_int_equal(probe_serve(&web, l->ns[server], 80), 0);
	assert_int_equal(probe_fetch(l->ns[from], &a, 80, "/", page, sizeof(page) - 1, &len), 0);
	assert_int_equal(strlen(page), len);
	assert_memory_equal(page, want, strlen(want));
}

static void the_bridge_forwards_and_masquerades(void **state)
{
	autolab struct lab l = LAB_NONE;

	(void)state;
	if (lab_bridge_lacks(LAB_IPTABLES))
		skip();
	assert_int_equal(lab_bridge(LAB_IPTABLES, &l), 0);
	assert_int_equal(ping(&l, LAB_A, LAB_GATEWAY), 0);
	assert_seen(&l, LAB_A, LAB_B, LAB_B_ADDR, "you are 10.77.0.2 port ");
	assert_seen(&l, LAB_A, LAB_OUTSIDE, LAB_SERVER_ADDR, "you are 198.51.100.1 port ");
	/* The outside knows no way back to what is not translated. */
	assert_int_not_equal(ping(&l, LAB_OUTSIDE, LAB_A_ADDR), 0);
}

static void the_stage_has_a_name_only_while_it_is_open(void **state)
{
	autolab struct lab l = LAB_NONE;
	struct stat st, named;
	int fd;

	(void)state;
	assert_int_equal(lab_stage(&l, "stage"), 0);
	assert_int_equal(ping(&l, LAB_HOST, LAB_SERVER_ADDR), 0);
	fd = netns_open("stage");
	assert_int_equal(fstat(fd, &named) | fstat(l.ns[LAB_HOST], &st), 0);
	assert_int_equal(named.st_ino, st.st_ino);
	close(fd);
	lab_close(&l);
	assert_int_equal(netns_open("stage"), -ENOENT);
}

/* Forwarding is on in the lab, and in the lab alone. */
static int read_forwarding(int out, void *arg)
{
	FILE *f = fopen("/proc/sys/net/ipv4/ip_forward", "re");
	int c = f ? fgetc(f) : 0;

	(void)out;
	(void)arg;
	return c;
}

static void only_the_bridge_host_forwards(void **state)
{
	autolab struct lab l = LAB_NONE, stage = LAB_NONE;
	autoclose int self = netns_self();
	int before = worker_run(self, 5, read_forwarding, NULL);

	(void)state;
	if (lab_bridge_lacks(LAB_IPTABLES))
		skip();
	assert_int_equal(lab_bridge(LAB_IPTABLES, &l), 0);
	assert_int_equal(lab_stage(&stage, NULL), 0);
	assert_int_equal(worker_run(l.ns[LAB_HOST], 5, read_forwarding, NULL), '1');
	assert_int_equal(worker_run(l.ns[LAB_A], 5, read_forwarding, NULL), '0');
	assert_int_equal(worker_run(stage.ns[LAB_HOST], 5, read_forwarding, NULL), '0');
	assert_int_equal(worker_run(self, 5, read_forwarding, NULL), before);
}

static void every_traffic_has_a_rate(void **state)
{
	autolab struct lab wire = LAB_NONE;

	(void)state;
	assert_int_equal(lab_wire(&wire), 0);
	for (enum load_kind kind = 0; kind < LOAD_MAX; kind++) {
		struct load l = {
			.kind = kind,
			.client = { wire.ns[LAB_A], worker_cpu() },
			.server = { wire.ns[LAB_B], worker_cpu() },
			.to = lab_addr(LAB_B_ADDR),
			.warm_ms = 10,
			.ms = 50,
		};
		struct load_result r = { 0 };

		assert_int_equal(load_run(&l, &r), 0);
		assert_true(r.rate > 0 && r.loss >= 0 && r.loss < 1);
	}
}

static void traffic_goes_to_the_port_that_is_asked_for_by_many_connections(void **state)
{
	autolab struct lab wire = LAB_NONE;
	struct load l = {
		.to = lab_addr(LAB_B_ADDR),
		.port = LAB_PUBLISH_MIN,
		.streams = 8,
		.warm_ms = 10,
		.ms = 50,
	};
	struct load_result r;

	(void)state;
	assert_int_equal(lab_wire(&wire), 0);
	l.client = (struct load_side){ wire.ns[LAB_A], worker_cpu() };
	l.server = (struct load_side){ wire.ns[LAB_B], worker_cpu() };
	l.kind = LOAD_STREAM;
	assert_int_equal(load_run(&l, &r), 0);
	assert_true(r.rate > 0 && r.p50_us == 0);
	/* at once again: what the last one left in TIME_WAIT is no hindrance */
	l.kind = LOAD_RR;
	assert_int_equal(load_run(&l, &r), 0);
	assert_true(r.p50_us > 0 && r.p99_us >= r.p50_us && r.p999_us >= r.p99_us);
}

static void traffic_without_an_answer_is_an_error(void **state)
{
	autolab struct lab wire = LAB_NONE;
	struct load l = { .kind = LOAD_RR, .to = lab_addr("10.99.0.1"), .ms = 50 };
	struct load_result r;

	(void)state;
	assert_int_equal(lab_wire(&wire), 0);
	l.client = (struct load_side){ wire.ns[LAB_A], -1 };
	l.server = (struct load_side){ wire.ns[LAB_B], -1 };
	assert_prints("", "nsfast: load 'rr': cannot connect: Network is unreachable\n",
		      assert_int_equal(load_run(&l, &r), -ENETUNREACH));
}

static void pages_arrive_whole_or_not_at_all(void **state)
{
	enum { SIZE = 3000000 };
	autolab struct lab l = LAB_NONE;
	autoworker struct worker web = WORKER_NONE;
	autofree unsigned char *page = malloc(SIZE);
	struct addr b = lab_addr(LAB_B_ADDR);
	size_t len = 0;

	(void)state;
	assert_int_equal(lab_wire(&l), 0);
	assert_int_equal(probe_serve(&web, l.ns[LAB_B], 80), 0);
	assert_int_equal(probe_fetch(l.ns[LAB_A], &b, 80, "/3000000", page, SIZE, &len), 0);
	assert_int_equal(len, SIZE);
	for (size_t i = 0; i < SIZE; i++)
		if (page[i] != probe_byte(i))
			assert_int_equal(page[i], probe_byte(i));
	assert_int_equal(probe_fetch(l.ns[LAB_A], &b, 80, "/0", page, 0, &len), 0);
	assert_int_equal(len, 0);
	assert_prints("", "nsfast: cannot fetch http://10.77.0.3:80/1001: Message too long\n",
		      assert_int_equal(probe_fetch(l.ns[LAB_A], &b, 80, "/1001", page, 1000, &len), -EMSGSIZE));
	assert_prints("", "nsfast: cannot fetch http://10.77.0.3:80/x: Protocol error\n",
		      assert_int_equal(probe_fetch(l.ns[LAB_A], &b, 80, "/x", page, SIZE, &len), -EPROTO));
	assert_prints("", "nsfast: cannot fetch http://10.77.0.3:81/: Connection refused\n",
		      assert_int_equal(probe_fetch(l.ns[LAB_A], &b, 81, "/", page, SIZE, &len), -ECONNREFUSED));
}

static int linger(int out, void *arg)
{
	(void)out;
	(void)arg;
	return pause();
}

static void a_worker_ends_when_it_is_told_to_and_when_its_time_is_up(void **state)
{
	autoclose int self = netns_self();
	struct worker w;
	char byte;

	(void)state;
	assert_int_equal(worker_start(&w, self, -1, 0, linger, NULL), 0);
	assert_int_equal(worker_read(&w, &byte, 1, 10), -ETIMEDOUT);
	worker_stop(&w);
	worker_stop(&w);
	assert_int_equal(worker_run(self, 1, linger, NULL), -EINTR);
	assert_int_equal(worker_start(&w, STDIN_FILENO, -1, 0, linger, NULL), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_wire_carries_echoes_and_nothing_else_is_there),
		cmocka_unit_test(the_bridge_forwards_and_masquerades),
		cmocka_unit_test(the_stage_has_a_name_only_while_it_is_open),
		cmocka_unit_test(only_the_bridge_host_forwards),
		cmocka_unit_test(every_traffic_has_a_rate),
		cmocka_unit_test(traffic_goes_to_the_port_that_is_asked_for_by_many_connections),
		cmocka_unit_test(traffic_without_an_answer_is_an_error),
		cmocka_unit_test(pages_arrive_whole_or_not_at_all),
		cmocka_unit_test(a_worker_ends_when_it_is_told_to_and_when_its_time_is_up),
	};

	return cmocka_run_group_tests_name("lab", tests, NULL, NULL);
}
