/* SPDX-License-Identifier: GPL-2.0-only */
/* The switch's own limits: who hears what, how much a port may send to all, how many MACs are learned, what reaches the host. */
#include "row.h"

#define NET1 (TX(AT_A) | TX(AT_B) | TX(AT_C) | TX(AT_D) | TX(AT_GW))

static const struct mac group = { { 1, 0, 0x5e, 1, 2, 3 } }, nobody = { { 2, 0, 0, 0x99, 0, 1 } };

static struct pk to_mac(struct pk k, struct mac mac)
{
	k.dst = mac;
	return k;
}

static void isolate(struct bed *b)
{
	b->dp.ports[AT_A].flags |= NSF_PORT_ISOLATED;
	b->dp.ports[AT_B].flags |= NSF_PORT_ISOLATED;
}

static void isolated_ports_do_not_meet(void **state)
{
	const struct pk a = udp(A(1), B(2));
	const struct row rows[] = {
		{ "unicast", AT_A, frame(a), DROPPED(ISOLATED), .setup = isolate },
		{ "broadcast", AT_A, frame(to_mac(a, ALL)), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)), .setup = isolate },
		{ "multicast", AT_A, frame(to_mac(a, group)), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)), .setup = isolate },
		{ "unknown", AT_A, frame(to_mac(a, nobody)), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)), .setup = isolate },
		{ "by way of the gateway", AT_A, frame(to_mac(udp(A(1), B(2)), MAC_GW)), DROPPED(ISOLATED),
		  .setup = isolate },
		{ "with others", AT_A, frame(to_mac(a, MAC(AT_C))), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)),
		  .setup = isolate },
		{ "others with them", AT_D, frame(udp(D(1), B(2))), SENT(TX(AT_B)), .setup = isolate },
		{ "the host with them", AT_GW, frame(udp(GW(1), B(2))), SENT(TX(AT_B)), .setup = isolate },
		{ "they with the host", AT_A, frame(udp(A(1), GW(2))), SENT(TX(AT_GW)), .setup = isolate },
	};

	ROWS(*state, rows);
}

static void b_hears_no_unknown(struct bed *b)
{
	b->dp.ports[AT_B].flags |= NSF_PORT_NO_UNKNOWN;
}

static void b_hears_no_groups(struct bed *b)
{
	b->dp.ports[AT_B].flags |= NSF_PORT_NO_MULTICAST;
}

static void a_port_hears_what_it_may(void **state)
{
	const struct pk a = udp(A(1), B(2));
	const struct row rows[] = {
		{ "unknown", AT_A, frame(to_mac(a, nobody)), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)),
		  .setup = b_hears_no_unknown },
		{ "but groups", AT_A, frame(to_mac(a, group)), SENT(NET1 & ~TX(AT_A)), .setup = b_hears_no_unknown },
		{ "no groups", AT_A, frame(to_mac(a, group)), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)),
		  .setup = b_hears_no_groups },
		{ "but broadcast", AT_A, frame(to_mac(a, ALL)), SENT(NET1 & ~TX(AT_A)), .setup = b_hears_no_groups },
		{ "but unknown", AT_A, frame(to_mac(a, nobody)), SENT(NET1 & ~TX(AT_A)), .setup = b_hears_no_groups },
		{ "but its own", AT_A, frame(a), SENT(TX(AT_B)), .setup = b_hears_no_unknown },
	};

	ROWS(*state, rows);
}

static void a_storm_ends_at_the_limit(void **state)
{
	struct bed *b = *state;
	struct frame *f = frame(to_mac(udp(A(1), B(2)), ALL));

	settle();
	b->dp.shares[AT_A].max_flood = 2;
	STEP(b, "first", AT_A, f, SENT(NET1 & ~TX(AT_A)));
	STEP(b, "second", AT_A, frame(to_mac(udp(A(1), B(2)), nobody)), SENT(NET1 & ~TX(AT_A)));
	STEP(b, "third", AT_A, f, DROPPED(STORM));
	STEP(b, "unicast goes on", AT_A, frame(udp(A(1), B(2))), SENT(TX(AT_B)));
	STEP(b, "others go on", AT_B, frame(to_mac(udp(B(1), A(2)), ALL)), SENT(NET1 & ~TX(AT_B)));
	STEP(b, "the host goes on", AT_GW, frame(to_mac(udp(GW(1), A(2)), ALL)), SENT(NET1 & ~TX(AT_GW)));
	b->dp.shares[AT_A].flood_tick--;
	STEP(b, "in the next tick", AT_A, f, SENT(NET1 & ~TX(AT_A)));
	b->dp.shares[AT_A].max_flood = 0;
	b->dp.shares[AT_A].flooded = NSF_FLOOD - 1;
	STEP(b, "the last one by default", AT_A, f, SENT(NET1 & ~TX(AT_A)));
	STEP(b, "one too many", AT_A, f, DROPPED(STORM));
	b->dp.nets[1].n_ports = 1000;
	b->dp.shares[AT_A].flooded = NSF_FLOOD_COPIES / 1000 - 1;
	STEP(b, "the last one among a thousand ports", AT_A, f, SENT(NET1 & ~TX(AT_A)));
	STEP(b, "one too many there", AT_A, f, DROPPED(STORM));
}

static struct mac numbered(__u8 n)
{
	return (struct mac){ { 2, 0x33, 0, 0, 0, n } };
}

static void speaks(struct bed *b, enum at at, __u8 n)
{
	struct pk k = udp(C(1), A(2));

	k.src = numbered(n);
	STEP(b, "speaks", at, frame(k), SENT(TX(AT_A)));
}

static bool learned(struct bed *b, __u8 n, enum at at)
{
	struct nsf_fdb e;

	return !fdb_get(b, 1, numbered(n), &e) && e.slot == at;
}

static void a_port_teaches_as_many_as_it_may(void **state)
{
	struct bed *b = *state;
	struct nsf_share *s = b->dp.shares;
	__u8 i;

	settle();
	s[AT_C].max_macs = 3;
	for (i = 1; i <= 5; i++)
		speaks(b, AT_C, i);
	assert_true(learned(b, 1, AT_C) && learned(b, 3, AT_C) && !learned(b, 4, AT_C));
	assert_int_equal(s[AT_C].macs, 3);
	assert_int_equal(s[AT_C].unlearned, 2);
	assert_int_equal(s[AT_GW].macs, 3);
	speaks(b, AT_D, 1);
	assert_true(learned(b, 1, AT_D));
	assert_int_equal(s[AT_C].macs, 2);
	assert_int_equal(s[AT_D].macs, 1);
	assert_int_equal(s[AT_D].moves, 1);
	assert_int_equal(s[AT_GW].macs, 3);
	speaks(b, AT_C, 4);
	assert_true(learned(b, 4, AT_C));
	row_clear_port(&b->dp, AT_C);
	assert_int_equal(s[AT_GW].macs, 1);
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(s[AT_GW].macs, 1);
	assert_true(learned(b, 1, AT_D) && !learned(b, 4, AT_C));
	b->dp.nets[1].fdb_age = 0;
	speaks(b, AT_D, 9);
	assert_true(!learned(b, 9, AT_D));
}

/* A full network: who has more gives one up for who has fewer, and static entries never go. */
static void a_full_network_is_shared(void **state)
{
	struct bed *b = *state;
	struct nsf_share *s = b->dp.shares;
	__u32 statics = table_count(b->dp.map[DP_FDB]);
	__u8 i;

	settle();
	s[AT_GW].max_macs = 4;
	for (i = 1; i <= 6; i++)
		speaks(b, AT_C, i);
	assert_int_equal(s[AT_C].macs, 4);
	speaks(b, AT_D, 11);
	speaks(b, AT_D, 12);
	assert_true(learned(b, 11, AT_D) && learned(b, 12, AT_D));
	speaks(b, AT_D, 13); /* as many as the other has by now */
	assert_true(!learned(b, 13, AT_D));
	assert_int_equal(s[AT_C].macs, 2);
	assert_int_equal(s[AT_D].macs, 2);
	assert_int_equal(s[AT_GW].macs, 4);
	assert_int_equal(table_count(b->dp.map[DP_FDB]), statics + 4);
}

static void where_nothing_is_learned_what_was_ends(void **state)
{
	struct bed *b = *state;
	struct nsf_fdb e;

	settle();
	speaks(b, AT_C, 1);
	b->dp.nets[1].fdb_age = 0;
	assert_int_equal(fdb_get(b, 1, numbered(1), &e), 0);
	e.seen--;
	fdb_set(b, 1, numbered(1), e);
	speaks(b, AT_C, 1);
	assert_int_equal(dp_purge(b), 0);
	assert_int_not_equal(fdb_get(b, 1, numbered(1), &e), 0);
	assert_int_equal(b->dp.shares[AT_C].macs, 0);
}

static void a_mac_that_flaps_stays(void **state)
{
	struct bed *b = *state;
	struct nsf_fdb e;
	int i;

	settle();
	speaks(b, AT_C, 1);
	for (i = 0; i < NSF_FDB_MOVES; i++)
		speaks(b, i % 2 ? AT_C : AT_D, 1);
	assert_true(learned(b, 1, AT_C));
	speaks(b, AT_D, 1);
	assert_true(learned(b, 1, AT_C));
	assert_int_equal(b->dp.shares[AT_D].unlearned, 1);
	assert_int_equal(fdb_get(b, 1, numbered(1), &e), 0);
	e.moved -= NSF_FDB_CALM;
	fdb_set(b, 1, numbered(1), e);
	speaks(b, AT_D, 1);
	assert_true(learned(b, 1, AT_D));
}

static void what_the_user_entered_stays(void **state)
{
	struct bed *b = *state;
	struct nsf_fdb e = { .gen = b->dp.ports[AT_C].gen, .slot = AT_C, .flags = NSF_FDB_STATIC | NSF_FDB_USER };
	struct pk k = udp(C(1), A(2));

	fdb_set(b, 1, numbered(1), e);
	k.src = numbered(1);
	STEP(b, "from its port", AT_C, frame(k), SENT(TX(AT_A)));
	STEP(b, "from another one", AT_D, frame(k), DROPPED(SPOOF_MAC));
	STEP(b, "found there", AT_A, frame(to_mac(udp(A(1), C(2)), numbered(1))), SENT(TX(AT_C)));
	assert_int_equal(b->dp.shares[AT_C].macs, 0);
}

static void a_serves(struct bed *b)
{
	b->dp.ports[AT_A].flags |= NSF_PORT_SERVES;
}

static void a_container_is_no_dhcp_server(void **state)
{
	struct pk all = to_mac(udp(A(67), B(68)), ALL), c = udp(C(67), B(68));

	all.daddr = 0xffffffff;
	const struct row rows[] = {
		{ "to one", AT_A, frame(udp(A(67), B(68))), DROPPED(DHCP_SERVER) },
		{ "to all", AT_A, frame(all), DROPPED(DHCP_SERVER) },
		{ "it may", AT_A, frame(udp(A(67), B(68))), SENT(TX(AT_B)), .setup = a_serves },
		{ "a learning port", AT_C, frame(c), SENT(TX(AT_B)) },
		{ "another port", AT_A, frame(udp(A(66), B(68))), SENT(TX(AT_B)) },
		{ "TCP", AT_A, frame(tcp(A(67), B(68), ACK)), SENT(TX(AT_B)) },
	};

	ROWS(*state, rows);
}

static void gateway_alone(struct bed *b)
{
	b->dp.nets[1].flags |= NSF_NET_HOST_GATEWAY;
}

static void none(struct bed *b)
{
	b->dp.nets[1].flags |= NSF_NET_HOST_NONE;
}

#define OTHER(p) TO(UP_ADDR, p)

static void the_host_is_reached_as_far_as_it_may(void **state)
{
	const struct row rows[] = {
		{ "all: gateway", AT_A, frame(udp(A(1), GW(53))), SENT(TX(AT_GW)) },
		{ "gateway: gateway", AT_A, frame(udp(A(1), GW(53))), SENT(TX(AT_GW)), .setup = gateway_alone },
		{ "gateway: broadcast", AT_A, frame(to_mac(udp(A(1), B(2)), ALL)), SENT(NET1 & ~TX(AT_A)),
		  .setup = gateway_alone },
		{ "none: echo", AT_A, frame(echo(A(7), GW(0))), SENT(TX(AT_GW)), .setup = none },
		{ "none: what the host began", AT_A, frame(tcp(A(22), GW(1), ACK)), SENT(TX(AT_GW)), .setup = none },
		{ "none: its SYN answered", AT_A, frame(tcp(A(22), GW(1), SYN | ACK)), SENT(TX(AT_GW)), .setup = none },
		{ "none: broadcast", AT_A, frame(to_mac(udp(A(1), B(2)), ALL)), SENT(NET1 & ~TX(AT_A) & ~TX(AT_GW)),
		  .setup = none },
	};

	ROWS(*state, rows);
}

/* The verdict is a frame back to who asked: which one, the tests of ICMP tell. */
static void refused(struct bed *b, const char *name, struct pk k)
{
	struct frame have;
	int verdict;

	table_reset_counts(b);
	assert_int_equal(row_prog(b, AT_A, frame(k), 0, &have, &verdict), 0);
	if (verdict != REDIRECT || have.b[ETH_HLEN + 9] != IPPROTO_ICMP || have.b[ETH_HLEN + 20] != 3 ||
	    have.b[ETH_HLEN + 21] != 13 || table_drops(b, 1, NSF_DROP_HOST_ACCESS) != 1)
		fail_msg("%s: verdict %d, ICMP %u/%u", name, verdict, have.b[ETH_HLEN + 20], have.b[ETH_HLEN + 21]);
}

static void what_may_not_reach_the_host_is_told_so(void **state)
{
	struct bed *b = *state;

	gateway_alone(b);
	refused(b, "gateway: another address", udp(A(1), OTHER(53)));
	refused(b, "gateway: another address, TCP", tcp(A(1), OTHER(53), SYN));
	b->dp.nets[1].flags &= ~(__u32)NSF_NET_HOST_GATEWAY;
	none(b);
	refused(b, "none: UDP", udp(A(1), GW(53)));
	refused(b, "none: TCP", tcp(A(1), GW(22), SYN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(isolated_ports_do_not_meet),
		TEST(a_port_hears_what_it_may),
		TEST(a_storm_ends_at_the_limit),
		TEST(a_port_teaches_as_many_as_it_may),
		TEST(a_full_network_is_shared),
		TEST(where_nothing_is_learned_what_was_ends),
		TEST(a_mac_that_flaps_stays),
		TEST(what_the_user_entered_stays),
		TEST(a_container_is_no_dhcp_server),
		TEST(the_host_is_reached_as_far_as_it_may),
		TEST(what_may_not_reach_the_host_is_told_so),
	};

	return RUN(tests, bed_setup);
}
