/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMPv6 errors about translated packets, both ways: translated with what they quote, all sums right. */
#include "bed6.h"

#define ROUTER6_ADDR IN6_DB8(0xee, 1) /* of the one who complains; any may */
#define ROUTER6      ((struct end6){ ROUTER, ROUTER6_ADDR, 0 })

/* The packet as its sender knows it, and the same one as it was seen at the other side. */
struct quoted {
	struct pk6 inside, outside;
};

static __u16 ext_port(struct bed *b, __u16 inner_port, struct end6 inner)
{
	for (__u32 i = 0; i < b->dp.n_flows; i++) {
		const struct nsf_flow *f = &b->dp.flows[i];

		if (f->flags & NSF_FLOW_LIVE && f->inner == handle6(b, inner.addr) &&
		    f->inner_port == htons(inner_port))
			return ntohs(f->ext_port);
	}
	fail_msg("no such flow");
	return 0;
}

/* Opens the flow. B takes the number first if another external port is wanted. */
static struct quoted open_flow(struct bed *b, struct pk6 k, bool moved)
{
	struct quoted q = { .inside = k };
	struct pk6 other = k;
	int verdict = SHOT;
	struct frame have;

	frame_new(true);
	table_reset(b);
	table6(b);
	other.src = MAC(AT_B);
	other.from = B6(0).addr;
	if (moved)
		assert_int_equal(row_prog(b, AT_B, frame6(other), 0, &have, &verdict), 0);
	assert_int_equal(row_prog(b, AT_A, frame6(k), 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
	q.inside.hops = 1;
	q.outside = snat6(q.inside, ext_port(b, k.sport, A6(0)));
	q.outside.hops = 1; /* where it was quoted both have come equally far */
	assert_int_equal(moved, q.outside.sport != k.sport);
	return q;
}

/* An error that quotes n bytes of a packet, as it comes and as it is handed over. */
static struct row error_row(const char *name, const struct quoted *q, __u8 type, __u8 code, __u16 n)
{
	struct pk6 in = icmp6_error(ROUTER6, EXT6(0), type, code, frame6(q->outside), n);
	struct pk6 out = icmp6_error(ROUTER6, EXT6(0), type, code, frame6(q->inside), n);

	in.icmp_rest = out.icmp_rest = type == 2 ? 1300 : 0;
	return (struct row){
		.name = name, .at = AT_UPLINK, .in = frame6(in), SENT(TX(AT_A)), .out = frame6(dnat6(out, A6(0)))
	};
}

static const struct {
	const char *name;
	__u8 type, code;
} kinds[] = {
	{ "no route", 1, 0 }, { "prohibited", 1, 1 }, { "address unreachable", 1, 3 }, { "port unreachable", 1, 4 },
	{ "too big", 2, 0 },  { "hop limit", 3, 0 },  { "reassembly time", 3, 1 },     { "parameter problem", 4, 1 },
};

static void every_error_about_every_protocol_arrives(void **state)
{
	struct bed *b = *state;
	const struct pk6 about[] = { udp6(A6(1000), OUT6(53)), tcp6(A6(1000), OUT6(80), SYN),
				     echo6(A6(1000), OUT6(0)) };
	static const __u16 lengths[] = { 48, 49, 56, 60, 68, 500 };
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(about) * 2; i++) {
		struct quoted q = open_flow(b, about[i / 2], i & 1);

		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
			struct row r = error_row(kinds[k].name, &q, kinds[k].type, kinds[k].code, 500);

			bad += row_run(b, &r);
		}
		for (size_t n = 0; n < ARRAY_SIZE(lengths); n++) {
			struct row r = error_row("a length", &q, 1, 4, lengths[n]);

			bad += row_run(b, &r);
		}
	}
	assert_int_equal(bad, 0);
}

static void quotes_behind_extension_headers(void **state)
{
	static const __u8 options[] = { 17, 0, 1, 4, 0, 0, 0, 0 }, first[] = { 17, 0, 0, 1, 0, 0, 0, 9 };
	struct bed *b = *state;
	struct quoted q = open_flow(b, udp6(A6(1000), OUT6(53)), true), f = q;
	int bad = 0;

	q.inside = extended(q.inside, 60, options, sizeof(options));
	q.outside = extended(q.outside, 60, options, sizeof(options));
	f.inside = extended(f.inside, 44, first, sizeof(first));
	f.outside = extended(f.outside, 44, first, sizeof(first));
	const struct row rows[] = { error_row("options", &q, 1, 4, 500), error_row("a first fragment", &f, 3, 1, 500) };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		bad += row_run(b, &rows[i]);
	assert_int_equal(bad, 0);
}

static void what_is_wrong_does_not_arrive(void **state)
{
	struct bed *b = *state;
	struct quoted q = open_flow(b, udp6(A6(1000), OUT6(53)), false);
	struct pk6 good = icmp6_error(ROUTER6, EXT6(0), 1, 4, frame6(q.outside), 500), bad_sum = good, kind = good;
	struct pk6 stranger = q.outside, cut = good, version = good, peer = q.outside, to_host = good;
	struct frame *bad_version = frame6(q.outside);

	bad_sum.faults = BAD_L4_SUM;
	kind.icmp_type = 5;
	stranger.sport = 999;
	peer.to = IN6_DB8(0xff, 2);
	cut.n_data = 47;
	bad_version->b[ETH_HLEN] = 0x40;
	version.data = bad_version->b + ETH_HLEN;
	to_host.to = UP6_ADDR;
	stranger = icmp6_error(ROUTER6, EXT6(0), 1, 4, frame6(stranger), 500);
	peer = icmp6_error(ROUTER6, EXT6(0), 1, 4, frame6(peer), 500);
	STEP(b, "a wrong sum", AT_UPLINK, frame6(bad_sum), DROPPED(ICMP_SUM));
	STEP(b, "an unknown kind", AT_UPLINK, frame6(kind), PASSED);
	STEP(b, "about no flow", AT_UPLINK, frame6(stranger), PASSED);
	STEP(b, "about another peer", AT_UPLINK, frame6(peer), PASSED);
	STEP(b, "cut", AT_UPLINK, frame6(cut), DROPPED(ICMP_QUOTE));
	STEP(b, "version 4", AT_UPLINK, frame6(version), DROPPED(ICMP_QUOTE));
	STEP(b, "for the host", AT_UPLINK, frame6(to_host), PASSED);
}

/* A container about a packet that came to it: its source and what it quotes become what the outside knows. */
static void a_container_complains(void **state)
{
	struct bed *b = *state;
	static const __u16 lengths[] = { 48, 60, 500 };
	int bad = 0;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(lengths); i++) {
		struct quoted q = open_flow(b, udp6(A6(1000), OUT6(53)), i & 1);
		struct pk6 came = udp6(FAR6(53), EXT6(q.outside.sport)), got = dnat6(came, A6(1000));
		struct pk6 in, out;

		got.hops = came.hops = 62;
		in = icmp6_error(A6(0), OUT6(0), 1, 4, frame6(got), lengths[i / 2]);
		out = icmp6_error(A6(0), OUT6(0), 1, 4, frame6(came), lengths[i / 2]);
		out.from = SNAT6;
		out.hops--;
		struct row r = {
			.name = "port unreachable", .at = AT_A, .in = frame6(in), SENT(TX(AT_LEG)), .out = frame6(out)
		};

		settle();
		/* by the kernel or with MACs known, whichever the tick says */
		struct pk6 known = out;
		struct frame have = {};
		int verdict = SHOT;

		known.dst = ROUTER;
		known.src = MAC_UP;
		table_reset_counts(b);
		assert_int_equal(row_prog(b, AT_A, r.in, 0, &have, &verdict), 0);
		assert_int_equal(verdict, REDIRECT);
		if (have.len != r.out->len ||
		    (memcmp(have.b, r.out->b, have.len) && memcmp(have.b, frame6(known)->b, have.len))) {
			row_dump("wanted", r.out);
			row_dump("have  ", &have);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void a_container_lies(void **state)
{
	struct bed *b = *state;
	struct quoted q = open_flow(b, udp6(A6(1000), OUT6(53)), false);
	struct pk6 got = dnat6(udp6(FAR6(53), EXT6(1000)), A6(1000)), other = got, none = got, from_b, sum, error;

	other.to = B6(0).addr;
	none.dport = 999;
	(void)q;
	from_b = icmp6_error(B6(0), OUT6(0), 1, 4, frame6(got), 500);
	other = icmp6_error(A6(0), OUT6(0), 1, 4, frame6(other), 500);
	none = icmp6_error(A6(0), OUT6(0), 1, 4, frame6(none), 500);
	sum = icmp6_error(A6(0), OUT6(0), 1, 4, frame6(got), 500);
	sum.faults = BAD_L4_SUM;
	error = icmp6_error(A6(0), OUT6(0), 1, 4, frame6(icmp6_error(ROUTER6, A6(0), 1, 4, frame6(got), 500)), 500);
	STEP(b, "about another's flow", AT_B, frame6(from_b), DROPPED(ICMP_QUOTE));
	STEP(b, "in another's name", AT_A, frame6(other), DROPPED(ICMP_NO_FLOW));
	STEP(b, "about no flow", AT_A, frame6(none), DROPPED(ICMP_NO_FLOW));
	STEP(b, "with a wrong sum", AT_A, frame6(sum), DROPPED(ICMP_SUM));
	STEP(b, "about an error", AT_A, frame6(error), DROPPED(ICMP_QUOTE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST6(every_error_about_every_protocol_arrives),
		TEST6(quotes_behind_extension_headers),
		TEST6(what_is_wrong_does_not_arrive),
		TEST6(a_container_complains),
		TEST6(a_container_lies),
	};

	return RUN(tests, bed6_setup);
}
