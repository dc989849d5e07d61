/* SPDX-License-Identifier: GPL-2.0-only */
/* Routes: the default one, and all that matters of the others. Needs root. */
#include <errno.h>

#include "fresh.h"

/* A route by hand: hops next hops by link out and gateways 10.0.0.2, 10.0.0.3, ... */
static void make_route(struct nl *nl, int out, const char *dst, __u32 metric, __u8 type, int hops)
{
	struct nlmsghdr *nlh = nl_msg(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct addr d = addr(dst), hop = addr("10.0.0.2");

	rtm->rtm_family = AF_INET;
	rtm->rtm_dst_len = d.plen;
	rtm->rtm_type = type;
	rtm->rtm_protocol = RTPROT_STATIC;
	mnl_attr_put(nlh, RTA_DST, 4, d.bytes);
	mnl_attr_put_u32(nlh, RTA_TABLE, metric == 777 ? 1000 : RT_TABLE_MAIN);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, metric);
	if (hops == 1) {
		mnl_attr_put(nlh, RTA_GATEWAY, 4, hop.bytes);
		mnl_attr_put_u32(nlh, RTA_OIF, (__u32)out);
	} else if (hops) {
		struct nlattr *multi = mnl_attr_nest_start(nlh, RTA_MULTIPATH);

		for (int i = 0; i < hops; i++, hop.bytes[3]++) {
			struct rtnexthop *nh = mnl_nlmsg_put_extra_header(nlh, sizeof(*nh));

			nh->rtnh_ifindex = out;
			mnl_attr_put(nlh, RTA_GATEWAY, 4, hop.bytes);
			nh->rtnh_len = (unsigned short)((char *)mnl_nlmsg_get_payload_tail(nlh) - (char *)nh);
		}
		mnl_attr_nest_end(nlh, multi);
	}
	assert_int_equal(nl_send(nl, NULL), 0);
}

/* Both ends up, 10.0.0.1/24 and fd00::1/64 on a; its ifindex. */
static int make_routable(struct nl *nl)
{
	struct addr four = addr("10.0.0.1/24"), six = addr("fd00::1/64");
	int i;

	make_pair(nl, "a", "b", 0);
	i = get(nl, "a").ifindex;
	set(nl, "a", (struct link_change){ .up = 1 });
	set(nl, "b", (struct link_change){ .up = 1 });
	assert_int_equal(addr_add(nl, i, &four), 0);
	assert_int_equal(addr_add(nl, i, &six), 0);
	return i;
}

static void the_default_route_is_set_and_replaced(void **state)
{
	struct addr via = addr("10.0.0.254"), other = addr("10.0.0.253"), far = addr("192.0.2.1"), none = {};
	struct nl *nl = *state;
	struct route r = { .ifindex = 42 };
	int i = make_routable(nl);
	char buf[ADDR_STRLEN];

	assert_int_equal(route_default(nl, AF_INET, &r), -ENOENT);
	assert_int_equal(r.ifindex, 42);
	assert_int_equal(route_add_default(nl, i, &via), 0);
	assert_int_equal(route_add_default(nl, i, &via), 0);
	assert_int_equal(route_default(nl, AF_INET, &r), 0);
	assert_int_equal(r.ifindex, i);
	assert_int_equal(r.metric, 0);
	assert_int_equal(r.table, RT_TABLE_MAIN);
	assert_string_equal(addr_format(&r.via, true, buf), "10.0.0.254/32");
	assert_int_equal(route_add_default(nl, i, &other), 0);
	assert_int_equal(route_default(nl, AF_INET, &r), 0);
	assert_string_equal(addr_format(&r.via, false, buf), "10.0.0.253");
	assert_int_equal(route_add_default(nl, i, &far), -ENETUNREACH);
	assert_string_not_equal(nl_error(nl), "");
	assert_int_equal(route_add_default(nl, i, &none), -EINVAL);
}

static void an_ipv6_default_route_is_set_by_a_link_local_router_and_removed(void **state)
{
	struct addr via = addr("fe80::7"), other = addr("10.0.0.254");
	struct nl *nl = *state;
	struct route r = { .ifindex = 42 };
	int i = make_routable(nl);
	char buf[ADDR_STRLEN];

	assert_int_equal(route_del_default(nl, i, &via), 0);
	assert_int_equal(route_add_default(nl, i, &other), 0);
	assert_int_equal(route_default(nl, AF_INET6, &r), -ENOENT);
	assert_int_equal(r.ifindex, 42);
	assert_int_equal(route_add_default(nl, i, &via), 0);
	assert_int_equal(route_add_default(nl, i, &via), 0);
	assert_int_equal(route_default(nl, AF_INET6, &r), 0);
	assert_int_equal(r.ifindex, i);
	assert_int_equal(r.protocol, RTPROT_STATIC);
	assert_string_equal(addr_format(&r.via, false, buf), "fe80::7");
	assert_int_equal(route_del_default(nl, i, &via), 0);
	assert_int_equal(route_del_default(nl, i, &via), 0);
	assert_int_equal(route_default(nl, AF_INET6, &r), -ENOENT);
	assert_int_equal(route_default(nl, AF_INET, &r), 0);
	assert_int_equal(route_del_default(nl, 4711, &via), 0);
}

static void the_default_route_is_the_one_with_the_lowest_metric(void **state)
{
	struct nl *nl = *state;
	int i = make_routable(nl);
	struct route r;

	make_route(nl, i, "0.0.0.0/0", 200, RTN_UNICAST, 1);
	make_route(nl, i, "0.0.0.0/0", 100, RTN_UNICAST, 1);
	make_route(nl, i, "0.0.0.0/0", 300, RTN_UNICAST, 1);
	make_route(nl, i, "0.0.0.0/1", 1, RTN_UNICAST, 1);
	make_route(nl, i, "0.0.0.0/0", 50, RTN_UNREACHABLE, 0);
	make_route(nl, i, "0.0.0.0/0", 777, RTN_UNICAST, 1);
	assert_int_equal(route_default(nl, AF_INET, &r), 0);
	assert_int_equal(r.metric, 100);
}

struct find {
	const char *dst;
	struct route r;
	int n;
};

static int find_route(const struct route *r, void *arg)
{
	struct find *f = arg;
	char buf[ADDR_STRLEN];

	if (!streq(addr_format(&r->dst, true, buf), f->dst))
		return 0;
	f->r = *r;
	f->n++;
	return 0;
}

static struct route one_route(struct nl *nl, int family, const char *dst)
{
	struct find f = { .dst = dst };

	assert_int_equal(route_list(nl, family, find_route, &f), 0);
	assert_int_equal(f.n, 1);
	return f.r;
}

static void routes_are_listed_with_all_that_matters(void **state)
{
	struct addr via = addr("fd00::ffff");
	struct nl *nl = *state;
	int i = make_routable(nl);
	char buf[ADDR_STRLEN];
	struct route r;

	r = one_route(nl, AF_INET, "10.0.0.0/24");
	assert_int_equal(r.ifindex, i);
	assert_int_equal(r.type, RTN_UNICAST);
	assert_int_equal(r.via.family, 0);
	assert_string_equal(addr_format(&r.src, false, buf), "10.0.0.1");
	r = one_route(nl, AF_INET, "10.0.0.1/32");
	assert_int_equal(r.table, RT_TABLE_LOCAL);
	assert_int_equal(r.type, RTN_LOCAL);

	make_route(nl, i, "192.0.2.0/24", 5, RTN_UNICAST, 3);
	r = one_route(nl, AF_INET, "192.0.2.0/24");
	assert_int_equal(r.ifindex, i);
	assert_string_equal(addr_format(&r.via, false, buf), "10.0.0.2");
	make_route(nl, i, "198.51.100.0/24", 777, RTN_UNICAST, 1);
	assert_int_equal(one_route(nl, AF_INET, "198.51.100.0/24").table, 1000);
	make_route(nl, i, "203.0.113.0/24", 0, RTN_BLACKHOLE, 0);
	r = one_route(nl, AF_INET, "203.0.113.0/24");
	assert_int_equal(r.type, RTN_BLACKHOLE);
	assert_int_equal(r.ifindex, 0);

	assert_int_equal(route_add_default(nl, i, &via), 0);
	assert_int_equal(route_add_default(nl, i, &via), 0);
	r = one_route(nl, AF_INET6, "::/0");
	assert_int_equal(r.ifindex, i);
	assert_string_equal(addr_format(&r.via, false, buf), "fd00::ffff");
}

static void an_ipv4_route_by_an_ipv6_gateway_is_understood(void **state)
{
	struct {
		__kernel_sa_family_t family;
		__u8 bytes[16];
	} via = { .family = AF_INET6 };
	struct addr six = addr("fd00::2");
	struct nl *nl = *state;
	int i = make_routable(nl);
	struct nlmsghdr *nlh = nl_msg(nl, RTM_NEWROUTE, NLM_F_CREATE);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct route r;

	rtm->rtm_family = AF_INET;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_type = RTN_UNICAST;
	memcpy(via.bytes, six.bytes, 16);
	mnl_attr_put(nlh, RTA_VIA, sizeof(via), &via);
	mnl_attr_put_u32(nlh, RTA_OIF, (__u32)i);
	assert_int_equal(nl_send(nl, NULL), 0);
	assert_int_equal(route_default(nl, AF_INET, &r), 0);
	assert_int_equal(r.via.family, AF_INET6);
	assert_memory_equal(r.via.bytes, six.bytes, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_NETNS(the_default_route_is_set_and_replaced),
		IN_NETNS(an_ipv6_default_route_is_set_by_a_link_local_router_and_removed),
		IN_NETNS(the_default_route_is_the_one_with_the_lowest_metric),
		IN_NETNS(routes_are_listed_with_all_that_matters),
		IN_NETNS(an_ipv4_route_by_an_ipv6_gateway_is_understood),
	};

	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
