/* SPDX-License-Identifier: GPL-2.0-only */
/* What the programs cost for one packet, by BPF_PROG_TEST_RUN. */
/*
 * Warm caches, nothing is sent, an empty program's time
 * taken off. A run gets the bytes that the one before has left, so the tables are such that a packet stays as it is: the
 * SNAT address is the container's own, the next hop has the gateway's MAC and the container the uplink's. Only its TTL goes down.
 */
#include "../bpf/row.h"

#include "spread.h"

#define REPEAT 200 /* less than a TTL */
#define RUNS   3000
#define ROUNDS 9

#define INNER IP4(10, 77, 0, 2)

static int empty_program(void)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = TC_ACT_SHOT },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL", code, ARRAY_SIZE(code), NULL);
}

/* Nanoseconds a run; fails if the program does not do what it should. */
static double run_ns(int prog, int ifindex, const struct frame *in, __u32 want)
{
	struct __sk_buff ctx = { .ifindex = (__u32)ifindex };
	double sum = 0;
	int i;

	for (i = 0; i < RUNS; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = in->b, .data_size_in = in->len, .ctx_in = &ctx,
			    .ctx_size_in = sizeof(ctx), .repeat = REPEAT);

		assert_int_equal(bpf_prog_test_run_opts(prog, &o), 0);
		assert_int_equal(o.retval, want);
		sum += o.duration;
	}
	return sum / RUNS;
}

/* Its own address outside, so that translation changes nothing; and a conversation that has begun. */
static void translate_to_itself(struct bed *b, const struct frame *first)
{
	struct nsf_ext_key k = { .addr = htonl(INNER), .family = 4 };
	struct nsf_ext e = { .port_min = 1024, .port_max = 65535 };
	struct nsf_net *n = &b->dp.nets[1];
	int verdict = TC_ACT_SHOT;
	struct frame left;

	n->snat[0].addr = htonl(INNER);
	memcpy(n->mac, &ROUTER, sizeof(n->mac));
	memcpy(b->dp.ports[AT_A].mac, n->uplink_mac, sizeof(n->uplink_mac));
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_EXTS], &k, &e, BPF_ANY), 0);
	assert_int_equal(row_prog(b, AT_A, first, 0, &left, &verdict), 0);
	assert_int_equal(verdict, TC_ACT_REDIRECT);
}

static struct pk long_lived(struct pk k, struct mac dst, struct mac src)
{
	k.ttl = 255;
	k.dst = dst;
	k.src = src;
	return k;
}

static void measure(void **state)
{
	struct bed *b = *state;
	const struct end out_ext = { MAC(AT_A), INNER, 1000 };
	const struct frame *within = frame(udp(A(1), B(2)));
	const struct frame *out = frame(long_lived(udp(A(1000), OUT(2000)), ROUTER, MAC(AT_UPLINK)));
	const struct frame *back = frame(long_lived(udp(FAR(2000), out_ext), MAC(AT_UPLINK), ROUTER));
	const struct {
		const char *name;
		struct bpf_program *prog;
		enum at at;
		const struct frame *in;
		double most; /* promised */
	} paths[] = {
		{ "container to container", b->skel->progs.nsf_from_port, AT_A, within, 30 },
		{ "container to outside, translated", b->skel->progs.nsf_from_port, AT_A, out, 100 },
		{ "outside to container, translated", b->skel->progs.nsf_from_uplink, AT_UPLINK, back, 100 },
	};
	double v[ARRAY_SIZE(paths)][ROUNDS];
	int empty = empty_program();
	struct spread s;
	size_t i, round;

	assert_true(empty >= 0);
	for (round = 0; round < ROUNDS; round++)
		for (i = 0; i < ARRAY_SIZE(paths); i++) {
			table_reset(b);
			if (paths[i].in != within)
				translate_to_itself(b, out);
			v[i][round] = run_ns(bpf_program__fd(paths[i].prog), b->ifindex[paths[i].at], paths[i].in,
					     TC_ACT_REDIRECT) -
				      run_ns(empty, b->ifindex[paths[i].at], paths[i].in, TC_ACT_SHOT);
		}
	for (i = 0; i < ARRAY_SIZE(paths); i++) {
		s = spread_of(v[i], ROUNDS);
		print_message("%-34s %6.1f ns (%.1f to %.1f), promised %.0f%s\n", paths[i].name, s.median, s.min, s.max,
			      paths[i].most, s.median <= paths[i].most ? "" : "  MISSED");
	}
	close(empty);
}

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(measure) };

	return RUN(tests, bed_setup);
}
