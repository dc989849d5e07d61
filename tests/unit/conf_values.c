/* SPDX-License-Identifier: GPL-2.0-only */
/* Single values of a configuration, as files and options give them, with the exact message for what is refused. */
#include <errno.h>

#include "capture.h"
#include "conf.h"
#include "log.h"
#include "util.h"

static int timeout_udp(const char *what, const char *text, struct network *n)
{
	return conf_timeout(what, text, NSF_TIMEOUT_UDP, n);
}

#define PORT_VALUE(name) \
	static int port_##name(const char *what, const char *text, struct network *n) \
	{ \
		struct port p = {}; \
\
		(void)n; \
		return conf_port_##name(what, text, &p); \
	}
PORT_VALUE(flood)
PORT_VALUE(isolated)
PORT_VALUE(guard)
PORT_VALUE(mtu)

static int max_flows(const char *what, const char *text, struct network *n)
{
	return conf_limit(what, text, PORT_LIMIT_FLOWS, n);
}

static void values_of_a_network(void **state)
{
	static const struct {
		int (*read)(const char *what, const char *text, struct network *n);
		const char *text, *error; /* NULL: it is good */
	} rows[] = {
		{ conf_name, "t0", NULL },
		{ conf_name, "a2345678901", NULL },
		{ conf_name, "a23456789012", "'a23456789012' is no name for a network" },
		{ conf_name, "", "'' is no name for a network" },
		{ conf_name, "..", "'..' is no name for a network" },
		{ conf_mode, "auto", NULL },
		{ conf_mode, "netfilter", NULL },
		{ conf_mode, "", "'' is no mode; there are auto, bpf and netfilter" },
		{ conf_mode, "BPF", "'BPF' is no mode; there are auto, bpf and netfilter" },
		{ conf_subnet, "10.77.0.1/24", NULL },
		{ conf_subnet, "10.77.0.0/8", NULL },
		{ conf_subnet, "10.77.0.1", "'10.77.0.1' is no subnet" },
		{ conf_subnet, "10.77.0/24", "'10.77.0/24' is no subnet" },
		{ conf_subnet, "10.77.0.1/33", "'10.77.0.1/33' is no subnet" },
		{ conf_subnet, "", "'' is no subnet" },
		{ conf_subnet, "10.77.0.1/31", "'10.77.0.1/31': the prefix length must be 8 to 30" },
		{ conf_subnet, "10.77.0.1/7", "'10.77.0.1/7': the prefix length must be 8 to 30" },
		{ conf_subnet, "10.77.0.255/24", "'10.77.0.255/24' is the subnet's broadcast address" },
		{ conf_subnet, "127.0.0.1/8", "'127.0.0.1/8' can be no interface's address" },
		{ conf_subnet, "0.0.0.0/8", "'0.0.0.0/8' can be no interface's address" },
		{ conf_subnet, "224.0.0.1/24", "'224.0.0.1/24' can be no interface's address" },
		{ conf_subnet, "fd00::1/64", NULL },
		{ conf_subnet, "fd00::/120", NULL },
		{ conf_subnet, "10.77.0.1/24,fd00::1/64", NULL },
		{ conf_subnet, "fd00::1/64 , 10.77.0.1/24", NULL },
		{ conf_subnet, "10.77.0.1/24 fd00::1/64", "'10.77.0.1/24 fd00::1/64' is no subnet" },
		{ conf_subnet, "fd00::1", "'fd00::1' is no subnet" },
		{ conf_subnet, "fd00::1/129", "'fd00::1/129' is no subnet" },
		{ conf_subnet, "fd00::1/63", "'fd00::1/63': the prefix length must be 64 to 120" },
		{ conf_subnet, "fd00::1/121", "'fd00::1/121': the prefix length must be 64 to 120" },
		{ conf_subnet, "fe80::1/64", "'fe80::1/64' can be no interface's address" },
		{ conf_subnet, "ff02::1/64", "'ff02::1/64' can be no interface's address" },
		{ conf_subnet, "::1/64", "'::1/64' can be no interface's address" },
		{ conf_subnet, "fd00::1/64,", "'' is no subnet" },
		{ conf_subnet, "10.77.0.1/24,fd00::1/200", "'fd00::1/200' is no subnet" },
		{ conf_subnet, "10.77.0.1/24,10.78.0.1/24",
		  "'10.77.0.1/24,10.78.0.1/24': one for IPv4 and one for IPv6 is what there can be" },
		{ conf_subnet, "fd00::1/64,fd01::1/64",
		  "'fd00::1/64,fd01::1/64': one for IPv4 and one for IPv6 is what there can be" },
		{ conf_subnet, "fd00::1/64,10.77.0.1/24,fd01::1/64",
		  "'fd00::1/64,10.77.0.1/24,fd01::1/64': one for IPv4 and one for IPv6 is what there can be" },
		{ conf_ipv6, "yes", NULL },
		{ conf_ipv6, "no", NULL },
		{ conf_ipv6, "off", "'off' must be yes or no" },
		{ conf_uplink, "none", NULL },
		{ conf_uplink, "eth0.7", NULL },
		{ conf_uplink, "a23456789012345", NULL },
		{ conf_uplink, "a234567890123456", "'a234567890123456' is no name of an interface" },
		{ conf_uplink, "a/b", "'a/b' is no name of an interface" },
		{ conf_uplink, "eth0:1", "'eth0:1' is no name of an interface" },
		{ conf_uplink, "a b", "'a b' is no name of an interface" },
		{ conf_uplink, "..", "'..' is no name of an interface" },
		{ conf_uplink, "", "'' is no name of an interface" },
		{ conf_xdp, "off", NULL },
		{ conf_xdp, "auto", NULL },
		{ conf_xdp, "native", NULL },
		{ conf_xdp, "generic", "'generic' must be off, auto or native" },
		{ conf_xdp, "", "'' must be off, auto or native" },
		{ conf_xdp_forward, "yes", NULL },
		{ conf_xdp_forward, "no", NULL },
		{ conf_xdp_forward, "native", "'native' must be yes or no" },
		{ conf_snat, "auto", NULL },
		{ conf_snat, "none", NULL },
		{ conf_snat, "198.51.100.1", NULL },
		{ conf_snat, "198.51.100.1/32", "'198.51.100.1/32' must be an address without a prefix length" },
		{ conf_snat, "eth0", "'eth0' is no IPv4 address" },
		{ conf_snat, "2001:db8::1", "'2001:db8::1' is no IPv4 address" },
		{ conf_snat, "255.255.255.255", "'255.255.255.255' can be no interface's address" },
		{ conf_snat, "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5,192.0.2.6,192.0.2.7,192.0.2.8", NULL },
		{ conf_snat,
		  "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5,192.0.2.6,192.0.2.7,192.0.2.8,192.0.2.9",
		  "'192.0.2.9' is one too many, a network has room for 8" },
		{ conf_snat, "192.0.2.1,192.0.2.2,192.0.2.1", "'192.0.2.1' is there already" },
		{ conf_snat, "192.0.2.1,auto", "'auto' is no IPv4 address" },
		{ conf_snat, "192.0.2.1,", "'' is no IPv4 address" },
		{ conf_snat, ",", "'' is no IPv4 address" },
		{ conf_snat, "", "'' is no IPv4 address" },
		{ conf_snat_ports, "1024-65535", NULL },
		{ conf_snat_ports, "2000-2063", NULL },
		{ conf_snat_ports, "2000-2062", "'2000-2062' must have 64 port numbers at least" },
		{ conf_snat_ports, "1023-65535", "'1023-65535' must not begin below 1024" },
		{ conf_snat_ports, "3000-2000", "'3000-2000' ends before it begins" },
		{ conf_snat_ports, "2000-65536", "'2000-65536' is no range of port numbers" },
		{ conf_snat_ports, "2000", "'2000' is no range of port numbers" },
		{ conf_snat_ports, "2000-", "'2000-' is no range of port numbers" },
		{ conf_snat_ports, "-2000", "'-2000' is no range of port numbers" },
		{ conf_snat_ports, "2000-3000-4000", "'2000-3000-4000' is no range of port numbers" },
		{ conf_snat_ports, "", "'' is no range of port numbers" },
		{ conf_snat_except, "none", NULL },
		{ conf_snat_except, "10.0.0.0/8,192.0.2.7,2001:db8::/32", NULL },
		{ conf_snat_except, "0.0.0.0/0", NULL },
		{ conf_snat_except, "10.0.0.0/8,10.0.0.1/8", "'10.0.0.1/8' is there already" },
		{ conf_snat_except, "10.0.0.0/33", "'10.0.0.0/33' is no destination" },
		{ conf_snat_except, "10.0.0.0/8,,", "'' is no destination" },
		{ conf_snat_except, "10.0.0.0/8,none", "'none' is no destination" },
		{ conf_snat_port, "preserve", NULL },
		{ conf_snat_port, "random", NULL },
		{ conf_snat_port, "Random", "'Random' must be preserve or random" },
		{ conf_snat_overload, "yes", NULL },
		{ conf_snat_overload, "on", "'on' must be yes or no" },
		{ conf_snat_icmp, "no", NULL },
		{ conf_snat_icmp, "", "'' must be yes or no" },
		{ conf_filter, "address-port", NULL },
		{ conf_filter, "endpoint-independent", NULL },
		{ conf_filter, "eif", "'eif' must be address-port or endpoint-independent" },
		{ max_flows, "1", NULL },
		{ max_flows, "none", NULL },
		{ max_flows, "4294967294", NULL },
		{ max_flows, "4294967295", "'4294967295' is no limit; it must be 1 to 4294967294, or none" },
		{ max_flows, "0", "'0' is no limit; it must be 1 to 4294967294, or none" },
		{ max_flows, "-1", "'-1' is no limit; it must be 1 to 4294967294, or none" },
		{ conf_fdb_ageing, "0", NULL },
		{ conf_fdb_ageing, "2592000", NULL },
		{ conf_fdb_ageing, "2592001",
		  "'2592001' is no time; it must be 0 (nothing is learned) to 2592000 seconds" },
		{ conf_neigh_suppress, "no", NULL },
		{ conf_snooping, "no", NULL },
		{ conf_neigh_suppress, "off", "'off' must be yes or no" },
		{ conf_host_access, "all", NULL },
		{ conf_host_access, "host", "'host' must be all, gateway or none" },
		{ port_flood, "multicast", NULL },
		{ port_flood, "broadcast", "'broadcast' must be all, multicast, unicast or none" },
		{ port_isolated, "yes", NULL },
		{ port_guard, "maybe", "'maybe' must be yes or no" },
		{ port_mtu, "575", "'575' is no MTU; it must be 576 to 65535" },
		{ conf_snat6, "auto", NULL },
		{ conf_snat6, "none", NULL },
		{ conf_snat6, "2001:db8::1", NULL },
		{ conf_snat6, "2001:db8::1/128", "'2001:db8::1/128' must be an address without a prefix length" },
		{ conf_snat6, "198.51.100.1", "'198.51.100.1' is no IPv6 address" },
		{ conf_snat6, "fe80::1", "'fe80::1' can be no interface's address" },
		{ conf_snat6, "", "'' is no IPv6 address" },
		{ conf_snat6, "2001:db8::1, 2001:db8::2", NULL },
		{ conf_snat6, "2001:db8::1,2001:db8:0::1", "'2001:db8:0::1' is there already" },
		{ conf_snat6, "2001:db8::1,none", "'none' is no IPv6 address" },
		{ conf_mtu, "576", NULL },
		{ conf_mtu, "65535", NULL },
		{ conf_mtu, "575", "'575' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "65536", "'65536' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "99999999999999999999999", "'99999999999999999999999' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "+1500", "'+1500' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "0x600", "'0x600' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "1500 ", "'1500 ' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "", "'' is no MTU; it must be 576 to 65535" },
		{ conf_flows, "1024", NULL },
		{ conf_flows, "16777215", NULL },
		{ conf_flows, "1023", "'1023' is no size for the flow table; it must be 1024 to 16777215" },
		{ conf_flows, "16777216", "'16777216' is no size for the flow table; it must be 1024 to 16777215" },
		{ conf_flows, "1M", "'1M' is no size for the flow table; it must be 1024 to 16777215" },
		{ timeout_udp, "2592000", NULL },
		{ timeout_udp, "2592001", "'2592001' is no timeout; it must be 1 to 2592000 seconds" },
		{ timeout_udp, "0", "'0' is no timeout; it must be 1 to 2592000 seconds" },
		{ conf_ns, "a", NULL },
		{ conf_ns, "a=10.77.0.2", NULL },
		{ conf_ns, "", "'' is no name for a port" },
		{ conf_ns, "=10.77.0.2", "'' is no name for a port" },
		{ conf_ns, "a=", "'' is no IPv4 address" },
		{ conf_ns, "a=10.77.0.2/24", "'10.77.0.2/24' must be an address without a prefix length" },
		{ conf_ns, "a=fd00::2", NULL },
		{ conf_ns, "a=10.77.0.2,fd00::2", NULL },
		{ conf_ns, "a=fd00::2/64", "'fd00::2/64' must be an address without a prefix length" },
		{ conf_ns, "a=fd00::2,fd00::3",
		  "'fd00::2,fd00::3': one for IPv4 and one for IPv6 is what there can be" },
		{ conf_ns, "a=fd00::2,", "'' is no IPv4 address" },
		{ conf_ns, "a=ff02::1", "'ff02::1' can be no interface's address" },
		{ conf_ns, "../a", "'../a' is no name for a port" },
		{ conf_ns, "-a", "'-a' is no name for a port" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct network n, before;
		struct capture c;
		char want[256];
		int r;

		network_init(&n, "nsf0");
		before = n;
		capture_begin(&c);
		r = rows[i].read("--opt", rows[i].text, &n);
		capture_end(&c);
		if (!rows[i].error) {
			assert_string_equal(c.err, "");
			assert_int_equal(r, 0);
		} else {
			snprintf(want, sizeof(want), "nsfast: --opt: %s\n", rows[i].error);
			c.err[strcspn(c.err, "\n") + 1] = '\0'; /* hints have rows of their own */
			assert_string_equal(c.err, want);
			assert_int_equal(r, -EINVAL);
			assert_memory_equal(&n, &before, sizeof(n)); /* what is refused changes nothing */
		}
		capture_free(&c);
		network_free(&n);
	}
}

static void values_of_a_port(void **state)
{
	static const char name64[] = "a234567890123456789012345678901234567890123456789012345678901234";
	struct port p = { .netns = "a" };
	int r;

	(void)state;
	assert_int_equal(conf_port_mac("--mac", "02:00:00:00:00:01", &p), 0);
	assert_prints("",
		      "nsfast: --mac: '01:00:00:00:00:01' is no MAC address for a port\n"
		      "hint: as in 02:00:00:00:00:01; group addresses and zero are no port's\n",
		      r = conf_port_mac("--mac", "01:00:00:00:00:01", &p));
	assert_int_equal(r, -EINVAL);
	assert_int_equal(p.mac[0], 2);
	assert_int_equal(conf_port_address("--address", "10.77.0.2", &p), 0);
	assert_prints("", "nsfast: --address: 'x' is no IPv4 address\n", r = conf_port_address("--address", "x", &p));
	assert_int_equal(r, -EINVAL);
	assert_int_equal(p.has, PORT_HAS_ADDR | PORT_HAS_MAC);
	assert_prints("", "nsfast: --dev: 'a/b' is no name of an interface\n",
		      r = conf_port_device("--dev", "a/b", &p));
	assert_int_equal(r, -EINVAL);
	assert_string_equal(p.netns, "a");
	assert_int_equal(conf_port_device("--dev", "veth0", &p), 0);
	assert_string_equal(p.netns, "");
	assert_int_equal(conf_port_netns("Netns", name64 + 1, &p), 0);
	assert_prints(
		"",
		"nsfast: Netns: 'a234567890123456789012345678901234567890123456789012345678901234' is no name for a namespace\n",
		r = conf_port_netns("Netns", name64, &p));
	assert_int_equal(r, -EINVAL);
}

static void hints_of_values(void **state)
{
	struct network n;

	(void)state;
	network_init(&n, "nsf0");
	assert_prints(
		"",
		"nsfast: --subnet: '10.77.0.1' is no subnet\n"
		"hint: as in 10.77.0.1/24 or fd00:77::1/64: the gateway's address and the subnet's prefix length\n",
		conf_subnet("--subnet", "10.77.0.1", &n));
	assert_prints("",
		      "nsfast: NET: '/' is no name for a network\n"
		      "hint: 1 to 11 letters, digits, '_', '-' and '.', the first a letter or digit\n",
		      conf_name("NET", "/", &n));
	assert_prints("",
		      "nsfast: --mode: 'netfliter' is no mode; there are auto, bpf and netfilter\n"
		      "hint: did you mean 'netfilter'?\n",
		      conf_mode("--mode", "netfliter", &n));
	/* a value that is good leaves nothing for the next error */
	assert_prints("", "nsfast: x\n", (conf_mode("--mode", "bpf", &n), fail_usage("x")));
}

static void options_that_come_again(void **state)
{
	char text[ADDR_STRLEN];
	struct network n;
	int r;

	(void)state;
	network_init(&n, "nsf0");
	/* destinations add up, the last pool counts, and a policy goes back */
	assert_int_equal(conf_snat_except("--snat-except", "192.0.2.0/24", &n), 0);
	assert_int_equal(conf_snat_except("--snat-except", "10.0.0.0/8", &n), 0);
	assert_int_equal(n.n_excepts, 2);
	assert_string_equal(addr_format(&n.excepts[0], true, text), "10.0.0.0/8");
	assert_prints("", "nsfast: --snat-except: '192.0.2.9/24' is there already\n",
		      r = conf_snat_except("--snat-except", "172.16.0.0/12,192.0.2.9/24", &n));
	assert_int_equal(r, -EINVAL);
	assert_int_equal(n.n_excepts, 2);
	assert_int_equal(conf_snat_except("--snat-except", "none", &n), 0);
	assert_int_equal(n.n_excepts, 0);
	assert_int_equal(n.has, NET_HAS_EXCEPTS);
	assert_int_equal(conf_snat("--snat", "192.0.2.1,192.0.2.2", &n), 0);
	assert_int_equal(conf_snat("--snat", "192.0.2.2", &n), 0);
	assert_int_equal(n.n_pool, 1);
	assert_int_equal(conf_snat("--snat", "none", &n), 0);
	assert_int_equal(n.n_pool, 0);
	assert_int_equal(n.snat, NET_SNAT_NONE);
	assert_int_equal(conf_snat_overload("--snat-overload", "no", &n), 0);
	assert_int_equal(conf_snat_port("--snat-port", "random", &n), 0);
	assert_int_equal(n.policy, NSF_NET_STRICT | NSF_NET_RANDOM);
	assert_int_equal(conf_snat_overload("--snat-overload", "yes", &n), 0);
	assert_int_equal(n.policy, NSF_NET_RANDOM);
	assert_int_equal(n.policy_has, NSF_NET_STRICT | NSF_NET_RANDOM);
}

static void ports_of_the_command_line(void **state)
{
	char text[ADDR_STRLEN];
	struct network n;
	int r;

	(void)state;
	network_init(&n, "nsf0");
	assert_int_equal(conf_ns("--ns", "a", &n), 0);
	assert_int_equal(conf_ns("--ns", "b=10.77.0.3", &n), 0);
	assert_prints("", "nsfast: --ns: port 'a' is there already\n", r = conf_ns("--ns", "a=10.77.0.4", &n));
	assert_int_equal(r, -EINVAL);
	assert_int_equal(n.has, NET_HAS_PORTS);
	assert_int_equal(n.n_ports, 2);
	assert_string_equal(n.ports[1].netns, "b");
	assert_string_equal(addr_format(&n.ports[1].addr, false, text), "10.77.0.3");
	assert_int_equal(n.ports[0].has, 0);
	assert_int_equal(n.ports[1].has, PORT_HAS_ADDR);
	network_free(&n);
}

static void the_nearest_word(void **state)
{
	static const char *const list[] = { "up", "down", "show", "flows", "Timeout", NULL };
	static const struct {
		const char *word, *nearest;
	} rows[] = {
		{ "down", "down" },     { "dwon", "down" },  { "donw", "down" },
		{ "dow", "down" },      { "shwo", "show" },  { "SHOW", "show" },
		{ "flow", "flows" },    { "u", "up" },       { "timeot", "Timeout" },
		{ "tmeot", "Timeout" }, { "tmet", NULL },    { "xy", NULL },
		{ "", NULL },           { "publish", NULL },
	};
	char word[5000];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *nearest = conf_nearest(rows[i].word, list);

		if (rows[i].nearest)
			assert_string_equal(nearest, rows[i].nearest);
		else
			assert_null(nearest);
	}
	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_null(conf_nearest(word, list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_a_network),       cmocka_unit_test(values_of_a_port),
		cmocka_unit_test(hints_of_values),           cmocka_unit_test(options_that_come_again),
		cmocka_unit_test(ports_of_the_command_line), cmocka_unit_test(the_nearest_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
