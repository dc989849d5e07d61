/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv6 headers: every beginning of every good packet is named and unchanged; extension headers are followed, and no further. */
#include "bed6.h"

static void open_flows(struct bed *b)
{
	const struct pk6 k[] = { udp6(A6(1000), OUT6(53)), tcp6(A6(1000), OUT6(80), SYN), echo6(A6(1000), OUT6(0)) };
	struct frame have;
	int verdict;

	for (size_t i = 0; i < ARRAY_SIZE(k); i++) {
		assert_int_equal(row_prog(b, AT_A, frame6(k[i]), 0, &have, &verdict), 0);
		assert_int_equal(verdict, REDIRECT);
	}
}

/* One beginning of a packet: dropped by one reason or, from outside, passed; never changed. */
static int cut(struct bed *b, const char *name, enum at at, const struct frame *whole, __u32 len)
{
	struct frame in = *whole, have = {};
	__u32 flows = flow_count(b);
	int verdict = SHOT, bad = 0;
	__u64 drops = 0;

	in.len = len;
	table_reset_counts(b);
	if (row_prog(b, at, &in, 0, &have, &verdict) == -EINVAL && len < ETH_HLEN + 40)
		return 0; /* the kernel's runner wants a network header */
	for (__u32 net = 0; net < NETS; net++)
		for (enum nsf_drop d = 0; d < NSF_DROP_MAX; d++)
			drops += table_drops(b, net, d);
	if (have.len != in.len || memcmp(have.b, in.b, in.len)) {
		print_error("%s cut to %u: changed\n", name, len);
		bad++;
	}
	if (verdict != (at == AT_UPLINK ? PASS : SHOT) || drops != (at != AT_UPLINK) || flow_count(b) != flows) {
		print_error("%s cut to %u: verdict %d, %llu drops\n", name, len, verdict, (unsigned long long)drops);
		bad++;
	}
	return bad;
}

/* Hop-by-hop options, destination options, a whole packet's fragment header. */
static const __u8 chain[] = { 60, 0, 5, 2, 0, 0, 1, 0, 44, 1, 1, 12, [20] = 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 7 };

static void what_is_cut_is_dropped_unchanged(void **state)
{
	const struct {
		const char *name;
		enum at at;
		const struct frame *f;
		bool flows;
	} good[] = {
		{ "UDP", AT_A, frame6(udp6(A6(1000), OUT6(53))), false },
		{ "TCP", AT_A, frame6(tcp6(A6(1000), OUT6(80), SYN)), false },
		{ "echo", AT_A, frame6(echo6(A6(1000), OUT6(0))), false },
		{ "extension headers", AT_A, frame6(extended(udp6(A6(1000), OUT6(53)), 0, chain, sizeof(chain))),
		  false },
		{ "to the gateway", AT_A, frame6(udp6(A6(1000), GW6(53))), false },
		{ "UDP of a flow", AT_A, frame6(udp6(A6(1000), OUT6(53))), true },
		{ "TCP of a flow", AT_A, frame6(tcp6(A6(1000), OUT6(80), ACK)), true },
		{ "UDP in", AT_UPLINK, frame6(udp6(FAR6(53), EXT6(1000))), true },
		{ "TCP in", AT_UPLINK, frame6(tcp6(FAR6(80), EXT6(1000), ACK)), true },
		{ "echo reply in", AT_UPLINK, frame6(echo6(FAR6(0), EXT6(1000))), true },
	};
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		table_reset(*state);
		table6(*state);
		if (good[i].flows)
			open_flows(*state);
		for (__u32 len = ETH_HLEN; len < good[i].f->len; len++)
			bad += cut(*state, good[i].name, good[i].at, good[i].f, len);
	}
	assert_int_equal(bad, 0);
}

static void headers_that_lie_are_named(void **state)
{
	const struct pk6 u = udp6(A6(1000), OUT6(53));
	struct pk6 version = u, over = u, under = u, none = u, short_tcp = tcp6(A6(1000), OUT6(80), SYN);

	version.version = 4;
	over.payload = 29;
	under.payload = 7;
	none.no_payload = true;
	short_tcp.payload = 19;
	const struct row rows[] = {
		{ "version 4", AT_A, frame6(version), DROPPED(BAD_IP6) },
		{ "longer than the frame", AT_A, frame6(over), DROPPED(BAD_IP6) },
		{ "UDP header past the end", AT_A, frame6(under), DROPPED(SHORT_L4) },
		{ "no payload", AT_A, frame6(none), DROPPED(SHORT_L4) },
		{ "TCP header past the end", AT_A, frame6(short_tcp), DROPPED(SHORT_L4) },
	};

	ROWS6(*state, rows);
}

static void chains_end_somewhere(void **state)
{
	static const __u8 routing0[] = { 17, 2, 0, 0, [23] = 0 }, routing0_left[] = { 17, 2, 0, 1, [23] = 0 };
	static const __u8 routing2[] = { 17, 2, 2, 1, [23] = 0 }, routing2_done[] = { 17, 2, 2, 0, [23] = 0 };
	static const __u8 late_hop[] = { 0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0 };
	static const __u8 jumbo[] = { 17, 0, 0xc2, 4, 0, 1, 0, 0 }, past[] = { 17, 20, [7] = 0 },
			  ah[] = { 17, 4, [23] = 1 };
	__u8 nine[9 * 8] = {}, eight[8 * 8] = {}, wide[8 * 66] = {};
	const struct pk6 u = udp6(A6(1000), OUT6(53));

	for (int i = 0; i < 9; i++)
		nine[i * 8] = i < 8 ? 60 : 17;
	for (int i = 0; i < 8; i++)
		eight[i * 8] = i < 7 ? 60 : 17;
	wide[0] = 17;
	wide[1] = 65;
#define CHAIN(first, bytes) frame6(extended(u, first, bytes, sizeof(bytes)))
	const struct row rows[] = {
		{ "routing type 0", AT_A, CHAIN(43, routing0), DROPPED(SOURCE_ROUTE) },
		{ "routing type 0 to go on", AT_A, CHAIN(43, routing0_left), DROPPED(SOURCE_ROUTE) },
		{ "routing type 2 to go on", AT_A, CHAIN(43, routing2), DROPPED(SOURCE_ROUTE) },
		{ "hop-by-hop options later on", AT_A, CHAIN(60, late_hop), DROPPED(BAD_IP6) },
		{ "a jumbogram", AT_A, CHAIN(0, jumbo), DROPPED(BAD_IP6) },
		{ "nine headers", AT_A, CHAIN(60, nine), DROPPED(EXT_HEADERS) },
		{ "528 bytes of headers", AT_A, CHAIN(60, wide), DROPPED(EXT_HEADERS) },
		{ "a header past the end", AT_A, CHAIN(60, past), DROPPED(SHORT_L4) },
		{ "eight headers to the gateway", AT_A,
		  frame6(extended(udp6(A6(1000), GW6(53)), 60, eight, sizeof(eight))), SENT(TX(AT_GW)) },
		{ "a routing header that is done", AT_A,
		  frame6(extended(udp6(A6(1000), GW6(53)), 43, routing2_done, sizeof(routing2_done))),
		  SENT(TX(AT_GW)) },
		{ "an authentication header", AT_A, frame6(extended(udp6(A6(1000), GW6(53)), 51, ah, sizeof(ah))),
		  SENT(TX(AT_GW)) },
	};

	ROWS6(*state, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST6(what_is_cut_is_dropped_unchanged),
		TEST6(headers_that_lie_are_named),
		TEST6(chains_end_somewhere),
	};

	return RUN(tests, bed6_setup);
}
