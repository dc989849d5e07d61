/* SPDX-License-Identifier: GPL-2.0-only */
/* VLANs: who meets whom, with which tags. Tags that are put on are not in the bytes here: net/vlan sees them. */
#include "row.h"

/* A and C are in VLAN 10, D is a trunk of 10 and 20, B and the gateway are where all are that are told nothing. */
static void parted(struct bed *b)
{
	struct nsf_trunk t = { { 1ULL << 10 | 1ULL << 20 } };
	__u32 slot = AT_D;

	b->dp.ports[AT_A].vlan = b->dp.ports[AT_C].vlan = 10;
	b->dp.ports[AT_D].vlan = 0;
	b->dp.ports[AT_D].trunk = 1;
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_TRUNKS], &slot, &t, BPF_ANY), 0);
	row_count_ports(&b->dp, &b->dp.nets[1]);
}

/* B is a trunk too, and D's MAC is known. */
static void parted_with_managed_trunk(struct bed *b)
{
	const struct mac d = MAC(AT_D);
	struct nsf_trunk t = { { 1ULL << 20 } };
	__u32 slot = AT_B;

	parted(b);
	b->dp.ports[AT_B].trunk = 1;
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_TRUNKS], &slot, &t, BPF_ANY), 0);
	assert_int_equal(bpf_fdb_set(&b->dp, 1, d.b, AT_D), 0);
}

/* With 802.1Q's tag of a VLAN, or of another kind. */
static struct frame *tagged(struct pk k, __u16 vid, __u16 type)
{
	struct frame *f;

	k.tag = type;
	f = frame(k);
	f->b[14] = (__u8)(vid >> 8);
	f->b[15] = (__u8)vid;
	return f;
}
#define Q(k, vid) tagged(k, vid, ETH_P_8021Q)

static struct pk to_mac(struct pk k, struct mac mac)
{
	k.dst = mac;
	return k;
}

static void a_frame_stays_in_its_vlan(void **state)
{
	const struct pk a = udp(A(1), B(2)), d = udp(D(1), A(2));
	const struct row rows[] = {
		{ "to another VLAN", AT_A, frame(a), DROPPED(VLAN), .setup = parted },
		{ "from another VLAN", AT_B, frame(udp(B(1), A(2))), DROPPED(VLAN), .setup = parted },
		{ "to the gateway", AT_A, frame(udp(A(1), GW(2))), DROPPED(VLAN), .setup = parted },
		{ "by way of the gateway", AT_A, frame(udp(A(1), OUT(2))), DROPPED(VLAN), .setup = parted },
		{ "from the gateway", AT_GW, frame(udp(GW(1), A(2))), DROPPED(VLAN), .setup = parted },
		{ "the gateway's own VLAN", AT_B, frame(udp(B(1), GW(2))), SENT(TX(AT_GW)), .setup = parted },
		{ "broadcast", AT_A, frame(to_mac(a, ALL)), SENT(TX(AT_C) | TX(AT_D)), .setup = parted },
		{ "broadcast elsewhere", AT_B, frame(to_mac(udp(B(1), A(2)), ALL)), SENT(TX(AT_GW)), .setup = parted },
		{ "the host's broadcast", AT_GW, frame(to_mac(udp(GW(1), A(2)), ALL)), SENT(TX(AT_B)),
		  .setup = parted },
		{ "a trunk's tag is taken off", AT_D, Q(d, 10), SENT(TX(AT_A)), .out = frame(d), .setup = parted },
		{ "in a VLAN of the trunk that nobody else is in", AT_D, Q(d, 20), DROPPED(VLAN), .setup = parted },
		{ "in a VLAN that the trunk has not", AT_D, Q(d, 30), DROPPED(VLAN), .setup = parted },
		{ "in the gateway's", AT_D, Q(to_mac(d, MAC_GW), 1), DROPPED(VLAN), .setup = parted },
		{ "without a tag", AT_D, frame(d), DROPPED(VLAN), .setup = parted },
		{ "a priority alone", AT_D, Q(d, 0), DROPPED(VLAN), .setup = parted },
		{ "another tag beneath", AT_D,
		  Q(((struct pk){ .dst = MAC(AT_A), .src = MAC(AT_D), .type = ETH_P_8021Q }), 10), DROPPED(VLAN),
		  .setup = parted },
		{ "its VLAN's own tag on a port without", AT_C, Q(udp(C(1), A(2)), 10), DROPPED(VLAN),
		  .setup = parted },
	};

	ROWS(*state, rows);
}

static void a_managed_port_tags_only_as_a_trunk(void **state)
{
	const struct pk b = udp(B(1), D(2)), from_a = udp(A(1), D(2));
	struct pk spoofed = b;
	const struct row rows[] = {
		{ "no trunk", AT_A, Q(from_a, 10), DROPPED(VLAN), .setup = parted_with_managed_trunk },
		{ "in the trunk's VLAN", AT_B, Q(b, 20), SENT(TX(AT_D)), .setup = parted_with_managed_trunk },
		{ "in another one", AT_B, Q(b, 10), DROPPED(VLAN), .setup = parted_with_managed_trunk },
		{ "from another MAC", AT_B, Q((spoofed.src = MAC(AT_C), spoofed), 20), DROPPED(SPOOF_MAC),
		  .setup = parted_with_managed_trunk },
	};

	ROWS(*state, rows);
}

static int learned(struct bed *b, __u16 vlan, struct mac mac, struct nsf_fdb *ret)
{
	struct nsf_fdb_key k = { .net = 1, .vlan = vlan };

	memcpy(k.mac, &mac, sizeof(k.mac));
	return bpf_map_lookup_elem(b->dp.map[DP_FDB], &k, ret);
}

static void a_mac_is_learned_in_each_vlan(void **state)
{
	const struct mac both = { { 2, 0x44, 0, 0, 0, 1 } };
	struct bed *b = *state;
	struct pk c = udp(C(1), A(2)), d = udp(D(1), A(2));
	struct nsf_fdb e;

	parted(b);
	c.src = d.src = both;
	STEP(b, "in VLAN 10", AT_C, frame(c), SENT(TX(AT_A)));
	d.dst = ALL;
	STEP(b, "in VLAN 20, where nobody is", AT_D, Q(d, 20), .verdict = SHOT, .out = frame(d));
	assert_int_equal(learned(b, 10, both, &e), 0);
	assert_int_equal(e.slot, AT_C);
	assert_int_equal(learned(b, 20, both, &e), 0);
	assert_int_equal(e.slot, AT_D);
	assert_int_not_equal(learned(b, 0, both, &e), 0);
	STEP(b, "found in VLAN 10", AT_A, frame(to_mac(udp(A(1), B(2)), both)), SENT(TX(AT_C)));
	d.src = MAC(AT_A);
	STEP(b, "a managed port's MAC is fixed in all", AT_D, Q(d, 20), DROPPED(SPOOF_MAC));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_frame_stays_in_its_vlan),
		TEST(a_managed_port_tags_only_as_a_trunk),
		TEST(a_mac_is_learned_in_each_vlan),
	};

	return RUN(tests, bed_setup);
}
