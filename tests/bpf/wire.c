/* SPDX-License-Identifier: GPL-2.0-only */
/* The uplink at XDP: what it does with a frame is what tc does with the packet; what is not its own goes on as it came. */
#include "bed6.h"

/* A port whose far end takes frames, and the uplink's row. */
static void takes(struct bed *b)
{
	__u32 up = (__u32)b->ifindex[AT_UPLINK], leg = AT_LEG;

	table6(b);
	b->dp.ports[AT_A].flags |= NSF_PORT_NAPI;
	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_UPLINKS], &up, &leg, BPF_ANY), 0);
	settle();
}

static int fresh_wire(void **state)
{
	fresh(state);
	takes(*state);
	return 0;
}

/* A conversation that the port has begun. */
static void begun(struct bed *b, enum at at, struct frame *first)
{
	struct frame have;
	int verdict = SHOT;

	assert_int_equal(row_prog(b, at, first, 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
}

/* The same frame at both hooks: bytes and counters are what the one who knows the sums says they are. */
static int both(struct bed *b, const char *name, struct frame *in, struct frame *out)
{
	struct row r = { name, AT_UPLINK, in, SENT(TX(AT_A)), .out = out };
	int bad = row_run(b, &r);

	r.at = AT_WIRE;
	return bad + row_run(b, &r);
}

/* It is not this hook's, and nothing shows that it was there. */
static int passes(struct bed *b, const char *name, struct frame *in)
{
	struct row r = { name, AT_WIRE, in, PASSED };

	return row_run(b, &r);
}

static void answers_are_as_at_tc(void **state)
{
	struct bed *b = *state;
	struct pk answer = udp(FAR(53), EXT(1000)), none = answer, odd = answer, padded = answer;
	struct pk reply = echo(FAR(0), EXT(1001));
	struct pk6 answer6 = udp6(FAR6(53), EXT6(1000)), reply6 = echo6(FAR6(0), EXT6(1001));
	int bad = 0;

	none.faults = NO_L4_SUM;
	odd.n_data = 33;
	padded.n_data = 3;
	padded.trailer = 15;
	begun(b, AT_A, frame(udp(A(1000), OUT(53))));
	begun(b, AT_A, frame(echo(A(1001), OUT(0))));
	begun(b, AT_A, frame6(udp6(A6(1000), OUT6(53))));
	begun(b, AT_A, frame6(echo6(A6(1001), OUT6(0))));
	bad += both(b, "UDP", frame(answer), frame(dnat(answer, A(1000))));
	bad += both(b, "UDP without a sum", frame(none), frame(dnat(none, A(1000))));
	bad += both(b, "UDP of odd length", frame(odd), frame(dnat(odd, A(1000))));
	bad += both(b, "padded", frame(padded), frame(dnat(padded, A(1000))));
	bad += both(b, "echo", frame(reply), frame(dnat(reply, A(1001))));
	bad += both(b, "UDP, IPv6", frame6(answer6), frame6(dnat6(answer6, A6(1000))));
	bad += both(b, "echo, IPv6", frame6(reply6), frame6(dnat6(reply6, A6(1001))));
	assert_int_equal(bad, 0);
}

/* The pseudo header's sum, which stands in the field of a frame that is yet to be summed up. */
static __u16 pseudo(const struct frame *f, bool six)
{
	const __u8 *addrs = f->b + (six ? 22 : 26), *udp = f->b + (six ? 54 : 34);

	return (__u16)~sum16((__u32)(udp[4] << 8 | udp[5]) + IPPROTO_UDP, addrs, six ? 32 : 8);
}

static __u16 field(const struct frame *f, bool six)
{
	const __u8 *at = f->b + (six ? 60 : 40);

	return (__u16)(at[0] << 8 | at[1]);
}

/* Of all sums, by the data's first word: the one that would become 0, which means that there is none, and the one that
 * looks like a sum that is yet to be filled in. */
static void sums_that_mean_something_else(void **state)
{
	struct bed *b = *state;
	__u32 zeros = 0, partials = 0;
	int bad = 0;

	begun(b, AT_A, frame(udp(A(2000), OUT(53))));
	begun(b, AT_A, frame6(udp6(A6(2000), OUT6(53))));
	for (__u32 i = 0; i < 0x20000; i++) {
		__u8 data[2] = { (__u8)(i >> 8), (__u8)i };
		struct pk k = udp(FAR(53), EXT(2000));
		struct pk6 k6 = udp6(FAR6(53), EXT6(2000));
		bool six = i >> 16;
		struct frame *in, *out;

		frame_new(true);
		k.data = k6.data = data;
		k.n_data = k6.n_data = sizeof(data);
		in = six ? frame6(k6) : frame(k);
		out = six ? frame6(dnat6(k6, A6(2000))) : frame(dnat(k, A(2000)));
		if (field(in, six) == pseudo(in, six)) {
			bad += passes(b, "a sum like one to be filled in", in);
			partials++;
		} else if (field(out, six) == 0xffff || i % 0x1001 == 0) {
			bad += both(b, "a sum", in, out);
			zeros += field(out, six) == 0xffff;
		}
	}
	assert_int_equal(bad, 0);
	assert_true(zeros >= 2);
	assert_true(partials >= 2);
}

static void what_is_not_for_it_goes_on(void **state)
{
	struct bed *b = *state;
	struct pk answer = udp(FAR(53), EXT(1000)), tagged = answer, options = answer, part = answer, old = answer;
	struct pk long_one = answer, other_mac = answer, cut = answer, ip_long = answer, request = echo(FAR(5), EXT(0));
	struct pk to_b = udp(FAR(53), EXT(1002)), syn_ack = tcp(FAR(80), EXT(1003), SYN | ACK);
	struct pk6 answer6 = udp6(FAR6(53), EXT6(1000)), none6 = answer6, ext6 = answer6;
	static const __u8 no_options[] = { IPPROTO_UDP, 0, 1, 4, 0, 0, 0, 0 };
	int bad = 0;

	begun(b, AT_A, frame(udp(A(1000), OUT(53))));
	begun(b, AT_B, frame(udp(B(1002), OUT(53))));
	begun(b, AT_A, frame(tcp(A(1003), OUT(80), SYN)));
	begun(b, AT_A, frame6(udp6(A6(1000), OUT6(53))));
	tagged.tag = ETH_P_8021Q;
	options.n_options = 4;
	memcpy(options.options, "\x94\x04\x00\x00", 4);
	part.frag = 0x2000;
	old.ttl = 1;
	long_one.n_data = 1500;
	other_mac.dst = MAC(99);
	cut.total = 20;
	ip_long.total = 1000;
	none6.faults = NO_L4_SUM;
	ext6.ext = no_options;
	ext6.n_ext = sizeof(no_options);
	ext6.first = IPPROTO_DSTOPTS;
	bad += passes(b, "a tag", frame(tagged));
	bad += passes(b, "IP options", frame(options));
	bad += passes(b, "a fragment", frame(part));
	bad += passes(b, "its last hop", frame(old));
	bad += passes(b, "longer than the port takes", frame(long_one));
	bad += passes(b, "for another MAC", frame(other_mac));
	bad += passes(b, "no room for UDP", frame(cut));
	bad += passes(b, "longer than the frame", frame(ip_long));
	bad += passes(b, "an echo request", frame(request));
	bad += passes(b, "for a port that takes none", frame(to_b));
	bad += passes(b, "TCP", frame(syn_ack));
	bad += passes(b, "ARP", arp(ALL, ROUTER, 1, ROUTER, IP4(198, 51, 100, 254), MAC(0), SNAT));
	bad += passes(b, "of no flow", frame(udp(FAR(54), EXT(1000))));
	bad += passes(b, "for nobody", frame(udp(FAR(53), (struct end){ MAC_UP, IP4(198, 51, 100, 9), 1000 })));
	bad += passes(b, "IPv6 without a sum", frame6(none6));
	bad += passes(b, "an extension header", frame6(ext6));
	b->dp.ports[AT_A].gen++;
	bad += passes(b, "the port is gone", frame(answer));
	assert_int_equal(bad, 0);
}

static void nobody_asked_for_it(void **state)
{
	struct bed *b = *state;
	struct nsf_ext_key k = { .addr = htonl(SNAT), .family = 4 };
	struct nsf_ext e = { .port_min = 1024, .port_max = 65535 };
	struct pk other_mac = tcp(FAR(80), EXT(2000), SYN);
	const struct row rows[] = {
		{ "a mapping's number, from a stranger", AT_WIRE, frame(udp(FAR(54), EXT(1000))),
		  DROPPED(UNSOLICITED) },
		{ "a beginning within the range", AT_WIRE, frame(tcp(FAR(80), EXT(2000), SYN)), DROPPED(UNSOLICITED) },
		{ "the same by IPv6", AT_WIRE, frame6(tcp6(FAR6(80), EXT6(2000), SYN)), DROPPED(UNSOLICITED) },
		{ "below the range", AT_WIRE, frame(tcp(FAR(80), EXT(22), SYN)), PASSED },
		{ "no beginning", AT_WIRE, frame(tcp(FAR(80), EXT(2000), ACK)), PASSED },
		{ "UDP for no mapping", AT_WIRE, frame(udp(FAR(54), EXT(1001))), PASSED },
	};
	int bad = 0;

	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_EXTS], &k, &e, BPF_ANY), 0);
	begun(b, AT_A, frame(udp(A(1000), OUT(53))));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		bad += row_run(b, &rows[i]);
	other_mac.dst = MAC(99);
	bad += passes(b, "for another MAC", frame(other_mac));
	b->dp.nets[1].flags |= NSF_NET_EIF;
	bad += passes(b, "a mapping's number where strangers are let in", frame(udp(FAR(54), EXT(1000))));
	assert_int_equal(bad, 0);
}

static void a_published_port_is_opened_at_tc_alone(void **state)
{
	struct bed *b = *state;
	struct nsf_ext_key k = { .addr = htonl(SNAT), .family = 4 };
	struct nsf_ext e = { .port_min = 1024, .port_max = 65535 };
	struct pk in = udp(FAR(5000), EXT(8080));

	assert_int_equal(bpf_map_update_elem(b->dp.map[DP_EXTS], &k, &e, BPF_ANY), 0);
	table_publish(b, 4, 0, htonl(A(0).addr));
	b->dp.publish[0].proto = IPPROTO_UDP;
	assert_int_equal(passes(b, "the first one", frame(in)), 0);
	assert_int_equal(both(b, "once it is open", frame(in), frame(dnat(in, A(80)))), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(answers_are_as_at_tc, fresh_wire),
		cmocka_unit_test_setup(sums_that_mean_something_else, fresh_wire),
		cmocka_unit_test_setup(what_is_not_for_it_goes_on, fresh_wire),
		cmocka_unit_test_setup(nobody_asked_for_it, fresh_wire),
		cmocka_unit_test_setup(a_published_port_is_opened_at_tc_alone, fresh_wire),
	};

	return RUN(tests, bed6_setup);
}
