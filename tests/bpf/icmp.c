/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors of our own: when, what they quote, how many, and about what never. */
#include "row.h"

static struct pk with_ttl(struct pk k, __u8 ttl)
{
	k.ttl = ttl;
	return k;
}

static struct pk with_data(struct pk k, __u16 n)
{
	k.n_data = n;
	return k;
}

static void open_udp(struct bed *b)
{
	struct frame have;
	int verdict;

	assert_int_equal(row_prog(b, AT_A, frame(udp(A(1000), OUT(53))), 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
	assert_int_equal(flow_count(b), 1);
}

static void a_gateway_shows_where_ttl_ends(void **state)
{
	const struct pk out = udp(A(1000), OUT(53)), in = udp(FAR(53), EXT(1000)), to_b = udp(A(1), TO(B(0).addr, 2));
	struct pk e = udp(E(1000), OUT(53)), odd = out, trailer = out, options = out;
	struct frame *one = frame(with_ttl(out, 1)), *zero = frame(with_ttl(out, 0)), *t, *i, *o, *x, *from_e, *near,
		     *f;

	e.dst = MAC(AT_GW2);
	odd.n_data = 13;
	trailer.trailer = 18;
	options.n_options = 40;
	memset(options.options, 1, 40);
	t = frame(with_ttl(trailer, 1));
	i = frame(with_ttl(in, 1));
	o = frame(with_ttl(options, 1));
	x = frame(with_ttl(odd, 1));
	from_e = frame(with_ttl(e, 1));
	near = frame(with_ttl(to_b, 1));
	f = frame(with_ttl(with_data(out, 1400), 1));
	const struct row rows[] = {
		{ "TTL 1, no flow", AT_A, one, ANSWERED(TTL, TX(AT_A), answer(one, 11, 0, 0)) },
		{ "TTL 0, no flow", AT_A, zero, ANSWERED(TTL, TX(AT_A), answer(zero, 11, 0, 0)) },
		{ "TTL 1, known flow", AT_A, one, ANSWERED(TTL, TX(AT_A), answer(one, 11, 0, 0)), .setup = open_udp },
		{ "TTL 0, known flow", AT_A, zero, ANSWERED(TTL, TX(AT_A), answer(zero, 11, 0, 0)), .setup = open_udp },
		{ "TTL 2 goes on", AT_A, frame(with_ttl(out, 2)), SENT(TX(AT_LEG)),
		  .out = frame(snat(with_ttl(out, 2), 1000)) },
		{ "TTL 1 for the gateway itself", AT_A, frame(with_ttl(udp(A(1), GW(2)), 1)), SENT(TX(AT_GW)) },
		{ "TTL 1 between ports", AT_A, frame(with_ttl(udp(A(1), B(2)), 1)), SENT(TX(AT_B)) },
		{ "TTL 1 by way of the gateway", AT_A, near, ANSWERED(TTL, TX(AT_A), answer(near, 11, 0, 0)) },
		{ "an odd length", AT_A, x, ANSWERED(TTL, TX(AT_A), answer(x, 11, 0, 0)) },
		{ "a frame longer than its packet", AT_A, t, ANSWERED(TTL, TX(AT_A), answer(t, 11, 0, 0)) },
		{ "a full header", AT_A, o, ANSWERED(TTL, TX(AT_A), answer(o, 11, 0, 0)) },
		{ "a long packet", AT_A, f, ANSWERED(TTL, TX(AT_A), answer(f, 11, 0, 0)) },
		{ "another network's gateway", AT_E, from_e,
		  ANSWERED(TTL, TX(AT_E), answer_from(IP4(10, 78, 0, 1), from_e, 11, 0, 0)) },
		{ "from outside", AT_UPLINK, i, ANSWERED(TTL, TX(AT_LEG), answer_from(SNAT, i, 11, 0, 0)),
		  .setup = open_udp },
		{ "from outside, TTL 2", AT_UPLINK, frame(with_ttl(in, 2)), SENT(TX(AT_A)),
		  .out = frame(dnat(with_ttl(in, 2), A(1000))), .setup = open_udp },
	};

	ROWS(*state, rows);
}

static void narrow_a(struct bed *b)
{
	open_udp(b);
	b->dp.ports[AT_A].mtu = 1000;
}

/* A flow by the narrow route, its MTU known. */
static void open_narrow(struct bed *b)
{
	struct frame have;
	int verdict;

	assert_int_equal(row_prog(b, AT_A, frame(udp(A(1000), TO(NARROW, 53))), 0, &have, &verdict), 0);
	assert_int_equal(flow_of(b, A(1000), IPPROTO_UDP)->mtu, 1000);
}

static void a_sender_is_told_the_next_mtu(void **state)
{
	const struct pk fits = with_data(udp(A(1000), TO(NARROW, 53)), 972), out = with_data(fits, 973);
	const struct pk in = with_data(udp(FAR(53), EXT(1000)), 973), wide = with_data(udp(A(1000), OUT(53)), 1473);
	struct pk segments = with_data(tcp(A(1000), TO(NARROW, 53), SYN), 3000), df = out;
	struct frame *o = frame(out), *i = frame(in), *w = frame(wide), *g, *d;

	df.frag = segments.frag = 0x4000;
	d = frame(df);
	g = frame(segments);
	const struct row rows[] = {
		{ "as long as the route", AT_A, frame(fits), SENT(TX(AT_LEG)), .out = frame(snat(fits, 1000)) },
		{ "longer than the route: others may cut it", AT_A, o, SENT(TX(AT_LEG)),
		  .out = frame(snat(out, 1000)) },
		{ "longer, with DF", AT_A, d, ANSWERED(TOO_BIG, TX(AT_A), answer(d, 3, 4, 1000)) },
		{ "longer than the uplink", AT_A, w, ANSWERED(TOO_BIG, TX(AT_A), answer(w, 3, 4, 1500)) },
		{ "longer, known flow", AT_A, o, SENT(TX(AT_LEG)), .out = frame(snat_known(out, 1000)),
		  .setup = open_narrow },
		{ "longer, with DF, known flow", AT_A, d, ANSWERED(TOO_BIG, TX(AT_A), answer(d, 3, 4, 1000)),
		  .setup = open_narrow },
		{ "as long as the route, known flow", AT_A, frame(fits), SENT(TX(AT_LEG)),
		  .out = frame(snat_known(fits, 1000)), .setup = open_narrow },
		{ "segments that fit", AT_A, g, SENT(TX(AT_LEG)), .out = frame(snat(segments, 1000)), .gso = 960 },
		{ "segments that do not", AT_A, g, ANSWERED(TOO_BIG, TX(AT_A), answer(g, 3, 4, 1000)), .gso = 961 },
		{ "from outside, longer than the port", AT_UPLINK, i,
		  ANSWERED(TOO_BIG, TX(AT_LEG), answer_from(SNAT, i, 3, 4, 1000)), .setup = narrow_a },
		{ "from outside, as long as the port", AT_UPLINK, frame(with_data(in, 972)), SENT(TX(AT_A)),
		  .out = frame(dnat(with_data(in, 972), A(1000))), .setup = narrow_a },
	};

	ROWS(*state, rows);
}

static void some_packets_are_never_answered(void **state)
{
	const struct frame *about = frame(udp(OUT(53), A(1000)));
	struct pk later = with_ttl(udp(A(1000), OUT(53)), 1), first = later;
	struct frame *f;

	later.frag = 100;
	first.frag = 0x2000;
	f = frame(first);
#define ERROR(type) frame(with_ttl(icmp_error(A(0), OUT(0), type, 0, about, 28), 1))
	const struct row rows[] = {
		{ "unreachable", AT_A, ERROR(3), DROPPED(TTL) },
		{ "source quench", AT_A, ERROR(4), DROPPED(ICMP_NO_FLOW) },
		{ "redirect", AT_A, ERROR(5), DROPPED(ICMP_NO_FLOW) },
		{ "time exceeded", AT_A, ERROR(11), DROPPED(TTL) },
		{ "parameter problem", AT_A, ERROR(12), DROPPED(TTL) },
		{ "later fragment", AT_A, frame(later), DROPPED(TTL) },
		{ "but a first one", AT_A, f, ANSWERED(TTL, TX(AT_A), answer(f, 11, 0, 0)) },
	};

	ROWS(*state, rows);
}

/* RFC 1812 4.3.2.8. The 100 of icmp.h, for each port alone. */
static void errors_are_limited_for_each_port_alone(void **state)
{
	struct bed *b = *state;
	const struct frame *a = frame(with_ttl(udp(A(1000), OUT(53)), 1)),
			   *other = frame(with_ttl(udp(B(1), OUT(2)), 1));
	struct row told = { "told", AT_A, a, ANSWERED(TTL, TX(AT_A), answer(a, 11, 0, 0)) };
	struct row untold = { "no more this tick", AT_A, a, DROPPED(TTL) };
	__u32 slot = AT_A;
	__u64 window;

	settle();
	assert_int_equal(row_run(b, &told), 0);
	assert_int_equal(bpf_map_lookup_elem(b->icmp, &slot, &window), 0);
	assert_int_equal(window, (__u64)now_tick() << 32 | 1);
	window += 98;
	assert_int_equal(bpf_map_update_elem(b->icmp, &slot, &window, BPF_ANY), 0);
	assert_int_equal(row_run(b, &told), 0);
	assert_int_equal(row_run(b, &untold), 0);
	assert_int_equal(row_run(b, &untold), 0);
	STEP(b, "another port", AT_B, other, ANSWERED(TTL, TX(AT_B), answer(other, 11, 0, 0)));
	assert_int_equal(bpf_map_lookup_elem(b->icmp, &slot, &window), 0);
	window -= 1ULL << 32; /* as if that had been in the tick before */
	assert_int_equal(bpf_map_update_elem(b->icmp, &slot, &window, BPF_ANY), 0);
	told.name = "in the next tick";
	assert_int_equal(row_run(b, &told), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_gateway_shows_where_ttl_ends),
		TEST(a_sender_is_told_the_next_mtu),
		TEST(some_packets_are_never_answered),
		TEST(errors_are_limited_for_each_port_alone),
	};

	return RUN(tests, bed_setup);
}
