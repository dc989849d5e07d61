/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors from outside about a container's packets: translated with the packet that they quote, all sums right. */
#include "row.h"

#define ROUTER_ADDR IP4(192, 0, 2, 200) /* of the one who complains; any may */

/* The packet as its sender knows it, and the same one as it was seen outside. */
struct quoted {
	struct pk inside, outside;
};

/* Opens the flow. B takes the number first if another external port is wanted. */
static struct quoted open_flow(struct bed *b, struct pk k, bool moved)
{
	struct quoted q = { .inside = k };
	struct frame have;
	struct pk other = k;
	int verdict;

	frame_new(true);
	table_reset(b);
	other.src = MAC(AT_B);
	other.saddr = B(0).addr;
	if (moved)
		assert_int_equal(row_prog(b, AT_B, frame(other), 0, &have, &verdict), 0);
	assert_int_equal(row_prog(b, AT_A, frame(k), 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
	q.inside.ttl = 1;
	q.outside = snat(q.inside, ntohs(flow_of(b, A(k.sport), k.proto)->ext_port));
	q.outside.ttl = 1; /* where it was quoted both have come equally far */
	assert_int_equal(moved, q.outside.sport != k.sport);
	return q;
}

/* An error that quotes n bytes of a packet, as it comes and as it is handed over. */
static struct row error_row(const char *name, const struct quoted *q, __u8 type, __u8 code, __u16 n)
{
	struct end router = { ROUTER, ROUTER_ADDR, 0 };
	struct pk in = icmp_error(router, EXT(0), type, code, frame(q->outside), n);
	struct pk out = icmp_error(router, EXT(0), type, code, frame(q->inside), n);

	in.icmp_rest = out.icmp_rest = type == 3 && code == 4 ? 1400 : 0;
	return (struct row){ name, AT_UPLINK, frame(in), SENT(TX(AT_A)), .out = frame(dnat(out, A(0))) };
}

/* Runs it; the flow is neither refreshed nor ended (RFC 5508 REQ-6). */
static int error_run(struct bed *b, const struct row *r, struct end inner, __u8 proto)
{
	struct nsf_flow *f = flow_of(b, inner, proto), was;
	int bad;

	f->seen -= 50;
	was = *f;
	bad = row_run(b, r);
	if (memcmp(&was, f, sizeof(was))) {
		print_error("%s: the flow has changed\n", r->name);
		bad++;
	}
	return bad;
}

static const struct {
	const char *name;
	__u8 type, code;
} kinds[] = {
	{ "network unreachable", 3, 0 }, { "host unreachable", 3, 1 },
	{ "port unreachable", 3, 3 },    { "too big", 3, 4 },
	{ "filtered", 3, 13 },           { "time exceeded", 11, 0 },
	{ "reassembly time", 11, 1 },    { "parameter problem", 12, 0 },
};

static void every_error_about_every_protocol_arrives(void **state)
{
	struct bed *b = *state;
	const struct pk about[] = { udp(A(1000), OUT(53)), tcp(A(1000), OUT(80), SYN), echo(A(1000), OUT(0)) };
	static const __u16 lengths[] = { 28, 29, 36, 40, 48, 500 };
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(about) * 2; i++) {
		struct quoted q = open_flow(b, about[i / 2], i & 1);

		for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
			for (size_t n = 0; n < ARRAY_SIZE(lengths); n++) {
				struct row r = error_row(kinds[k].name, &q, kinds[k].type, kinds[k].code, lengths[n]);

				bad += error_run(b, &r, A(1000), about[i / 2].proto);
			}
		assert_int_equal(table_counts(b, AT_LEG).rx_packets, 1);
	}
	assert_int_equal(bad, 0);
}

static void odd_quotes_arrive_with_their_oddity(void **state)
{
	struct bed *b = *state;

	for (int moved = 0; moved < 2; moved++) {
		struct pk u = udp(A(1000), OUT(53)), options = u, no_sum = u;
		struct quoted q;
		struct row r;

		options.n_options = 8;
		memcpy(options.options, "\x94\x04\x00\x00\x01\x01\x01", 8);
		q = open_flow(b, options, moved);
		r = error_row("IP options in the quote", &q, 11, 0, 36);
		assert_int_equal(error_run(b, &r, A(1000), IPPROTO_UDP), 0);
		r = error_row("IP options in a longer quote", &q, 11, 0, 100);
		assert_int_equal(error_run(b, &r, A(1000), IPPROTO_UDP), 0);

		no_sum.faults = NO_L4_SUM;
		q = open_flow(b, no_sum, moved);
		r = error_row("UDP checksum 0 stays 0", &q, 3, 3, 28);
		assert_int_equal(error_run(b, &r, A(1000), IPPROTO_UDP), 0);

		q = open_flow(b, u, moved);
		q.inside.n_data = q.outside.n_data = 1400;
		r = error_row("a quote longer than most", &q, 3, 3, 1400);
		assert_int_equal(error_run(b, &r, A(1000), IPPROTO_UDP), 0);

		q = open_flow(b, u, moved);
		q.inside.frag = q.outside.frag = 0x2000;
		r = error_row("a first fragment", &q, 11, 1, 28);
		assert_int_equal(error_run(b, &r, A(1000), IPPROTO_UDP), 0);
	}
}

/* The quoted transport checksum is nobody's business on the way: a wrong one stays as wrong as it was. */
static void a_wrong_sum_inside_stays_wrong_by_as_much(void **state)
{
	struct bed *b = *state;
	struct quoted q = open_flow(b, udp(A(1000), OUT(53)), true);
	struct frame in, out, *have = frame_new(false);
	struct row r;
	int verdict;

	r = error_row("wrong", &q, 3, 3, 28);
	in = *r.in;
	out = *r.out;
	/* 14 Ethernet, 20 IP, 8 ICMP, 20 quoted IP, 6 */
	put16(in.b + 68, (__u16)(in.b[68] << 8 | in.b[69]) ^ 0x0100);
	put16(in.b + 36, 0);
	put16(in.b + 36, sum16(0, in.b + 34, in.len - 34));
	assert_int_equal(row_prog(b, AT_UPLINK, &in, 0, have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
	assert_int_not_equal(memcmp(have->b + 68, out.b + 68, 2), 0);
	assert_int_equal(sum16(0, have->b + 34, have->len - 34), 0);
	assert_int_equal(sum16(0, have->b + 14, 20), 0);
	assert_int_equal(sum16(0, have->b + 42, 20), 0);
	memcpy(out.b + 68, have->b + 68, 2);
	memcpy(out.b + 36, have->b + 36, 2);
	assert_int_equal(row_bytes("wrong", &out, have), 0);
}

/* Passes on, or is dropped where it was ours; in both cases as it came. */
static void damaged_and_foreign_errors_are_not_translated(void **state)
{
	struct bed *b = *state;
	struct quoted q = open_flow(b, udp(A(1000), OUT(53)), false);
	struct end router = { ROUTER, ROUTER_ADDR, 0 };
	struct pk bad_ip = q.outside, port = q.outside, peer = q.outside, later = q.outside, icmp = q.outside;
	struct pk version = q.outside, inner = q.inside, proto = q.outside, gone = q.outside;

	bad_ip.faults = BAD_IP_SUM;
	port.sport++;
	peer.daddr++;
	later.frag = 100;
	later.data = "\x03\xe8\x00\x35\x00\x1c\x00"; /* looks like the header of the flow's own */
	later.n_data = 8;
	version.first = 0x65;
	proto.proto = 47;
	gone.saddr = UP_ADDR;
	icmp = icmp_error(EXT(0), FAR(0), 3, 3, frame(q.outside), 28);
#define WITH(k) frame(icmp_error(router, EXT(0), 3, 3, frame(k), 28))
	const struct row rows[] = {
		{ "quoted IP checksum wrong", AT_UPLINK, WITH(bad_ip), PASSED },
		{ "quoted IP version wrong", AT_UPLINK, WITH(version), PASSED },
		{ "another port number", AT_UPLINK, WITH(port), PASSED },
		{ "another peer", AT_UPLINK, WITH(peer), PASSED },
		{ "another protocol", AT_UPLINK, WITH(proto), PASSED },
		{ "the host's own packet", AT_UPLINK, WITH(gone), PASSED },
		{ "the packet as the container knows it", AT_UPLINK, WITH(inner), PASSED },
		{ "a later fragment", AT_UPLINK, WITH(later), PASSED },
		{ "an error about an error", AT_UPLINK, WITH(icmp), PASSED },
		{ "for another address of the host", AT_UPLINK,
		  frame(icmp_error(router, (struct end){ MAC_UP, UP_ADDR, 0 }, 3, 3, frame(q.outside), 28)), PASSED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		assert_int_equal(error_run(b, &rows[i], A(1000), IPPROTO_UDP), 0);
}

/* RFC 792 promises header and eight bytes; less tells nobody's flow. */
static void a_short_quote_is_not_translated(void **state)
{
	struct bed *b = *state;
	struct quoted q = open_flow(b, udp(A(1000), OUT(53)), true);
	struct end router = { ROUTER, ROUTER_ADDR, 0 };
	int bad = 0;

	for (__u16 n = 0; n < 28; n++) {
		struct row r = { "a short quote", AT_UPLINK,
				 frame(icmp_error(router, EXT(0), 3, 3, frame(q.outside), n)), PASSED };
		struct row padded = r;
		struct pk k = icmp_error(router, EXT(0), 3, 3, frame(q.outside), n);

		bad += row_run(b, &r);
		k.trailer = 40; /* what lies behind the packet is no part of it */
		padded.in = frame(k);
		bad += row_run(b, &padded);
	}
	assert_int_equal(bad, 0);
}

/* RFC 5508 REQ-3a. */
static void an_error_with_a_wrong_sum_is_not_made_right(void **state)
{
	struct bed *b = *state;
	struct quoted q = open_flow(b, udp(A(1000), OUT(53)), true);
	struct end router = { ROUTER, ROUTER_ADDR, 0 };
	struct pk k = icmp_error(router, EXT(0), 3, 3, frame(q.outside), 28);
	struct frame have;
	int verdict = PASS;

	k.faults = BAD_L4_SUM;
	assert_int_equal(row_prog(b, AT_UPLINK, frame(k), 0, &have, &verdict), 0);
	if (verdict == REDIRECT)
		assert_int_not_equal(sum16(0, have.b + 34, have.len - 34), 0);
}

/* A router outside has no say in a container's routes, nor in how fast it sends. */
static void redirect_and_source_quench_are_the_hosts(void **state)
{
	struct bed *b = *state;
	struct quoted q = open_flow(b, udp(A(1000), OUT(53)), true);
	struct end router = { ROUTER, ROUTER_ADDR, 0 };
	const struct row rows[] = {
		{ "redirect", AT_UPLINK, frame(icmp_error(router, EXT(0), 5, 1, frame(q.outside), 28)), PASSED },
		{ "source quench", AT_UPLINK, frame(icmp_error(router, EXT(0), 4, 0, frame(q.outside), 28)), PASSED },
	};

	assert_int_equal(row_run(b, &rows[0]), 0);
	assert_int_equal(row_run(b, &rows[1]), 0);
}

static void an_error_about_a_gone_port_is_dropped(void **state)
{
	struct bed *b = *state;
	struct quoted q = open_flow(b, udp(A(1000), OUT(53)), false);
	struct row r = error_row("a port that is gone", &q, 3, 3, 28);

	row_clear_port(&b->dp, AT_A);
	r = (struct row){ r.name, r.at, r.in, DROPPED(PORT_GONE) };
	assert_int_equal(row_run(b, &r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(redirect_and_source_quench_are_the_hosts),      TEST(every_error_about_every_protocol_arrives),
		TEST(odd_quotes_arrive_with_their_oddity),           TEST(a_wrong_sum_inside_stays_wrong_by_as_much),
		TEST(damaged_and_foreign_errors_are_not_translated), TEST(a_short_quote_is_not_translated),
		TEST(an_error_with_a_wrong_sum_is_not_made_right),   TEST(an_error_about_a_gone_port_is_dropped),
	};

	return RUN(tests, bed_setup);
}
