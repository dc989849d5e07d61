/* SPDX-License-Identifier: GPL-2.0-only */
/* Neighbour discovery: the gateway answers for itself, nobody speaks for another; IPv6 for the gateway's MAC. */
#include "bed6.h"

#define NET1 (TX(AT_A) | TX(AT_B) | TX(AT_C) | TX(AT_D) | TX(AT_GW))

#define A6_LINK IN6_LINK(AT_A)
#define B6_LINK IN6_LINK(AT_B)

static const struct in6 none6, all6 = { { 0xff, 2, [15] = 1 } };
static const struct in6 solicited = { { 0xff, 2, [11] = 1, 0xff, 0, 0, AT_GW } };
static const struct mac group = { { 0x33, 0x33, 0xff, 0, 0, AT_GW } };

/* ICMPv6 message of a type that names a target, with a link-layer address option (0: none). */
struct nd {
	struct mac dst, src;
	struct in6 from, to, target;
	__u8 hops, type, code, flags, option, option_len;
	struct mac mac;
};

static struct frame *nd(struct nd n)
{
	struct frame *f = frame((struct pk){ .dst = n.dst, .src = n.src, .type = ETH_P_IPV6, .n_data = 40 + 24 });
	__u8 *ip = f->b + ETH_HLEN, *icmp = ip + 40;
	__u32 body = n.type == 133   ? 8
		     : n.type == 134 ? 16
				     : 24,
	      len = n.option ? body + 8 : body, sum = IPPROTO_ICMPV6 + len;

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
	if (body == 24)
		memcpy(icmp + 8, &n.target, 16);
	if (n.option) {
		icmp[body] = n.option;
		icmp[body + 1] = n.option_len ? n.option_len : 1;
		memcpy(icmp + body + 2, &n.mac, 6);
	}
	for (__u32 i = 8; i < 40; i += 2)
		sum += (__u32)(ip[i] << 8 | ip[i + 1]);
	put16(icmp + 2, sum16(sum, icmp, len));
	return f;
}

static const struct nd ask = { .dst = group,
			       .src = MAC(AT_A),
			       .from = A6_LINK,
			       .to = solicited,
			       .target = GW6_LINK,
			       .hops = 255,
			       .type = 135,
			       .option = 1,
			       .mac = MAC(AT_A) };
/* Solicited, override; no router in a network without an IPv6 subnet. */
static const struct nd told = { .dst = MAC(AT_A),
				.src = MAC(AT_GW),
				.from = GW6_LINK,
				.to = A6_LINK,
				.target = GW6_LINK,
				.hops = 255,
				.type = 136,
				.flags = 0x60,
				.option = 2,
				.mac = MAC(AT_GW) };

static void the_gateway_answers_for_itself(void **state)
{
	struct nd unicast = ask, bare = ask, probe = ask, to_all = told;

	unicast.dst = MAC_GW;
	unicast.to = GW6_LINK;
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

static void a_router_answers_for_both_its_addresses(void **state)
{
	struct nd link = told, ask_addr = ask, addr = told, ask_from = ask, from = told, learning = ask, learnt = told;

	link.flags = addr.flags = from.flags = learnt.flags = 0xe0;
	ask_addr.target = addr.target = addr.from = GW6_ADDR;
	ask_from.from = from.to = A6(0).addr;
	learning.src = learning.mac = learnt.dst = MAC(AT_C);
	learning.from = learnt.to = C6(0).addr;
	const struct row rows[] = {
		{ "link-local", AT_A, nd(ask), SENT(TX(AT_A)), .out = nd(link) },
		{ "in the subnet", AT_A, nd(ask_addr), SENT(TX(AT_A)), .out = nd(addr) },
		{ "from the subnet", AT_A, nd(ask_from), SENT(TX(AT_A)), .out = nd(from) },
		{ "from a learning port", AT_C, nd(learning), SENT(TX(AT_C)), .out = nd(learnt) },
	};

	ROWS6(*state, rows);
}

static void answers_are_off(struct bed *b)
{
	b->dp.nets[1].flags |= NSF_NET_NO_ANSWERS;
}

/* What is known of a port is told at once, and what no managed port can be asked for only others hear. */
static void a_port_is_answered_for(void **state)
{
	struct nd link = ask, addr = ask, told_link = told, told_addr, nobody = ask, dad = ask, told_all, host = ask;

	link.target = B6_LINK;
	addr.target = B6(0).addr;
	told_link.src = told_link.mac = MAC(AT_B);
	told_addr = told_link;
	told_link.from = told_link.target = B6_LINK;
	told_addr.from = told_addr.target = B6(0).addr;
	nobody.target = C6(0).addr;
	dad = addr;
	dad.src = MAC(AT_C);
	dad.from = none6;
	dad.option = 0;
	told_all = told_addr;
	told_all.dst = MAC(AT_C);
	told_all.to = all6;
	told_all.flags = 0x20;
	host = addr;
	host.src = host.mac = MAC_GW;
	host.from = GW6_LINK;
	const struct row rows[] = {
		{ "link-local", AT_A, nd(link), SENT(TX(AT_A)), .out = nd(told_link) },
		{ "in the subnet", AT_A, nd(addr), SENT(TX(AT_A)), .out = nd(told_addr) },
		{ "looking for duplicates", AT_C, nd(dad), SENT(TX(AT_C)), .out = nd(told_all) },
		{ "the host's", AT_GW, nd(host), SENT(TX(AT_B)) },
		{ "for nobody known", AT_A, nd(nobody), SENT(TX(AT_C) | TX(AT_D) | TX(AT_GW)) },
		{ "switched off", AT_A, nd(addr), SENT(NET1 & ~TX(AT_A)), .setup = answers_are_off },
	};

	ROWS6(*state, rows);
}

static void serves(struct bed *b)
{
	b->dp.ports[AT_A].flags |= NSF_PORT_SERVES;
}

static void all_else_is_bridged(void **state)
{
	struct nd routed = ask, code = ask, router = ask, advert = ask, to_b = ask, own = ask, nonce = ask,
		  anybody = ask, allowed;

	routed.hops = 254;
	code.code = 1;
	router.type = 133;
	advert.type = 136;
	advert.target = A6_LINK;
	advert.option = 2;
	to_b.dst = MAC(AT_B);
	to_b.to = to_b.target = B6_LINK;
	own.from = none6;
	own.target = A6(0).addr;
	own.option = 0;
	nonce = own;
	nonce.option = 14;
	anybody.src = anybody.mac = MAC(AT_C);
	anybody.type = 134;
	anybody.from = IN6_LINK(AT_C);
	allowed = anybody;
	allowed.src = allowed.mac = MAC(AT_A);
	allowed.from = A6_LINK;
	allowed.option = 0;
	memset(&allowed.target, 0, sizeof(allowed.target));
	const struct row rows[] = {
		{ "from afar", AT_A, nd(routed), SENT(TX(AT_C) | TX(AT_D) | TX(AT_GW)) },
		{ "a code", AT_A, nd(code), SENT(TX(AT_C) | TX(AT_D) | TX(AT_GW)) },
		{ "a router solicitation", AT_A, nd(router), SENT(NET1 & ~TX(AT_A)) },
		{ "an advertisement", AT_A, nd(advert), SENT(NET1 & ~TX(AT_A)) },
		{ "to a port", AT_A, nd(to_b), SENT(TX(AT_B)) },
		{ "looking for duplicates of its own", AT_A, nd(own), SENT(NET1 & ~TX(AT_A)) },
		{ "the same with a nonce", AT_A, nd(nonce), SENT(NET1 & ~TX(AT_A)) },
		{ "a router behind a learning port", AT_C, nd(anybody), SENT(NET1 & ~TX(AT_C)) },
		{ "a router behind a port that serves", AT_A, nd(allowed), SENT(NET1 & ~TX(AT_A)), .setup = serves },
	};

	ROWS6(*state, rows);
}

static void nobody_speaks_for_another(void **state)
{
	static const __u8 dest[] = { 58, 0, 1, 4, 0, 0, 0, 0 }, fragment[] = { 58, 0, 0, 1, 0, 0, 0, 9 };
	struct nd neighbour = ask, gateway, router, redirect, mac, mac2, long_option, short_option, dad, spoken,
		  c_gateway, c_from, c_port, c_link;
	struct pk6 hidden;
	struct frame *f = nd(ask);

	neighbour.type = 136;
	neighbour.option = 2;
	gateway = router = redirect = mac2 = neighbour;
	neighbour.target = B6(0).addr;
	gateway.target = GW6_ADDR;
	router.type = 134;
	redirect.type = 137;
	redirect.target = A6_LINK;
	mac2.target = A6_LINK;
	mac2.mac = MAC_GW;
	mac = long_option = short_option = dad = spoken = ask;
	mac.mac = MAC(AT_B);
	long_option.option_len = 2;
	short_option.option = 3;
	short_option.option_len = 0xff;
	dad.from = none6;
	dad.option = 0;
	dad.target = B6(0).addr;
	spoken.target = B6_LINK;
	spoken.from = B6_LINK;
	c_gateway = gateway;
	c_gateway.src = c_gateway.mac = MAC(AT_C);
	c_gateway.from = C6(0).addr;
	c_from = c_gateway;
	c_from.type = 135;
	c_from.from = GW6_LINK;
	c_port = c_gateway;
	c_port.target = B6(0).addr;
	c_link = c_port;
	c_link.target = B6_LINK;
	hidden = icmp6((struct end6){ MAC(AT_A), A6_LINK, 0 }, (struct end6){ group, solicited, 0 }, 136, 0);
	hidden.hops = 255;
	hidden.data = f->b + ETH_HLEN + 48;
	hidden.n_data = 24;
	const struct row rows[] = {
		{ "advertises a neighbour", AT_A, nd(neighbour), DROPPED(SPOOF_ND) },
		{ "advertises the gateway", AT_A, nd(gateway), DROPPED(SPOOF_ND) },
		{ "is a router", AT_A, nd(router), DROPPED(SPOOF_ND) },
		{ "redirects", AT_A, nd(redirect), DROPPED(SPOOF_ND) },
		{ "asks with another's MAC", AT_A, nd(mac), DROPPED(SPOOF_ND) },
		{ "advertises another's MAC", AT_A, nd(mac2), DROPPED(SPOOF_ND) },
		{ "an option past the end", AT_A, nd(long_option), DROPPED(SPOOF_ND) },
		{ "another option past the end", AT_A, nd(short_option), DROPPED(SPOOF_ND) },
		{ "looks for duplicates of a neighbour's", AT_A, nd(dad), DROPPED(SPOOF_ND) },
		{ "asks as a neighbour", AT_A, nd(spoken), DROPPED(SPOOF_IP6) },
		{ "behind options", AT_A, frame6(extended(hidden, 60, dest, sizeof(dest))), DROPPED(SPOOF_ND) },
		{ "in a fragment", AT_A, frame6(extended(hidden, 44, fragment, sizeof(fragment))), DROPPED(SPOOF_ND) },
		{ "a learning port advertises the gateway", AT_C, nd(c_gateway), DROPPED(SPOOF_ND) },
		{ "a learning port advertises a managed one", AT_C, nd(c_port), DROPPED(SPOOF_ND) },
		{ "a learning port advertises a managed one's link", AT_C, nd(c_link), DROPPED(SPOOF_ND) },
		{ "a learning port asks as the gateway", AT_C, nd(c_from), DROPPED(SPOOF_ND) },
	};

	ROWS6(*state, rows);
}

static void a_cut_solicitation_is_not_answered(void **state)
{
	struct frame f = *nd(ask);
	struct row r = { "cut", AT_A, &f, DROPPED(BAD_IP6) };
	struct frame have;
	int verdict, bad = 0;

	for (f.len = ETH_HLEN; f.len < ETH_HLEN + 40 + 32; f.len++) {
		r.why = f.len < ETH_HLEN + 40 ? NSF_DROP_SHORT_IP6 : NSF_DROP_BAD_IP6;
		if (f.len >= ETH_HLEN + 40 || !row_prog(*state, AT_A, &f, 0, &have, &verdict))
			bad += row_run(*state, &r);
	}
	assert_int_equal(bad, 0);
}

/* A network without a subnet. */
static void ip6_ends_at_the_gateway(void **state)
{
	struct end6 from = { MAC(AT_A), A6_LINK, 7 };
	const struct row rows[] = {
		{ "the gateway's own", AT_A, frame6(echo6(from, TO6(GW6_LINK, 0))), SENT(TX(AT_GW)) },
		{ "beyond", AT_A, frame6(echo6(from, OUT6(0))), DROPPED(IP6_ROUTE) },
	};

	ROWS(*state, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_gateway_answers_for_itself), TEST6(a_router_answers_for_both_its_addresses),
		TEST6(a_port_is_answered_for),        TEST6(all_else_is_bridged),
		TEST6(nobody_speaks_for_another),     TEST(a_cut_solicitation_is_not_answered),
		TEST(ip6_ends_at_the_gateway),
	};

	return RUN(tests, bed6_setup);
}
