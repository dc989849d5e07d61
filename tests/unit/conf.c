/* SPDX-License-Identifier: GPL-2.0-only */
/* Configuration files, good and bad, the bad ones with the exact message. */
#include <errno.h>
#include <fcntl.h>

#include "capture.h"
#include "conf.h"
#include "log.h"
#include "util.h"

static char dir[] = "/tmp/nsfast-conf-XXXXXX";

/* Messages name the file as it was given, so the tests run where its name is short. */
static int enter_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int leave_dir(void **state)
{
	(void)state;
	unlink("t.conf");
	return chdir("/") == 0 && rmdir(dir) == 0 ? 0 : -1;
}

static void write_conf(const char *text, size_t len)
{
	int fd = open("t.conf", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static int read_bytes(const char *text, size_t len, struct network *n)
{
	write_conf(text, len);
	network_init(n, "nsf0");
	return conf_read("t.conf", n);
}

static void assert_text(const struct addr *a, bool with_plen, const char *want)
{
	char buf[ADDR_STRLEN];

	assert_string_equal(addr_format(a, with_plen, buf), want);
}

static void a_full_file_fills_the_model(void **state)
{
	static const char text[] = "# all keys\n"
				   "  [Network]   ; the one\r\n"
				   "Name=t0\n"
				   "Mode = bpf\n"
				   "\tAddress=10.77.0.0/24, fd00:77::/64\t# their first hosts\n"
				   "IPv6=yes\n"
				   "Uplink=eth0;x\n"
				   "Xdp=native\n"
				   "XdpForward=yes\n"
				   "SNat=198.51.100.1, 198.51.100.7,192.0.2.3\n"
				   "SNat6=2001:db8::1, 2001:db8::7\n"
				   "SnatPorts=2000-2999\n"
				   "SnatExcept=192.0.2.0/24,10.1.2.3/8 , 192.0.2.0\n"
				   "SnatPort=random\n"
				   "SnatOverload=no\n"
				   "SnatIcmp=no\n"
				   "Filter=endpoint-independent\n"
				   "MaxFlows=1000\n"
				   "MaxHalfOpen=none\n"
				   "MaxPorts=1\n"
				   "MaxMacs=2\n"
				   "MaxFlood=none\n"
				   "FdbAgeing=0\n"
				   "NeighSuppress=no\n"
				   "MulticastSnooping=no\n"
				   "HostAccess=none\n"
				   "MTU=9000\n"
				   "Flows=1000000\n"
				   "TimeoutTcpOpening=241\n"
				   "TimeoutTcpClosing=242\n"
				   "TimeoutTcpEstablished=7441\n"
				   "TimeoutUdp=120\n"
				   "TimeoutIcmp=61\n"
				   "TimeoutOther=121\n"
				   "\n"
				   "[Port web]\n"
				   "[ Port  db ]\n"
				   "Netns=data\n"
				   "Address=10.77.0.9,fd00:77::9\n"
				   "MAC=02:00:00:00:00:0A\n"
				   "Publish=5432:5432\n"
				   "Publish = 198.51.100.1:53-54:53-54/udp # twice\n"
				   "Publish=[2001:db8::1]:53:1053/udp\n"
				   "MaxFlows=7\n"
				   "MTU=1400\n"
				   "Isolated=yes\n"
				   "Guard=no\n"
				   "Flood=none\n"
				   ";[Port no]\n"
				   "[Port ad]\n"
				   "Flood=unicast\n"
				   "Isolated=no\n"
				   "Device=veth7"; /* no newline at the end */
	struct network n;
	struct port *p;
	int r;

	(void)state;
	assert_prints("", "", r = read_bytes(text, sizeof(text) - 1, &n));
	assert_int_equal(r, 0);
	assert_int_equal(n.has, NET_HAS_SUBNET | NET_HAS_UPLINK | NET_HAS_XDP | NET_HAS_SNAT | NET_HAS_MTU |
					NET_HAS_MODE | NET_HAS_SUBNET6 | NET_HAS_SNAT6 | NET_HAS_IPV6 | NET_HAS_PORTS |
					NET_HAS_PUBLISH | NET_HAS_SNAT_PORTS | NET_HAS_EXCEPTS | NET_HAS_LIMIT * 0x1f |
					NET_HAS_FDB_AGE | NET_HAS_TIMEOUT * 0x3f);
	assert_string_equal(n.name, "t0");
	assert_int_equal(n.mode, NET_MODE_BPF);
	assert_text(&n.gateway, true, "10.77.0.1/24");
	assert_string_equal(n.uplink, "eth0;x");
	assert_int_equal(n.xdp, NET_XDP_NATIVE);
	assert_int_equal(n.snat, NET_SNAT_ADDR);
	assert_int_equal(n.n_pool, 3);
	assert_text(&n.pool[0], false, "198.51.100.1");
	assert_text(&n.pool[1], false, "198.51.100.7");
	assert_text(&n.pool[2], false, "192.0.2.3");
	assert_int_equal(n.port_min, 2000);
	assert_int_equal(n.port_max, 2999);
	assert_int_equal(n.n_excepts, 3);
	assert_text(&n.excepts[0], true, "10.0.0.0/8");
	assert_text(&n.excepts[1], true, "192.0.2.0/24");
	assert_text(&n.excepts[2], true, "192.0.2.0/32");
	assert_int_equal(n.policy, NET_POLICY & ~NSF_NET_HOST_GATEWAY);
	assert_int_equal(n.policy_has, NET_POLICY);
	assert_int_equal(n.limit[PORT_LIMIT_FLOWS], 1000);
	assert_int_equal(n.limit[PORT_LIMIT_HALF], PORT_LIMIT_NONE);
	assert_int_equal(n.limit[PORT_LIMIT_PORTS], 1);
	assert_int_equal(n.limit[PORT_LIMIT_MACS], 2);
	assert_int_equal(n.limit[PORT_LIMIT_FLOOD], PORT_LIMIT_NONE);
	assert_int_equal(n.fdb_age, 0);
	assert_text(&n.gateway6, true, "fd00:77::1/64");
	assert_false(n.ipv6_off);
	assert_int_equal(n.snat6, NET_SNAT_ADDR);
	assert_int_equal(n.n_pool6, 2);
	assert_text(&n.pool6[0], false, "2001:db8::1");
	assert_text(&n.pool6[1], false, "2001:db8::7");
	assert_int_equal(n.mtu, 9000);
	assert_int_equal(n.flows, 1000000);
	assert_int_equal(n.timeout[NSF_TIMEOUT_TCP_OPEN], 241);
	assert_int_equal(n.timeout[NSF_TIMEOUT_TCP_CLOSE], 242);
	assert_int_equal(n.timeout[NSF_TIMEOUT_OTHER], 121);
	assert_int_equal(n.timeout[NSF_TIMEOUT_TCP_EST], 7441);
	assert_int_equal(n.timeout[NSF_TIMEOUT_UDP], 120);
	assert_int_equal(n.timeout[NSF_TIMEOUT_ICMP], 61);
	assert_int_equal(n.timeout[NSF_TIMEOUT_OTHER], 121);
	assert_int_equal(n.n_ports, 3);
	p = &n.ports[0];
	assert_string_equal(p->name, "web");
	assert_string_equal(p->netns, "web");
	assert_int_equal(p->has, 0);
	p = &n.ports[1];
	assert_string_equal(p->name, "db");
	assert_string_equal(p->netns, "data");
	assert_string_equal(p->dev, "");
	assert_int_equal(p->has, PORT_HAS_ADDR | PORT_HAS_ADDR6 | PORT_HAS_MAC | PORT_HAS_MTU |
					 PORT_HAS_LIMIT << PORT_LIMIT_FLOWS);
	assert_int_equal(p->mtu, 1400);
	assert_int_equal(p->policy, PORT_POLICY);
	assert_int_equal(p->policy_has, PORT_POLICY);
	assert_int_equal(p->limit[PORT_LIMIT_FLOWS], 7);
	assert_int_equal(p->limit[PORT_LIMIT_HALF], 0);
	assert_text(&p->addr, false, "10.77.0.9");
	assert_text(&p->addr6, false, "fd00:77::9");
	assert_int_equal(p->mac[5], 0x0a);
	assert_int_equal(n.n_publishes, 3);
	for (size_t i = 0; i < n.n_publishes; i++)
		assert_string_equal(n.publishes[i].port, "db");
	assert_int_equal(n.publishes[0].proto, IPPROTO_TCP);
	assert_int_equal(n.publishes[0].addr.family, 0);
	assert_int_equal(n.publishes[0].to_first, 5432);
	assert_int_equal(n.publishes[1].proto, IPPROTO_UDP);
	assert_text(&n.publishes[1].addr, false, "198.51.100.1");
	assert_int_equal(n.publishes[1].last, 54);
	assert_text(&n.publishes[2].addr, false, "2001:db8::1");
	assert_int_equal(n.publishes[2].to_first, 1053);
	p = &n.ports[2];
	assert_int_equal(p->policy, NSF_PORT_NO_MULTICAST);
	assert_int_equal(p->policy_has, PORT_POLICY & ~NSF_PORT_SERVES);
	assert_string_equal(p->name, "ad");
	assert_string_equal(p->netns, "");
	assert_string_equal(p->dev, "veth7");
	assert_int_equal(conf_check(&n), 0);
	network_free(&n);
}

static void what_a_file_does_not_say_is_not_set(void **state)
{
	static const char *const texts[] = { "", "\n\n", "# nothing", "[Network]", "[Network]\r\n\r\n" };
	struct network n;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int r;

		assert_prints("", "", r = read_bytes(texts[i], strlen(texts[i]), &n));
		assert_int_equal(r, 0);
		assert_int_equal(n.has, 0);
		assert_string_equal(n.name, "nsf0");
		network_free(&n);
	}
}

static void masquerade_is_snat_in_other_words(void **state)
{
	struct network n;

	(void)state;
	assert_int_equal(read_bytes("[Network]\nMasquerade=no\n", 24, &n), 0);
	assert_int_equal(n.snat, NET_SNAT_NONE);
	assert_int_equal(n.snat6, NET_SNAT_NONE);
	assert_int_equal(n.has, NET_HAS_SNAT | NET_HAS_SNAT6);
	assert_int_equal(read_bytes("[Network]\nMasquerade=yes\n", 25, &n), 0);
	assert_int_equal(n.snat, NET_SNAT_AUTO);
	assert_int_equal(n.snat6, NET_SNAT_AUTO);
	assert_int_equal(n.has, NET_HAS_SNAT | NET_HAS_SNAT6);
}

static void a_timeout_below_the_floor_is_warned_of(void **state)
{
	struct network n;
	int r;

	(void)state;
	assert_prints(
		"", "nsfast: warning: t.conf:2:12: TimeoutUdp: '119' is below the 120 seconds that the RFC asks for\n",
		r = read_bytes("[Network]\nTimeoutUdp=119\n", 25, &n));
	assert_int_equal(r, 0);
	assert_int_equal(n.timeout[NSF_TIMEOUT_UDP], 119);
	assert_int_equal(n.has, NET_HAS_TIMEOUT << NSF_TIMEOUT_UDP);
}

static void the_old_word_for_two_timeouts_sets_both(void **state)
{
	struct network n;
	int r;

	(void)state;
	assert_prints(
		"",
		"nsfast: warning: t.conf:2:22: TimeoutTcpTransitory: '99' is below the 240 seconds that the RFC asks for\n",
		r = read_bytes("[Network]\nTimeoutTcpTransitory=99\n", 34, &n));
	assert_int_equal(r, 0);
	assert_int_equal(n.timeout[NSF_TIMEOUT_TCP_OPEN], 99);
	assert_int_equal(n.timeout[NSF_TIMEOUT_TCP_CLOSE], 99);
	assert_int_equal(n.has, NET_HAS_TIMEOUT << NSF_TIMEOUT_TCP_OPEN | NET_HAS_TIMEOUT << NSF_TIMEOUT_TCP_CLOSE);
}

static void bad_files_are_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "Mode=bpf\n", "t.conf:1:1: key 'Mode' before any section\n    Mode=bpf\n    ^\n" },
		{ "\n  what\n", "t.conf:2:3: 'what' is neither KEY=VALUE nor a section\n      what\n      ^\n" },
		{ "[Network]\n=bpf", "t.conf:2:1: no key before '='\n    =bpf\n    ^\n" },
		{ "[Network]\nMode=\n", "t.conf:2:6: key 'Mode' has no value\n    Mode=\n         ^\n" },
		{ "[Network]\nMode= # bpf\n", "t.conf:2:6: key 'Mode' has no value\n    Mode= # bpf\n         ^\n" },
		{ "[Network]\nMode=fast\n", "t.conf:2:6: Mode: 'fast' is no mode; there are auto, bpf and netfilter\n"
					    "    Mode=fast\n         ^\n" },
		{ "[Network]\n Mode = bfp ; x\n",
		  "t.conf:2:9: Mode: 'bfp' is no mode; there are auto, bpf and netfilter\n"
		  "     Mode = bfp ; x\n            ^\nhint: did you mean 'bpf'?\n" },
		{ "[Network]\nAdress=10.0.0.1/24", "t.conf:2:1: unknown key 'Adress'\n    Adress=10.0.0.1/24\n    ^\n"
						   "hint: did you mean 'Address'?\n" },
		{ "[Network]\nmtu=1500",
		  "t.conf:2:1: unknown key 'mtu'\n    mtu=1500\n    ^\nhint: did you mean 'MTU'?\n" },
		{ "[Network]\nPublish=80", "t.conf:2:1: unknown key 'Publish'\n    Publish=80\n    ^\n" },
		{ "[Port a]\nPublish=80",
		  "t.conf:2:9: Publish: '80' is no publish\n    Publish=80\n            ^\n"
		  "hint: as in 8080:80, 198.51.100.1:8000-8009:80-89/udp or [2001:db8::1]:53:53/udp\n" },
		{ "[Port a]\nPublish=80:80\nPublish=8000-8009:80",
		  "t.conf:3:9: Publish: '8000-8009:80': 10 ports of the host, but 1 of the container\n"
		  "    Publish=8000-8009:80\n            ^\n" },
		{ "[Port a]\nPublish=80:web:80",
		  "t.conf:2:9: Publish: '80:web:80': '80' is no address\n    Publish=80:web:80\n            ^\n" },
		{ "[Port a]\nDevice=x\nPublish=80:80",
		  "t.conf:3:1: key 'Publish' cannot stand beside 'Device'\n    Publish=80:80\n    ^\n" },
		{ "[Port a]\nPublish=80:80\nDevice=x",
		  "t.conf:3:1: key 'Device' cannot stand beside 'Publish'\n    Device=x\n    ^\n" },
		{ "[Port a]\nMode=bpf", "t.conf:2:1: unknown key 'Mode'\n    Mode=bpf\n    ^\n" },
		{ "[Network]\nNetns=a", "t.conf:2:1: unknown key 'Netns'\n    Netns=a\n    ^\n" },
		{ "[Network]\nMTU=1500\nMTU=1500\n", "t.conf:3:1: key 'MTU' is there already\n    MTU=1500\n    ^\n" },
		{ "[Port a]\nDevice=x\n[Port b]\nDevice=y\nDevice=z",
		  "t.conf:5:1: key 'Device' is there already\n    Device=z\n    ^\n" },
		{ "[Network]\nSNat=auto\nMasquerade=no", "t.conf:3:1: key 'Masquerade' cannot stand beside 'SNat'\n"
							 "    Masquerade=no\n    ^\n" },
		{ "[Network]\nMasquerade=no\nSNat=auto", "t.conf:3:1: key 'SNat' cannot stand beside 'Masquerade'\n"
							 "    SNat=auto\n    ^\n" },
		{ "[Network]\nMasquerade=on", "t.conf:2:12: Masquerade: 'on' must be yes or no\n    Masquerade=on\n"
					      "               ^\n" },
		{ "[Network]\nTimeoutTcpTransitory=240\nTimeoutTcpClosing=240",
		  "t.conf:3:1: key 'TimeoutTcpClosing' cannot stand beside 'TimeoutTcpTransitory'\n"
		  "    TimeoutTcpClosing=240\n    ^\n" },
		{ "[Network]\nSNat=192.0.2.1,192.0.2.1",
		  "t.conf:2:6: SNat: '192.0.2.1' is there already\n    SNat=192.0.2.1,192.0.2.1\n         ^\n" },
		{ "[Network]\nSNatPorts=1-2",
		  "t.conf:2:1: unknown key 'SNatPorts'\n    SNatPorts=1-2\n    ^\nhint: did you mean 'SnatPorts'?\n" },
		{ "[Network]\nFilter=strict",
		  "t.conf:2:8: Filter: 'strict' must be address-port or endpoint-independent\n"
		  "    Filter=strict\n           ^\n" },
		{ "[Network]\nMaxFlow=7", "t.conf:2:1: unknown key 'MaxFlow'\n    MaxFlow=7\n    ^\n"
					  "hint: did you mean 'MaxFlows'?\n" },
		{ "[Port a]\nMaxPorts=0",
		  "t.conf:2:10: MaxPorts: '0' is no limit; it must be 1 to 4294967294, or none\n"
		  "    MaxPorts=0\n             ^\n" },
		{ "[Port a]\nFilter=address-port",
		  "t.conf:2:1: unknown key 'Filter'\n    Filter=address-port\n    ^\n" },
		{ "[Port a]\nMAC=02:00:00:00:00:01\nDevice=x",
		  "t.conf:3:1: key 'Device' cannot stand beside 'MAC'\n    Device=x\n    ^\n" },
		{ "[Port a]\nDevice=x\nNetns=y",
		  "t.conf:3:1: key 'Netns' cannot stand beside 'Device'\n    Netns=y\n    ^\n" },
		{ "[Network]\n[Network]\n",
		  "t.conf:2:1: section '[Network]' is there already\n    [Network]\n    ^\n" },
		{ "[Network x]\n",
		  "t.conf:1:10: 'x': section '[Network]' takes no name\n    [Network x]\n             ^\n" },
		{ "[Port]\n",
		  "t.conf:1:6: section '[Port]' must have a name, as in '[Port web]'\n    [Port]\n         ^\n" },
		{ "[Port a]\n[Port a]\n", "t.conf:2:7: port 'a' is there already\n    [Port a]\n          ^\n" },
		{ "[Port a=10.0.0.1]\n",
		  "t.conf:1:7: 'a=10.0.0.1' is no name for a port\n    [Port a=10.0.0.1]\n          ^\n" },
		{ "[Port a/b]\n", "t.conf:1:7: 'a/b' is no name for a port\n    [Port a/b]\n          ^\n"
				  "hint: 1 to 63 letters, digits, '_', '-' and '.', the first a letter or digit\n" },
		{ "[Prot a]\n",
		  "t.conf:1:2: unknown section 'Prot'\n    [Prot a]\n     ^\nhint: did you mean '[Port NAME]'?\n" },
		{ "[network]\n",
		  "t.conf:1:2: unknown section 'network'\n    [network]\n     ^\nhint: did you mean '[Network]'?\n" },
		{ "[]\n", "t.conf:1:2: unknown section ''\n    []\n     ^\n" },
		{ "[Network\n", "t.conf:1:1: section has no ']'\n    [Network\n    ^\n" },
		{ "[Network] x\n", "t.conf:1:10: 'x' after a section's ']'\n    [Network] x\n             ^\n" },
		{ "[Network]\nAddress=fd00::1/64,fd01::1/64\n",
		  "t.conf:2:9: Address: 'fd00::1/64,fd01::1/64': one for IPv4 and one for IPv6 is what there can be\n"
		  "    Address=fd00::1/64,fd01::1/64\n            ^\n" },
		{ "[Network]\nSNat6=none\nMasquerade=yes\n",
		  "t.conf:3:1: key 'Masquerade' cannot stand beside 'SNat6'\n    Masquerade=yes\n    ^\n" },
		{ "[Network]\nMode=a\x1b[31m",
		  "t.conf:2:6: Mode: 'a\\x1b[31m' is no mode; there are auto, bpf and netfilter\n"
		  "    Mode=a?[31m\n         ^\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct network n;
		char want[1024];
		int r;

		snprintf(want, sizeof(want), "nsfast: %s", rows[i].message);
		assert_prints("", want, r = read_bytes(rows[i].text, strlen(rows[i].text), &n));
		assert_int_equal(r, -EINVAL);
		assert_int_equal(log_exit_code(), EXIT_USAGE);
		network_free(&n);
	}
}

static void limits_are_kept(void **state)
{
	static char big[1024 * 1024 + 1];
	struct network n;
	int r;

	(void)state;
	assert_prints("", "nsfast: t.conf:2:3: a NUL byte; this is no text\n    MT\n      ^\n",
		      r = read_bytes("[Network]\nMT\0U=1500\n", 20, &n));
	assert_int_equal(r, -EINVAL);
	assert_prints("", "nsfast: t.conf:1:1: a NUL byte; this is no text\n", r = read_bytes("\0", 1, &n));
	assert_int_equal(r, -EINVAL);

	memset(big, '#', 4097);
	big[4096] = '\n';
	assert_int_equal(read_bytes(big, 4097, &n), 0);
	big[4096] = '#';
	assert_prints("",
		      "nsfast: t.conf:1:4097: line is longer than 4096 bytes\n"
		      "    ##################################################\n"
		      "                                                      ^\n",
		      r = read_bytes(big, 4097, &n));
	assert_int_equal(r, -EINVAL);

	memset(big, '\n', sizeof(big));
	assert_int_equal(read_bytes(big, sizeof(big) - 1, &n), 0);
	assert_prints("", "nsfast: 't.conf' is longer than 1048576 bytes\n", r = read_bytes(big, sizeof(big), &n));
	assert_int_equal(r, -EINVAL);
}

static void files_that_cannot_be_read(void **state)
{
	struct network n;
	int r;

	(void)state;
	network_init(&n, "nsf0");
	assert_prints("", "nsfast: cannot read 'no.conf': No such file or directory\n", r = conf_read("no.conf", &n));
	assert_int_equal(r, -EINVAL);
	assert_prints("", "nsfast: cannot read '.': Is a directory\n", r = conf_read(".", &n));
	assert_int_equal(r, -EINVAL);
}

static void a_dash_is_stdin(void **state)
{
	int saved = dup(STDIN_FILENO), fd, r;
	struct network n;

	(void)state;
	write_conf("[Network]\nMTU=x\n", 16);
	fd = open("t.conf", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	network_init(&n, "nsf0");
	assert_prints("", "nsfast: stdin:2:5: MTU: 'x' is no MTU; it must be 576 to 65535\n    MTU=x\n        ^\n",
		      r = conf_read("-", &n));
	assert_int_equal(r, -EINVAL);
	assert_true(fcntl(STDIN_FILENO, F_GETFD) >= 0);
	dup2(saved, STDIN_FILENO);
	close(saved);
	close(fd);
}

static void the_whole_is_checked(void **state)
{
	static const struct {
		const char *text, *error; /* NULL: it is good */
	} rows[] = {
		{ "[Network]\nAddress=10.77.0.1/24\n[Port a]\nAddress=10.77.0.2\n[Port b]\nAddress=10.77.0.254", NULL },
		{ "[Port a]\nAddress=192.0.2.1", NULL }, /* no subnet is known yet */
		{ "[Network]\nAddress=10.77.0.1/24\n[Port a]\nAddress=10.77.1.2",
		  "nsf0/a: '10.77.1.2' is no host's address in the subnet of '10.77.0.1/24'" },
		{ "[Network]\nAddress=10.77.0.1/24\n[Port a]\nAddress=10.77.0.255",
		  "nsf0/a: '10.77.0.255' is no host's address in the subnet of '10.77.0.1/24'" },
		{ "[Network]\nAddress=10.77.0.1/24\n[Port a]\nAddress=10.77.0.1",
		  "nsf0/a: '10.77.0.1' is the gateway's address" },
		{ "[Port c]\nAddress=10.0.0.2\n[Port a]\nAddress=10.0.0.2\n",
		  "nsf0: ports 'c' and 'a' have the same address '10.0.0.2'" },
		{ "[Port a]\nMAC=02:00:00:00:00:0A\n[Port b]\nMAC=02:00:00:00:00:0a\n",
		  "nsf0: ports 'a' and 'b' have the same MAC address '02:00:00:00:00:0a'" },
		{ "[Port a]\n[Port b]\nNetns=a\n", "nsf0: ports 'a' and 'b' have the same namespace 'a'" },
		{ "[Port a]\nDevice=x\n[Port b]\nDevice=x", "nsf0: ports 'a' and 'b' have the same interface 'x'" },
		{ "[Port a]\nDevice=x\n[Port b]\nNetns=a\n[Port c]", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct network n;
		char want[256] = "";
		int r;

		assert_int_equal(read_bytes(rows[i].text, strlen(rows[i].text), &n), 0);
		if (rows[i].error)
			snprintf(want, sizeof(want), "nsfast: %s\n", rows[i].error);
		assert_prints("", want, r = conf_check(&n));
		assert_int_equal(r, rows[i].error ? -EINVAL : 0);
		network_free(&n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_full_file_fills_the_model),
		cmocka_unit_test(what_a_file_does_not_say_is_not_set),
		cmocka_unit_test(masquerade_is_snat_in_other_words),
		cmocka_unit_test(a_timeout_below_the_floor_is_warned_of),
		cmocka_unit_test(the_old_word_for_two_timeouts_sets_both),
		cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(files_that_cannot_be_read),
		cmocka_unit_test(a_dash_is_stdin),
		cmocka_unit_test(the_whole_is_checked),
	};

	return cmocka_run_group_tests(tests, enter_dir, leave_dir);
}
