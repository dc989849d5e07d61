/* SPDX-License-Identifier: GPL-2.0-only */
/* What passes through the host by XDP (XdpForward): as its routes say, and what it would look at itself goes on as it came. */
#include "bed6.h"

/*
 *   up0 (leg of net 1) --- 198.51.100.254, the default      other0 (leg of net 2) --- 192.0.2.144/28, 2001:db8:95::/64
 */
#define MAC_ASIDE ((struct mac){ { 2, 0, 0, 0xff, 0, 0x91 } })
#define HERE(a)   ((struct end){ MAC_UP, a, 2000 }) /* as who is behind up0 addresses it */
#define HERE6(a)  ((struct end6){ MAC_UP, a, 2000 })
#define ASIDE_BY  IP4(192, 0, 2, 146) /* beside ASIDE; its MAC is not known */
#define ASIDE_BY6 IN6_DB8(0x95, 2)

#define NOTE 32 /* bytes before the frame, see bpf/edit_note.h */

static int through_setup(void **state)
{
	static const enum at ups[] = { AT_UPLINK, AT_OTHER };
	struct link_change forward = { .forwarding4 = 1 };
	struct bed *b;

	if (bed6_setup(state))
		return -1;
	b = *state;
	for (size_t i = 0; i < ARRAY_SIZE(ups); i++) {
		assert_int_equal(link_set(b->nl, b->ifindex[ups[i]], &forward), 0);
		bed6_forward(b->ifindex[ups[i]]);
	}
	bed_neighbour(b, AT_OTHER, "192.0.2.145", MAC_ASIDE);
	bed_neighbour(b, AT_OTHER, "2001:db8:95::1", MAC_ASIDE);
	/* whoever has such routes, a router does not follow them */
	bed_route(b, "240.0.0.0/4", RTN_UNICAST, AT_OTHER, NULL, 0);
	bed_route(b, "::ffff:0:0/96", RTN_UNICAST, AT_OTHER, NULL, 0);
	return 0;
}

static void uplink(struct bed *b, __u32 id, enum at at, enum at leg)
{
	__u32 ifindex = (__u32)b->ifindex[at], slot = leg;
	struct mac mac = MAC((__u8)at);

	b->dp.nets[id].uplink = ifindex;
	memcpy(b->dp.nets[id].uplink_mac, &mac, sizeof(mac));
	b->dp.ports[leg].flags |= NSF_PORT_NAPI;
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_UPLINKS], &ifindex, &slot, BPF_ANY), 0);
}

/* Every next hop has been asked for in this tick, or in none. Which tick it is. */
static __u32 asked(struct bed *b, bool now)
{
	int map = bpf_map__fd(b->skel->maps.nsf_through);
	__u32 tick, v;

	settle();
	tick = now_tick();
	v = now ? tick : 0;
	for (__u32 i = 0; i < bpf_map__max_entries(b->skel->maps.nsf_through); i++)
		assert_int_equal(bpf_map_update_elem(map, &i, &v, BPF_ANY), 0);
	return tick;
}

static int fresh_through(void **state)
{
	struct bed *b = *state;

	fresh6(state);
	uplink(b, 1, AT_UPLINK, AT_LEG);
	uplink(b, 2, AT_OTHER, AT_LEG2);
	return 0;
}

/* The frame as it leaves. */
static struct frame *on4(struct pk k)
{
	k.dst = MAC_ASIDE;
	k.src = MAC(AT_OTHER);
	k.ttl--;
	return frame(k);
}

static struct frame *on6(struct pk6 k)
{
	k.dst = MAC_ASIDE;
	k.src = MAC(AT_OTHER);
	k.hops--;
	return frame6(k);
}

static int leaves(struct bed *b, const char *name, const struct frame *in, const struct frame *out)
{
	struct row r = { name, AT_WIRE, in, SENT(TX(AT_LEG2)), .out = out };

	return row_run(b, &r);
}

/* As long as its neighbour needs not be asked for, which in another tick it does. */
static int goes(struct bed *b, const char *name, const struct frame *in, const struct frame *out)
{
	__u32 tick;
	int bad;

	do {
		tick = asked(b, true);
		bad = leaves(b, name, in, out);
	} while (now_tick() != tick);
	return bad;
}

static int stays(struct bed *b, const char *name, const struct frame *in)
{
	struct row r = { name, AT_WIRE, in, PASSED };

	return row_run(b, &r);
}

static void what_is_nobodys_goes_on(void **state)
{
	struct bed *b = *state;
	struct pk datagram = udp(FAR(53), HERE(ASIDE)), none = datagram, padded = datagram, longest = datagram;
	struct pk error = icmp_error(FAR(0), HERE(ASIDE), 11, 0, frame(datagram), 28), last = datagram;
	struct pk query = echo(FAR(5), HERE(ASIDE)), answer = query;
	struct pk6 datagram6 = udp6(FAR6(53), HERE6(ASIDE6)), query6 = echo6(FAR6(5), HERE6(ASIDE6)), last6 = datagram6;
	struct pk6 error6 = icmp6_error(FAR6(0), HERE6(ASIDE6), 3, 0, frame6(datagram6), 60);
	int bad = 0;

	none.faults = NO_L4_SUM;
	padded.n_data = 3;
	padded.trailer = 15;
	longest.n_data = 1500 - 28;
	last.ttl = 2;
	last6.hops = 2;
	answer.icmp_type = ICMP_ECHOREPLY;
	bad += goes(b, "UDP", frame(datagram), on4(datagram));
	bad += goes(b, "UDP without a sum", frame(none), on4(none));
	bad += goes(b, "padded", frame(padded), on4(padded));
	bad += goes(b, "the longest", frame(longest), on4(longest));
	bad += goes(b, "two hops left", frame(last), on4(last));
	bad += goes(b, "echo", frame(query), on4(query));
	bad += goes(b, "its answer", frame(answer), on4(answer));
	bad += goes(b, "an error", frame(error), on4(error));
	bad += goes(b, "UDP, IPv6", frame6(datagram6), on6(datagram6));
	bad += goes(b, "echo, IPv6", frame6(query6), on6(query6));
	bad += goes(b, "an error, IPv6", frame6(error6), on6(error6));
	bad += goes(b, "two hops left, IPv6", frame6(last6), on6(last6));
	assert_int_equal(bad, 0);
}

/* The frame with a note before it, for tc: out of where, and to whom. */
static void noted(struct bed *b, const char *name, const struct frame *in, const void *hop, size_t n)
{
	static const __u8 none[16];
	__u64 key = b->dp.state->handle_key[0] ^ b->dp.state->handle_key[1];
	struct frame have;
	__u32 out;
	__u16 slots[2];
	int verdict = SHOT;

	table_reset_counts(b);
	assert_int_equal(row_prog(b, AT_WIRE, in, 0, &have, &verdict), 0);
	assert_int_equal(verdict, PASS);
	assert_int_equal(have.len, in->len + NOTE);
	memcpy(&out, have.b + 8, sizeof(out));
	memcpy(slots, have.b + 12, sizeof(slots));
	assert_memory_equal(have.b, &key, sizeof(key));
	assert_int_equal(out, b->ifindex[AT_OTHER]);
	assert_int_equal(slots[0], AT_LEG);
	assert_int_equal(slots[1], AT_LEG2);
	assert_memory_equal(have.b + 16, hop, n);
	assert_memory_equal(have.b + 16 + n, none, 16 - n);
	assert_memory_equal(have.b + NOTE, in->b, in->len);
	assert_int_equal(row_drops(b, name, NSF_DROP_NONE), 0);
	assert_int_equal(table_counts(b, AT_LEG).rx_packets, 0); /* tc will count it */
}

static void the_first_of_a_tick_asks_for_the_neighbour(void **state)
{
	struct bed *b = *state;
	struct frame *in = frame(udp(FAR(53), HERE(ASIDE))), *in6 = frame6(udp6(FAR6(53), HERE6(ASIDE6)));
	struct frame *out = on4(udp(FAR(53), HERE(ASIDE))), *out6 = on6(udp6(FAR6(53), HERE6(ASIDE6)));
	const __be32 aside = htonl(ASIDE);
	const struct in6 aside6 = ASIDE6;
	__u32 tick;
	int bad;

	do {
		tick = asked(b, false);
		noted(b, "the first", in, &aside, sizeof(aside));
		bad = leaves(b, "the next one", in, out);
		/* the same neighbour, asked for by the other family */
		bad += leaves(b, "IPv6", in6, out6);
	} while (now_tick() != tick);
	asked(b, false);
	noted(b, "the first, IPv6", in6, &aside6, sizeof(aside6));
	assert_int_equal(bad, 0);
}

static void a_neighbour_that_is_not_known_is_asked_for_by_each(void **state)
{
	struct bed *b = *state;
	const __be32 by = htonl(ASIDE_BY);
	const struct in6 by6 = ASIDE_BY6;

	for (int i = 0; i < 2; i++) {
		noted(b, "IPv4", frame(udp(FAR(53), HERE(ASIDE_BY))), &by, sizeof(by));
		noted(b, "IPv6", frame6(udp6(FAR6(53), HERE6(ASIDE_BY6))), &by6, sizeof(by6));
	}
}

static void what_the_host_looks_at_itself_stays(void **state)
{
	struct bed *b = *state;
	struct pk datagram = udp(FAR(53), HERE(ASIDE)), old = datagram, wrong = datagram, part = datagram,
		  long_one = datagram;
	struct pk options = datagram, behind = datagram, other_mac = datagram, tagged = datagram, gre = datagram;
	int bad = 0;

	old.ttl = 1;
	wrong.faults = BAD_IP_SUM;
	part.frag = 0x2000;
	long_one.n_data = 1500 - 28 + 1;
	options.n_options = 4;
	memcpy(options.options, "\x94\x04\x00\x00", 4);
	behind.trailer = 1500;
	other_mac.dst = MAC(99);
	tagged.tag = ETH_P_8021Q;
	gre.proto = IPPROTO_GRE;
	bad += stays(b, "its last hop", frame(old));
	bad += stays(b, "a wrong sum", frame(wrong));
	bad += stays(b, "a fragment", frame(part));
	bad += stays(b, "too long", frame(long_one));
	bad += stays(b, "too long by what is behind it", frame(behind));
	bad += stays(b, "options", frame(options));
	bad += stays(b, "for another MAC", frame(other_mac));
	bad += stays(b, "a tag", frame(tagged));
	bad += stays(b, "neither UDP nor ICMP", frame(gre));
	bad += stays(b, "a connection begins", frame(tcp(FAR(53), HERE(ASIDE), SYN)));
	bad += stays(b, "and goes on", frame(tcp(FAR(53), HERE(ASIDE), ACK)));
	bad += stays(b, "a connection begins, IPv6", frame6(tcp6(FAR6(53), HERE6(ASIDE6), SYN)));
	bad += stays(b, "back where it came from", frame(udp(FAR(53), HERE(IP4(203, 0, 113, 2)))));
	bad += stays(b, "an unreachable route", frame(udp(FAR(53), HERE(LOST))));
	bad += stays(b, "a black hole", frame(udp(FAR(53), HERE(HOLE))));
	assert_int_equal(bad, 0);
}

static void odd_ends_stay(void **state)
{
	static const __u32 odd[] = {
		IP4(0, 0, 0, 0),     IP4(0, 1, 2, 3),   IP4(127, 0, 0, 1),       IP4(169, 254, 1, 1),
		IP4(224, 0, 0, 251), IP4(240, 0, 0, 1), IP4(255, 255, 255, 255),
	};
	static const struct in6 odd6[] = {
		{},
		{ { [15] = 1 } },
		{ { [10] = 0xff, 0xff, 203, 0, 113, 1 } },
		{ { 0xfe, 0x80, [15] = 1 } },
		{ { 0xff, 2, [15] = 1 } },
		{ { 0xff, 0x0e, [15] = 1 } },
	};
	struct bed *b = *state;
	struct end from = FAR(53);
	struct end6 from6 = FAR6(53);
	struct pk6 asks = icmp6(from6, HERE6(ASIDE6), 135, 0);
	int bad = 0;

	bad += stays(b, "it asks for a neighbour", frame6(asks));
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		bad += stays(b, "to an odd address", frame(udp(from, HERE(odd[i]))));
		from.addr = odd[i];
		bad += stays(b, "from an odd address", frame(udp(from, HERE(ASIDE))));
		from = FAR(53);
	}
	for (size_t i = 0; i < ARRAY_SIZE(odd6); i++) {
		bad += stays(b, "to an odd address, IPv6", frame6(udp6(from6, HERE6(odd6[i]))));
		from6.addr = odd6[i];
		bad += stays(b, "from an odd address, IPv6", frame6(udp6(from6, HERE6(ASIDE6))));
		from6 = FAR6(53);
	}
	assert_int_equal(bad, 0);
}

/* Who claims to be the host, a container, or behind the other uplink is the kernel's to judge. */
static void who_comes_from_elsewhere_stays(void **state)
{
	static const __u32 elsewhere[] = {
		UP_ADDR,
		SNAT,
		GW_ADDR,
		IP4(100, 64, 0, 1),
		IP4(10, 77, 0, 2),
		IP4(10, 79, 0, 2),
		IP4(100, 64, 0, 9),
		LOST,
		HOLE,
		IP4(198, 51, 100, 255),
	};
	static const struct in6 elsewhere6[] = { UP6_ADDR, GW6_ADDR, IN6_FD77(AT_A), IN6_DB8(0x50, 9), LOST6 };
	struct bed *b = *state;
	struct end from = FAR(53);
	struct end6 from6 = FAR6(53);
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++) {
		from.addr = elsewhere[i];
		bad += stays(b, "from elsewhere", frame(udp(from, HERE(ASIDE))));
	}
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere6); i++) {
		from6.addr = elsewhere6[i];
		bad += stays(b, "from elsewhere, IPv6", frame6(udp6(from6, HERE6(ASIDE6))));
	}
	assert_int_equal(bad, 0);
}

static void the_hosts_and_the_containers_stay(void **state)
{
	static const __u32 ours[] = {
		UP_ADDR, SNAT, GW_ADDR, IP4(10, 77, 0, 2), IP4(10, 79, 0, 2), IP4(100, 64, 0, 1), IP4(100, 64, 0, 255)
	};
	static const struct in6 ours6[] = { UP6_ADDR, SNAT6, GW6_ADDR, IN6_FD77(AT_A), IN6_DB8(0x79, AT_F) };
	struct bed *b = *state;
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		bad += stays(b, "UDP", frame(udp(FAR(53), HERE(ours[i]))));
		bad += stays(b, "echo", frame(echo(FAR(53), HERE(ours[i]))));
	}
	for (size_t i = 0; i < ARRAY_SIZE(ours6); i++)
		bad += stays(b, "UDP, IPv6", frame6(udp6(FAR6(53), HERE6(ours6[i]))));
	assert_int_equal(bad, 0);
}

static void both_uplinks_must_take_part(void **state)
{
	struct bed *b = *state;
	struct frame *in = frame(udp(FAR(53), HERE(ASIDE)));
	__u32 other = (__u32)b->ifindex[AT_OTHER];
	int bad = 0;

	b->dp.ports[AT_LEG].flags = 0;
	bad += stays(b, "not where it comes in", in);
	b->dp.ports[AT_LEG].flags = NSF_PORT_NAPI;
	b->dp.ports[AT_LEG2].flags = 0;
	bad += stays(b, "not where it leaves", in);
	b->dp.ports[AT_LEG2].flags = NSF_PORT_NAPI;
	bad += goes(b, "both", in, on4(udp(FAR(53), HERE(ASIDE))));
	assert_int_equal(bpf_map_delete_elem(b->dp.map[DP_UPLINKS], &other), 0);
	bad += stays(b, "no uplink where it leaves", in);
	assert_int_equal(bad, 0);
}

/* What a network has with the outside is as it is without. */
static void flows_are_none_of_it(void **state)
{
	struct bed *b = *state;
	struct pk answer = udp(FAR(53), EXT(1000)), late = answer;
	struct frame have;
	int verdict = SHOT, bad = 0;
	struct row r = { "an answer", AT_WIRE, frame(answer), SENT(TX(AT_A)) };

	late.ttl = 1;
	b->dp.ports[AT_A].flags |= NSF_PORT_NAPI;
	assert_int_equal(row_prog(b, AT_A, frame(udp(A(1000), OUT(53))), 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
	r.out = frame(dnat(answer, A(1000)));
	bad += row_run(b, &r);
	bad += stays(b, "its last hop", frame(late));
	b->dp.ports[AT_A].gen++;
	bad += stays(b, "the port is gone", frame(answer));
	r = (struct row){ "a stranger", AT_WIRE, frame6(udp6(FAR6(54), EXT6(1000))), PASSED };
	bad += row_run(b, &r);
	assert_int_equal(bad, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_is_nobodys_goes_on, fresh_through),
		cmocka_unit_test_setup(the_first_of_a_tick_asks_for_the_neighbour, fresh_through),
		cmocka_unit_test_setup(a_neighbour_that_is_not_known_is_asked_for_by_each, fresh_through),
		cmocka_unit_test_setup(what_the_host_looks_at_itself_stays, fresh_through),
		cmocka_unit_test_setup(odd_ends_stay, fresh_through),
		cmocka_unit_test_setup(who_comes_from_elsewhere_stays, fresh_through),
		cmocka_unit_test_setup(the_hosts_and_the_containers_stay, fresh_through),
		cmocka_unit_test_setup(both_uplinks_must_take_part, fresh_through),
		cmocka_unit_test_setup(flows_are_none_of_it, fresh_through),
	};

	return RUN(tests, through_setup);
}
