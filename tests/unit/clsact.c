/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs by clsact, beside filters of others: what is theirs stays. */
#include "fresh.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <stdlib.h>

#include "clsact.h"

#define LO 1

static int program(void)
{
	const struct bpf_insn go_on[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = -1 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "go_on", "GPL", go_on, 2, NULL);

	assert_true(fd >= 0);
	return fd;
}

static __u32 id(int prog)
{
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(prog, &info, &len), 0);
	return info.id;
}

static bool has_qdisc(void)
{
	return !system("tc qdisc show dev lo | grep -q clsact");
}

static void the_qdisc_goes_with_the_last_program(void **state)
{
	int a = program(), b = program();
	bool made;

	(void)state;
	assert_int_equal(clsact_prog(LO, false), 0);
	assert_int_equal(clsact_attach(LO, false, a, &made), 0);
	assert_true(made);
	assert_int_equal(clsact_attach(LO, true, b, &made), 0);
	assert_false(made);
	assert_int_equal(clsact_prog(LO, false), id(a));
	assert_int_equal(clsact_prog(LO, true), id(b));
	assert_int_equal(clsact_attach(LO, false, b, &made), 0); /* in the place of the first */
	assert_int_equal(clsact_prog(LO, false), id(b));
	assert_int_equal(clsact_detach(LO, false), 0);
	assert_int_equal(clsact_detach(LO, false), 0);
	assert_int_equal(clsact_prog(LO, false), 0);
	assert_int_equal(clsact_remove(LO), 0);
	assert_true(has_qdisc()); /* the other side is in use */
	assert_int_equal(clsact_prog(LO, true), id(b));
	assert_int_equal(clsact_detach(LO, true), 0);
	assert_int_equal(clsact_remove(LO), 0);
	assert_false(has_qdisc());
	assert_int_equal(clsact_detach(LO, true), 0);
	assert_int_equal(clsact_remove(LO), 0);
	close(a);
	close(b);
}

static void filters_of_others_stay(void **state)
{
	int prog = program();
	bool made;

	(void)state;
	assert_int_equal(system("tc qdisc add dev lo clsact && tc filter add dev lo egress prio 7 protocol all "
				"bpf da bytecode '1,6 0 0 4294967295'"),
			 0);
	assert_int_equal(clsact_attach(LO, true, prog, &made), 0);
	assert_false(made);
	assert_int_equal(clsact_detach(LO, true), 0);
	assert_int_equal(clsact_remove(LO), 0);
	assert_int_equal(system("tc filter show dev lo egress | grep -q 'pref 7 bpf'"), 0);
	assert_int_equal(system("tc qdisc del dev lo clsact"), 0);
	close(prog);
}

static void an_interface_that_is_not_there_is_told(void **state)
{
	int prog = program();
	bool made;

	(void)state;
	assert_int_not_equal(clsact_attach(99, false, prog, &made), 0);
	assert_false(made);
	assert_int_equal(clsact_prog(99, false), 0);
	assert_int_equal(clsact_detach(99, false), 0);
	close(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_qdisc_goes_with_the_last_program),
		cmocka_unit_test(filters_of_others_stay),
		cmocka_unit_test(an_interface_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
