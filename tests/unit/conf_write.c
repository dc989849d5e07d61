/* SPDX-License-Identifier: GPL-2.0-only */
/* What conf_write() writes is read again as the same network. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "conf.h"
#include "conf_write.h"

static const char text[] = "[Network]\n"
			   "Name=blue\n"
			   "Mode=netfilter\n"
			   "Address=10.44.0.1/24,fd00:44::1/64\n"
			   "IPv6=yes\n"
			   "Uplink=eth0\n"
			   "Xdp=auto\n"
			   "XdpForward=yes\n"
			   "SNat=198.51.100.1,198.51.100.2\n"
			   "SNat6=none\n"
			   "SnatPorts=2000-3000\n"
			   "SnatExcept=10.0.0.0/8,2001:db8::/32\n"
			   "SnatPort=random\n"
			   "SnatOverload=no\n"
			   "SnatIcmp=no\n"
			   "Filter=endpoint-independent\n"
			   "MTU=1400\n"
			   "FdbAgeing=60\n"
			   "NeighSuppress=no\n"
			   "MulticastSnooping=no\n"
			   "HostAccess=gateway\n"
			   "MaxFlows=1000\n"
			   "MaxHalfOpen=none\n"
			   "MaxFlood=100\n"
			   "TimeoutTcpOpening=250\n"
			   "TimeoutUdp=200\n"
			   "\n"
			   "[Port web]\n"
			   "Netns=inside\n"
			   "MAC=02:00:00:00:00:05\n"
			   "Address=10.44.0.5,fd00:44::5\n"
			   "MTU=1300\n"
			   "Isolated=yes\n"
			   "Flood=multicast\n"
			   "Guard=no\n"
			   "Vlan=10\n"
			   "MaxFlows=20\n"
			   "Publish=8080:80/tcp\n"
			   "Publish=198.51.100.1:9000-9009:90-99/udp\n"
			   "Publish=[2001:db8::1]:53:53/udp\n"
			   "\n"
			   "[Port vm]\n"
			   "Device=tap0\n"
			   "Isolated=no\n"
			   "Flood=none\n"
			   "Vlan=none\n"
			   "VlanTrunk=20,30-40\n"
			   "MaxMacs=9\n";

static void what_is_written_is_read_again(void **state)
{
	char path[] = "/tmp/conf_write.XXXXXX", buf[4096] = "";
	int fd = mkstemp(path);
	struct network n;
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	network_init(&n, "");
	assert_int_equal(conf_read(path, &n), 0);
	f = fmemopen(buf, sizeof(buf), "w");
	assert_non_null(f);
	conf_write(f, &n, "netfilter");
	assert_int_equal(fclose(f), 0);
	assert_string_equal(buf, text);
	network_free(&n);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
