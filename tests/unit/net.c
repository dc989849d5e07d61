/* SPDX-License-Identifier: GPL-2.0-only */
/* The model: names, subnets, the list of ports. */
#include <errno.h>

#include "capture.h"
#include "net.h"

static struct addr parse(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static void names_of_networks(void **state)
{
	static const char *const good[] = { "a", "0", "nsf0", "a.b-c_d", "A1234567890", "0x" };
	static const char *const bad[] = { "",    ".",   "..",  "-a",           "_a",       ".a",    "a/b", "a b",
					   "a\n", "a:b", "a%d", "A12345678901", "\xc3\xa4", "a\x01", "*",   "nsf0\t" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(network_name_ok(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(network_name_ok(bad[i]));
}

static void the_gateway_of_a_subnet(void **state)
{
	static const struct {
		const char *text, *gateway; /* NULL: refused */
	} rows[] = {
		{ "10.77.0.0/24", "10.77.0.1/24" },
		{ "10.77.0.1/24", "10.77.0.1/24" },
		{ "10.77.0.254/24", "10.77.0.254/24" },
		{ "10.77.0.255/24", NULL },
		{ "10.0.0.0/8", "10.0.0.1/8" },
		{ "10.255.255.255/8", NULL },
		{ "10.0.0.0/7", NULL },
		{ "10.77.0.0/30", "10.77.0.1/30" },
		{ "10.77.0.2/30", "10.77.0.2/30" },
		{ "10.77.0.3/30", NULL },
		{ "10.77.0.4/30", "10.77.0.5/30" },
		{ "10.77.0.0/31", NULL },
		{ "10.77.0.1", NULL },
		{ "10.77.0.1/0", NULL },
		{ "fd00::/64", "fd00::1/64" },
		{ "fd00::7/64", "fd00::7/64" },
		{ "fd00::1:0/112", "fd00::1:1/112" },
		{ "fd00::ff/120", "fd00::ff/120" },
		{ "fd00::8/125", NULL },
		{ "fd00::/63", NULL },
		{ "fd00::1", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct addr a = parse(rows[i].text), r = { .family = 99 };
		char buf[ADDR_STRLEN];

		if (rows[i].gateway) {
			assert_int_equal(network_subnet(&a, &r), 0);
			assert_string_equal(addr_format(&r, true, buf), rows[i].gateway);
		} else {
			assert_true(network_subnet(&a, &r) < 0);
			assert_int_equal(r.family, 99);
		}
	}
}

static void what_a_subnet_holds(void **state)
{
	static const struct {
		const char *text;
		bool held;
	} rows[] = {
		{ "10.77.0.2", true },    { "10.77.0.254", true }, { "10.77.0.1", false }, { "10.77.0.0", false },
		{ "10.77.0.255", false }, { "10.77.1.2", false },  { "10.76.0.2", false }, { "fd00::2", false },
	};
	struct network n;
	struct addr a = parse("10.77.0.2");

	(void)state;
	network_init(&n, "t0");
	assert_false(network_holds(&n, &a));
	n.gateway = parse("10.77.0.1/24");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		a = parse(rows[i].text);
		assert_int_equal(network_holds(&n, &a), rows[i].held);
	}
}

static void what_an_ipv6_subnet_holds(void **state)
{
	static const struct {
		const char *gateway, *text;
		bool held;
	} rows[] = {
		{ "fd00::1/64", "fd00::2", true },          { "fd00::1/64", "fd00::ffff:ffff:ffff:ffff", true },
		{ "fd00::1/64", "fd00::1", false },         { "fd00::1/64", "fd00::", false },
		{ "fd00::1/64", "fd00:0:0:1::2", false },   { "fd00::1/64", "10.77.0.2", false },
		{ "fd00::1/67", "fd00::1fff:0:0:2", true }, { "fd00::1/67", "fd00::2000:0:0:2", false },
		{ "fd00::1/67", "fd00::1000:0:0:0", true }, { "fd00::101/120", "fd00::1ff", true },
		{ "fd00::101/120", "fd00::100", false },    { "fd00::101/120", "fd00::2", false },
	};
	struct network n;
	struct addr a = parse("fd00::2");

	(void)state;
	network_init(&n, "t0");
	assert_false(network_holds(&n, &a));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		n.gateway6 = parse(rows[i].gateway);
		a = parse(rows[i].text);
		assert_int_equal(network_holds(&n, &a), rows[i].held);
	}
}

static void a_new_network_has_defaults(void **state)
{
	struct network n;

	(void)state;
	network_init(&n, "t0");
	assert_string_equal(n.name, "t0");
	assert_int_equal(n.has, 0);
	assert_int_equal(n.mode, NET_MODE_AUTO);
	assert_int_equal(n.snat, NET_SNAT_AUTO);
	assert_int_equal(n.port_min, 1024);
	assert_int_equal(n.port_max, 65535);
	assert_int_equal(n.policy, 0);
	assert_int_equal(n.snat6, NET_SNAT_AUTO);
	assert_int_equal(n.gateway6.family, 0);
	assert_int_equal(n.mtu, 0);
	assert_int_equal(n.timeout[NSF_TIMEOUT_TCP_OPEN], 240);
	assert_int_equal(n.timeout[NSF_TIMEOUT_TCP_EST], 7440);
	assert_int_equal(n.timeout[NSF_TIMEOUT_UDP], 300);
	assert_int_equal(n.timeout[NSF_TIMEOUT_ICMP], 60);
	network_free(&n);
}

static void exempt_destinations_have_one_order(void **state)
{
	static const char *const in[] = { "192.0.2.0/24", "2001:db8::1", "10.1.2.3/8", "192.0.2.77/25", "0.0.0.0/0" };
	static const char *const want[] = { "0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24", "192.0.2.0/25",
					    "2001:db8::1/128" };
	struct network n;
	char buf[ADDR_STRLEN];
	struct addr a;

	(void)state;
	network_init(&n, "t0");
	for (size_t i = 0; i < ARRAY_SIZE(in); i++) {
		a = parse(in[i]);
		assert_int_equal(network_add_except(&n, &a), 0);
		assert_int_equal(network_add_except(&n, &a), -EEXIST);
	}
	assert_int_equal(n.n_excepts, ARRAY_SIZE(want));
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		assert_string_equal(addr_format(&n.excepts[i], true, buf), want[i]);
	for (size_t i = 0; n.n_excepts < NET_EXCEPTS_MAX; i++) {
		a = parse("10.0.0.1");
		a.bytes[3] = (__u8)i;
		assert_int_equal(network_add_except(&n, &a), 0);
	}
	a = parse("10.9.9.9");
	assert_int_equal(network_add_except(&n, &a), -ENOSPC);
	a = parse("10.0.0.7/8");
	assert_int_equal(network_add_except(&n, &a), -EEXIST);
}

static void a_port_has_its_own_limit_or_the_networks(void **state)
{
	struct network n;
	struct port p = { .limit = { [PORT_LIMIT_HALF] = 5 } };

	(void)state;
	network_init(&n, "t0");
	n.limit[PORT_LIMIT_FLOWS] = 100;
	n.limit[PORT_LIMIT_HALF] = 10;
	assert_int_equal(network_limit(&n, &p, PORT_LIMIT_FLOWS), 100);
	assert_int_equal(network_limit(&n, &p, PORT_LIMIT_HALF), 5);
}

static void ports_are_found_by_name(void **state)
{
	struct network n = { 0 };
	char name[NSF_NAME_LEN];

	(void)state;
	network_free(&n);
	network_init(&n, "t0");
	assert_null(network_port(&n, "p0"));
	for (int i = 0; i < 100; i++) {
		struct port *p;

		snprintf(name, sizeof(name), "p%d", i);
		p = network_add_port(&n, name);
		assert_non_null(p);
		assert_string_equal(p->name, name);
		assert_int_equal(p->has, 0);
		p->slot = (__u32)i;
	}
	assert_int_equal(n.n_ports, 100);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		assert_int_equal(network_port(&n, name)->slot, i);
	}
	assert_null(network_port(&n, "p100"));
	network_free(&n);
	network_free(&n);
	assert_null(network_port(&n, "p0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_networks),
		cmocka_unit_test(the_gateway_of_a_subnet),
		cmocka_unit_test(what_a_subnet_holds),
		cmocka_unit_test(what_an_ipv6_subnet_holds),
		cmocka_unit_test(a_new_network_has_defaults),
		cmocka_unit_test(exempt_destinations_have_one_order),
		cmocka_unit_test(a_port_has_its_own_limit_or_the_networks),
		cmocka_unit_test(ports_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
