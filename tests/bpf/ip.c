/* SPDX-License-Identifier: GPL-2.0-only */
/* IP for the gateway's MAC: addresses that are nobody's, options, what is the host's. */
#include "row.h"

#define NET1 (TX(AT_A) | TX(AT_B) | TX(AT_C) | TX(AT_D) | TX(AT_GW))

/* From the learning port, which may use any address. */
static struct frame *between(__u32 saddr, __u32 daddr)
{
	return frame(udp((struct end){ MAC(AT_C), saddr, 1000 }, TO(daddr, 53)));
}

static void nobodys_sources_are_dropped(void **state)
{
	const struct row rows[] = {
		{ "0/8", AT_C, between(IP4(0, 0, 0, 1), PEER), DROPPED(MARTIAN_SRC) },
		{ "zero", AT_C, between(0, PEER), DROPPED(MARTIAN_SRC) },
		{ "loopback", AT_C, between(IP4(127, 0, 0, 1), PEER), DROPPED(MARTIAN_SRC) },
		{ "loopback to the gateway", AT_C, between(IP4(127, 1, 2, 3), GW_ADDR), DROPPED(MARTIAN_SRC) },
		{ "multicast", AT_C, between(IP4(224, 0, 0, 1), PEER), DROPPED(MARTIAN_SRC) },
		{ "240/4", AT_C, between(IP4(240, 0, 0, 1), PEER), DROPPED(MARTIAN_SRC) },
		{ "broadcast", AT_C, between(0xffffffff, PEER), DROPPED(MARTIAN_SRC) },
		{ "the subnet's broadcast", AT_C, between(IP4(10, 77, 0, 255), PEER), DROPPED(MARTIAN_SRC) },
	};

	ROWS(*state, rows);
}

/* Behind a learning port there may be others; they are not routed, whoever's they are, but for what is the gateway's. */
static void another_subnets_source_goes_not_beyond_the_gateway(void **state)
{
	const struct pk own = udp(C(1000), OUT(53));
	const struct row rows[] = {
		{ "foreign", AT_C, between(IP4(203, 0, 113, 99), PEER), DROPPED(SPOOF_IP4) },
		{ "private", AT_C, between(IP4(192, 168, 1, 1), PEER), DROPPED(SPOOF_IP4) },
		{ "the host's", AT_C, between(UP_ADDR, PEER), DROPPED(SPOOF_IP4) },
		{ "the SNAT address", AT_C, between(SNAT, PEER), DROPPED(SPOOF_IP4) },
		{ "another network's", AT_C, between(E(0).addr, PEER), DROPPED(SPOOF_IP4) },
		{ "to another address of the host", AT_C, between(PEER, UP_ADDR), DROPPED(SPOOF_IP4) },
		{ "back into the network", AT_C, between(PEER, B(0).addr), DROPPED(SPOOF_IP4) },
		{ "to the gateway", AT_C, between(PEER, GW_ADDR), SENT(TX(AT_GW)) },
		{ "within the network", AT_C, frame(udp((struct end){ MAC(AT_C), PEER, 1 }, B(2))), SENT(TX(AT_B)) },
		{ "the subnet's", AT_C, frame(own), SENT(TX(AT_LEG)), .out = frame(snat(own, 1000)) },
	};

	ROWS(*state, rows);
}

static void some_destinations_are_never_routed(void **state)
{
	const __u32 a = C(0).addr;
	const struct row rows[] = {
		{ "zero", AT_C, between(a, 0), DROPPED(MARTIAN_DST) },
		{ "0/8", AT_C, between(a, IP4(0, 1, 2, 3)), DROPPED(MARTIAN_DST) },
		{ "loopback", AT_C, between(a, IP4(127, 0, 0, 1)), DROPPED(MARTIAN_DST) },
		{ "multicast", AT_C, between(a, IP4(239, 1, 1, 1)), DROPPED(MARTIAN_DST) },
		{ "240/4", AT_C, between(a, IP4(250, 1, 1, 1)), DROPPED(MARTIAN_DST) },
		{ "broadcast", AT_C, between(a, 0xffffffff), DROPPED(MARTIAN_DST) },
		{ "the subnet's broadcast", AT_C, between(a, IP4(10, 77, 0, 255)), DROPPED(MARTIAN_DST) },
		{ "a cloud's metadata", AT_C, between(a, IP4(169, 254, 169, 254)), DROPPED(LINK_LOCAL) },
		{ "link-local", AT_C, between(a, IP4(169, 254, 0, 1)), DROPPED(LINK_LOCAL) },
	};

	ROWS(*state, rows);
}

static struct frame *with_options(struct end to, const char *options)
{
	struct pk k = udp(A(1000), to);

	k.n_options = 8;
	memcpy(k.options, options, 8);
	return frame(k);
}

static void source_routes_are_dropped_other_options_are_not(void **state)
{
	const struct row rows[] = {
		{ "loose", AT_A, with_options(OUT(53), "\x83\x07\x04\x0a\x4d\x00\x01"), DROPPED(SOURCE_ROUTE) },
		{ "strict", AT_A, with_options(OUT(53), "\x89\x07\x04\x0a\x4d\x00\x01"), DROPPED(SOURCE_ROUTE) },
		{ "loose, to the gateway", AT_A, with_options(GW(53), "\x83\x07\x04\x0a\x4d\x00\x01"),
		  DROPPED(SOURCE_ROUTE) },
		{ "behind others", AT_A, with_options(OUT(53), "\x01\x94\x04\x00\x00\x83\x03"), DROPPED(SOURCE_ROUTE) },
		{ "record route", AT_A, with_options(GW(53), "\x07\x07\x04\x00\x00\x00\x00"), SENT(TX(AT_GW)) },
		{ "its number as another's data", AT_A, with_options(GW(53), "\x94\x04\x83\x89\x01\x01\x01"),
		  SENT(TX(AT_GW)) },
		{ "behind the end", AT_A, with_options(GW(53), "\x00\x83\x07\x04\x0a\x4d\x00"), SENT(TX(AT_GW)) },
		{ "between ports", AT_A, frame(udp(A(1), B(2))), SENT(TX(AT_B)) },
	};

	ROWS(*state, rows);
}

static void what_is_the_hosts_goes_up_untouched(void **state)
{
	struct pk later = udp(A(1), GW(2)), odd = pk_ip4(A(0), GW(0), 132), flat = udp(A(1), OUT(2)), not_ip = flat;

	later.frag = 100;
	flat.dst = ALL;
	not_ip.type = 0x88b5;
	const struct row rows[] = {
		{ "the gateway's address", AT_A, frame(tcp(A(1), GW(22), SYN)), SENT(TX(AT_GW)) },
		{ "echo", AT_A, frame(echo(A(1), GW(0))), SENT(TX(AT_GW)) },
		{ "a fragment", AT_A, frame(later), SENT(TX(AT_GW)) },
		{ "another protocol", AT_A, frame(odd), SENT(TX(AT_GW)) },
		{ "another address of the host", AT_A, frame(udp(A(1), TO(UP_ADDR, 53))), SENT(TX(AT_GW)) },
		{ "the SNAT address", AT_A, frame(tcp(A(1), TO(SNAT, 22), SYN)), SENT(TX(AT_GW)) },
		{ "broadcast with an address outside is not routed", AT_A, frame(flat), SENT(NET1 & ~TX(AT_A)) },
		{ "neither IP nor ARP", AT_A, frame(not_ip), DROPPED(NOT_IP) },
	};

	ROWS(*state, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nobodys_sources_are_dropped),         TEST(another_subnets_source_goes_not_beyond_the_gateway),
		TEST(some_destinations_are_never_routed),  TEST(source_routes_are_dropped_other_options_are_not),
		TEST(what_is_the_hosts_goes_up_untouched),
	};

	return RUN(tests, bed_setup);
}
