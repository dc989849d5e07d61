/* SPDX-License-Identifier: GPL-2.0-only */
/* Multicast groups: who hears them, by what IGMP and MLD say. */
#include "bed6.h"

#define NET1 (TX(AT_A) | TX(AT_B) | TX(AT_C) | TX(AT_D) | TX(AT_GW))

#define GROUP       IP4(239, 1, 2, 3)
#define OTHER       IP4(239, 1, 2, 4)
#define GROUPS_READ 64                 /* bpf/group.h */
#define ROUTERS3    IP4(224, 0, 0, 22) /* to whom IGMPv3 reports go */

static struct end to_group(__u32 addr)
{
	return (struct end){ { { 1, 0, 0x5e, addr >> 16 & 0x7f, (__u8)(addr >> 8), (__u8)addr } }, addr, 5000 };
}

static struct frame *data(struct end from, __u32 addr)
{
	return frame(udp(from, to_group(addr)));
}

/* IGMP as bytes, whose sum is filled in. */
static struct frame *igmp(struct end from, __u32 to, const __u8 *bytes, __u16 n)
{
	struct pk k = pk_ip4(from, to_group(to), IPPROTO_IGMP);
	__u8 m[64];

	memcpy(m, bytes, n);
	put16(m + 2, sum16(0, m, n));
	k.data = m;
	k.n_data = n;
	k.ttl = 1;
	return frame(k);
}

static struct frame *igmp2(struct end from, __u8 type, __u32 addr)
{
	const __u8 m[] = { type, 0, 0, 0, addr >> 24, (__u8)(addr >> 16), (__u8)(addr >> 8), (__u8)addr };

	return igmp(from, type == 0x11 ? IP4(224, 0, 0, 1) : type == 0x17 ? IP4(224, 0, 0, 2) : addr, m, sizeof(m));
}

/* One record, and one before it for a group of no interest. */
static struct frame *igmp3(struct end from, __u8 record, __u32 addr, __u8 sources)
{
	const __u8 m[] = { 0x22,
			   0,
			   0,
			   0,
			   0,
			   0,
			   0,
			   2,
			   4,
			   1,
			   0,
			   0,
			   239,
			   9,
			   9,
			   9,
			   0xde,
			   0xad,
			   0xbe,
			   0xef,
			   record,
			   0,
			   0,
			   sources,
			   addr >> 24,
			   (__u8)(addr >> 16),
			   (__u8)(addr >> 8),
			   (__u8)addr,
			   203,
			   0,
			   113,
			   9 };

	return igmp(from, ROUTERS3, m, (__u16)(sizeof(m) - (sources ? 0 : 4)));
}

#define QUERY(from)        igmp2(from, 0x11, 0)
#define JOIN(from, group)  igmp2(from, 0x16, group)
#define LEAVE(from, group) igmp2(from, 0x17, group)

static struct nsf_group member(struct bed *b, enum at at, __u32 addr, bool *there)
{
	struct end e = to_group(addr);
	struct nsf_group_key k = { .slot = at };
	struct nsf_group g = {};

	memcpy(k.mac, &e.mac, sizeof(k.mac));
	*there = !bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.nsf_groups), &k, &g);
	return g;
}

static void member_ages(struct bed *b, enum at at, __u32 addr, __u32 ticks)
{
	struct end e = to_group(addr);
	struct nsf_group_key k = { .slot = at };
	bool there;
	struct nsf_group g = member(b, at, addr, &there);

	assert_true(there);
	g.seen -= ticks;
	memcpy(k.mac, &e.mac, sizeof(k.mac));
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(b->skel->maps.nsf_groups), &k, &g, BPF_EXIST), 0);
}

static void nobody_asks(struct bed *b)
{
	table_clear(bpf_map__fd(b->skel->maps.nsf_groups));
	table_clear(bpf_map__fd(b->skel->maps.nsf_queriers));
}

static void answered(struct bed *b, __u32 family)
{
	struct nsf_querier_key k = { .net = 1, .family = family };
	int map = bpf_map__fd(b->skel->maps.nsf_queriers);
	struct nsf_querier q;

	assert_int_equal(bpf_map_lookup_elem(map, &k, &q), 0);
	q.from = q.seen;
	assert_int_equal(bpf_map_update_elem(map, &k, &q, BPF_EXIST), 0);
}

/* D is where the router is, and all have had the time to answer. */
static void asked(struct bed *b)
{
	nobody_asks(b);
	STEP(b, "a query", AT_D, QUERY(D(0)), SENT(NET1 & ~TX(AT_D)));
	answered(b, 4);
}

static void without_a_querier_all_hear(void **state)
{
	struct bed *b = *state;

	nobody_asks(b);
	STEP(b, "a report", AT_B, JOIN(B(0), GROUP), SENT(NET1 & ~TX(AT_B)));
	STEP(b, "data", AT_A, data(A(1), GROUP), SENT(NET1 & ~TX(AT_A)));
	STEP(b, "of a group that nobody has asked for", AT_A, data(A(1), OTHER), SENT(NET1 & ~TX(AT_A)));
}

/* RFC 3376 section 4.1.1, RFC 3810 section 5.1.3: codes, and the ticks after which all have answered. */
static void all_hear_until_they_can_have_answered(void **state)
{
	static const struct {
		__u8 code;
		__u32 ticks;
	} rows[] = { { 0, 11 }, { 1, 1 }, { 100, 11 }, { 127, 13 }, { 0x80, 13 }, { 0xff, 3175 } };
	struct bed *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const __u8 m[] = { 0x11, rows[i].code, 0, 0, 0, 0, 0, 0 };
		struct nsf_querier_key k = { .net = 1, .family = 4 };
		struct nsf_querier q;

		table_reset(b);
		settle();
		nobody_asks(b);
		STEP(b, "a query", AT_D, igmp(D(0), IP4(224, 0, 0, 1), m, sizeof(m)), SENT(NET1 & ~TX(AT_D)));
		STEP(b, "data", AT_A, data(A(1), GROUP), SENT(NET1 & ~TX(AT_A)));
		STEP(b, "another query", AT_D, igmp(D(0), IP4(224, 0, 0, 1), m, sizeof(m)), SENT(NET1 & ~TX(AT_D)));
		assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.nsf_queriers), &k, &q), 0);
		assert_int_equal(q.from - q.seen, rows[i].ticks);
	}
}

static void who_has_joined_hears(void **state)
{
	struct bed *b = *state;

	asked(b);
	STEP(b, "nobody but the router", AT_A, data(A(1), GROUP), SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "reports go to the router", AT_B, JOIN(B(0), GROUP), SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "one has joined", AT_A, data(A(1), GROUP), SENT(TX(AT_B) | TX(AT_D) | TX(AT_GW)));
	STEP(b, "not another group", AT_A, data(A(1), OTHER), SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "what is the link's own", AT_A, data(A(1), IP4(224, 0, 0, 251)), SENT(NET1 & ~TX(AT_A)));
	STEP(b, "the host's", AT_GW, data(GW(1), GROUP), SENT(TX(AT_B) | TX(AT_D)));
	STEP(b, "broadcast", AT_A, frame(udp(A(1), (struct end){ ALL, IP4(10, 77, 0, 255), 9 })),
	     SENT(NET1 & ~TX(AT_A)));
	STEP(b, "another network", AT_E, data(E(1), GROUP), SENT(TX(AT_GW2)));
	STEP(b, "it leaves", AT_B, LEAVE(B(0), GROUP), SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "another one behind it may still listen", AT_A, data(A(1), GROUP),
	     SENT(TX(AT_B) | TX(AT_D) | TX(AT_GW)));
	member_ages(b, AT_B, GROUP, NSF_GROUP_LEFT);
	STEP(b, "then no longer", AT_A, data(A(1), GROUP), SENT(TX(AT_D) | TX(AT_GW)));
}

static void records_of_version_three_are_read(void **state)
{
	static const struct {
		const char *name;
		__u8 record, sources;
		bool joins;
	} rows[] = {
		{ "all but none", 2, 0, true },
		{ "changes to all but none", 4, 0, true },
		{ "some", 1, 1, true },
		{ "changes to some", 3, 1, true },
		{ "allows some", 5, 1, true },
		{ "some, and these none", 1, 0, false },
		{ "changes to none", 3, 0, false },
		{ "blocks some", 6, 1, false },
	};
	struct bed *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		bool there;

		table_reset(b);
		settle();
		asked(b);
		STEP(b, rows[i].name, AT_B, igmp3(B(0), rows[i].record, GROUP, rows[i].sources),
		     SENT(TX(AT_D) | TX(AT_GW)));
		STEP(b, rows[i].name, AT_A, data(A(1), GROUP),
		     SENT(TX(AT_D) | TX(AT_GW) | (rows[i].joins ? TX(AT_B) : 0)));
		member(b, AT_B, IP4(239, 9, 9, 9), &there);
		assert_true(there);
		assert_int_equal(b->dp.listens[AT_B].groups, 1 + rows[i].joins);
	}
}

static void who_joins_too_many_hears_all(void **state)
{
	struct bed *b = *state;

	asked(b);
	b->dp.listens[AT_B].groups = NSF_GROUPS_PORT;
	STEP(b, "one too many", AT_B, JOIN(B(0), GROUP), SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "any group", AT_A, data(A(1), OTHER), SENT(TX(AT_B) | TX(AT_D) | TX(AT_GW)));
	b->dp.listens[AT_B].all -= NSF_GROUP_TICKS;
	STEP(b, "no longer", AT_A, data(A(1), OTHER), SENT(TX(AT_D) | TX(AT_GW)));
}

static void what_is_over_is_forgotten(void **state)
{
	struct bed *b = *state;
	int groups = bpf_map__fd(b->skel->maps.nsf_groups), queriers = bpf_map__fd(b->skel->maps.nsf_queriers);
	struct nsf_querier_key k = { .net = 1, .family = 4 };
	struct nsf_querier q;
	bool there;

	asked(b);
	STEP(b, "joins", AT_B, JOIN(B(0), GROUP), SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "joins", AT_A, JOIN(A(0), GROUP), SENT(TX(AT_D) | TX(AT_GW)));
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(table_count(groups), 2);
	member_ages(b, AT_B, GROUP, NSF_GROUP_TICKS);
	row_clear_port(&b->dp, AT_A);
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(table_count(groups), 0);
	assert_int_equal(b->dp.listens[AT_B].groups, 0);
	member(b, AT_A, GROUP, &there);
	assert_false(there);
	assert_int_equal(bpf_map_lookup_elem(queriers, &k, &q), 0);
	q.seen -= NSF_GROUP_TICKS;
	assert_int_equal(bpf_map_update_elem(queriers, &k, &q, BPF_EXIST), 0);
	STEP(b, "nobody asks any more", AT_B, data(B(1), GROUP), SENT(NET1 & ~TX(AT_A) & ~TX(AT_B)));
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(table_count(queriers), 0);
}

static void only_who_may_serve_asks(void **state)
{
	static const __u8 query[8] = { 0x11 };
	struct pk k = pk_ip4(A(0), to_group(IP4(224, 0, 0, 1)), IPPROTO_IGMP);
	struct bed *b = *state;

	k.data = query;
	k.n_data = sizeof(query);

	nobody_asks(b);
	STEP(b, "a container", AT_A, QUERY(A(0)), DROPPED(QUERIER));
	k.dst = MAC(AT_B);
	STEP(b, "to a neighbour alone", AT_A, frame(k), DROPPED(QUERIER));
	k.frag = 0x2000;
	STEP(b, "in pieces", AT_A, frame(k), DROPPED(QUERIER));
	STEP(b, "all hear as before", AT_A, data(A(1), GROUP), SENT(NET1 & ~TX(AT_A)));
	b->dp.ports[AT_A].flags |= NSF_PORT_SERVES;
	STEP(b, "that may serve", AT_A, QUERY(A(0)), SENT(NET1 & ~TX(AT_A)));
	answered(b, 4);
	STEP(b, "hears all", AT_B, data(B(1), GROUP), SENT(TX(AT_A) | TX(AT_GW)));
	b->dp.nets[1].flags |= NSF_NET_NO_SNOOPING;
	STEP(b, "all hear if so wanted", AT_B, data(B(1), GROUP), SENT(NET1 & ~TX(AT_B)));
}

/* Hosts answer none of these, so that nobody is known to listen by them. */
static void what_no_host_takes_for_a_query_is_none(void **state)
{
	struct bed *b = *state;
	struct frame *f[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = QUERY(D(0));
	f[0]->b[5] = 2;             /* to another MAC */
	f[1]->b[ETH_HLEN + 8] = 2;  /* TTL, */
	f[2]->b[ETH_HLEN + 19] = 2; /* destination, */
	frame_ip_sum(f[1]->b + ETH_HLEN, 20, false);
	frame_ip_sum(f[2]->b + ETH_HLEN, 20, false);
	f[3]->b[ETH_HLEN + 11] ^= 1;     /* header's sum, */
	f[4]->b[ETH_HLEN + 20 + 3] ^= 1; /* message's sum */
	f[5] = igmp2(D(0), 0x11, GROUP); /* of one group */
	f[6]->b[ETH_HLEN + 3]++;         /* a length that none has */
	frame_ip_sum(f[6]->b + ETH_HLEN, 20, false);
	for (i = 0; i < ARRAY_SIZE(f); i++) {
		nobody_asks(b);
		if (i == 7)
			b->dp.ports[AT_D].flags |= NSF_PORT_ISOLATED;
		STEP(b, "no query", AT_D, f[i], SENT(NET1 & ~TX(AT_D)));
		assert_int_equal(table_count(bpf_map__fd(b->skel->maps.nsf_queriers)), 0);
	}
	b->dp.ports[AT_D].flags &= (__u8)~NSF_PORT_ISOLATED;
	settle();
	b->dp.shares[AT_D].max_flood = 1;
	b->dp.shares[AT_D].flood_tick = 0;
	STEP(b, "one frame", AT_D, data(D(0), GROUP), SENT(NET1 & ~TX(AT_D)));
	STEP(b, "and a query too many", AT_D, QUERY(D(0)), DROPPED(STORM));
	assert_int_equal(table_count(bpf_map__fd(b->skel->maps.nsf_queriers)), 0);
}

static void a_report_of_more_than_is_read_is_of_all(void **state)
{
	const __u8 many[8] = { 0x22, [7] = GROUPS_READ + 1 };
	struct bed *b = *state;

	asked(b);
	STEP(b, "a long report", AT_B, igmp(B(0), ROUTERS3, many, sizeof(many)), SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "any group", AT_A, data(A(1), OTHER), SENT(TX(AT_B) | TX(AT_D) | TX(AT_GW)));
}

/* ff05::1:3 and its MAC, and where routers hear reports. */
static const struct in6 group6 = { { 0xff, 5, [13] = 1, [15] = 3 } };
static const struct in6 nodes6 = { { 0xff, 2, [15] = 1 } };
static const struct mac nodes6_mac = { { 0x33, 0x33, 0, 0, 0, 1 } };
static const struct mac group6_mac = { { 0x33, 0x33, 0, 1, 0, 3 } };

static struct frame *mld(struct end6 from, __u8 type, const void *body, __u16 n)
{
	static const __u8 alert[] = { IPPROTO_ICMPV6, 0, 5, 2, 0, 0, 1, 0 };
	struct pk6 k = { .dst = type == 130 ? nodes6_mac : group6_mac,
			 .src = from.mac,
			 .from = { { 0xfe, 0x80, [8] = from.mac.b[0] ^ 2, from.mac.b[1], from.mac.b[2], 0xff, 0xfe,
				     from.mac.b[3], from.mac.b[4], from.mac.b[5] } },
			 .to = type == 130 ? nodes6 : group6,
			 .hops = 1,
			 .ext = alert,
			 .n_ext = sizeof(alert),
			 .proto = IPPROTO_ICMPV6,
			 .icmp_type = type,
			 .icmp_rest = type == 143 ? 1 : 0,
			 .data = body,
			 .n_data = n };

	return frame6(k);
}

static struct frame *data6(struct end6 from)
{
	return frame6((struct pk6){ .dst = group6_mac,
				    .src = from.mac,
				    .from = from.addr,
				    .to = group6,
				    .hops = 5,
				    .proto = IPPROTO_UDP,
				    .sport = 1,
				    .dport = 2,
				    .n_data = 20 });
}

static void by_ipv6_it_is_the_same(void **state)
{
	const struct in6 none = {};
	struct bed *b = *state;
	__u8 record[20] = { 4 };

	memcpy(record + 4, &group6, sizeof(group6));
	nobody_asks(b);
	STEP(b, "nobody asks", AT_A, data6(A6(1)), SENT(NET1 & ~TX(AT_A)));
	STEP(b, "a container asks", AT_A, mld(A6(0), 130, &none, sizeof(none)), DROPPED(QUERIER));
	STEP(b, "a router asks", AT_D, mld((struct end6){ MAC(AT_D), IN6_FD77(AT_D), 0 }, 130, &none, sizeof(none)),
	     SENT(NET1 & ~TX(AT_D)));
	answered(b, 6);
	STEP(b, "nobody has joined", AT_A, data6(A6(1)), SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "of IPv4 nobody has asked", AT_A, data(A(1), GROUP), SENT(NET1 & ~TX(AT_A)));
	STEP(b, "one joins", AT_B, mld(B6(0), 131, &group6, sizeof(group6)), SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "hears", AT_A, data6(A6(1)), SENT(TX(AT_B) | TX(AT_D) | TX(AT_GW)));
	STEP(b, "another one joins by version two", AT_C, mld(C6(0), 143, record, sizeof(record)),
	     SENT(TX(AT_D) | TX(AT_GW)));
	STEP(b, "both hear", AT_A, data6(A6(1)), SENT(TX(AT_B) | TX(AT_C) | TX(AT_D) | TX(AT_GW)));
	STEP(b, "done", AT_B, mld(B6(0), 132, &group6, sizeof(group6)), SENT(TX(AT_D) | TX(AT_GW)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_querier_all_hear),
		TEST(all_hear_until_they_can_have_answered),
		TEST(who_has_joined_hears),
		TEST(records_of_version_three_are_read),
		TEST(who_joins_too_many_hears_all),
		TEST(what_is_over_is_forgotten),
		TEST(what_no_host_takes_for_a_query_is_none),
		TEST(a_report_of_more_than_is_read_is_of_all),
		TEST(only_who_may_serve_asks),
		TEST6(by_ipv6_it_is_the_same),
	};

	return RUN(tests, bed6_setup);
}
