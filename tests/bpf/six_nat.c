/* SPDX-License-Identifier: GPL-2.0-only */
/* NAT66: both ways, every protocol, extension headers, sums; the whole addresses decide, not their handles. */
#include "bed6.h"

static struct frame *through(struct bed *b, enum at at, struct frame *in)
{
	static struct frame have;
	int verdict = SHOT;

	assert_int_equal(row_prog(b, at, in, 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
	return &have;
}

/* The one flow there is, and its addresses. */
static struct nsf_flow6 *six_of_flow(struct bed *b)
{
	struct nsf_flow *found = NULL;

	for (__u32 i = 0; i < b->dp.n_flows; i++)
		if (b->dp.flows[i].flags & NSF_FLOW_LIVE) {
			assert_null(found);
			found = &b->dp.flows[i];
		}
	assert_non_null(found);
	assert_int_not_equal(found->six, 0);
	return (struct nsf_flow6 *)&b->dp.flows[found->six];
}

static void there_and_back(void **state)
{
	struct bed *b = *state;
	const struct {
		const char *name;
		struct pk6 out, in;
	} kinds[] = {
		{ "UDP", udp6(A6(1000), OUT6(53)), udp6(FAR6(53), EXT6(1000)) },
		{ "TCP", tcp6(A6(1001), OUT6(80), SYN), tcp6(FAR6(80), EXT6(1001), SYN | ACK) },
		{ "echo", echo6(A6(1002), OUT6(0)), echo6(FAR6(0), EXT6(1002)) },
		{ "another protocol", pk_ip6(A6(0), OUT6(0), 253), pk_ip6(FAR6(0), EXT6(0), 253) },
	};
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct row rows[] = {
			{ kinds[i].name, AT_A, frame6(kinds[i].out), SENT(TX(AT_LEG)),
			  .out = frame6(snat6(kinds[i].out, kinds[i].out.sport)) },
			{ kinds[i].name, AT_UPLINK, frame6(kinds[i].in), SENT(TX(AT_A)),
			  .out = frame6(dnat6(kinds[i].in, A6(kinds[i].out.sport))) },
		};

		table_reset(b);
		table6(b);
		settle();
		bad += row_run(b, &rows[0]) + row_run(b, &rows[1]);
		assert_int_equal(flow_count(b), 1);
		assert_memory_equal(six_of_flow(b)->inner, A6(0).addr.b, 16);
		assert_memory_equal(six_of_flow(b)->peer, PEER6.b, 16);
		assert_memory_equal(six_of_flow(b)->ext, SNAT6.b, 16);
	}
	assert_int_equal(bad, 0);
}

static void the_second_packet_knows_its_way(void **state)
{
	struct pk6 k = tcp6(A6(1000), OUT6(80), SYN), next = tcp6(A6(1000), OUT6(80), ACK);

	settle();
	STEP(*state, "first", AT_A, frame6(k), SENT(TX(AT_LEG)), .out = frame6(snat6(k, 1000)));
	STEP(*state, "second", AT_A, frame6(next), SENT(TX(AT_LEG)), .out = frame6(snat6_known(next, 1000)));
}

static void a_number_that_is_taken_becomes_another(void **state)
{
	struct bed *b = *state;
	struct pk6 k = udp6(B6(1000), OUT6(53)), in;
	const struct frame *have;
	__u16 ext;

	settle();
	through(b, AT_A, frame6(udp6(A6(1000), OUT6(53))));
	have = through(b, AT_B, frame6(k));
	ext = (__u16)(have->b[54] << 8 | have->b[55]);
	assert_int_not_equal(ext, 1000);
	assert_memory_equal(have->b, frame6(snat6_known(k, ext))->b, have->len);
	in = udp6(FAR6(53), EXT6(ext));
	STEP(b, "back", AT_UPLINK, frame6(in), SENT(TX(AT_B)), .out = frame6(dnat6(in, B6(1000))));
	k = udp6(B6(1000), TO6(IN6_DB8(0xff, 2), 53));
	STEP(b, "to another peer", AT_B, frame6(k), SENT(TX(AT_LEG)), .out = frame6(snat6_known(k, ext)));
}

/* Beyond what a header's checksum covers, all is where it was. */
static void extension_headers_stay(void **state)
{
	static const __u8 chain[] = {
		60, 0, 5, 2, 0, 0, 1, 0, 44, 1, 1, 12, [20] = 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 7
	};
	__u8 wide[8 * 60] = { 6, 59 };
	struct pk6 u = extended(udp6(A6(1000), OUT6(53)), 0, chain, sizeof(chain)), in = udp6(FAR6(53), EXT6(1000));
	struct pk6 t = extended(tcp6(A6(1000), OUT6(80), SYN), 60, wide, sizeof(wide));

	in = extended(in, 0, chain, sizeof(chain));
	settle();
	STEP(*state, "three", AT_A, frame6(u), SENT(TX(AT_LEG)), .out = frame6(snat6(u, 1000)));
	STEP(*state, "three in", AT_UPLINK, frame6(in), SENT(TX(AT_A)), .out = frame6(dnat6(in, A6(1000))));
	STEP(*state, "480 bytes", AT_A, frame6(t), SENT(TX(AT_LEG)), .out = frame6(snat6_known(t, 1000)));
}

static void a_port_that_moved_is_written_behind_them(void **state)
{
	struct bed *b = *state;
	__u8 wide[8 * 60] = { 17, 59 };
	struct pk6 u = extended(udp6(B6(1000), OUT6(53)), 60, wide, sizeof(wide));
	const struct frame *have;
	__u16 ext;

	settle();
	through(b, AT_A, frame6(udp6(A6(1000), OUT6(53))));
	have = through(b, AT_B, frame6(u));
	ext = (__u16)(have->b[54 + sizeof(wide)] << 8 | have->b[55 + sizeof(wide)]);
	assert_int_not_equal(ext, 1000);
	assert_memory_equal(have->b, frame6(snat6_known(u, ext))->b, have->len);
}

static void sums_are_what_they_were(void **state)
{
	struct pk6 bad = udp6(A6(1000), OUT6(53)), none = udp6(A6(1001), OUT6(53)), bad_out, none_out;

	bad.faults = BAD_L4_SUM;
	none.faults = NO_L4_SUM;
	none_out = snat6_known(none, 1001);
	bad_out = snat6(bad, 1000);
	struct frame *want = frame6(bad_out);

	/* what was wrong by a difference stays wrong by the same one, in ones' complement */
	{
		struct pk6 good_in = bad, good_out = bad_out;
		struct frame *gi, *go, *bi = frame6(bad);
		__u32 s;

		good_in.faults = good_out.faults = 0;
		gi = frame6(good_in);
		go = frame6(good_out);
		s = (__u32)(bi->b[60] << 8 | bi->b[61]) + (0xffff ^ (__u32)(gi->b[60] << 8 | gi->b[61])) +
		    (__u32)(go->b[60] << 8 | go->b[61]);
		while (s >> 16)
			s = (s & 0xffff) + (s >> 16);
		put16(want->b + 60, (__u16)s);
	}
	settle();
	STEP(*state, "wrong", AT_A, frame6(bad), SENT(TX(AT_LEG)), .out = want);
	STEP(*state, "none", AT_A, frame6(none), SENT(TX(AT_LEG)), .out = frame6(none_out));
}

/* The frame with another byte at an offset of its transport header. */
static struct frame *byte_at(struct frame *f, __u32 at, __u8 v)
{
	f->b[ETH_HLEN + 40 + at] = v;
	return f;
}

static void what_opens_nothing(void **state)
{
	const struct pk6 t = tcp6(A6(1000), OUT6(80), SYN), u = udp6(A6(1000), OUT6(53));
	const struct row rows[] = {
		{ "TCP header shorter than it can be", AT_A, byte_at(frame6(t), 12, 0x40), DROPPED(SHORT_L4) },
		{ "TCP header with options past the end", AT_A, byte_at(frame6(t), 12, 0xf0), DROPPED(SHORT_L4) },
		{ "UDP length shorter than its header", AT_A, byte_at(frame6(u), 5, 7), DROPPED(SHORT_L4) },
		{ "UDP length past the end", AT_A, byte_at(frame6(u), 5, 255), DROPPED(SHORT_L4) },
		{ "TCP in the middle", AT_A, frame6(tcp6(A6(1000), OUT6(80), ACK)), DROPPED(TCP_NO_FLOW) },
		{ "an echo reply", AT_A, frame6(echo6(A6(0), OUT6(7))), DROPPED(ICMP_NO_FLOW) },
		{ "from outside", AT_UPLINK, frame6(tcp6(FAR6(80), EXT6(1000), ACK)), PASSED },
		{ "a beginning from outside", AT_UPLINK, frame6(tcp6(FAR6(80), EXT6(2000), SYN)),
		  DROPPED(UNSOLICITED) },
		{ "a beginning below the range", AT_UPLINK, frame6(tcp6(FAR6(80), EXT6(22), SYN)), PASSED },
	};

	ROWS6(*state, rows);
}

/* A key by which the handles of addresses in a row are all even or all odd, and two SNAT addresses. */
static void two_addresses(struct bed *b)
{
	const struct in6 pool[] = { SNAT6, IN6_DB8(0x51, 2) };
	struct nsf_net *n = &b->dp.nets[1];

	b->dp.state->handle_key[4] = 1ULL << 26;
	table_clear(b->dp.map[DP_EXTS]);
	table_clear(b->dp.map[DP_ADDRS]);
	n->n_snat6 = ARRAY_SIZE(pool);
	for (size_t i = 0; i < ARRAY_SIZE(pool); i++) {
		n->snat6[i] = (struct nsf_snat){ .addr = handle6(b, pool[i]), .ledger = LEDGER6 };
		memcpy(n->pool6[i], &pool[i], sizeof(pool[i]));
	}
}

static void neighbours_do_not_all_leave_by_one_of_two_addresses(void **state)
{
	enum { SOURCE = 22 }; /* in the frame */
	struct bed *b = *state;
	__u8 by_a[16];

	two_addresses(b);
	settle();
	memcpy(by_a, through(b, AT_A, frame6(udp6(A6(1000), OUT6(53))))->b + SOURCE, sizeof(by_a));
	assert_memory_not_equal(through(b, AT_B, frame6(udp6(B6(1001), OUT6(53))))->b + SOURCE, by_a, sizeof(by_a));
}

/* One handle for all: a key that hashes nothing. */
static void one_handle(struct bed *b)
{
	for (int i = 1; i < NSF_HANDLE_KEYS; i++)
		b->dp.state->handle_key[i] = 0;
	table_clear(b->dp.map[DP_EXTS]);
	table_clear(b->dp.map[DP_ADDRS]);
	b->dp.nets[1].snat6[0].addr = handle6(b, SNAT6);
}

static void a_shared_handle_misleads_nobody(void **state)
{
	struct bed *b = *state;
	struct pk6 a = udp6(A6(1000), OUT6(53)), in = udp6(FAR6(53), EXT6(1000)), other = in, spoofed = in, other_out;

	one_handle(b);
	other.from = IN6_DB8(0xff, 2);
	spoofed.to = UP6_ADDR;
	other_out = udp6(A6(1000), TO6(IN6_DB8(0xff, 2), 53));
	settle();
	STEP(b, "the first", AT_A, frame6(a), SENT(TX(AT_LEG)), .out = frame6(snat6(a, 1000)));
	STEP(b, "its answer", AT_UPLINK, frame6(in), SENT(TX(AT_A)), .out = frame6(dnat6(in, A6(1000))));
	STEP(b, "another peer's", AT_UPLINK, frame6(other), PASSED);
	STEP(b, "to another address of the host", AT_UPLINK, frame6(spoofed), PASSED);
	/* the keys are taken: translated by the same external end, or not let out */
	STEP(b, "to another peer", AT_A, frame6(other_out), SENT(TX(AT_LEG)),
	     .out = frame6(snat6_known(other_out, 1000)));
}

/* Nor keeps it from speaking. */
static void a_shared_handle_makes_nobody_another(void **state)
{
	struct bed *b = *state;
	struct in6 a = A6(0).addr;

	one_handle(b);
	table6_port(b, AT_A, a);
	STEP(b, "another's", AT_C, frame6(udp6((struct end6){ MAC(AT_C), a, 1 }, B6(53))), DROPPED(SPOOF_IP6));
	STEP(b, "its own", AT_C, frame6(udp6(C6(1), B6(53))), SENT(TX(AT_B)));
}

/* One rule, UP6_ADDR port 8080 to A port 80. */
static void publish6(struct bed *b)
{
	struct in6 at = UP6_ADDR, to = A6(0).addr;

	table_publish(b, 6, handle6(b, at), handle6(b, to));
	memcpy(b->dp.publish[0].addr6, &at, sizeof(at));
	memcpy(b->dp.publish[0].to6, &to, sizeof(to));
}

static void a_publish_answers(void **state)
{
	struct bed *b = *state;
	const struct end6 at = { MAC_UP, UP6_ADDR, 8080 }, inside = TO6(UP6_ADDR, 8080);
	struct pk6 in = tcp6(FAR6(7000), at, SYN), out = tcp6(A6(80), TO6(PEER6, 7000), SYN | ACK), sent = out;
	struct pk6 from_b = tcp6(B6(5000), inside, SYN), to_a = from_b, other = in;

	publish6(b);
	settle();
	STEP(b, "from outside", AT_UPLINK, frame6(in), SENT(TX(AT_A)), .out = frame6(dnat6(in, A6(80))));
	sent.from = UP6_ADDR;
	sent.sport = 8080;
	sent.hops--;
	STEP(b, "its answer", AT_A, frame6(out), SENT(TX(AT_LEG)), .out = frame6(sent));
	/* the source is B's external end */
	to_a = dnat6(to_a, A6(80));
	to_a.from = SNAT6;
	STEP(b, "from a neighbour", AT_B, frame6(from_b), SENT(TX(AT_A)), .out = frame6(to_a));
	out = tcp6(A6(80), TO6(SNAT6, 5000), SYN | ACK);
	sent = dnat6(out, B6(5000));
	sent.from = UP6_ADDR;
	sent.sport = 8080;
	STEP(b, "its answer to that", AT_A, frame6(out), SENT(TX(AT_B)), .out = frame6(sent));
	other.to = SNAT6;
	STEP(b, "at another address", AT_UPLINK, frame6(other), DROPPED(UNSOLICITED));
}

#define EST (NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER)

/* A SYN may come in anybody's name: what it begins is opening until its sender answers, and of those there are not many. */
static void what_a_peer_begins_is_open_when_it_answers(void **state)
{
	struct bed *b = *state;
	const struct nsf_share *s = &b->dp.shares[AT_A];
	const struct end6 at = { MAC_UP, UP6_ADDR, 8080 };
	struct pk6 in = tcp6(FAR6(7000), at, SYN), out = tcp6(A6(80), TO6(PEER6, 7000), SYN | ACK), own, told;
	const struct {
		const char *name;
		__u8 flags, after;
		bool out;
		__u32 half;
	} moves[] = {
		{ "SYN", SYN, NSF_TCP_SYN_PEER | NSF_TCP_UNSURE, false, 1 },
		{ "ACK of what was not sent", ACK, NSF_TCP_SYN_PEER | NSF_TCP_UNSURE, false, 1 },
		{ "its answer", SYN | ACK, EST | NSF_TCP_UNSURE, true, 1 },
		{ "SYN again", SYN, EST | NSF_TCP_UNSURE, false, 1 },
		{ "its answer again", SYN | ACK, EST | NSF_TCP_UNSURE, true, 1 },
		{ "ACK", ACK, EST, false, 0 },
		{ "a reset", RST, EST | NSF_TCP_RST, false, 0 },
		{ "and goes on", PSH | ACK, EST, true, 0 },
	};

	publish6(b);
	settle();
	b->dp.shares[AT_A].max_half = 1;
	for (size_t i = 0; i < ARRAY_SIZE(moves); i++) {
		struct frame have, *f;
		int verdict;

		in.tcp = out.tcp = moves[i].flags;
		f = frame6(moves[i].out ? out : in);
		assert_int_equal(row_prog(b, moves[i].out ? AT_A : AT_UPLINK, f, 0, &have, &verdict), 0);
		assert_int_equal(verdict, REDIRECT);
		assert_int_equal(b->dp.flows[0].tcp, moves[i].after);
		assert_int_equal(s->half_in, moves[i].half);
		assert_int_equal(s->doubt, moves[i].half);
	}
	in.tcp = SYN;
	in.sport++;
	told = in;
	told.sport++;
	STEP(b, "another one", AT_UPLINK, frame6(in), SENT(TX(AT_A)), .out = frame6(dnat6(in, A6(80))));
	STEP(b, "one too many", AT_UPLINK, frame6(told), SENT(TX(AT_A)), .out = frame6(dnat6(told, A6(80))));
	assert_int_equal(flow_count(b), 2);
	own = tcp6(A6(5000), OUT6(80), SYN);
	STEP(b, "the container's own", AT_A, frame6(own), SENT(TX(AT_LEG)), .out = frame6(snat6_known(own, 5000)));
	assert_int_equal(s->half, 1);
	assert_int_equal(s->half_in, 1);
	assert_int_equal(s->doubt, 1);
}

/* With room for 32 of IPv6: what peers begin and do not go on with makes room for another port's, and nothing else. */
static void a_full_table_ends_what_is_in_doubt(void **state)
{
	struct bed *b = *state;
	const struct end6 at = { MAC_UP, UP6_ADDR, 8080 };
	const struct pk6 kept = tcp6(A6(5000), OUT6(80), SYN);
	struct frame have;
	int verdict;

	publish6(b);
	settle();
	assert_int_equal(row_prog(b, AT_A, frame6(kept), 0, &have, &verdict), 0);
	for (__u16 i = 0; i < 100; i++) {
		assert_int_equal(
			row_prog(b, AT_UPLINK, frame6(tcp6(FAR6((__u16)(7000 + i)), at, SYN)), 0, &have, &verdict), 0);
		assert_int_equal(verdict, REDIRECT);
	}
	assert_int_equal(b->dp.shares[AT_A].doubt, 31);
	for (__u16 i = 0; i < 31; i++) {
		const struct frame *own = frame6(udp6(B6((__u16)(6000 + i)), OUT6(53)));

		assert_int_equal(row_prog(b, AT_B, own, 0, &have, &verdict), 0);
		assert_int_equal(verdict, REDIRECT);
		assert_int_equal(b->dp.shares[AT_B].flows, i + 1);
	}
	assert_int_equal(b->dp.shares[AT_A].doubt, 0);
	assert_int_equal(b->dp.shares[0].doubt, 0);
	assert_int_equal(b->dp.shares[AT_A].flows, 1);
	assert_int_equal(flow_count(b), 32);
	STEP(b, "nothing is in doubt", AT_UPLINK, frame6(tcp6(FAR6(7000), at, SYN)), DROPPED(FLOWS_FULL));
}

/* What no wire brings: the network's own addresses, loopback, groups. */
static void a_publish_believes_no_source_from_inside(void **state)
{
	static const struct in6 loop = { { [15] = 1 } }, all = { { 0xff, 0x0e, [15] = 1 } };
	static const struct in6 mapped = { { [10] = 0xff, 0xff, 192, 0, 2, 1 } };
	const struct in6 sources[] = { B6(0).addr, IN6_FD77(99), GW6_ADDR, loop, all, mapped };
	const struct end6 at = { MAC_UP, UP6_ADDR, 8080 };
	struct bed *b = *state;

	publish6(b);
	settle();
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		struct pk6 in = tcp6(FAR6(7000), at, SYN);

		in.from = sources[i];
		STEP(b, "from inside", AT_UPLINK, frame6(in), DROPPED(MARTIAN_SRC));
	}
	assert_int_equal(flow_count(b), 0);
}

/* Two slots for each. */
static void a_full_table_refuses(void **state)
{
	struct bed *b = *state;
	struct frame have, *in;
	int verdict = SHOT;
	__u16 n = 0;

	settle();
	do {
		in = frame6(udp6(A6((__u16)(2000 + n)), OUT6(53)));
		assert_int_equal(row_prog(b, AT_A, in, 0, &have, &verdict), 0);
		assert_int_equal(verdict, REDIRECT);
	} while (have.b[20] != IPPROTO_ICMPV6 && ++n < 100);
	assert_int_equal(n, 32);
	assert_int_equal(flow_count(b), 32);
	assert_memory_equal(have.b, answer6(in, 1, 1, 0)->b, have.len);
	assert_int_equal(table_drops(b, 1, NSF_DROP_FLOWS_FULL), 1);
	/* the end of a port gives both back */
	b->dp.ports[AT_A].gen++;
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(flow_count(b), 0);
	assert_int_equal(flow_keys(b), 0);
	for (n = 0; n < 64; n++) {
		__u32 slot;

		assert_int_equal(bpf_map_lookup_and_delete_elem(b->free, NULL, &slot), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST6(there_and_back),
		TEST6(the_second_packet_knows_its_way),
		TEST6(a_number_that_is_taken_becomes_another),
		TEST6(extension_headers_stay),
		TEST6(a_port_that_moved_is_written_behind_them),
		TEST6(sums_are_what_they_were),
		TEST6(what_opens_nothing),
		TEST6(neighbours_do_not_all_leave_by_one_of_two_addresses),
		TEST6(a_shared_handle_misleads_nobody),
		TEST6(a_shared_handle_makes_nobody_another),
		TEST6(a_publish_answers),
		TEST6(what_a_peer_begins_is_open_when_it_answers),
		TEST6(a_full_table_ends_what_is_in_doubt),
		TEST6(a_publish_believes_no_source_from_inside),
		TEST6(a_full_table_refuses),
	};

	return RUN(tests, bed6_setup);
}
