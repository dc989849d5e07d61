/* SPDX-License-Identifier: GPL-2.0-only */
/* What a port may say: source MAC, source address, tags. */
#include "row.h"

/* The same packet with another source. */
static struct pk from_mac(struct pk k, struct mac mac)
{
	k.src = mac;
	return k;
}

static struct pk from_addr(struct pk k, __u32 addr)
{
	k.saddr = addr;
	return k;
}

static struct pk tagged(struct pk k, __u16 type)
{
	k.tag = type;
	return k;
}

static void a_source_mac_is_checked(void **state)
{
	const struct mac zero = {}, group = { { 3, 0, 0, 0, 0, 1 } };
	const struct pk a = udp(A(1000), B(2000)), c = udp(C(1000), B(2000));
	const struct row rows[] = {
		{ "managed, its own", AT_A, frame(a), SENT(TX(AT_B)) },
		{ "managed, another's", AT_A, frame(from_mac(a, MAC(AT_B))), DROPPED(SPOOF_MAC) },
		{ "managed, nobody's", AT_A, frame(from_mac(a, MAC(99))), DROPPED(SPOOF_MAC) },
		{ "managed, gateway's", AT_A, frame(from_mac(a, MAC_GW)), DROPPED(SRC_GATEWAY) },
		{ "managed, zero", AT_A, frame(from_mac(a, zero)), DROPPED(SRC_ZERO) },
		{ "managed, group", AT_A, frame(from_mac(a, group)), DROPPED(SRC_MULTICAST) },
		{ "managed, broadcast", AT_A, frame(from_mac(a, ALL)), DROPPED(SRC_MULTICAST) },
		{ "learning, any", AT_C, frame(c), SENT(TX(AT_B)) },
		{ "learning, gateway's", AT_C, frame(from_mac(c, MAC_GW)), DROPPED(SRC_GATEWAY) },
		{ "learning, zero", AT_C, frame(from_mac(c, zero)), DROPPED(SRC_ZERO) },
		{ "learning, group", AT_C, frame(from_mac(c, group)), DROPPED(SRC_MULTICAST) },
		{ "learning, broadcast", AT_C, frame(from_mac(c, ALL)), DROPPED(SRC_MULTICAST) },
	};

	ROWS(*state, rows);
}

/* A learning port must not take over what is another port's for good. */
static void a_learning_port_does_not_speak_for_a_managed_one(void **state)
{
	struct bed *b = *state;
	struct pk k = udp(C(1000), B(2000));
	struct nsf_fdb e;

	k.src = MAC(AT_A);
	STEP(b, "claimed", AT_C, frame(k), DROPPED(SPOOF_MAC));
	assert_int_equal(fdb_get(b, 1, MAC(AT_A), &e), 0);
	assert_int_equal(e.slot, AT_A);
	assert_int_equal(e.flags, NSF_FDB_STATIC);
}

static void a_source_address_is_checked(void **state)
{
	const struct pk a = udp(A(1000), B(2000)), g = udp(A(1000), GW(53));
	struct pk dhcp = udp(A(68), (struct end){ ALL, 0xffffffff, 67 }), later = a, bad_ip = a;

	dhcp.saddr = 0;
	later.frag = 100;
	bad_ip.first = 0x65;
	const struct row rows[] = {
		{ "its own, to a port", AT_A, frame(a), SENT(TX(AT_B)) },
		{ "its own, to the gateway", AT_A, frame(g), SENT(TX(AT_GW)) },
		{ "another port's", AT_A, frame(from_addr(a, IP4(10, 77, 0, 3))), DROPPED(SPOOF_IP4) },
		{ "the gateway's", AT_A, frame(from_addr(g, GW_ADDR)), DROPPED(SPOOF_IP4) },
		{ "foreign", AT_A, frame(from_addr(g, PEER)), DROPPED(SPOOF_IP4) },
		{ "loopback", AT_A, frame(from_addr(g, IP4(127, 0, 0, 1))), DROPPED(SPOOF_IP4) },
		{ "broadcast", AT_A, frame(from_addr(g, 0xffffffff)), DROPPED(SPOOF_IP4) },
		{ "later fragment of another's", AT_A, frame(from_addr(later, PEER)), DROPPED(SPOOF_IP4) },
		{ "later fragment of its own", AT_A, frame(later), SENT(TX(AT_B)) },
		{ "none, DHCP", AT_A, frame(dhcp), SENT(TX(AT_B) | TX(AT_C) | TX(AT_D) | TX(AT_GW)) },
		{ "none, routed", AT_A, frame(from_addr(g, 0)), DROPPED(MARTIAN_SRC) },
		{ "header unreadable", AT_A, frame(bad_ip), DROPPED(BAD_IP4) },
		{ "learning port, any", AT_C, frame(udp((struct end){ MAC(77), PEER, 1 }, B(2))), SENT(TX(AT_B)) },
	};

	ROWS(*state, rows);
}

static void c_is_heard(struct bed *b)
{
	is_heard(b, AT_C);
}

/* What is known to be a managed port's, or the gateway's, comes from no learning port, wherever it is sent. */
static void a_learning_port_does_not_speak_from_what_is_anothers(void **state)
{
	const struct pk c = udp(C(1000), B(2000)), a = from_addr(c, A(0).addr);
	struct pk to_gw = a, out = a, all = a, later = a, first = a, options = a, wrong = a, dhcp = c;

	to_gw.dst = out.dst = MAC_GW;
	to_gw.daddr = GW_ADDR;
	out.daddr = PEER;
	all.dst = ALL;
	later.frag = 100;
	first.frag = 0x2000;
	options.n_options = 8;
	memset(options.options, 1, 8);
	wrong.total = 2000;
	dhcp.saddr = 0;
	dhcp.dst = ALL;
	dhcp.daddr = 0xffffffff;
	const struct row rows[] = {
		{ "its own", AT_C, frame(c), SENT(TX(AT_B)) },
		{ "to a port", AT_C, frame(a), DROPPED(SPOOF_IP4) },
		{ "to a port, by who is known", AT_C, frame(a), DROPPED(SPOOF_IP4), .setup = c_is_heard },
		{ "to the one that has it", AT_C, frame(from_addr(c, B(0).addr)), DROPPED(SPOOF_IP4) },
		{ "to the gateway", AT_C, frame(to_gw), DROPPED(SPOOF_IP4) },
		{ "outside", AT_C, frame(out), DROPPED(SPOOF_IP4) },
		{ "to all", AT_C, frame(all), DROPPED(SPOOF_IP4) },
		{ "a later fragment", AT_C, frame(later), DROPPED(SPOOF_IP4) },
		{ "a first fragment", AT_C, frame(first), DROPPED(SPOOF_IP4) },
		{ "with options", AT_C, frame(options), DROPPED(SPOOF_IP4) },
		{ "longer than it is", AT_C, frame(wrong), DROPPED(SPOOF_IP4) },
		{ "the gateway's", AT_C, frame(from_addr(c, GW_ADDR)), DROPPED(SPOOF_IP4) },
		{ "the gateway's, outside", AT_C, frame(from_addr(out, GW_ADDR)), DROPPED(SPOOF_IP4) },
		{ "the gateway's, to the gateway", AT_C, frame(from_addr(to_gw, GW_ADDR)), DROPPED(SPOOF_IP4) },
		{ "nobody's", AT_C, frame(from_addr(c, IP4(10, 77, 0, 99))), SENT(TX(AT_B)) },
		{ "of another network's port", AT_C, frame(from_addr(c, E(0).addr)), SENT(TX(AT_B)) },
		{ "none, DHCP", AT_C, frame(dhcp), SENT(TX(AT_A) | TX(AT_B) | TX(AT_D) | TX(AT_GW)) },
		{ "behind a tag", AT_C, frame(tagged(all, ETH_P_8021Q)), SENT(TX(AT_D)) },
	};

	ROWS(*state, rows);
}

static void tags_come_from_learning_ports_only_and_are_never_routed(void **state)
{
	const struct pk a = udp(A(1000), B(2000)), c = udp(C(1000), B(2000)), g = udp(C(1000), GW(53));
	const struct pk d = udp(C(1000), D(2000)); /* not learned yet: to all that may have tags */
	struct frame untagged = *frame(tagged(d, ETH_P_8021Q));

	memset(untagged.b + ETH_HLEN, 0, 2);
	const struct row rows[] = {
		{ "managed, 802.1Q", AT_A, frame(tagged(a, ETH_P_8021Q)), DROPPED(VLAN) },
		{ "managed, 802.1ad", AT_A, frame(tagged(a, ETH_P_8021AD)), DROPPED(VLAN) },
		{ "learning to managed", AT_C, frame(tagged(c, ETH_P_8021Q)), DROPPED(VLAN) },
		{ "learning, 802.1Q", AT_C, frame(tagged(d, ETH_P_8021Q)), SENT(TX(AT_D)) },
		{ "learning, 802.1ad", AT_C, frame(tagged(d, ETH_P_8021AD)), SENT(TX(AT_D)) },
		{ "learning, a priority alone", AT_C, &untagged, DROPPED(VLAN) },
		{ "learning, to the gateway", AT_C, frame(tagged(g, ETH_P_8021Q)), DROPPED(VLAN) },
	};

	ROWS(*state, rows);
}

static void free_slot_of_a(struct bed *b)
{
	row_clear_port(&b->dp, AT_A);
}

static void no_row_of_a(struct bed *b)
{
	assert_int_equal(row_unset_iface(&b->dp, b->ifindex[AT_A]), 0);
}

static void an_interface_that_is_no_port_drops_all(void **state)
{
	struct bed *b = *state;
	struct frame *f = frame(udp(A(1000), B(2000)));
	struct row other = { "an interface of nobody", AT_OTHER, f, DROPPED(NO_PORT) };
	struct row freed = { "a slot that was freed", AT_A, f, DROPPED(NO_PORT) };

	assert_int_equal(row_run(b, &other), 0);
	free_slot_of_a(b);
	assert_int_equal(row_run(b, &freed), 0);
	table_reset(b);
	no_row_of_a(b);
	freed.name = "an interface no longer there";
	freed.at = AT_OTHER;
	assert_int_equal(row_run(b, &freed), 0);
}

/* What the array says of an interface may be another's, or nobody's: then the hash is asked. */
static void an_interface_is_found_whatever_the_array_says(void **state)
{
	struct bed *b = *state;
	__u32 at = (__u32)b->ifindex[AT_A] % NSF_IFACE_ROWS, slots[] = { AT_A, AT_B, AT_C, 0, NSF_SLOTS_MAX };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(slots); i++) {
		assert_int_equal(bpf_map_update_elem(b->dp.map[DP_IFACE_ROWS], &at, &slots[i], BPF_ANY), 0);
		STEP(b, "its own", AT_A, frame(udp(A(1), B(2))), SENT(TX(AT_B)));
		STEP(b, "another's", AT_A, frame(udp(C(1), B(2))), DROPPED(SPOOF_MAC));
	}
	assert_int_equal(row_unset_iface(&b->dp, b->ifindex[AT_A]), 0);
	assert_int_equal(bpf_map_lookup_elem(b->dp.map[DP_IFACE_ROWS], &at, &slots[0]), 0);
	assert_int_equal(slots[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_mac_is_checked),
		TEST(a_learning_port_does_not_speak_for_a_managed_one),
		TEST(a_source_address_is_checked),
		TEST(a_learning_port_does_not_speak_from_what_is_anothers),
		TEST(tags_come_from_learning_ports_only_and_are_never_routed),
		TEST(an_interface_that_is_no_port_drops_all),
		TEST(an_interface_is_found_whatever_the_array_says),
	};

	return RUN(tests, bed_setup);
}
