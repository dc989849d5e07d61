/* SPDX-License-Identifier: GPL-2.0-only */
/* Neighbour discovery for the gateway's link-local address, and IPv6 for the gateway's MAC. */
#include "row.h"

#define NET1 (TX(AT_A) | TX(AT_B) | TX(AT_C) | TX(AT_D) | TX(AT_GW))

struct in6 {
	__u8 b[16];
};

static const struct in6 gw6 = { { 0xfe, 0x80, [15] = AT_GW } }, a6 = { { 0xfe, 0x80, [15] = AT_A } };
static const struct in6 b6 = { { 0xfe, 0x80, [15] = AT_B } }, none6, all6 = { { 0xff, 2, [15] = 1 } };
static const struct in6 solicited = { { 0xff, 2, [11] = 1, 0xff, 0, 0, AT_GW } };
static const struct mac group = { { 0x33, 0x33, 0xff, 0, 0, AT_GW } };

/* ICMPv6 message of a type that names a target, with a link-layer address option (0: none). */
struct nd {
	struct mac dst, src;
	struct in6 from, to, target;
	__u8 hops, type, code, flags, option;
	struct mac mac;
};

static struct frame *nd(struct nd n)
{
	struct frame *f = frame((struct pk){ .dst = n.dst, .src = n.src, .type = ETH_P_IPV6, .n_data = 40 + 24 });
	__u8 *ip = f->b + ETH_HLEN, *icmp = ip + 40;
	__u32 len = n.option ? 32 : 24, sum = IPPROTO_ICMPV6 + len;

	memset(ip, 0, 40 + 32);
	f->len = ETH_HLEN + 40 + len;
	ip[0] = 0x60;
	put16(ip + 4, (__u16)len);
	ip[6] = IPPROTO_ICMPV6;
	ip[7] = n.hops;
	memcpy(ip + 8, &n.from, 16);
	memcpy(ip + 24, &n.to, 16);
	icmp[0] = n.type;
	icmp[1] = n.code;
	icmp[4] = n.flags;
	memcpy(icmp + 8, &n.target, 16);
	if (n.option) {
		icmp[24] = n.option;
		icmp[25] = 1;
		memcpy(icmp + 26, &n.mac, 6);
	}
	for (__u32 i = 8; i < 40; i += 2)
		sum += (__u32)(ip[i] << 8 | ip[i + 1]);
	put16(icmp + 2, sum16(sum, icmp, len));
	return f;
}

static const struct nd ask = { .dst = group,
			       .src = { { 2, 0, 0, 0x77, 0, AT_A } },
			       .from = a6,
			       .to = solicited,
			       .target = gw6,
			       .hops = 255,
			       .type = 135,
			       .option = 1,
			       .mac = { { 2, 0, 0, 0x77, 0, AT_A } } };
/* Solicited, override; no router, since IPv6 is not routed. */
static const struct nd told = { .dst = { { 2, 0, 0, 0x77, 0, AT_A } },
				.src = { { 2, 0, 0, 0x77, 0, AT_GW } },
				.from = gw6,
				.to = a6,
				.target = gw6,
				.hops = 255,
				.type = 136,
				.flags = 0x60,
				.option = 2,
				.mac = { { 2, 0, 0, 0x77, 0, AT_GW } } };

static void the_gateway_answers_for_itself(void **state)
{
	struct nd unicast = ask, bare = ask, probe = ask, to_all = told;

	unicast.dst = MAC_GW;
	unicast.to = gw6;
	bare.option = 0;
	probe.option = 0;
	probe.from = none6;
	to_all.to = all6;
	to_all.flags = 0x20; /* not solicited */
	const struct row rows[] = {
		{ "to the group", AT_A, nd(ask), SENT(TX(AT_A)), .out = nd(told) },
		{ "unicast", AT_A, nd(unicast), SENT(TX(AT_A)), .out = nd(told) },
		{ "without an option", AT_A, nd(bare), SENT(TX(AT_A)), .out = nd(told) },
		{ "looking for duplicates", AT_A, nd(probe), SENT(TX(AT_A)), .out = nd(to_all) },
	};

	ROWS(*state, rows);
}

static void all_else_is_bridged(void **state)
{
	struct nd routed = ask, code = ask, other = ask, router = ask, advert = ask, to_b = ask;

	routed.hops = 254;
	code.code = 1;
	other.target = b6;
	router.type = 133;
	advert.type = 136;
	to_b.dst = MAC(AT_B);
	to_b.to = to_b.target = b6;
	const struct row rows[] = {
		{ "from afar", AT_A, nd(routed), SENT(NET1 & ~TX(AT_A)) },
		{ "a code", AT_A, nd(code), SENT(NET1 & ~TX(AT_A)) },
		{ "for another", AT_A, nd(other), SENT(NET1 & ~TX(AT_A)) },
		{ "a router solicitation", AT_A, nd(router), SENT(NET1 & ~TX(AT_A)) },
		{ "an advertisement", AT_A, nd(advert), SENT(NET1 & ~TX(AT_A)) },
		{ "to a port", AT_A, nd(to_b), SENT(TX(AT_B)) },
	};

	ROWS(*state, rows);
}

static void a_cut_solicitation_is_not_answered(void **state)
{
	struct frame f = *nd(ask);
	struct row r = { "cut", AT_A, &f, SENT(NET1 & ~TX(AT_A)) };
	struct frame have;
	int verdict, bad = 0;

	for (f.len = ETH_HLEN; f.len < ETH_HLEN + 40 + 24; f.len++)
		if (f.len >= ETH_HLEN + 40 || !row_prog(*state, AT_A, &f, 0, &have, &verdict))
			bad += row_run(*state, &r);
	assert_int_equal(bad, 0);
}

static void ip6_ends_at_the_gateway(void **state)
{
	struct nd mine = ask, far = ask;
	struct frame *cut;

	mine.dst = far.dst = MAC_GW;
	mine.to = gw6;
	mine.type = far.type = 128; /* echo */
	far.to = (struct in6){ { 0x20, 1, 0xd, 0xb8, [15] = 1 } };
	cut = nd(mine);
	cut->len = ETH_HLEN + 39;
	const struct row rows[] = {
		{ "the gateway's own", AT_A, nd(mine), SENT(TX(AT_GW)) },
		{ "beyond", AT_A, nd(far), DROPPED(IP6_ROUTE) },
	};

	ROWS(*state, rows);
	struct row r = { "cut", AT_A, cut, DROPPED(SHORT_IP6) };
	struct frame have;
	int verdict;

	fresh(state);
	if (!row_prog(*state, AT_A, cut, 0, &have, &verdict)) /* newer kernels run no such frame */
		assert_int_equal(row_run(*state, &r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_gateway_answers_for_itself),
		TEST(all_else_is_bridged),
		TEST(a_cut_solicitation_is_not_answered),
		TEST(ip6_ends_at_the_gateway),
	};

	return RUN(tests, bed_setup);
}
