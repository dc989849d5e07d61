/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host's routes say, and networks that are routed without translation. */
#include "row.h"

#define A_TO(addr) frame(udp(A(1000), TO(addr, 53)))

static void no_uplink(struct bed *b)
{
	b->dp.nets[1].uplink = 0;
	b->dp.nets[1].flags = 0;
}

/* Neither translated nor routed: what `up --snat` or `--uplink` passes through. */
static void in_a_change(struct bed *b)
{
	b->dp.nets[1].flags = 0;
}

static void every_route_has_its_answer(void **state)
{
	const struct frame *lost = A_TO(LOST), *forbid = A_TO(FORBID), *aside = A_TO(ASIDE), *out = A_TO(PEER);
	const struct frame *net2 = A_TO(IP4(10, 78, 0, 2)), *net3 = A_TO(IP4(10, 79, 0, 2));
	const struct frame *tcp_lost = frame(tcp(A(1), TO(LOST, 80), ACK)), *ping = frame(echo(A(1), TO(LOST, 0)));
	const struct row rows[] = {
		{ "unreachable", AT_A, lost, ANSWERED(UNREACHABLE, TX(AT_A), answer(lost, 3, 1, 0)) },
		{ "unreachable, TCP", AT_A, tcp_lost, ANSWERED(UNREACHABLE, TX(AT_A), answer(tcp_lost, 3, 1, 0)) },
		{ "unreachable, echo", AT_A, ping, ANSWERED(UNREACHABLE, TX(AT_A), answer(ping, 3, 1, 0)) },
		{ "prohibit", AT_A, forbid, ANSWERED(PROHIBITED, TX(AT_A), answer(forbid, 3, 13, 0)) },
		{ "blackhole", AT_A, A_TO(HOLE), DROPPED(BLACKHOLE) },
		{ "another network", AT_A, net2, ANSWERED(OTHER_NET, TX(AT_A), answer(net2, 3, 13, 0)) },
		{ "a routed network", AT_A, net3, ANSWERED(OTHER_NET, TX(AT_A), answer(net3, 3, 13, 0)) },
		{ "another network's gateway", AT_A, A_TO(IP4(10, 78, 0, 1)), SENT(TX(AT_GW)) },
		{ "not by the uplink", AT_A, aside, ANSWERED(NOT_UPLINK, TX(AT_A), answer(aside, 3, 0, 0)) },
		{ "SNAT is being changed", AT_A, out, DROPPED(NO_UPLINK), .setup = in_a_change },
		{ "no uplink", AT_A, out, ANSWERED(NO_UPLINK, TX(AT_A), answer(out, 3, 0, 0)), .setup = no_uplink },
	};

	ROWS(*state, rows);
}

static void forwarding(struct bed *b, int on)
{
	const struct link_change c = { .forwarding4 = on };

	assert_int_equal(link_set(b->nl, b->far[AT_GW], &c), 0);
}

static void a_switched_off_lookup_is_named(void **state)
{
	struct row r = { "forwarding off", AT_A, A_TO(PEER), DROPPED(FORWARD_OFF) };
	int bad;

	forwarding(*state, -1);
	bad = row_run(*state, &r);
	forwarding(*state, 1);
	assert_int_equal(bad, 0);
}

/* A container that takes its neighbour's address for one behind the gateway. */
static void within_the_subnet_the_gateway_forwards(void **state)
{
	struct pk k = udp(A(1000), TO(B(0).addr, 53)), after = k;

	after.ttl--;
	STEP(*state, "to a neighbour", AT_A, frame(k), SENT(0), .out = frame(after));
	assert_int_equal(flow_count(*state), 0);
}

static void uplink_moved(struct bed *b)
{
	struct frame have;
	int verdict;

	assert_int_equal(row_prog(b, AT_A, A_TO(PEER), 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
	new_tick(b);
	b->dp.nets[1].uplink = (__u32)b->ifindex[AT_OTHER];
}

static void a_route_that_changes_is_followed(void **state)
{
	const struct frame *f = A_TO(PEER);
	struct row r = { "a flow whose route leads elsewhere", AT_A, f,
			 ANSWERED(NOT_UPLINK, TX(AT_A), answer(f, 3, 0, 0)), .setup = uplink_moved };

	rows_run(*state, &r, 1);
}

static struct pk hop(struct pk k)
{
	k.ttl--;
	return k;
}

static struct end to_f(__u16 port)
{
	struct end e = F(port);

	e.mac = MAC_UP;
	return e;
}

static void narrow_net3(struct bed *b)
{
	b->dp.nets[3].mtu = 1000;
}

static void a_routed_network_is_not_translated(void **state)
{
	struct end out = { MAC(AT_GW3), PEER, 53 }, gw3 = { MAC_UP, IP4(10, 79, 0, 1), 53 };
	const struct pk u = udp(F(1000), out), in = udp(FAR(53), to_f(1000));
	struct pk later = u, odd = pk_ip4(F(0), out, 47), ack = tcp(F(1), out, ACK), one = in, long_in = in;
	struct frame *last, *wide;

	later.frag = 100;
	one.ttl = 1;
	long_in.n_data = 973;
	last = frame(one);
	wide = frame(long_in);
	const struct row rows[] = {
		{ "out", AT_F, frame(u), SENT(TX(AT_LEG3)), .out = frame(hop(u)) },
		{ "out, a fragment", AT_F, frame(later), SENT(TX(AT_LEG3)), .out = frame(hop(later)) },
		{ "out, another protocol", AT_F, frame(odd), SENT(TX(AT_LEG3)), .out = frame(hop(odd)) },
		{ "out, in the middle of TCP", AT_F, frame(ack), SENT(TX(AT_LEG3)), .out = frame(hop(ack)) },
		{ "in", AT_UPLINK, frame(in), SENT(0), .out = frame(hop(in)) },
		{ "in, the last hop", AT_UPLINK, last,
		  ANSWERED(TTL, TX(AT_LEG3), answer_from(gw3.addr, last, 11, 0, 0)) },
		{ "in, too long", AT_UPLINK, wide,
		  ANSWERED(TOO_BIG, TX(AT_LEG3), answer_from(gw3.addr, wide, 3, 4, 1000)), .setup = narrow_net3 },
		{ "in, for the gateway", AT_UPLINK, frame(udp(FAR(53), gw3)), PASSED },
		{ "in, for a network that is translated", AT_UPLINK,
		  frame(udp(FAR(53), (struct end){ MAC_UP, A(0).addr, 1 })), PASSED },
	};

	ROWS(*state, rows);
	assert_int_equal(flow_count(*state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_route_has_its_answer),
		TEST(a_switched_off_lookup_is_named),
		TEST(within_the_subnet_the_gateway_forwards),
		TEST(a_route_that_changes_is_followed),
		TEST(a_routed_network_is_not_translated),
	};

	return RUN(tests, bed_setup);
}
