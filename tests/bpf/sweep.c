/* SPDX-License-Identifier: GPL-2.0-only */
/* How flows and learned MACs end: by time, with their port, and by the timer alone. */
#include "row.h"

#include <poll.h>

static __u16 opened(struct bed *b, enum at at, struct pk k)
{
	struct frame have;
	int verdict;

	assert_int_equal(row_prog(b, at, frame(k), 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
	return ntohs(flow_to(b, (struct end){ .addr = k.saddr, .port = k.sport }, k.daddr, k.dport, k.proto)->ext_port);
}

static void nothing_is_left(struct bed *b)
{
	assert_int_equal(flow_count(b), 0);
	assert_int_equal(flow_keys(b), 0);
	assert_int_equal(table_count(b->moved), 0);
	for (int proto = 0; proto < NSF_LEDGER_MAX; proto++)
		assert_int_equal(ledger_used(b, proto), 0);
	for (enum at at = 0; at < AT_SLOTS; at++)
		assert_int_equal(b->dp.shares[at].flows + b->dp.shares[at].half + b->dp.shares[at].ports, 0);
}

/* The last tick in which a flow of so many seconds lives. */
static __u32 last_tick(__u32 seconds)
{
	return (__u32)((__u64)seconds * 1000000000 >> NSF_TICK_SHIFT);
}

enum {
	EST = NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER,
	CLOSED = EST | NSF_TCP_FIN_IN | NSF_TCP_FIN_PEER,
};

static void each_kind_lives_as_long_as_it_should(void **state)
{
	struct bed *b = *state;
	const struct pk t = tcp(A(1000), OUT(80), SYN), u = udp(A(1000), OUT(53)), e = echo(A(1000), OUT(0));
	const struct {
		const char *name;
		const struct pk *opener;
		__u8 tcp;
		__u32 seconds;
	} kinds[] = {
		{ "opening", &t, NSF_TCP_SYN_IN, 240 },
		{ "opened by the peer alone", &t, NSF_TCP_SYN_PEER, 240 },
		{ "opened by a peer that may be nobody", &t, EST | NSF_TCP_UNSURE, 240 },
		{ "established", &t, EST, 7440 },
		{ "half-closed", &t, EST | NSF_TCP_FIN_IN, 7440 },
		{ "half-closed by the peer", &t, EST | NSF_TCP_FIN_PEER, 7440 },
		{ "closed", &t, CLOSED, 240 },
		{ "reset", &t, EST | NSF_TCP_RST, 240 },
		{ "UDP", &u, 0, 300 },
		{ "echo", &e, 0, 60 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct nsf_flow *f;

		fresh(state);
		opened(b, AT_A, *kinds[i].opener);
		f = flow_of(b, A(1000), kinds[i].opener->proto);
		f->tcp = kinds[i].tcp;
		settle();
		f->seen = now_tick() - last_tick(kinds[i].seconds);
		assert_int_equal(dp_purge(b), 0);
		if (flow_count(b) != 1)
			fail_msg("%s: ended early", kinds[i].name);
		f->seen--;
		assert_int_equal(dp_purge(b), 0);
		if (flow_count(b))
			fail_msg("%s: goes on too long", kinds[i].name);
		nothing_is_left(b);
	}
}

static void a_packet_of_this_moment_is_not_old(void **state)
{
	struct bed *b = *state;

	opened(b, AT_A, udp(A(1000), OUT(53)));
	flow_of(b, A(1000), IPPROTO_UDP)->seen = now_tick() + 2;
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(flow_count(b), 1);
}

static void timeouts_are_the_networks(void **state)
{
	struct bed *b = *state;
	struct nsf_flow *f;

	b->dp.nets[1].timeout[NSF_TIMEOUT_UDP] = 10;
	opened(b, AT_A, udp(A(1000), OUT(53)));
	f = flow_of(b, A(1000), IPPROTO_UDP);
	f->seen -= 11;
	assert_int_equal(dp_purge(b), 0);
	nothing_is_left(b);
}

static void an_external_port_is_free_with_its_last_flow(void **state)
{
	struct bed *b = *state;
	struct nsf_ledger e;
	__u16 ext;

	opened(b, AT_A, udp(A(5000), OUT(53)));
	ext = opened(b, AT_B, udp(B(5000), OUT(53)));
	assert_int_equal(opened(b, AT_B, udp(B(5000), OUT(54))), ext);
	assert_int_equal(ledger_of(b, NSF_LEDGER_UDP, ext).refs, 2);

	flow_to(b, B(5000), PEER, 53, IPPROTO_UDP)->seen -= 1000;
	assert_int_equal(dp_purge(b), 0);
	e = ledger_of(b, NSF_LEDGER_UDP, ext);
	assert_int_equal(e.refs, 1);
	assert_int_not_equal(e.owner, 0);
	assert_int_equal(table_count(b->moved), 1);
	assert_int_equal(flow_keys(b), 3);

	settle();
	flow_to(b, B(5000), PEER, 54, IPPROTO_UDP)->seen -= 1000;
	assert_int_equal(dp_purge(b), 0);
	e = ledger_of(b, NSF_LEDGER_UDP, ext);
	assert_int_equal(e.refs, 0);
	assert_int_equal(e.owner, 0);
	assert_int_equal(e.freed, now_tick());
	assert_int_equal(table_count(b->moved), 0);
	assert_int_equal(ledger_used(b, NSF_LEDGER_UDP), 1);
	assert_int_equal(flow_keys(b), 1);
}

static void a_slot_is_given_out_again_as_another(void **state)
{
	struct bed *b = *state;
	__u32 gen, slot, next;

	opened(b, AT_A, udp(A(1000), OUT(53)));
	opened(b, AT_A, udp(A(1001), OUT(53)));
	slot = (__u32)(flow_of(b, A(1000), IPPROTO_UDP) - b->dp.flows);
	gen = b->dp.flows[slot].gen;
	b->dp.flows[slot].seen -= 1000;
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(b->dp.flows[slot].flags, 0);
	assert_int_not_equal(b->dp.flows[slot].gen, gen);
	gen = b->dp.flows[slot].gen;
	opened(b, AT_A, udp(A(1002), OUT(53)));
	next = (__u32)(flow_of(b, A(1002), IPPROTO_UDP) - b->dp.flows);
	assert_int_equal(next, slot);
	assert_int_not_equal(b->dp.flows[slot].gen, gen);
	assert_int_equal(b->dp.state->fresh, 2);
	opened(b, AT_A, udp(A(1000), OUT(53)));
	assert_int_equal(b->dp.state->fresh, 3);
}

/* All slots, thrice, by way of the free list. */
static void a_table_that_was_full_is_whole_again(void **state)
{
	struct bed *b = *state;

	for (int round = 0; round < 3; round++) {
		frame_new(true);
		for (__u32 i = 0; i < b->cfg.flows_max; i++)
			opened(b, AT_A, udp(A((__u16)(2000 + i)), OUT(53)));
		assert_int_equal(flow_count(b), b->cfg.flows_max);
		for (__u32 i = 0; i < b->cfg.flows_max; i++)
			b->dp.flows[i].seen -= 1000;
		assert_int_equal(dp_purge(b), 0);
		nothing_is_left(b);
	}
	assert_int_equal(b->dp.state->fresh, b->cfg.flows_max);
}

static void a_port_takes_its_flows_and_macs_with_it(void **state)
{
	struct bed *b = *state;
	struct nsf_fdb e;

	opened(b, AT_A, udp(A(1000), OUT(53)));
	opened(b, AT_A, tcp(A(1000), OUT(80), SYN));
	opened(b, AT_B, udp(B(2000), OUT(53)));
	opened(b, AT_C, udp(C(3000), OUT(53)));
	row_clear_port(&b->dp, AT_A);
	row_clear_port(&b->dp, AT_C);
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(flow_count(b), 1);
	assert_int_equal(flow_keys(b), 1);
	assert_int_equal(flow_of(b, B(2000), IPPROTO_UDP)->slot, AT_B);
	assert_int_equal(ledger_of(b, NSF_LEDGER_UDP, 1000).owner, 0);
	assert_int_not_equal(fdb_get(b, 1, MAC(AT_A), &e), 0);
	assert_int_not_equal(fdb_get(b, 1, MAC(AT_C), &e), 0);
	assert_int_equal(fdb_get(b, 1, MAC(AT_B), &e), 0);
}

static void a_new_port_in_a_slot_inherits_nothing(void **state)
{
	struct bed *b = *state;

	opened(b, AT_A, udp(A(1000), OUT(53)));
	row_clear_port(&b->dp, AT_A);
	table_seat(b, AT_A);
	assert_int_equal(dp_purge(b), 0);
	nothing_is_left(b);
}

static void flows_end_with_their_networks_snat_address(void **state)
{
	struct bed *b = *state;

	opened(b, AT_A, udp(A(1000), OUT(53)));
	b->dp.nets[1].snat[0].addr = htonl(UP_ADDR);
	assert_int_equal(dp_purge(b), 0);
	nothing_is_left(b);
	fresh(state);
	opened(b, AT_A, udp(A(1000), OUT(53)));
	b->dp.nets[1].flags = 0;
	assert_int_equal(dp_purge(b), 0);
	nothing_is_left(b);
}

static void old_macs_are_forgotten_static_ones_are_not(void **state)
{
	struct bed *b = *state;
	struct nsf_fdb e = { .gen = 1, .slot = AT_C };
	__u32 statics = table_count(b->dp.map[DP_FDB]);

	settle();
	e.seen = now_tick() - NSF_TICKS(NSF_FDB_AGE) + 1;
	fdb_set(b, 1, MAC(AT_C), e);
	e.seen--;
	fdb_set(b, 1, MAC(99), e);
	e.seen = now_tick();
	e.gen = 7;
	fdb_set(b, 1, MAC(98), e);
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(fdb_get(b, 1, MAC(AT_C), &e), 0);
	assert_int_not_equal(fdb_get(b, 1, MAC(99), &e), 0);
	assert_int_not_equal(fdb_get(b, 1, MAC(98), &e), 0);
	assert_int_equal(table_count(b->dp.map[DP_FDB]), statics + 1);
}

/* The last test: from here on the timer runs. */
static void the_timer_does_it_alone(void **state)
{
	struct bed *b = *state;
	__u8 data[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = data, .data_size_in = sizeof(data));
	struct nsf_fdb e = { .gen = 7, .slot = AT_C };
	int i;

	opened(b, AT_A, udp(A(5000), OUT(53)));
	opened(b, AT_B, udp(B(5000), OUT(53)));
	opened(b, AT_B, udp(B(7000), OUT(53)));
	fdb_set(b, 1, MAC(99), e);
	flow_of(b, A(5000), IPPROTO_UDP)->seen -= 1000;
	flow_of(b, B(5000), IPPROTO_UDP)->seen -= 1000;
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.nsf_start), &o), 0);
	assert_int_equal(o.retval, 0);
	for (i = 0; i < 500 && (flow_count(b) > 1 || b->dp.state->passes < 2 || !fdb_get(b, 1, MAC(99), &e)); i++)
		poll(NULL, 0, 10);
	assert_int_equal(flow_count(b), 1);
	assert_int_equal(flow_keys(b), 1);
	assert_int_equal(table_count(b->moved), 0);
	assert_true(b->dp.state->passes >= 2);
	assert_int_not_equal(fdb_get(b, 1, MAC(99), &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_lives_as_long_as_it_should),
		TEST(a_packet_of_this_moment_is_not_old),
		TEST(timeouts_are_the_networks),
		TEST(an_external_port_is_free_with_its_last_flow),
		TEST(a_slot_is_given_out_again_as_another),
		TEST(a_table_that_was_full_is_whole_again),
		TEST(a_port_takes_its_flows_and_macs_with_it),
		TEST(a_new_port_in_a_slot_inherits_nothing),
		TEST(flows_end_with_their_networks_snat_address),
		TEST(old_macs_are_forgotten_static_ones_are_not),
		TEST(the_timer_does_it_alone),
	};

	return RUN(tests, bed_setup);
}
