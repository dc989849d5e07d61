/* SPDX-License-Identifier: GPL-2.0-only */
/* Knobs of `nsfast bench`: each turns what it says, at both ends of a pair, and no other does. Needs root. */
#include "fresh.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <stdio.h>

#include "bench.h"
#include "ethtool.h"
#include "worker.h"

/* What eth0 of a namespace has, as a worker there sees it. */
struct seen {
	__u32 gro;
	char threaded[8], rps[32], gso[16], mtu[16];
};

static void read_line(const char *command, char *ret, size_t size)
{
	FILE *f = popen(command, "re");

	if (!f || !fgets(ret, (int)size, f))
		snprintf(ret, size, "?");
	ret[strcspn(ret, "\n")] = '\0';
	if (f)
		pclose(f);
}

static int look(int out, void *arg)
{
	struct seen s = {};

	(void)arg;
	ethtool_get("eth0", ETHTOOL_GGRO, &s.gro);
#define SYS "unshare -m sh -c 'mount -t sysfs sysfs /sys; cat /sys/class/net/eth0/"
	read_line(SYS "threaded'", s.threaded, sizeof(s.threaded));
	read_line(SYS "queues/rx-0/rps_cpus'", s.rps, sizeof(s.rps));
	read_line(SYS "mtu'", s.mtu, sizeof(s.mtu));
	read_line("ip -d -j link show eth0 | jq -r '.[0].gso_ipv4_max_size // .[0].gso_max_size'", s.gso,
		  sizeof(s.gso));
	return write(out, &s, sizeof(s)) != sizeof(s);
}

static struct seen eth0(int netns)
{
	autoworker struct worker w = WORKER_NONE;
	struct seen s = {};

	assert_int_equal(worker_start(&w, netns, -1, 10, look, NULL), 0);
	assert_int_equal(worker_read(&w, &s, sizeof(s), 10000), 0);
	return s;
}

static void each_turns_what_it_says(void **state)
{
	const struct {
		enum bench_path path;
		struct seen want;
	} rows[] = {
		{ BENCH_BPF, { 0, "0", "0", "65536", "1500" } },      { BENCH_GRO, { 1, "0", "0", "65536", "1500" } },
		{ BENCH_THREADED, { 1, "1", "0", "65536", "1500" } }, { BENCH_RPS, { 0, "0", "2", "65536", "1500" } },
		{ BENCH_MTU, { 0, "0", "0", "65536", "9000" } },      { BENCH_BIG, { 0, "0", "0", "196608", "1500" } },
	};

	(void)state;
	if (sysconf(_SC_NPROCESSORS_ONLN) != 2)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		autolab struct lab l = LAB_NONE;

		assert_int_equal(lab_wire(&l), 0);
		assert_int_equal(bench_knob(&l, rows[i].path, 0), 0);
		for (enum lab_node n = LAB_A; n <= LAB_B; n++) {
			struct seen have = eth0(l.ns[n]);

			assert_int_equal(have.gro, rows[i].want.gro);
			assert_string_equal(have.threaded, rows[i].want.threaded);
			assert_string_equal(have.rps, rows[i].want.rps);
			assert_string_equal(have.gso, rows[i].want.gso);
			assert_string_equal(have.mtu, rows[i].want.mtu);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_turns_what_it_says) };

	return cmocka_run_group_tests_name("bench_knob", tests, NULL, NULL);
}
