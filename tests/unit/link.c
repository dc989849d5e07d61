/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces: pairs, changes, lists. Needs root. */
#include <errno.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "fresh.h"
#include "netns.h"

static int read_number(const char *path)
{
	FILE *f = fopen(path, "re");
	int v = -1;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &v), 1);
	fclose(f);
	return v;
}

/* The kernel's view by ioctl, as a second witness. */
static int flags_of(const char *name)
{
	autoclose int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {};

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	assert_int_equal(ioctl(s, SIOCGIFFLAGS, &ifr), 0);
	return ifr.ifr_flags;
}

static void a_pair_is_made_as_asked(void **state)
{
	struct nl *nl = *state;
	struct link a, b;

	make_pair(nl, "a", "b", 1400);
	a = get(nl, "a");
	b = get(nl, "b");
	assert_int_equal(a.ifindex, if_nametoindex("a"));
	assert_string_equal(a.name, "a");
	assert_string_equal(a.kind, "veth");
	assert_string_equal(a.alias, "");
	assert_memory_equal(a.mac, mac_a, 6);
	assert_memory_equal(b.mac, mac_b, 6);
	assert_int_equal(a.mtu, 1400);
	assert_int_equal(b.mtu, 1400);
	assert_int_equal(a.type, 1);
	assert_int_equal(a.peer, b.ifindex);
	assert_int_equal(b.peer, a.ifindex);
	assert_int_equal(a.peer_netns, -1);
	assert_int_equal(a.master, 0);
	assert_int_equal(a.flags & IFF_UP, 0);
	assert_int_equal(b.flags & IFF_UP, 0);
}

static void a_peer_is_made_in_its_namespace(void **state)
{
	autoclose int home = netns_self(), other = netns_make();
	struct veth v = { "a", "eth0", mac_a, mac_b, 0, other };
	struct nl *nl = *state, *there;
	struct link a, b;

	assert_true(home >= 0 && other >= 0);
	assert_int_equal(link_add_veth(nl, &v), 0);
	a = get(nl, "a");
	assert_true(a.peer_netns >= 0);
	assert_int_equal(a.mtu, 1500);
	assert_int_equal(link_get(nl, "eth0", 0, &b), -ENODEV);

	assert_int_equal(netns_enter(other), 0);
	assert_int_equal(nl_open(&there), 0);
	assert_int_equal(netns_enter(home), 0);
	b = get(there, "eth0");
	assert_memory_equal(b.mac, mac_b, 6);
	assert_int_equal(a.peer, b.ifindex);
	assert_int_equal(b.peer, a.ifindex);
	assert_true(b.peer_netns >= 0);
	assert_int_not_equal(nl_cookie(nl), nl_cookie(there));

	v.name = "a2"; /* taken there, free here: neither end stays */
	assert_int_equal(link_add_veth(nl, &v), -EEXIST);
	assert_int_equal(link_get(nl, "a2", 0, &b), -ENODEV);
	nl_close(there);
}

static void a_taken_or_impossible_name_is_refused(void **state)
{
	struct veth v = { "a", "c", mac_a, mac_b, 0, -1 };
	struct nl *nl = *state;
	struct link l;

	make_pair(nl, "a", "b", 0);
	assert_int_equal(link_add_veth(nl, &v), -EEXIST);
	assert_int_equal(link_get(nl, "c", 0, &l), -ENODEV);
	v.name = "sixteen-letters-";
	assert_int_equal(link_add_veth(nl, &v), -ENAMETOOLONG);
	v.name = "x/y";
	assert_int_equal(link_add_veth(nl, &v), -EINVAL);
}

static void a_missing_link_is_enodev_and_leaves_the_result_alone(void **state)
{
	struct link l = { .ifindex = 42 };
	struct link_change c = { .up = 1 };
	struct nl *nl = *state;

	assert_int_equal(link_get(nl, "none", 0, &l), -ENODEV);
	assert_int_equal(link_get(nl, "", 0, &l), -ENODEV);
	assert_int_equal(link_get(nl, "a-name-that-no-interface-can-have", 0, &l), -ENODEV);
	assert_int_equal(link_get(nl, NULL, 4711, &l), -ENODEV);
	assert_int_equal(link_get(nl, NULL, 0, &l), -ENODEV);
	assert_int_equal(l.ifindex, 42);
	assert_int_equal(link_set(nl, 4711, &c), -ENODEV);
	assert_int_equal(link_set(nl, 0, &c), -ENODEV);
	assert_int_equal(link_get(nl, "lo", 0, &l), 0);
	assert_int_equal(l.ifindex, 1);
	assert_string_equal(l.kind, "");
	assert_int_equal(link_get(nl, NULL, 1, &l), 0);
	assert_string_equal(l.name, "lo");
}

static int count_linklocal(void)
{
	struct ifaddrs *all, *i;
	int n = 0;

	assert_int_equal(getifaddrs(&all), 0);
	for (i = all; i; i = i->ifa_next)
		n += i->ifa_addr && i->ifa_addr->sa_family == AF_INET6;
	freeifaddrs(all);
	return n;
}

static void everything_is_set_at_once_on_a_fresh_pair(void **state)
{
	struct link_change c = { 1, 1400, "nsfast:n/p", 1, 1, 1, 0 };
	struct nl *nl = *state;
	struct link a;

	make_pair(nl, "a", "b", 0);
	set(nl, "b", c);
	set(nl, "a", c);
	a = get(nl, "a");
	assert_true(a.flags & IFF_UP && a.flags & IFF_NOARP);
	assert_int_equal(flags_of("a") & (IFF_UP | IFF_NOARP), IFF_UP | IFF_NOARP);
	assert_int_equal(a.mtu, 1400);
	assert_string_equal(a.alias, "nsfast:n/p");
	assert_int_equal(read_number("/proc/sys/net/ipv4/conf/a/forwarding"), 1);
	assert_int_equal(read_number("/proc/sys/net/ipv4/conf/all/forwarding"), 0);
	assert_int_equal(read_number("/proc/sys/net/ipv6/conf/a/addr_gen_mode"), 1);
	assert_int_equal(count_linklocal(), 0);
}

static void what_is_not_set_is_left_alone(void **state)
{
	struct nl *nl = *state;
	struct link a;

	make_pair(nl, "a", "b", 0);
	set(nl, "a", (struct link_change){ 1, 1400, "text", 1, 1, 1, 0 });
	set(nl, "a", (struct link_change){});
	set(nl, "a", (struct link_change){ .mtu = 1300 });
	a = get(nl, "a");
	assert_true(a.flags & IFF_UP && a.flags & IFF_NOARP);
	assert_string_equal(a.alias, "text");
	assert_int_equal(read_number("/proc/sys/net/ipv4/conf/a/forwarding"), 1);
	set(nl, "a", (struct link_change){ .up = -1, .forwarding4 = -1, .alias = "" });
	a = get(nl, "a");
	assert_int_equal(a.flags & IFF_UP, 0);
	assert_true(a.flags & IFF_NOARP);
	assert_int_equal(a.mtu, 1300);
	assert_string_equal(a.alias, "");
	assert_int_equal(read_number("/proc/sys/net/ipv4/conf/a/forwarding"), 0);
}

static void an_mtu_too_small_for_ipv6_is_no_obstacle(void **state)
{
	struct nl *nl = *state;

	make_pair(nl, "a", "b", 1200);
	make_pair(nl, "c", "d", 0);
	set(nl, "a", (struct link_change){ .up = 1, .forwarding4 = 1, .addrgen_none = 1 });
	set(nl, "c", (struct link_change){ .up = 1, .mtu = 1200, .addrgen_none = 1, .alias = "c" });
	assert_true(flags_of("a") & IFF_UP && flags_of("c") & IFF_UP);
	assert_int_equal(read_number("/proc/sys/net/ipv4/conf/a/forwarding"), 1);
	assert_int_equal(get(nl, "c").mtu, 1200);
}

/* Such a link is ready as soon as it is up: what forbids the address must be there before. */
static void a_link_without_a_carrier_to_wait_for_gets_no_link_local_address_either(void **state)
{
	struct nl *nl = *state;
	struct nlmsghdr *nlh = nl_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info;
	int r;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, "a");
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "ifb");
	mnl_attr_nest_end(nlh, info);
	r = nl_send(nl, NULL);
	if (r == -EOPNOTSUPP)
		skip(); /* a kernel without ifb */
	assert_int_equal(r, 0);
	set(nl, "a", (struct link_change){ .up = 1, .addrgen_none = 1 });
	assert_int_equal(count_linklocal(), 0);
}

static void the_longest_alias_fits(void **state)
{
	struct link_change c = {};
	struct nl *nl = *state;
	char text[257] = "";

	memset(text, 'x', 256);
	make_pair(nl, "a", "b", 0);
	c.alias = text;
	assert_int_equal(link_set(nl, get(nl, "a").ifindex, &c), -ENAMETOOLONG);
	text[255] = '\0';
	set(nl, "a", c);
	assert_string_equal(get(nl, "a").alias, text);
}

static void deleting_one_end_takes_both_and_can_be_repeated(void **state)
{
	struct nl *nl = *state;
	struct link a, l;

	make_pair(nl, "a", "b", 0);
	a = get(nl, "a");
	assert_int_equal(link_del(nl, a.ifindex), 0);
	assert_int_equal(link_get(nl, "b", 0, &l), -ENODEV);
	assert_int_equal(link_del(nl, a.ifindex), 0);
	assert_int_equal(link_del(nl, 0), 0);
	assert_int_not_equal(link_del(nl, 1), 0);
}

static int count_link(const struct link *l, void *arg)
{
	int *n = arg;

	assert_true(l->ifindex > 0 && l->name[0]);
	return ++*n == 7 ? 77 : 0;
}

static int count_veth(const struct link *l, void *arg)
{
	*(int *)arg += streq(l->kind, "veth") && !memcmp(l->mac, mac_a, 5);
	return 0;
}

static void all_links_are_listed_and_a_walk_can_be_ended(void **state)
{
	struct nl *nl = *state;
	char name[2][IFNAMSIZ];
	int n = 0;

	for (int i = 0; i < 60; i++) {
		snprintf(name[0], IFNAMSIZ, "a%d", i);
		snprintf(name[1], IFNAMSIZ, "b%d", i);
		make_pair(nl, name[0], name[1], 0);
	}
	assert_int_equal(link_list(nl, count_veth, &n), 0);
	assert_int_equal(n, 120);
	n = 0;
	assert_int_equal(link_list(nl, count_link, &n), 77);
	assert_int_equal(n, 7);
}

static void a_neighbour_has_the_mac_it_was_given_and_others_none(void **state)
{
	struct nl *nl = *state;
	struct addr four, six;
	struct link a;
	__u8 mac[6] = {};

	make_pair(nl, "a", "b", 0);
	a = get(nl, "a");
	assert_int_equal(link_set(nl, a.ifindex, &(struct link_change){ .up = 1 }), 0);
	assert_int_equal(addr_parse("10.77.0.2", &four), 0);
	assert_int_equal(addr_parse("fd00:77::2", &six), 0);
	assert_int_equal(neighbour_get(nl, a.ifindex, &four, mac), -ENOENT);
	assert_int_equal(neighbour_add(nl, a.ifindex, &four, mac_a), 0);
	assert_int_equal(neighbour_add(nl, a.ifindex, &six, mac_b), 0);
	assert_int_equal(neighbour_get(nl, a.ifindex, &four, mac), 0);
	assert_memory_equal(mac, mac_a, 6);
	assert_int_equal(neighbour_get(nl, a.ifindex, &six, mac), 0);
	assert_memory_equal(mac, mac_b, 6);
	assert_int_equal(neighbour_get(nl, a.peer, &four, mac), -ENOENT);
}

static void many_are_deleted_at_once_and_no_others(void **state)
{
	struct nl *nl = *state;
	struct link l;
	int some[3], with_lo[2];

	make_pair(nl, "a", "b", 0);
	make_pair(nl, "c", "d", 0);
	make_pair(nl, "e", "f", 0);
	some[0] = get(nl, "a").ifindex;
	some[1] = 9999; /* gone already */
	some[2] = get(nl, "c").ifindex;
	with_lo[0] = some[0];
	with_lo[1] = 1;
	assert_int_not_equal(link_del_all(nl, with_lo, 2), 0);
	assert_int_equal(link_get(nl, "a", 0, &l), 0);
	assert_int_equal(link_del_all(nl, some, 3), 0);
	assert_int_equal(link_get(nl, "b", 0, &l), -ENODEV);
	assert_int_equal(link_get(nl, "d", 0, &l), -ENODEV);
	assert_int_equal(link_get(nl, "e", 0, &l), 0);
	assert_int_equal(l.group, 0);
	assert_int_equal(link_get(nl, "lo", 0, &l), 0);
	assert_int_equal(link_del_all(nl, some, 3), 0);
	assert_int_equal(link_del_all(nl, NULL, 0), 0);
	some[0] = get(nl, "e").ifindex;
	assert_int_equal(link_del_all(nl, some, 1), 0);
	assert_int_equal(link_get(nl, "f", 0, &l), -ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_NETNS(a_pair_is_made_as_asked),
		IN_NETNS(a_peer_is_made_in_its_namespace),
		IN_NETNS(a_taken_or_impossible_name_is_refused),
		IN_NETNS(a_missing_link_is_enodev_and_leaves_the_result_alone),
		IN_NETNS(everything_is_set_at_once_on_a_fresh_pair),
		IN_NETNS(what_is_not_set_is_left_alone),
		IN_NETNS(an_mtu_too_small_for_ipv6_is_no_obstacle),
		IN_NETNS(a_link_without_a_carrier_to_wait_for_gets_no_link_local_address_either),
		IN_NETNS(the_longest_alias_fits),
		IN_NETNS(deleting_one_end_takes_both_and_can_be_repeated),
		IN_NETNS(many_are_deleted_at_once_and_no_others),
		IN_NETNS(a_neighbour_has_the_mac_it_was_given_and_others_none),
		IN_NETNS(all_links_are_listed_and_a_walk_can_be_ended),
	};

	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
