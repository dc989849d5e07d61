/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses on interfaces and as text, MACs as text. Needs root. */
#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <sched.h>
#include <stdio.h>

#include "fresh.h"

struct seen {
	int ifindex, n;
	struct addr last;
};

static int see_addr(int ifindex, const struct addr *a, void *arg)
{
	struct seen *s = arg;

	s->ifindex = ifindex;
	s->last = *a;
	return ++s->n == 100 ? 1 : 0;
}

static int count_addrs(struct nl *nl, int ifindex)
{
	struct seen s = {};

	assert_int_equal(addr_list(nl, ifindex, see_addr, &s), 0);
	return s.n;
}

static void addresses_come_and_go_and_both_can_be_repeated(void **state)
{
	static const char *const texts[] = { "10.0.0.1/24", "10.0.1.1/31", "10.0.2.1/32", "0.0.0.9/0",
					     "fe80::1/64",  "fd00::1/64",  "fd00::2/128" };
	struct nl *nl = *state;
	char buf[ADDR_STRLEN];
	int i;

	make_pair(nl, "a", "b", 0);
	set(nl, "a", (struct link_change){ .addrgen_none = 1 });
	i = get(nl, "a").ifindex;
	for (size_t t = 0; t < ARRAY_SIZE(texts); t++) {
		struct addr a = addr(texts[t]);
		struct seen s = {};

		assert_int_equal(addr_add(nl, i, &a), 0);
		assert_int_equal(addr_add(nl, i, &a), 0);
		assert_int_equal(addr_list(nl, i, see_addr, &s), 0);
		assert_int_equal(s.n, 1);
		assert_int_equal(s.ifindex, i);
		assert_string_equal(addr_format(&s.last, true, buf), texts[t]);
		assert_int_equal(addr_del(nl, i, &a), 0);
		assert_int_equal(addr_del(nl, i, &a), 0);
		assert_int_equal(count_addrs(nl, i), 0);
		assert_int_equal(addr_add(nl, 4711, &a), -ENODEV);
		assert_int_equal(addr_del(nl, 4711, &a), 0);
	}
}

static void an_ipv6_address_with_another_prefix_length_is_no_repetition(void **state)
{
	struct addr a = addr("fd00::1/64"), b = addr("fd00::1/48");
	struct nl *nl = *state;

	make_pair(nl, "a", "b", 0);
	assert_int_equal(addr_add(nl, get(nl, "a").ifindex, &a), 0);
	assert_int_equal(addr_add(nl, get(nl, "a").ifindex, &b), -EEXIST);
}

/* True if somebody listens to the group of that address, as the kernel tells it in text. */
static bool listens(unsigned last)
{
	char line[256], want[33];
	FILE *f = fopen("/proc/thread-self/net/igmp6", "re");
	bool found = false;

	assert_non_null(f);
	snprintf(want, sizeof(want), "ff0200000000000000000001ff00%04x", last);
	while (fgets(line, sizeof(line), f))
		found |= !!strstr(line, want);
	fclose(f);
	return found;
}

/* Where the kernel may, its worker gets the CPU from us only when we sleep: what has to be waited for is not there by luck. */
static void who_asks_for_an_address_is_heard(void **state)
{
	const struct sched_param first = { .sched_priority = 1 }, usual = {};
	struct nl *nl = *state;
	cpu_set_t all, one;
	int i;

	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	sched_setscheduler(0, SCHED_FIFO, &first);
	make_pair(nl, "a", "b", 0);
	i = get(nl, "a").ifindex;
	set(nl, "a", (struct link_change){ .up = 1, .addrgen_none = 1 });
	for (unsigned last = 1; last <= 100; last++) {
		struct addr a = addr("fd00::/64");

		a.bytes[15] = (__u8)last;
		assert_int_equal(addr_add(nl, i, &a), 0);
		assert_int_equal(addr_heard(nl, i, &a), 0);
		assert_true(listens(last));
	}
	sched_setscheduler(0, SCHED_OTHER, &usual);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

/* An address with flags, by hand. */
static void add_flagged(struct nl *nl, int ifindex, const char *text, __u32 flags)
{
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nl_msg(nl, RTM_NEWADDR, NLM_F_CREATE), sizeof(*ifa));
	const struct ifa_cacheinfo life = { .ifa_prefered = flags & IFA_F_DEPRECATED ? 0 : 1000, .ifa_valid = 1000 };
	struct nlmsghdr *nlh = (struct nlmsghdr *)((char *)ifa - MNL_NLMSG_HDRLEN);
	struct addr a = addr(text);

	ifa->ifa_family = AF_INET6;
	ifa->ifa_prefixlen = a.plen;
	ifa->ifa_index = (__u32)ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, 16, a.bytes);
	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(life), &life);
	mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_NODAD);
	assert_int_equal(nl_send(nl, NULL), 0);
}

static void the_address_for_outside_is_a_global_one_that_stays(void **state)
{
	struct addr ll = addr("fe80::1/64"), local = addr("fd00::1/64"), first = addr("2001:db8::1/64"),
		    second = addr("2001:db8::2/64"), four = addr("10.0.0.1/24"), r = { .family = 99 };
	struct nl *nl = *state;
	char buf[ADDR_STRLEN];
	int i;

	make_pair(nl, "a", "b", 0);
	i = get(nl, "a").ifindex;
	set(nl, "a", (struct link_change){ .up = 1, .addrgen_none = 1 });
	assert_int_equal(addr_add(nl, i, &ll), 0);
	assert_int_equal(addr_add(nl, i, &four), 0);
	assert_int_equal(addr_add(nl, get(nl, "b").ifindex, &first), 0);
	assert_int_equal(addr_global6(nl, i, &r), -ENOENT);
	assert_int_equal(r.family, 99);
	assert_int_equal(addr_del(nl, get(nl, "b").ifindex, &first), 0);
	assert_int_equal(addr_add(nl, i, &local), 0);
	assert_int_equal(addr_global6(nl, i, &r), 0);
	assert_string_equal(addr_format(&r, true, buf), "fd00::1/128");
	add_flagged(nl, i, "2001:db8::9/64", IFA_F_DEPRECATED);
	assert_int_equal(addr_global6(nl, i, &r), 0);
	assert_string_equal(addr_format(&r, true, buf), "fd00::1/128");
	assert_int_equal(addr_add(nl, i, &first), 0);
	assert_int_equal(addr_add(nl, i, &second), 0);
	assert_int_equal(addr_global6(nl, i, &r), 0);
	assert_string_equal(addr_format(&r, true, buf), "2001:db8::1/128");
}

static void prefixes_are_compared_by_bits(void **state)
{
	static const struct {
		const char *a, *b;
		unsigned plen;
		bool same;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.2", 24, true },     { "10.0.0.1", "10.0.0.2", 31, false },
		{ "10.0.0.2", "10.0.0.3", 31, true },     { "10.0.0.2", "10.0.0.3", 32, false },
		{ "10.0.0.2", "11.0.0.2", 0, true },      { "fd00::1", "fd00::2", 126, true },
		{ "fd00::1", "fd00::2", 127, false },     { "fd00::1", "fd00::1", 128, true },
		{ "fd00::1", "fd00:0:0:1::", 64, false }, { "fd00::1", "fd00:0:0:1::", 63, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct addr a = addr(rows[i].a), b = addr(rows[i].b);

		assert_int_equal(addr_same_prefix(&a, &b, rows[i].plen), rows[i].same);
	}
}

static void a_mac_has_one_link_local_address(void **state)
{
	static const __u8 mac[6] = { 0x02, 0xf1, 0xad, 0x73, 0x00, 0x04 };
	struct addr a = addr_link_local(mac);
	char buf[ADDR_STRLEN];

	(void)state;
	assert_string_equal(addr_format(&a, true, buf), "fe80::f1:adff:fe73:4/64");
}

static void an_address_that_is_none_is_refused(void **state)
{
	struct addr a = { .family = AF_INET, .plen = 33 }, b = { .family = 0 };

	assert_int_equal(addr_add(*state, 1, &a), -EINVAL);
	assert_int_equal(addr_del(*state, 1, &a), -EINVAL);
	assert_int_equal(addr_add(*state, 1, &b), -EINVAL);
}

static void addresses_are_listed_per_link_or_all(void **state)
{
	struct addr a = addr("10.0.0.1/24"), b = addr("fd00::1/64"), c = addr("10.0.1.1/24");
	struct nl *nl = *state;
	struct seen s = {};

	make_pair(nl, "a", "b", 0);
	assert_int_equal(addr_add(nl, get(nl, "a").ifindex, &a), 0);
	assert_int_equal(addr_add(nl, get(nl, "a").ifindex, &b), 0);
	assert_int_equal(addr_add(nl, get(nl, "b").ifindex, &c), 0);
	assert_int_equal(count_addrs(nl, get(nl, "a").ifindex), 2);
	assert_int_equal(count_addrs(nl, get(nl, "b").ifindex), 1);
	assert_int_equal(count_addrs(nl, 0), 3);
	assert_int_equal(addr_list(nl, 4711, see_addr, &s), -ENODEV);
	s.n = 99;
	assert_int_equal(addr_list(nl, 0, see_addr, &s), 1);
}

static void ipv4_has_a_broadcast_address_and_ipv6_skips_dad(void **state)
{
	struct addr four = addr("10.0.0.1/20"), six = addr("fd00::1/64");
	struct nl *nl = *state;
	struct ifaddrs *all, *i;
	char line[128];
	unsigned int flags = 0;
	bool found = false;
	FILE *f;

	make_pair(nl, "a", "b", 0);
	set(nl, "a", (struct link_change){ .up = 1, .addrgen_none = 1 });
	assert_int_equal(addr_add(nl, get(nl, "a").ifindex, &four), 0);
	assert_int_equal(addr_add(nl, get(nl, "a").ifindex, &six), 0);
	assert_int_equal(getifaddrs(&all), 0);
	for (i = all; i; i = i->ifa_next)
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET) {
			struct sockaddr_in *sin = (struct sockaddr_in *)i->ifa_broadaddr;

			assert_int_equal(sin->sin_addr.s_addr, inet_addr("10.0.15.255"));
			found = true;
		}
	freeifaddrs(all);
	assert_true(found);

	f = fopen("/proc/thread-self/net/if_inet6", "re");
	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	fclose(f);
	assert_int_equal(sscanf(line, "%*32s %*x %*x %*x %x", &flags), 1);
	assert_int_equal(flags & (IFA_F_NODAD | IFA_F_TENTATIVE), IFA_F_NODAD);
}

static void addresses_are_read_and_written(void **state)
{
	static const struct {
		const char *text, *back;
		__u8 family, plen;
	} good[] = {
		{ "10.0.0.1", "10.0.0.1/32", AF_INET, 32 },
		{ "10.0.0.1/24", "10.0.0.1/24", AF_INET, 24 },
		{ "0.0.0.0/0", "0.0.0.0/0", AF_INET, 0 },
		{ "255.255.255.255/32", "255.255.255.255/32", AF_INET, 32 },
		{ "fe80::1/64", "fe80::1/64", AF_INET6, 64 },
		{ "::", "::/128", AF_INET6, 128 },
		{ "::ffff:1.2.3.4/128", "::ffff:1.2.3.4/128", AF_INET6, 128 },
		{ "0001:0002:0003:0004:0005:0006:255.255.255.255/127", "1:2:3:4:5:6:ffff:ffff/127", AF_INET6, 127 },
	};
	static const char *const bad[] = { "",
					   "/",
					   "/24",
					   "10.0.0.1/",
					   "10.0.0/24",
					   "10.0.0.256",
					   "10.0.0.1/33",
					   "10.0.0.1/-1",
					   "10.0.0.1/+1",
					   "10.0.0.1/ 1",
					   "10.0.0.1/024",
					   "10.0.0.1/24x",
					   "10.0.0.1/24/24",
					   " 10.0.0.1",
					   "10.0.0.1 ",
					   "010.0.0.1",
					   "10.0.0.1/4294967304",
					   "fe80::1%lo/64",
					   "fe80::1/129",
					   "fe80:::1",
					   ":",
					   "a",
					   "0001:0002:0003:0004:0005:0006:0007:0008:0009:000a:000b:000c" };
	char buf[ADDR_STRLEN];
	struct addr a;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(addr_parse(good[i].text, &a), 0);
		assert_int_equal(a.family, good[i].family);
		assert_int_equal(a.plen, good[i].plen);
		assert_string_equal(addr_format(&a, true, buf), good[i].back);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		a.family = 42;
		if (addr_parse(bad[i], &a) != -EINVAL || a.family != 42)
			fail_msg("'%s' was taken for an address", bad[i]);
	}
}

static void macs_are_read_and_written(void **state)
{
	static const char *const bad[] = { "",
					   "02:00:00:00:00",
					   "02:00:00:00:00:1",
					   "02:00:00:00:00:011",
					   "02-00-00-00-00-01",
					   "0g:00:00:00:00:01",
					   "00:00:00:00:00:00",
					   "ff:ff:ff:ff:ff:ff",
					   "01:00:5e:00:00:01",
					   "02:00:00:00:00:01:02",
					   " 2:00:00:00:00:01" };
	__u8 mac[6] = { 42 };
	char buf[MAC_STRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (mac_parse(bad[i], mac) != -EINVAL || mac[0] != 42)
			fail_msg("'%s' was taken for a MAC", bad[i]);
	assert_int_equal(mac_parse("02:aB:Cd:eF:09:f0", mac), 0);
	assert_string_equal(mac_format(mac, buf), "02:ab:cd:ef:09:f0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_NETNS(addresses_come_and_go_and_both_can_be_repeated),
		IN_NETNS(an_ipv6_address_with_another_prefix_length_is_no_repetition),
		IN_NETNS(who_asks_for_an_address_is_heard),
		IN_NETNS(the_address_for_outside_is_a_global_one_that_stays),
		cmocka_unit_test(prefixes_are_compared_by_bits),
		cmocka_unit_test(a_mac_has_one_link_local_address),
		IN_NETNS(an_address_that_is_none_is_refused),
		IN_NETNS(addresses_are_listed_per_link_or_all),
		IN_NETNS(ipv4_has_a_broadcast_address_and_ipv6_skips_dad),
		cmocka_unit_test(addresses_are_read_and_written),
		cmocka_unit_test(macs_are_read_and_written),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
