/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters of flows as users write them, and the words for protocols and states. */
#include <errno.h>

#include "capture.h"
#include "flow.h"
#include "log.h"

static void protocols_are_read_by_name_and_by_number(void **state)
{
	static const struct {
		const char *text;
		int proto; /* -1: refused */
	} rows[] = {
		{ "tcp", IPPROTO_TCP },
		{ "udp", IPPROTO_UDP },
		{ "icmp", IPPROTO_ICMP },
		{ "sctp", IPPROTO_SCTP },
		{ "udplite", IPPROTO_UDPLITE },
		{ "icmpv6", IPPROTO_ICMPV6 },
		{ "0", 0 },
		{ "6", IPPROTO_TCP },
		{ "253", 253 },
		{ "255", 255 },
		{ "006", IPPROTO_TCP },
		{ "256", -1 },
		{ "0256", -1 },
		{ "-1", -1 },
		{ "6 ", -1 },
		{ "", -1 },
		{ "TCP", -1 },
		{ "0x6", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flow_filter f = {};
		struct capture c;
		int r;

		capture_begin(&c);
		r = flow_filter_proto("--protocol", rows[i].text, &f);
		capture_end(&c);
		assert_int_equal(r, rows[i].proto < 0 ? -EINVAL : 0);
		assert_int_equal(!c.err[0], rows[i].proto >= 0);
		if (rows[i].proto >= 0) {
			assert_true(f.by_proto);
			assert_int_equal(f.proto, rows[i].proto);
		}
		capture_free(&c);
	}
}

static void what_is_refused_is_named_with_a_cure(void **state)
{
	struct flow_filter f = {};

	(void)state;
	assert_prints("", "nsfast: --protocol: 'tcpp' is no protocol\nhint: did you mean 'tcp'?\n",
		      flow_filter_proto("--protocol", "tcpp", &f));
	assert_prints("",
		      "nsfast: --protocol: '1000' is no protocol\n"
		      "hint: there are tcp, udp, icmp, sctp, udplite, icmpv6 and the numbers 0 to 255\n",
		      flow_filter_proto("--protocol", "1000", &f));
	assert_prints("", "nsfast: --state: 'half-close' is no state of a flow\nhint: did you mean 'half-closed'?\n",
		      flow_filter_state("--state", "half-close", &f));
	assert_prints(
		"",
		"nsfast: --state: 'TIME_WAIT' is no state of a flow\n"
		"hint: there are opening, established, half-closed, closed and reset; active for other protocols\n",
		flow_filter_state("--state", "TIME_WAIT", &f));
	assert_prints("",
		      "nsfast: --address: '10.77.0.0/33' is no address\n"
		      "hint: as in 10.77.0.2, 10.77.0.0/24 or 2001:db8::/32\n",
		      flow_filter_addr("--address", "10.77.0.0/33", &f));
	assert_int_equal(f.addr.family, 0);
	assert_int_equal(f.states, 0);
}

static void addresses_may_have_a_length(void **state)
{
	static const struct {
		const char *text;
		__u8 family, plen;
	} rows[] = {
		{ "10.77.0.2", AF_INET, 32 },     { "10.77.0.2/24", AF_INET, 24 }, { "0.0.0.0/0", AF_INET, 0 },
		{ "2001:db8::1", AF_INET6, 128 }, { "fd00::/8", AF_INET6, 8 },     { "::/0", AF_INET6, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flow_filter f = {};

		assert_int_equal(flow_filter_addr("--address", rows[i].text, &f), 0);
		assert_int_equal(f.addr.family, rows[i].family);
		assert_int_equal(f.addr.plen, rows[i].plen);
	}
}

static void states_add_up(void **state)
{
	struct flow_filter f = {};

	(void)state;
	assert_int_equal(flow_filter_state("--state", "opening", &f), 0);
	assert_int_equal(flow_filter_state("--state", "reset", &f), 0);
	assert_int_equal(flow_filter_state("--state", "reset", &f), 0);
	assert_int_equal(f.states, 1 << FLOW_OPENING | 1 << FLOW_RESET);
}

static void words_are_read_as_they_are_written(void **state)
{
	char buf[FLOW_PROTO_STRLEN];

	(void)state;
	for (int i = 0; i < FLOW_STATE_MAX; i++) {
		struct flow_filter f = {};

		assert_int_equal(flow_filter_state("--state", flow_state_name(i), &f), 0);
		assert_int_equal(f.states, 1 << i);
	}
	for (int i = 0; i < 256; i++) {
		struct flow_filter f = {};

		assert_int_equal(flow_filter_proto("--protocol", flow_proto_name((__u8)i, buf), &f), 0);
		assert_int_equal(f.proto, i);
	}
	assert_string_equal(flow_proto_name(IPPROTO_ICMPV6, buf), "icmpv6");
	assert_string_equal(flow_proto_name(255, buf), "255");
	assert_true(flow_proto_has_ports(IPPROTO_SCTP));
	assert_false(flow_proto_has_ports(47));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(protocols_are_read_by_name_and_by_number),
		cmocka_unit_test(what_is_refused_is_named_with_a_cure),
		cmocka_unit_test(addresses_may_have_a_length),
		cmocka_unit_test(states_add_up),
		cmocka_unit_test(words_are_read_as_they_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
