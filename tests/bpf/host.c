/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own conversations with the two ends of a container's: who came first keeps them, and then they are the other's. */
#include "row.h"

#include <sched.h>

/* A packet of the host's own at the uplink: the port as which it leaves. */
static __u16 leaves_as(struct bed *b, struct pk k)
{
	struct __sk_buff ctx = { .ifindex = (__u32)b->ifindex[AT_UPLINK] };
	struct frame *f = frame(k);
	__u8 out[FRAME_MAX];
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = f->b, .data_size_in = f->len, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.nsf_to_uplink), &o), 0);
	assert_int_equal((int)o.retval, PASS);
	return (__u16)(out[34] << 8 | out[35]);
}

/* An answer at the uplink that is the host's: the port to which it goes on. */
static __u16 comes_back_to(struct bed *b, __u16 port)
{
	static struct frame have;
	int verdict;

	assert_int_equal(row_prog(b, AT_UPLINK, frame(udp(FAR(53), EXT(port))), 0, &have, &verdict), 0);
	assert_int_equal(verdict, PASS);
	return (__u16)(have.b[36] << 8 | have.b[37]);
}

static void end_of(struct bed *b, struct end inner)
{
	flow_of(b, inner, IPPROTO_UDP)->flags |= NSF_FLOW_ENDING;
	assert_int_equal(dp_purge(b), 0);
}

static void the_host_waits_for_its_ends(struct bed *b)
{
	const struct pk a = udp(A(1000), OUT(53)), own = udp(EXT(1000), FAR(53)), in = udp(FAR(53), EXT(1000));
	__u16 other;

	settle();
	assert_int_equal(leaves_as(b, own), 1000);
	assert_int_equal(flow_count(b), 0);
	STEP(b, "a container's", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	other = leaves_as(b, own);
	assert_int_not_equal(other, 1000);
	assert_int_equal(leaves_as(b, own), other);
	assert_int_equal(comes_back_to(b, other), 1000);
	STEP(b, "the container's", AT_UPLINK, frame(in), SENT(TX(AT_A)), .out = frame(dnat(in, A(1000))));

	end_of(b, A(1000));
	assert_int_equal(flow_count(b), 1);
	assert_int_equal(comes_back_to(b, other), 1000);
	assert_int_equal(comes_back_to(b, 1000), 1000);
	table_reset_counts(b);
	row_prog(b, AT_A, frame(a), 0, frame_new(false), &(int){ 0 });
	for (__u32 i = 0; i < b->dp.n_flows; i++)
		if (b->dp.flows[i].flags & NSF_FLOW_LIVE && !(b->dp.flows[i].flags & NSF_FLOW_HOST))
			assert_int_not_equal(b->dp.flows[i].ext_port, htons(1000));
}

static void nothing_is_left(struct bed *b)
{
	for (__u32 i = 0; i < b->dp.n_flows; i++)
		if (b->dp.flows[i].flags & NSF_FLOW_LIVE)
			b->dp.flows[i].flags |= NSF_FLOW_ENDING;
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(flow_keys(b), 0);
}

/* The container's key has its place for itself. */
static void ends_go_over_from_their_place(void **state)
{
	struct bed *b = *state;

	the_host_waits_for_its_ends(b);
	nothing_is_left(b);
}

/* It stands in the table. */
static void ends_go_over_in_the_table(void **state)
{
	struct bed *b = *state;

	places_say(b, NSF_HINT_KEY);
	the_host_waits_for_its_ends(b);
	nothing_is_left(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ends_go_over_from_their_place),
		TEST(ends_go_over_in_the_table),
	};

	return RUN(tests, bed_setup);
}
