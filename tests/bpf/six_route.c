/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 beyond the link: who may speak, what the gateway refuses, where routes lead, networks without translation. */
#include "bed6.h"

static struct pk6 hop(struct pk6 k)
{
	k.hops--;
	return k;
}

/* Says C, who learns. */
static struct pk6 from_c(struct in6 from, struct end6 to)
{
	return udp6((struct end6){ MAC(AT_C), from, 1000 }, to);
}

static void a_managed_port_has_two_addresses(void **state)
{
	const struct end6 link = { MAC(AT_A), IN6_LINK(AT_A), 1000 }, none = { .mac = MAC(AT_A), .port = 1000 };
	const struct end6 link_b = { MAC(AT_A), IN6_LINK(AT_B), 1000 }, as_b = { MAC(AT_A), B6(0).addr, 1000 };
	const struct end6 b = B6(53);
	struct pk6 report = icmp6(none, b, 143, 0), fragment = report;
	static const __u8 first[] = { 58, 0, 0, 1, 0, 0, 0, 9 };

	const struct row rows[] = {
		{ "its own", AT_A, frame6(udp6(A6(1000), b)), SENT(TX(AT_B)) },
		{ "its link-local one", AT_A, frame6(udp6(link, b)), SENT(TX(AT_B)) },
		{ "a group member's report from nobody", AT_A, frame6(report), SENT(TX(AT_B)) },
		{ "a neighbour's", AT_A, frame6(udp6(as_b, b)), DROPPED(SPOOF_IP6) },
		{ "a neighbour's link-local", AT_A, frame6(udp6(link_b, b)), DROPPED(SPOOF_IP6) },
		{ "nobody's", AT_A, frame6(udp6(none, b)), DROPPED(SPOOF_IP6) },
		{ "a fragment from nobody", AT_A, frame6(extended(fragment, 44, first, sizeof(first))),
		  DROPPED(SPOOF_IP6) },
		{ "an outsider's", AT_A, frame6(udp6((struct end6){ MAC(AT_A), PEER6, 1 }, OUT6(53))),
		  DROPPED(SPOOF_IP6) },
		{ "anybody's behind a learning port", AT_C, frame6(from_c(PEER6, b)), SENT(TX(AT_B)) },
	};

	ROWS6(*state, rows);
}

/* A learning port has all but what is known to be a managed one's, or the gateway's. */
static void what_is_anothers_comes_from_no_learning_port(void **state)
{
	static const __u8 first[] = { 17, 0, 0, 1, 0, 0, 0, 9 }, later[] = { 17, 0, 0, 0x80, 0, 0, 0, 9 };
	static const struct in6 none;
	struct in6 subnet = IN6_LINK(AT_A);
	struct pk6 a = from_c(A6(0).addr, B6(53)), piece = a, wrong = a, all = a;

	subnet.b[7] = 1; /* of the same interface, and not on the link */
	piece.later = true;
	wrong.payload = 2000;
	all.dst = ALL;
	const struct row rows[] = {
		{ "its own", AT_C, frame6(from_c(C6(0).addr, B6(53))), SENT(TX(AT_B)) },
		{ "to a port", AT_C, frame6(a), DROPPED(SPOOF_IP6) },
		{ "link-local", AT_C, frame6(from_c(IN6_LINK(AT_A), B6(53))), DROPPED(SPOOF_IP6) },
		{ "to the one that has it", AT_C, frame6(from_c(B6(0).addr, B6(53))), DROPPED(SPOOF_IP6) },
		{ "to the gateway", AT_C, frame6(from_c(A6(0).addr, GW6(53))), DROPPED(SPOOF_IP6) },
		{ "outside", AT_C, frame6(from_c(A6(0).addr, OUT6(53))), DROPPED(SPOOF_IP6) },
		{ "to all", AT_C, frame6(all), DROPPED(SPOOF_IP6) },
		{ "a first fragment", AT_C, frame6(extended(a, 44, first, sizeof(first))), DROPPED(SPOOF_IP6) },
		{ "a later fragment", AT_C, frame6(extended(piece, 44, later, sizeof(later))), DROPPED(SPOOF_IP6) },
		{ "longer than it is", AT_C, frame6(wrong), DROPPED(SPOOF_IP6) },
		{ "the gateway's", AT_C, frame6(from_c(GW6_ADDR, B6(53))), DROPPED(SPOOF_IP6) },
		{ "the gateway's, outside", AT_C, frame6(from_c(GW6_ADDR, OUT6(53))), DROPPED(SPOOF_IP6) },
		{ "the gateway's link-local one", AT_C, frame6(from_c(GW6_LINK, GW6(53))), DROPPED(SPOOF_IP6) },
		{ "nobody's", AT_C, frame6(from_c(IN6_FD77(99), B6(53))), SENT(TX(AT_B)) },
		{ "nobody's link-local one", AT_C, frame6(from_c(IN6_LINK(99), B6(53))), SENT(TX(AT_B)) },
		{ "one like a link-local one", AT_C, frame6(from_c(subnet, B6(53))), SENT(TX(AT_B)) },
		{ "of another network's port", AT_C, frame6(from_c(F6(0).addr, B6(53))), SENT(TX(AT_B)) },
		{ "of nobody, who looks for routers", AT_C,
		  frame6(icmp6((struct end6){ MAC(AT_C), none, 0 }, B6(0), 133, 0)), SENT(TX(AT_B)) },
	};

	ROWS6(*state, rows);
}

/* Behind a learning port there may be others; they are not routed, whoever's they are, but for what is the gateway's. */
static void another_subnets_source_goes_not_beyond_the_gateway(void **state)
{
	const struct pk6 own = from_c(C6(0).addr, OUT6(53));
	struct in6 near = C6(0).addr;

	near.b[7] = 1; /* the subnet's length decides */
	const struct row rows[] = {
		{ "foreign", AT_C, frame6(from_c(IN6_DB8(0xfe, 9), OUT6(53))), DROPPED(SPOOF_IP6) },
		{ "the next subnet's", AT_C, frame6(from_c(near, OUT6(53))), DROPPED(SPOOF_IP6) },
		{ "the host's", AT_C, frame6(from_c(UP6_ADDR, OUT6(53))), DROPPED(SPOOF_IP6) },
		{ "the SNAT address", AT_C, frame6(from_c(SNAT6, OUT6(53))), DROPPED(SPOOF_IP6) },
		{ "another network's", AT_C, frame6(from_c(F6(0).addr, OUT6(53))), DROPPED(SPOOF_IP6) },
		{ "to another address of the host", AT_C, frame6(from_c(PEER6, TO6(UP6_ADDR, 53))),
		  DROPPED(SPOOF_IP6) },
		{ "back into the network", AT_C, frame6(from_c(PEER6, TO6(B6(0).addr, 53))), DROPPED(SPOOF_IP6) },
		{ "to the gateway", AT_C, frame6(from_c(PEER6, GW6(53))), SENT(TX(AT_GW)) },
		{ "the subnet's", AT_C, frame6(own), SENT(TX(AT_LEG)), .out = frame6(snat6(own, 1000)) },
	};

	ROWS6(*state, rows);
}

static void addresses_that_nobody_has(void **state)
{
	static const struct in6 none, loop = { { [15] = 1 } }, all = { { 0xff, 2, [15] = 1 } };
	static const struct in6 mapped = { { [10] = 0xff, 0xff, 192, 0, 2, 1 } }, old4 = { { [12] = 192, 0, 2, 1 } };
#define FROM_C(a) frame6(from_c(a, OUT6(53)))
#define TO_GW(a)  frame6(udp6(A6(1000), TO6(a, 53)))
	const struct end6 link = { MAC(AT_A), IN6_LINK(AT_A), 1000 };
	const struct row rows[] = {
		{ "from nobody", AT_C, FROM_C(none), DROPPED(MARTIAN_SRC) },
		{ "from loopback", AT_C, FROM_C(loop), DROPPED(MARTIAN_SRC) },
		{ "from a group", AT_C, FROM_C(all), DROPPED(MARTIAN_SRC) },
		{ "from IPv4", AT_C, FROM_C(mapped), DROPPED(MARTIAN_SRC) },
		{ "from IPv4 as it was", AT_C, FROM_C(old4), DROPPED(MARTIAN_SRC) },
		{ "to nobody", AT_A, TO_GW(none), DROPPED(MARTIAN_DST) },
		{ "to loopback", AT_A, TO_GW(loop), DROPPED(MARTIAN_DST) },
		{ "to a group", AT_A, TO_GW(all), DROPPED(MARTIAN_DST) },
		{ "to IPv4", AT_A, TO_GW(mapped), DROPPED(MARTIAN_DST) },
		{ "to a neighbour's link-local address", AT_A, TO_GW(IN6_LINK(AT_B)), DROPPED(LINK_LOCAL) },
		{ "outside from a link-local address", AT_A, frame6(udp6(link, OUT6(53))), DROPPED(LINK_LOCAL) },
		{ "to the gateway", AT_A, TO_GW(GW6_ADDR), SENT(TX(AT_GW)) },
		{ "to the gateway from a link-local address", AT_A, frame6(udp6(link, GW6(53))), SENT(TX(AT_GW)) },
		{ "to the gateway's link-local address", AT_A, TO_GW(GW6_LINK), DROPPED(HOST_ACCESS) },
		{ "to another address of the host", AT_A, TO_GW(UP6_ADDR), SENT(TX(AT_GW)) },
		{ "from the host to a container", AT_GW, frame6(udp6(GW6(53), A6(1000))), SENT(TX(AT_A)) },
	};

	ROWS6(*state, rows);
}

/* RFC 4890: what is the link's affair stays on it. */
static void icmp_that_does_not_leave(void **state)
{
	static const __u8 types[] = { 0, 5, 100, 127, 130, 133, 138, 139, 140, 143, 148, 200, 255 };
	struct row rows[ARRAY_SIZE(types)];

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		rows[i] = (struct row){ "an ICMPv6 message", AT_C, frame6(icmp6(C6(0), OUT6(0), types[i], 0)),
					DROPPED(ICMP6_LINK) };
	ROWS6(*state, rows);
}

static void routes_say_where(void **state)
{
#define UDP_TO(a) frame6(udp6(A6(1000), TO6(a, 53)))
	struct pk6 last = udp6(A6(1000), OUT6(53)), none = last, big = udp6(A6(1000), TO6(NARROW6, 53)), fits = big;
	struct frame *f;

	last.hops = 1;
	none.hops = 0;
	big.n_data = 1300 - 40 - 8 + 1;
	fits.n_data = 1300 - 40 - 8;
	f = UDP_TO(B6(0).addr);
	const struct row rows[] = {
		{ "unreachable", AT_A, UDP_TO(LOST6),
		  ANSWERED(UNREACHABLE, TX(AT_A), answer6(UDP_TO(LOST6), 1, 3, 0)) },
		{ "prohibited", AT_A, UDP_TO(FORBID6),
		  ANSWERED(PROHIBITED, TX(AT_A), answer6(UDP_TO(FORBID6), 1, 1, 0)) },
		{ "a black hole", AT_A, UDP_TO(HOLE6), DROPPED(BLACKHOLE) },
		{ "not by the uplink", AT_A, UDP_TO(ASIDE6),
		  ANSWERED(NOT_UPLINK, TX(AT_A), answer6(UDP_TO(ASIDE6), 1, 0, 0)) },
		{ "another network", AT_A, UDP_TO(F6(0).addr),
		  ANSWERED(OTHER_NET, TX(AT_A), answer6(UDP_TO(F6(0).addr), 1, 1, 0)) },
		{ "hop limit 1", AT_A, frame6(last), ANSWERED(TTL, TX(AT_A), answer6(frame6(last), 3, 0, 0)) },
		{ "hop limit 0", AT_A, frame6(none), ANSWERED(TTL, TX(AT_A), answer6(frame6(none), 3, 0, 0)) },
		{ "too big", AT_A, frame6(big), ANSWERED(TOO_BIG, TX(AT_A), answer6(frame6(big), 2, 0, 1300)) },
		{ "just fits", AT_A, frame6(fits), SENT(TX(AT_LEG)), .out = frame6(snat6(fits, 1000)) },
		{ "next hop not known yet", AT_A, UDP_TO(STRANGE6), SENT(TX(AT_LEG)),
		  .out = frame6(snat6(udp6(A6(1000), TO6(STRANGE6, 53)), 1000)) },
		{ "a neighbour by way of the gateway", AT_A, f, SENT(0),
		  .out = frame6(hop(udp6(A6(1000), TO6(B6(0).addr, 53)))) },
	};

	ROWS6(*state, rows);
}

/* RFC 4443 section 2.4(e). */
static void errors_are_not_answered(void **state)
{
	static const __u8 later[] = { 17, 0, 0, 0x80, 0, 0, 0, 9 };
	struct pk6 piece = udp6(A6(1000), TO6(LOST6, 53));
	struct pk6 ping = echo6(A6(7), TO6(LOST6, 0));

	piece.later = true;
	const struct row rows[] = {
		{ "about an error", AT_F, frame6(icmp6(F6(0), TO6(LOST6, 0), 3, 0)), DROPPED(UNREACHABLE) },
		{ "about an echo", AT_A, frame6(ping),
		  ANSWERED(UNREACHABLE, TX(AT_A), answer6(frame6(ping), 1, 3, 0)) },
		{ "about a later fragment", AT_A, frame6(extended(piece, 44, later, sizeof(later))),
		  DROPPED(UNREACHABLE) },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct row r = rows[i];
		struct frame f = *r.in;

		if (r.at == AT_F) { /* for its own gateway */
			struct mac gw3 = MAC(AT_GW3);

			memcpy(f.b, &gw3, sizeof(gw3));
			r.in = &f;
		}
		rows6_run(*state, &r, 1);
	}
}

static void errors_have_a_limit(void **state)
{
	struct bed *b = *state;
	struct frame *in = frame6(udp6(A6(1000), TO6(LOST6, 53)));
	int answered = 0, verdict = SHOT;
	struct frame have;

	settle();
	for (int i = 0; i < 150; i++) {
		assert_int_equal(row_prog(b, AT_A, in, 0, &have, &verdict), 0);
		answered += verdict == REDIRECT;
	}
	assert_int_equal(answered, 100);
	assert_int_equal(table_drops(b, 1, NSF_DROP_UNREACHABLE), 150);
}

/* As much as 1280 bytes have room for. */
static void an_error_quotes_what_fits(void **state)
{
	static const __u16 sizes[] = { 0, 1, 2, 3, 61, 1183, 1184, 1185, 1186, 1400 };
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct pk6 k = udp6(A6(1000), TO6(LOST6, 53));
		struct row r = { .name = "a size", .at = AT_A };

		k.n_data = sizes[i];
		k.trailer = sizes[i] < 100 ? 5 : 0;
		r.in = frame6(k);
		r.verdict = REDIRECT;
		r.why = NSF_DROP_UNREACHABLE;
		r.tx = TX(AT_A);
		r.out = answer6(r.in, 1, 3, 0);
		bad += row_run(*state, &r);
	}
	assert_int_equal(bad, 0);
}

/* A subnet whose addresses may not leave and cannot be translated: the uplink has no address for that. */
static void a_network_without_a_way_outside_says_so(void **state)
{
	struct bed *b = *state;
	const struct frame *rows[] = { UDP_TO(PEER6), frame6(tcp6(A6(1000), OUT6(80), SYN)) };

	b->dp.nets[1].flags &= ~(__u32)NSF_NET_SNAT6;
	settle();
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		STEP(b, "to the outside", AT_A, rows[i], ANSWERED(NO_UPLINK, TX(AT_A), answer6(rows[i], 1, 0, 0)));
	STEP(b, "to a neighbour", AT_A, UDP_TO(B6(0).addr), SENT(0),
	     .out = frame6(hop(udp6(A6(1000), TO6(B6(0).addr, 53)))));
}

static void exempt(struct bed *b, struct in6 subnet, __u32 plen)
{
	struct nsf_except k = { .plen = 32 + plen, .net = 1, .family = 6 };
	struct nsf_subnet6 inner = { .plen = 64 };
	struct in6 gw = GW6_ADDR;
	__u32 one = 1;

	memcpy(k.addr, &subnet, plen / 8);
	memcpy(inner.addr6, &gw, 8);
	b->dp.nets[1].flags |= NSF_NET_EXCEPT;
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_EXCEPTS], &k, &one, BPF_ANY), 0);
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_SUBNETS6], &inner, &one, BPF_ANY), 0);
}

/* RFC 6888 REQ-6. */
static void an_exempt_destination_sees_the_inner_address(void **state)
{
	struct bed *b = *state;
	const struct in6 near = IN6_DB8(0xfe, 1);
	const struct end6 near_end = { ROUTER, near, 53 }, to_a = { MAC_UP, A6(0).addr, 1000 };
	struct pk6 out = udp6(A6(1000), TO6(near, 53)), in = udp6(near_end, to_a);

	exempt(b, near, 64);
	settle();
	STEP(b, "out", AT_A, frame6(out), SENT(TX(AT_LEG)), .out = frame6(hop(out)));
	STEP(b, "its answer", AT_UPLINK, frame6(in), SENT(0), .out = frame6(hop(in)));
	STEP(b, "from others", AT_UPLINK, frame6(udp6(FAR6(53), to_a)), PASSED);
	STEP(b, "to others", AT_A, UDP_TO(PEER6), SENT(TX(AT_LEG)),
	     .out = frame6(snat6(udp6(A6(1000), OUT6(53)), 1000)));
	assert_int_equal(flow_count(b), 1);
}

/* Net 3. */
#define GW3_MAC MAC(AT_GW3)

static void a_routed_network_keeps_its_addresses(void **state)
{
	const struct end6 out = { GW3_MAC, PEER6, 53 }, in = { MAC_UP, F6(0).addr, 1000 };
	struct pk6 big = udp6(FAR6(53), in), last = big, from_gw = big;
	struct in6 gw3 = IN6_DB8(0x79, 1);

	big.n_data = 1500;
	last.hops = 1;
	from_gw.to = gw3;
	const struct row rows[] = {
		{ "out", AT_F, frame6(udp6(F6(1000), out)), SENT(TX(AT_LEG3)),
		  .out = frame6(hop(udp6(F6(1000), out))) },
		{ "TCP without a beginning", AT_F, frame6(tcp6(F6(1000), out, ACK)), SENT(TX(AT_LEG3)),
		  .out = frame6(hop(tcp6(F6(1000), out, ACK))) },
		{ "in", AT_UPLINK, frame6(udp6(FAR6(53), in)), SENT(0), .out = frame6(hop(udp6(FAR6(53), in))) },
		{ "an error in", AT_UPLINK, frame6(icmp6(FAR6(0), in, 1, 4)), SENT(0),
		  .out = frame6(hop(icmp6(FAR6(0), in, 1, 4))) },
		{ "too big", AT_UPLINK, frame6(big),
		  ANSWERED(TOO_BIG, TX(AT_LEG3), answer6_from(gw3, frame6(big), 2, 0, 1500)) },
		{ "last hop", AT_UPLINK, frame6(last),
		  ANSWERED(TTL, TX(AT_LEG3), answer6_from(gw3, frame6(last), 3, 0, 0)) },
		{ "the gateway's", AT_UPLINK, frame6(from_gw), PASSED },
	};

	ROWS6(*state, rows);
}

static void what_stays_on_the_uplink(void **state)
{
	static const struct in6 all = { { 0xff, 2, [15] = 1 } };
	const struct in6 far_link = IN6_LINK(0xfe);
	const struct row rows[] = {
		{ "to a group", AT_UPLINK, frame6(udp6(FAR6(53), (struct end6){ MAC_UP, all, 53 })), PASSED },
		{ "from the link", AT_UPLINK,
		  frame6(udp6((struct end6){ ROUTER, far_link, 1 }, (struct end6){ MAC_UP, F6(0).addr, 1 })), PASSED },
		{ "neighbour discovery", AT_UPLINK,
		  frame6(icmp6(FAR6(0), (struct end6){ MAC_UP, F6(0).addr, 0 }, 135, 0)), PASSED },
		{ "to the host", AT_UPLINK, frame6(udp6(FAR6(53), (struct end6){ MAC_UP, UP6_ADDR, 53 })), PASSED },
		{ "to a subnet that is translated", AT_UPLINK,
		  frame6(udp6(FAR6(53), (struct end6){ MAC_UP, A6(0).addr, 53 })), PASSED },
	};

	ROWS6(*state, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST6(a_managed_port_has_two_addresses),
		TEST6(what_is_anothers_comes_from_no_learning_port),
		TEST6(another_subnets_source_goes_not_beyond_the_gateway),
		TEST6(addresses_that_nobody_has),
		TEST6(icmp_that_does_not_leave),
		TEST6(routes_say_where),
		TEST6(errors_are_not_answered),
		TEST6(errors_have_a_limit),
		TEST6(an_error_quotes_what_fits),
		TEST6(a_routed_network_keeps_its_addresses),
		TEST6(what_stays_on_the_uplink),
		TEST6(a_network_without_a_way_outside_says_so),
		TEST6(an_exempt_destination_sees_the_inner_address),
	};

	return RUN(tests, bed6_setup);
}
