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
		{ conf_subnet, "fd00::1/64", "'fd00::1/64': IPv6 subnets are not supported by this version" },
		{ conf_uplink, "none", NULL },
		{ conf_uplink, "eth0.7", NULL },
		{ conf_uplink, "a23456789012345", NULL },
		{ conf_uplink, "a234567890123456", "'a234567890123456' is no name of an interface" },
		{ conf_uplink, "a/b", "'a/b' is no name of an interface" },
		{ conf_uplink, "eth0:1", "'eth0:1' is no name of an interface" },
		{ conf_uplink, "a b", "'a b' is no name of an interface" },
		{ conf_uplink, "..", "'..' is no name of an interface" },
		{ conf_uplink, "", "'' is no name of an interface" },
		{ conf_snat, "auto", NULL },
		{ conf_snat, "none", NULL },
		{ conf_snat, "198.51.100.1", NULL },
		{ conf_snat, "198.51.100.1/32", "'198.51.100.1/32' must be an address without a prefix length" },
		{ conf_snat, "eth0", "'eth0' is no IPv4 address" },
		{ conf_snat, "2001:db8::1", "'2001:db8::1': IPv6 addresses are not supported by this version" },
		{ conf_snat, "255.255.255.255", "'255.255.255.255' can be no interface's address" },
		{ conf_mtu, "576", NULL },
		{ conf_mtu, "65535", NULL },
		{ conf_mtu, "575", "'575' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "65536", "'65536' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "99999999999999999999999", "'99999999999999999999999' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "+1500", "'+1500' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "0x600", "'0x600' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "1500 ", "'1500 ' is no MTU; it must be 576 to 65535" },
		{ conf_mtu, "", "'' is no MTU; it must be 576 to 65535" },
		{ timeout_udp, "2592000", NULL },
		{ timeout_udp, "2592001", "'2592001' is no timeout; it must be 1 to 2592000 seconds" },
		{ timeout_udp, "0", "'0' is no timeout; it must be 1 to 2592000 seconds" },
		{ conf_ns, "a", NULL },
		{ conf_ns, "a=10.77.0.2", NULL },
		{ conf_ns, "", "'' is no name for a port" },
		{ conf_ns, "=10.77.0.2", "'' is no name for a port" },
		{ conf_ns, "a=", "'' is no IPv4 address" },
		{ conf_ns, "a=10.77.0.2/24", "'10.77.0.2/24' must be an address without a prefix length" },
		{ conf_ns, "a=fd00::2", "'fd00::2': IPv6 addresses are not supported by this version" },
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
	assert_prints("",
		      "nsfast: --subnet: '10.77.0.1' is no subnet\n"
		      "hint: as in 10.77.0.1/24: the gateway's address and the subnet's prefix length\n",
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_a_network),
		cmocka_unit_test(values_of_a_port),
		cmocka_unit_test(hints_of_values),
		cmocka_unit_test(ports_of_the_command_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
