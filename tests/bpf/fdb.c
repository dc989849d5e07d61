/* SPDX-License-Identifier: GPL-2.0-only */
/* The bridge: learned, moved, aged; where frames go, and where not. */
#include "row.h"

#define NET1 (TX(AT_A) | TX(AT_B) | TX(AT_C) | TX(AT_D) | TX(AT_GW))

static const struct mac nobody = { { 2, 0, 0, 0x99, 0, 1 } }, group = { { 1, 0, 0x5e, 0, 0, 0xfb } };

static struct pk to_mac(struct pk k, struct mac mac)
{
	k.dst = mac;
	return k;
}

static struct pk raw(struct mac dst, struct mac src, __u16 type, __u16 n)
{
	return (struct pk){ .dst = dst, .src = src, .type = type, .n_data = n };
}

static struct frame *reserved(struct mac src, __u8 last)
{
	return frame(raw((struct mac){ { 1, 0x80, 0xc2, 0, 0, last } }, src, 0x88cc, 46));
}

static void c_is_learned(struct bed *b)
{
	fdb_set(b, 1, MAC(AT_C), (struct nsf_fdb){ .gen = 1, .seen = now_tick(), .slot = AT_C });
}

static void frames_go_where_their_mac_is(void **state)
{
	const struct pk a = udp(A(1), B(2)), host = udp(GW(1), A(2));
	struct pk odd = udp(A(1), B(2));

	odd.ttl = 0;
	odd.faults = BAD_IP_SUM | BAD_L4_SUM;
	const struct row rows[] = {
		{ "port to port", AT_A, frame(a), SENT(TX(AT_B)) },
		{ "port to learned port", AT_A, frame(udp(A(1), C(2))), SENT(TX(AT_C)), .setup = c_is_learned },
		{ "learning port to port", AT_C, frame(udp(C(1), A(2))), SENT(TX(AT_A)) },
		{ "a port that is no veth", AT_D, frame(udp(D(1), A(2))), SENT(TX(AT_A)) },
		{ "host to port", AT_GW, frame(host), SENT(TX(AT_A)) },
		{ "port to host", AT_A, frame(udp(A(1), GW(2))), SENT(TX(AT_GW)) },
		{ "what is odd above Ethernet is no affair of a bridge", AT_A, frame(odd), SENT(TX(AT_B)) },
		{ "no IP", AT_A, frame(raw(MAC(AT_B), MAC(AT_A), 0x88b5, 100)), SENT(TX(AT_B)) },
		{ "802.3 length", AT_C, frame(raw(MAC(AT_B), MAC(AT_C), 40, 46)), SENT(TX(AT_B)) },
		{ "a runt", AT_C, frame(raw(MAC(AT_B), MAC(AT_C), 0x88b5, 6)), SENT(TX(AT_B)) },
		{ "a header alone", AT_C, frame(raw(MAC(AT_B), MAC(AT_C), 0x88b5, 0)), SENT(TX(AT_B)) },
	};

	ROWS(*state, rows);
}

static void b_is_gone(struct bed *b)
{
	row_clear_port(&b->dp, AT_B);
}

static void b_is_narrow(struct bed *b)
{
	b->dp.ports[AT_B].mtu = 1000;
}

static void what_has_no_place_is_flooded_but_never_back(void **state)
{
	const struct pk a = udp(A(1), B(2));
	struct pk wide = to_mac(a, ALL);

	wide.n_data = 1000;
	const struct row rows[] = {
		{ "broadcast", AT_A, frame(to_mac(a, ALL)), SENT(NET1 & ~TX(AT_A)) },
		{ "multicast", AT_A, frame(to_mac(a, group)), SENT(NET1 & ~TX(AT_A)) },
		{ "unknown", AT_A, frame(to_mac(a, nobody)), SENT(NET1 & ~TX(AT_A)) },
		{ "known in another network only", AT_A, frame(to_mac(a, MAC(AT_E))), SENT(NET1 & ~TX(AT_A)) },
		{ "the host end of a port", AT_A, frame(to_mac(a, ROUTER)), SENT(NET1 & ~TX(AT_A)) },
		{ "broadcast of a learning port", AT_D, frame(to_mac(udp(D(1), B(2)), ALL)), SENT(NET1 & ~TX(AT_D)) },
		{ "no IP", AT_A, frame(raw(ALL, MAC(AT_A), 0x88b5, 46)), SENT(NET1 & ~TX(AT_A)) },
		{ "a lone port's broadcast", AT_E, frame(to_mac(udp(E(1), B(2)), ALL)), SENT(TX(AT_GW2)) },
		{ "host's broadcast", AT_GW, frame(to_mac(udp(GW(1), A(2)), ALL)), SENT(NET1 & ~TX(AT_GW)) },
		{ "host's unknown", AT_GW, frame(to_mac(udp(GW(1), A(2)), nobody)), SENT(NET1 & ~TX(AT_GW)) },
		{ "known, but gone", AT_A, frame(a), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)), .setup = b_is_gone },
		{ "too long for one port", AT_A, frame(wide), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)),
		  .why = NSF_DROP_TOO_BIG, .setup = b_is_narrow },
	};

	ROWS(*state, rows);
}

static void link_local_groups_go_nowhere(void **state)
{
	struct row r = { "reserved", AT_A, NULL, DROPPED(RESERVED_MAC) };
	int bad = 0;

	for (__u8 i = 0; i < 16; i++) {
		r.in = reserved(MAC(AT_A), i);
		r.at = AT_A;
		bad += row_run(*state, &r);
		r.in = reserved(MAC_GW, i);
		r.at = AT_GW;
		bad += row_run(*state, &r);
	}
	r = (struct row){ "the first one behind", AT_A, reserved(MAC(AT_A), 16), SENT(NET1 & ~TX(AT_A)) };
	bad += row_run(*state, &r);
	assert_int_equal(bad, 0);
}

static void what_is_where_it_came_from_is_dropped(void **state)
{
	const struct row rows[] = {
		{ "itself", AT_A, frame(udp(A(1), A(2))), DROPPED(SAME_PORT) },
		{ "behind the same port", AT_C, frame(to_mac(udp(D(1), B(2)), MAC(AT_C))), DROPPED(SAME_PORT),
		  .setup = c_is_learned },
	};

	ROWS(*state, rows);
}

static void what_is_too_long_is_dropped(void **state)
{
	struct pk fits = udp(A(1), B(2)), host = udp(GW(1), B(2)), over, segments = tcp(A(1), B(2), ACK),
		  odd = raw(MAC(AT_B), MAC(AT_A), 0x88b5, 1001);

	fits.n_data = 972;
	over = fits;
	over.n_data++;
	host.n_data = 973;
	segments.n_data = 3000;
	const struct row rows[] = {
		{ "just fits", AT_A, frame(fits), SENT(TX(AT_B)), .setup = b_is_narrow },
		{ "one more", AT_A, frame(over), DROPPED(TOO_BIG), .setup = b_is_narrow },
		{ "one more, from the host", AT_GW, frame(host), DROPPED(TOO_BIG), .setup = b_is_narrow },
		{ "no IP", AT_A, frame(odd), DROPPED(TOO_BIG), .setup = b_is_narrow },
		{ "segments that fit", AT_A, frame(segments), SENT(TX(AT_B)), .setup = b_is_narrow, .gso = 960 },
		{ "segments that do not", AT_A, frame(segments), DROPPED(TOO_BIG), .setup = b_is_narrow, .gso = 961 },
	};

	ROWS(*state, rows);
}

static void a_learning_port_teaches_and_a_mac_moves(void **state)
{
	struct bed *b = *state;
	struct pk k = udp(C(1), B(2));
	struct nsf_fdb e;

	settle();
	assert_int_not_equal(fdb_get(b, 1, MAC(AT_C), &e), 0);
	STEP(b, "first frame", AT_C, frame(k), SENT(TX(AT_B)));
	assert_int_equal(fdb_get(b, 1, MAC(AT_C), &e), 0);
	assert_int_equal(e.slot, AT_C);
	assert_int_equal(e.gen, b->dp.ports[AT_C].gen);
	assert_int_equal(e.seen, now_tick());
	assert_int_equal(e.flags, 0);
	STEP(b, "found there", AT_A, frame(udp(A(1), C(2))), SENT(TX(AT_C)));
	e.seen -= 50;
	fdb_set(b, 1, MAC(AT_C), e);
	STEP(b, "refreshed", AT_C, frame(k), SENT(TX(AT_B)));
	assert_int_equal(fdb_get(b, 1, MAC(AT_C), &e), 0);
	assert_int_equal(e.seen, now_tick());
	STEP(b, "moved", AT_D, frame(k), SENT(TX(AT_B)));
	STEP(b, "found at its new place", AT_A, frame(udp(A(1), C(2))), SENT(TX(AT_D)));
	assert_int_not_equal(fdb_get(b, 2, MAC(AT_C), &e), 0);
}

static void a_managed_port_and_the_host_teach_nothing(void **state)
{
	struct bed *b = *state;
	__u32 n = table_count(b->dp.map[DP_FDB]);
	struct pk k = udp(GW(1), A(2));

	STEP(b, "managed", AT_A, frame(udp(A(1), B(2))), SENT(TX(AT_B)));
	k.src = nobody;
	STEP(b, "host, another MAC", AT_GW, frame(k), SENT(TX(AT_A)));
	assert_int_equal(table_count(b->dp.map[DP_FDB]), n);
}

/* The gateway's and managed ports' entries: claimed by others in vain. */
static void a_static_entry_stays(void **state)
{
	struct bed *b = *state;
	struct nsf_fdb was, e;
	struct pk k = udp(C(1), A(2));

	k.src = MAC(AT_B);
	assert_int_equal(fdb_get(b, 1, MAC(AT_B), &was), 0);
	STEP(b, "claimed", AT_C, frame(k), DROPPED(SPOOF_MAC));
	assert_int_equal(fdb_get(b, 1, MAC(AT_B), &e), 0);
	assert_memory_equal(&e, &was, sizeof(e));
	was.seen = now_tick() - 2 * NSF_TICKS(NSF_FDB_AGE);
	fdb_set(b, 1, MAC(AT_B), was);
	STEP(b, "never too old", AT_A, frame(udp(A(1), B(2))), SENT(TX(AT_B)));
}

static void a_learned_entry_ages_and_dies_with_its_port(void **state)
{
	struct bed *b = *state;
	struct frame *f = frame(udp(A(1), C(2)));
	struct nsf_fdb e = { .gen = 1, .slot = AT_C };

	settle();
	e.seen = now_tick() - NSF_TICKS(NSF_FDB_AGE) + 1;
	fdb_set(b, 1, MAC(AT_C), e);
	STEP(b, "old", AT_A, f, SENT(TX(AT_C)));
	e.seen--;
	fdb_set(b, 1, MAC(AT_C), e);
	STEP(b, "too old", AT_A, f, SENT(NET1 & ~TX(AT_A)));
	e.seen = now_tick() + 1;
	fdb_set(b, 1, MAC(AT_C), e);
	STEP(b, "seen by another CPU a moment later", AT_A, f, SENT(TX(AT_C)));
	e.gen++;
	fdb_set(b, 1, MAC(AT_C), e);
	STEP(b, "of another port that had this slot", AT_A, f, SENT(NET1 & ~TX(AT_A)));
	STEP(b, "learned anew", AT_C, frame(udp(C(1), B(2))), SENT(TX(AT_B)));
	STEP(b, "found again", AT_A, f, SENT(TX(AT_C)));
}

/* Of a managed port whose MAC we chose, the MAC itself says which it is; of others the table does. */
static void a_chosen_mac_needs_no_entry(void **state)
{
	struct bed *b = *state;
	struct nsf_fdb e = { .gen = 1, .slot = AT_B, .flags = NSF_FDB_STATIC };
	struct nsf_port *row = &b->dp.ports[AT_B];
	struct frame *f = frame(udp(A(1), B(2)));

	table_clear(b->dp.map[DP_FDB]);
	STEP(b, "chosen", AT_A, f, SENT(TX(AT_B)));
	row->net = 2;
	STEP(b, "of another network", AT_A, f, SENT(NET1 & ~TX(AT_A)));
	row->net = 1;
	row->flags &= (__u8)~NSF_PORT_MANAGED;
	STEP(b, "of a port that learns", AT_A, f, SENT(NET1 & ~TX(AT_A)));
	row->flags |= NSF_PORT_MANAGED;
	memcpy(row->mac, &nobody, sizeof(row->mac));
	STEP(b, "not chosen, and not known", AT_A, frame(to_mac(udp(A(1), B(2)), nobody)), SENT(NET1 & ~TX(AT_A)));
	fdb_set(b, 1, nobody, e);
	STEP(b, "not chosen", AT_A, frame(to_mac(udp(A(1), B(2)), nobody)), SENT(TX(AT_B)));
	row_clear_port(&b->dp, AT_B);
	STEP(b, "of a port that is gone", AT_A, f, SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(frames_go_where_their_mac_is),
		TEST(what_has_no_place_is_flooded_but_never_back),
		TEST(link_local_groups_go_nowhere),
		TEST(what_is_where_it_came_from_is_dropped),
		TEST(what_is_too_long_is_dropped),
		TEST(a_learning_port_teaches_and_a_mac_moves),
		TEST(a_managed_port_and_the_host_teach_nothing),
		TEST(a_static_entry_stays),
		TEST(a_learned_entry_ages_and_dies_with_its_port),
		TEST(a_chosen_mac_needs_no_entry),
	};

	return RUN(tests, bed_setup);
}
