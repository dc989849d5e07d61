/* SPDX-License-Identifier: GPL-2.0-only */
/* Known conversations: a hit does what a miss does, answers find their way, TCP's moves, what belongs to nobody. */
#include "row.h"

/* Packets that open a flow each, with all that may stand in a header. */
static size_t openers(struct pk ret[16])
{
	struct pk u = udp(A(1000), OUT(53)), no_sum = u, options = u, df = u, full = u, trailer = u;
	size_t n = 0;

	no_sum.faults = NO_L4_SUM;
	options.n_options = 8;
	memcpy(options.options, "\x94\x04\x00\x00\x01\x01\x01", 8);
	df.frag = 0x4000;
	df.tos = 0xb8;
	df.id = 0;
	full.n_data = 1472;
	trailer.trailer = 6;
	ret[n++] = u;
	ret[n++] = no_sum;
	ret[n++] = options;
	ret[n++] = df;
	ret[n++] = full;
	ret[n++] = trailer;
	ret[n++] = tcp(A(1000), OUT(80), SYN);
	ret[n++] = tcp(A(80), OUT(80), SYN);
	ret[n++] = echo(A(1000), OUT(0));
	return n;
}

/* Its answer, as it comes from the wire. */
static struct pk answer_to(struct pk k, __u16 ext)
{
	struct pk a = k;

	a.dst = MAC_UP;
	a.src = ROUTER;
	a.saddr = k.daddr;
	a.daddr = SNAT;
	a.sport = k.dport;
	a.dport = ext;
	a.ttl = 57;
	if (k.proto == IPPROTO_ICMP)
		a.icmp_type = ICMP_ECHOREPLY;
	if (k.proto == IPPROTO_TCP)
		a.tcp = SYN | ACK;
	return a;
}

static void there_and_back(struct bed *b, struct pk k, __u16 ext)
{
	struct frame *out = frame(k), *in = frame(answer_to(k, ext));

	settle();
	STEP(b, "miss", AT_A, out, SENT(TX(AT_LEG)), .out = frame(snat(k, ext)));
	STEP(b, "hit", AT_A, out, SENT(TX(AT_LEG)), .out = frame(snat_known(k, ext)));
	STEP(b, "answer", AT_UPLINK, in, SENT(TX(AT_A)), .out = frame(dnat(answer_to(k, ext), A(k.sport))));
	assert_int_equal(table_counts(b, AT_LEG).rx_packets, 1);
	assert_int_equal(table_counts(b, AT_LEG).rx_bytes, in->len);
	new_tick(b);
	STEP(b, "hit in a new tick", AT_A, out, SENT(TX(AT_LEG)), .out = frame(snat(k, ext)));
	STEP(b, "hit again", AT_A, out, SENT(TX(AT_LEG)), .out = frame(snat_known(k, ext)));
	assert_int_equal(flow_count(b), 1);
	assert_int_equal(flow_keys(b), ext == k.sport ? 1 : 2);
}

static void a_hit_does_what_a_miss_does(void **state)
{
	struct pk k[16];
	size_t n = openers(k);

	for (size_t i = 0; i < n; i++) {
		fresh(state);
		there_and_back(*state, k[i], k[i].sport);
	}
}

/* The same with another external port: the sums then change for it too. */
static void a_moved_port_changes_both_ways(void **state)
{
	struct bed *b = *state;
	struct pk k[16], other;
	size_t n = openers(k);

	for (size_t i = 0; i < n; i++) {
		__u16 ext;

		fresh(state);
		other = k[i];
		other.src = MAC(AT_B);
		other.saddr = B(0).addr;
		STEP(b, "in the way", AT_B, frame(other), SENT(TX(AT_LEG)), .out = frame(snat(other, other.sport)));
		other = k[i];
		other.daddr = PEER + 1;
		row_prog(b, AT_A, frame(other), 0, frame_new(false), &(int){ 0 });
		ext = ntohs(flow_of(b, A(k[i].sport), k[i].proto)->ext_port);
		assert_int_not_equal(ext, k[i].sport);
		settle();
		new_tick(b);
		STEP(b, "miss", AT_A, frame(k[i]), SENT(TX(AT_LEG)), .out = frame(snat(k[i], ext)));
		STEP(b, "hit", AT_A, frame(k[i]), SENT(TX(AT_LEG)), .out = frame(snat_known(k[i], ext)));
		if (k[i].proto == IPPROTO_TCP)
			k[i].tcp = ACK;
		STEP(b, "goes on", AT_A, frame(k[i]), SENT(TX(AT_LEG)), .out = frame(snat_known(k[i], ext)));
		STEP(b, "answer", AT_UPLINK, frame(answer_to(k[i], ext)), SENT(TX(AT_A)),
		     .out = frame(dnat(answer_to(k[i], ext), A(k[i].sport))));
	}
}

static void packets_both_ways_keep_a_flow_alive(void **state)
{
	struct bed *b = *state;
	struct pk k = udp(A(1000), OUT(53));
	struct nsf_flow *f;

	settle();
	STEP(b, "out", AT_A, frame(k), SENT(TX(AT_LEG)), .out = frame(snat(k, 1000)));
	f = flow_of(b, A(1000), IPPROTO_UDP);
	assert_int_equal(f->seen, now_tick());
	f->seen -= 100;
	STEP(b, "out", AT_A, frame(k), SENT(TX(AT_LEG)), .out = frame(snat_known(k, 1000)));
	assert_int_equal(f->seen, now_tick());
	f->seen -= 100;
	k = udp(FAR(53), EXT(1000));
	STEP(b, "in", AT_UPLINK, frame(k), SENT(TX(AT_A)), .out = frame(dnat(k, A(1000))));
	assert_int_equal(f->seen, now_tick());
}

static void a_learning_port_is_reached_where_it_spoke_last(void **state)
{
	struct bed *b = *state;
	struct pk k = udp(C(1000), OUT(53)), in = udp(FAR(53), EXT(1000));
	struct end moved = C(1000);

	STEP(b, "out", AT_C, frame(k), SENT(TX(AT_LEG)), .out = frame(snat(k, 1000)));
	STEP(b, "in", AT_UPLINK, frame(in), SENT(TX(AT_C)), .out = frame(dnat(in, C(1000))));
	k.src = moved.mac = MAC(77);
	settle();
	new_tick(b);
	STEP(b, "out, another MAC", AT_C, frame(k), SENT(TX(AT_LEG)), .out = frame(snat(k, 1000)));
	STEP(b, "in", AT_UPLINK, frame(in), SENT(TX(AT_C)), .out = frame(dnat(in, moved)));
}

static void an_endpoint_may_move_between_learning_ports(void **state)
{
	struct bed *b = *state;
	struct pk k = udp(C(1000), OUT(53)), in = udp(FAR(53), EXT(1000));

	STEP(b, "out", AT_C, frame(k), SENT(TX(AT_LEG)), .out = frame(snat(k, 1000)));
	settle();
	new_tick(b);
	STEP(b, "out, from another port", AT_D, frame(k), SENT(TX(AT_LEG)), .out = frame(snat(k, 1000)));
	STEP(b, "in, to that one", AT_UPLINK, frame(in), SENT(TX(AT_D)), .out = frame(dnat(in, C(1000))));
	k.src = MAC(AT_D);
	STEP(b, "another MAC at the first one does not take it back", AT_C, frame(k),
	     ANSWERED(TUPLE_TAKEN, TX(AT_C), answer(frame(k), 3, 13, 0)));
}

struct move {
	bool peer; /* who sends */
	__u8 flags, after;
};

enum {
	S_IN = NSF_TCP_SYN_IN,
	S_PEER = NSF_TCP_SYN_PEER,
	F_IN = NSF_TCP_FIN_IN,
	F_PEER = NSF_TCP_FIN_PEER,
	EST = S_IN | S_PEER,
	CLOSED = EST | F_IN | F_PEER,
	RESET = NSF_TCP_RST,
};

/* The first one opens. */
static void moves(struct bed *b, const char *name, const struct move *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pk k = m[i].peer ? tcp(FAR(80), EXT(1000), m[i].flags) : tcp(A(1000), OUT(80), m[i].flags);
		struct frame have;
		int verdict;
		__u8 now;

		assert_int_equal(row_prog(b, m[i].peer ? AT_UPLINK : AT_A, frame(k), 0, &have, &verdict), 0);
		assert_int_equal(verdict, REDIRECT);
		now = flow_of(b, A(1000), IPPROTO_TCP)->tcp;
		if (now != m[i].after)
			print_error("%s, step %zu: %#x, wanted %#x\n", name, i, now, m[i].after);
		assert_int_equal(now, m[i].after);
	}
	assert_int_equal(flow_count(b), 1);
}
#define MOVES(name, ...) \
	do { \
		const struct move moves_[] = { __VA_ARGS__ }; \
		fresh(state); \
		moves(*state, name, moves_, ARRAY_SIZE(moves_)); \
	} while (0)

static void tcp_moves_as_the_rfc_says(void **state)
{
	MOVES("open and close", { 0, SYN, S_IN }, { 1, SYN | ACK, EST }, { 0, ACK, EST }, { 0, PSH | ACK, EST },
	      { 1, ACK, EST }, { 0, FIN | ACK, EST | F_IN }, { 1, PSH | ACK, EST | F_IN }, { 1, FIN | ACK, CLOSED },
	      { 0, ACK, CLOSED });
	MOVES("closed by the peer", { 0, SYN, S_IN }, { 1, SYN | ACK, EST }, { 1, FIN | ACK, EST | F_PEER },
	      { 0, ACK, EST | F_PEER }, { 0, FIN | ACK, CLOSED });
	MOVES("simultaneous open", { 0, SYN, S_IN }, { 1, SYN, EST }, { 0, SYN | ACK, EST }, { 1, SYN | ACK, EST });
	MOVES("retransmissions change nothing", { 0, SYN, S_IN }, { 0, SYN, S_IN }, { 1, SYN | ACK, EST },
	      { 1, SYN | ACK, EST }, { 0, FIN | ACK, EST | F_IN }, { 0, FIN | ACK, EST | F_IN });
	MOVES("refused", { 0, SYN, S_IN }, { 1, RST | ACK, S_IN | RESET });
	MOVES("reset, taken back by what follows", { 0, SYN, S_IN }, { 1, SYN | ACK, EST }, { 1, RST, EST | RESET },
	      { 0, ACK, EST }, { 0, RST, EST | RESET }, { 1, PSH | ACK, EST });
	MOVES("reset is not taken back by a reset", { 0, SYN, S_IN }, { 1, SYN | ACK, EST }, { 1, RST, EST | RESET },
	      { 0, RST, EST | RESET });
	MOVES("a SYN after a reset starts afresh", { 0, SYN, S_IN }, { 1, SYN | ACK, EST }, { 1, RST, EST | RESET },
	      { 0, SYN, S_IN }, { 1, SYN | ACK, EST });
	MOVES("a SYN after the end starts afresh", { 0, SYN, S_IN }, { 1, SYN | ACK, EST },
	      { 0, FIN | ACK, EST | F_IN }, { 1, FIN | ACK, CLOSED }, { 0, SYN, S_IN }, { 1, SYN | ACK, EST });
	MOVES("the peer's SYN too", { 0, SYN, S_IN }, { 1, SYN | ACK, EST }, { 0, FIN | ACK, EST | F_IN },
	      { 1, FIN | ACK, CLOSED }, { 1, SYN, S_PEER }, { 0, SYN | ACK, EST });
	MOVES("a SYN in an open flow does not", { 0, SYN, S_IN }, { 1, SYN | ACK, EST }, { 0, SYN, EST },
	      { 1, SYN, EST }, { 0, FIN | ACK, EST | F_IN }, { 0, SYN, EST | F_IN });
	MOVES("a reset ends nothing by itself", { 0, SYN, S_IN }, { 1, SYN | ACK, EST }, { 0, FIN | ACK, EST | F_IN },
	      { 1, FIN | ACK, CLOSED }, { 1, RST, CLOSED | RESET }, { 0, SYN, S_IN });
}

static void tcp_packets_are_translated_in_every_state(void **state)
{
	static const __u8 flags[] = { SYN, ACK, PSH | ACK, FIN | ACK, RST, RST | ACK, FIN | PSH | ACK | 0x20, 0, 0xff };
	struct bed *b = *state;
	struct pk k = tcp(A(1000), OUT(80), SYN);

	settle();
	STEP(b, "open", AT_A, frame(k), SENT(TX(AT_LEG)), .out = frame(snat(k, 1000)));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		settle();
		hops_asked(b, now_tick());
		k = tcp(A(1000), OUT(80), flags[i]);
		STEP(b, "out", AT_A, frame(k), SENT(TX(AT_LEG)), .out = frame(snat_known(k, 1000)));
		k = tcp(FAR(80), EXT(1000), flags[i]);
		STEP(b, "in", AT_UPLINK, frame(k), SENT(TX(AT_A)), .out = frame(dnat(k, A(1000))));
	}
	assert_int_equal(flow_count(b), 1);
}

static void open_udp(struct bed *b)
{
	struct frame have;
	int verdict;

	assert_int_equal(row_prog(b, AT_A, frame(udp(A(1000), OUT(53))), 0, &have, &verdict), 0);
	assert_int_equal(flow_count(b), 1);
}

static void a_is_gone(struct bed *b)
{
	open_udp(b);
	row_clear_port(&b->dp, AT_A);
}

static void another_flow(struct nsf_flow *f)
{
	f->gen++;
	f->peer++;
}

static void record_is_reused(struct bed *b)
{
	open_udp(b);
	another_flow(flow_of(b, A(1000), IPPROTO_UDP));
}

/* What comes from outside and belongs to nobody passes on untouched; the host may be meant. */
static void what_is_unknown_at_the_uplink_passes(void **state)
{
	const struct pk in = udp(FAR(53), EXT(1000));
	struct pk mac = in, arp_like = in, tag = in, frag = in, later = in, bad = in, port = in, peer = in;
	struct pk addr = in, ask = echo(FAR(1000), EXT(0)), proto = pk_ip4(FAR(0), EXT(0), 47);

	mac.dst = MAC(99);
	arp_like.type = 0x1234;
	tag.tag = ETH_P_8021Q;
	frag.frag = 0x2000;
	later.frag = 10;
	bad.first = 0x44;
	port.sport = 54;
	peer.saddr++;
	addr.daddr = UP_ADDR;
	const struct row rows[] = {
		{ "an answer", AT_UPLINK, frame(in), SENT(TX(AT_A)), .out = frame(dnat(in, A(1000))),
		  .setup = open_udp },
		{ "without a flow", AT_UPLINK, frame(in), PASSED },
		{ "TCP SYN", AT_UPLINK, frame(tcp(FAR(53), EXT(1000), SYN)), PASSED, .setup = open_udp },
		{ "TCP RST", AT_UPLINK, frame(tcp(FAR(53), EXT(1000), RST)), PASSED, .setup = open_udp },
		{ "from another port number", AT_UPLINK, frame(port), PASSED, .setup = open_udp },
		{ "from another address", AT_UPLINK, frame(peer), PASSED, .setup = open_udp },
		{ "for another address of the host", AT_UPLINK, frame(addr), PASSED, .setup = open_udp },
		{ "for the container's own address", AT_UPLINK,
		  frame(udp(FAR(53), (struct end){ MAC_UP, A(0).addr, 1000 })), PASSED, .setup = open_udp },
		{ "for another MAC", AT_UPLINK, frame(mac), PASSED, .setup = open_udp },
		{ "no IP", AT_UPLINK, frame(arp_like), PASSED, .setup = open_udp },
		{ "tagged", AT_UPLINK, frame(tag), PASSED, .setup = open_udp },
		{ "first fragment", AT_UPLINK, frame(frag), PASSED, .setup = open_udp },
		{ "later fragment", AT_UPLINK, frame(later), PASSED, .setup = open_udp },
		{ "header unreadable", AT_UPLINK, frame(bad), PASSED, .setup = open_udp },
		{ "a question", AT_UPLINK, frame(ask), PASSED, .setup = open_udp },
		{ "another protocol", AT_UPLINK, frame(proto), PASSED, .setup = open_udp },
		{ "a record given to another flow", AT_UPLINK, frame(in), PASSED, .setup = record_is_reused },
		{ "a port that is gone", AT_UPLINK, frame(in), DROPPED(PORT_GONE), .setup = a_is_gone },
	};

	ROWS(*state, rows);
}

static void open_tcp(struct bed *b)
{
	struct frame have;
	int verdict;

	assert_int_equal(row_prog(b, AT_A, frame(tcp(A(1000), OUT(80), SYN)), 0, &have, &verdict), 0);
	assert_int_equal(flow_count(b), 1);
}

static void tcp_record_is_reused(struct bed *b)
{
	open_tcp(b);
	another_flow(flow_of(b, A(1000), IPPROTO_TCP));
}

/* Each twice, for the way out is known then: nothing but whose they are keeps others from the fast path. */
static void c_opens(struct bed *b)
{
	const struct pk k[] = { udp(C(1000), OUT(53)), tcp(C(1000), OUT(80), SYN) };

	for (size_t i = 0; i < 2 * ARRAY_SIZE(k); i++)
		row_prog(b, AT_C, frame(k[i / 2]), 0, frame_new(false), &(int){ 0 });
	assert_int_equal(flow_count(b), 2);
	is_heard(b, AT_D);
}

/* Another container has come in its slot. */
static void c_comes_anew(struct bed *b)
{
	c_opens(b);
	b->dp.ports[AT_C].gen++;
	is_heard(b, AT_C);
}

/* Behaviour 3: nobody but the port speaks in its flow, even one that may use any address that is nobody's for good. */
static void a_flow_is_its_ports_alone(void **state)
{
	struct pk own = tcp(A(1000), OUT(80), ACK), part = own, forged = own, ack = tcp(C(1000), OUT(80), ACK);
	struct pk rst = tcp(C(1000), OUT(80), RST), u = udp(C(1000), OUT(53));
	const struct frame *udp_in, *udp_c = frame(u);

	rst.src = ack.src = u.src = forged.src = MAC(AT_D); /* the address is forged, not the MAC */
	udp_in = frame(u);
	part.frag = 0x2000;
	const struct row rows[] = {
		{ "a forged RST", AT_D, frame(rst), DROPPED(TCP_NO_FLOW), .setup = c_opens },
		{ "a forged ACK", AT_D, frame(ack), DROPPED(TCP_NO_FLOW), .setup = c_opens },
		{ "forged UDP", AT_D, udp_in, ANSWERED(TUPLE_TAKEN, TX(AT_D), answer(udp_in, 3, 13, 0)),
		  .setup = c_opens },
		{ "the flow of who was there before", AT_C, udp_c,
		  ANSWERED(TUPLE_TAKEN, TX(AT_C), answer(udp_c, 3, 13, 0)), .setup = c_comes_anew },
		{ "a forged ACK of a managed port's", AT_D, frame(forged), DROPPED(SPOOF_IP4), .setup = open_tcp },
		{ "a fragment of its own", AT_A, frame(part), DROPPED(FRAGMENT), .setup = open_tcp },
		{ "a record given to another flow", AT_A, frame(own), DROPPED(TCP_NO_FLOW),
		  .setup = tcp_record_is_reused },
	};

	ROWS(*state, rows);
}

/* A flow that is over, and one whose address its network has no more, are found by no hint either. */
static void a_hint_keeps_nothing_alive(void **state)
{
	const struct pk ack = tcp(A(1000), OUT(80), ACK);
	struct bed *b = *state;
	__be32 addr = b->dp.nets[1].snat[0].addr;

	settle();
	open_tcp(b);
	STEP(b, "learned", AT_A, frame(ack), SENT(TX(AT_LEG)), .out = frame(snat_known(ack, 1000)));
	b->dp.nets[1].snat[0].addr = htonl(UP_ADDR);
	STEP(b, "another pool", AT_A, frame(ack), DROPPED(TCP_NO_FLOW));
	b->dp.nets[1].snat[0].addr = addr;
	STEP(b, "the pool of before", AT_A, frame(ack), SENT(TX(AT_LEG)), .out = frame(snat_known(ack, 1000)));
	flow_of(b, A(1000), IPPROTO_TCP)->flags |= NSF_FLOW_ENDING;
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(flow_keys(b), 0);
	STEP(b, "ended", AT_A, frame(ack), DROPPED(TCP_NO_FLOW));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_hit_does_what_a_miss_does),
		TEST(a_moved_port_changes_both_ways),
		TEST(packets_both_ways_keep_a_flow_alive),
		TEST(a_learning_port_is_reached_where_it_spoke_last),
		TEST(an_endpoint_may_move_between_learning_ports),
		TEST(tcp_moves_as_the_rfc_says),
		TEST(tcp_packets_are_translated_in_every_state),
		TEST(what_is_unknown_at_the_uplink_passes),
		TEST(a_flow_is_its_ports_alone),
		TEST(a_hint_keeps_nothing_alive),
	};

	return RUN(tests, bed_setup);
}
