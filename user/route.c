/* SPDX-License-Identifier: GPL-2.0-only */
/* Routes: list them, find and set the default one. */
#include <errno.h>

#include "link.h"

struct routes {
	struct route *v;
	size_t n, room;
};

static void get_addr(struct addr *ret, __u8 family, __u8 plen, const void *data, size_t len)
{
	if (len != addr_size(family))
		return;
	ret->family = family;
	ret->plen = plen;
	memcpy(ret->bytes, data, len);
}

static void get_whole(struct addr *ret, __u8 family, const struct nlattr *a)
{
	get_addr(ret, family, (__u8)(8 * addr_size(family)), mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

/* A next hop of the other family. */
static void get_via(struct addr *ret, const struct nlattr *a)
{
	const struct rtvia *via = mnl_attr_get_payload(a);
	size_t len = mnl_attr_get_payload_len(a);

	if (len <= sizeof(*via) || (via->rtvia_family != AF_INET && via->rtvia_family != AF_INET6))
		return;
	get_addr(ret, (__u8)via->rtvia_family, (__u8)(8 * addr_size((__u8)via->rtvia_family)), via->rtvia_addr,
		 len - sizeof(*via));
}

static void parse_first_hop(const struct nlattr *multipath, struct route *r)
{
	const struct rtnexthop *nh = mnl_attr_get_payload(multipath);
	const struct nlattr *a;

	if (mnl_attr_get_payload_len(multipath) < sizeof(*nh) || nh->rtnh_len < sizeof(*nh) ||
	    nh->rtnh_len > mnl_attr_get_payload_len(multipath))
		return;
	r->ifindex = nh->rtnh_ifindex;
	for (a = (const void *)(nh + 1); mnl_attr_ok(a, (int)((const char *)nh + nh->rtnh_len - (const char *)a));
	     a = mnl_attr_next(a)) {
		if (mnl_attr_get_type(a) == RTA_GATEWAY)
			get_whole(&r->via, r->family, a);
		else if (mnl_attr_get_type(a) == RTA_VIA)
			get_via(&r->via, a);
	}
}

static void parse_attr(const struct nlattr *a, const struct rtmsg *rtm, struct route *r)
{
	switch (mnl_attr_get_type(a)) {
	case RTA_DST:
		get_addr(&r->dst, r->family, rtm->rtm_dst_len, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
		break;
	case RTA_GATEWAY:
		get_whole(&r->via, r->family, a);
		break;
	case RTA_VIA:
		get_via(&r->via, a);
		break;
	case RTA_PREFSRC:
		get_whole(&r->src, r->family, a);
		break;
	case RTA_MULTIPATH:
		parse_first_hop(a, r);
		break;
	case RTA_OIF:
		r->ifindex = (int)mnl_attr_get_u32(a);
		break;
	case RTA_TABLE:
		r->table = mnl_attr_get_u32(a);
		break;
	case RTA_PRIORITY:
		r->metric = mnl_attr_get_u32(a);
		break;
	}
}

static int keep_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct routes *rs = arg;
	const struct nlattr *a;
	struct route *r;

	if (nlh->nlmsg_type != RTM_NEWROUTE || rtm->rtm_flags & RTM_F_CLONED ||
	    (rtm->rtm_family != AF_INET && rtm->rtm_family != AF_INET6))
		return MNL_CB_OK;
	if (rs->n == rs->room) {
		size_t room = 2 * rs->room + 1;

		r = realloc(rs->v, room * sizeof(*r));
		if (!r) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		rs->v = r;
		rs->room = room;
	}
	r = &rs->v[rs->n++];
	*r = (struct route){
		.family = rtm->rtm_family,
		.dst = { .family = rtm->rtm_family },
		.table = rtm->rtm_table,
		.type = rtm->rtm_type,
		.protocol = rtm->rtm_protocol,
	};
	mnl_attr_for_each(a, nlh, sizeof(*rtm))
		parse_attr(a, rtm, r);
	return MNL_CB_OK;
}

static void forget_routes(void *arg)
{
	((struct routes *)arg)->n = 0;
}

int route_list(struct nl *nl, int family, int (*cb)(const struct route *r, void *arg), void *arg)
{
	struct routes rs = {};
	struct rtmsg *rtm;
	int r;

	rtm = mnl_nlmsg_put_extra_header(nl_msg(nl, RTM_GETROUTE, NLM_F_DUMP), sizeof(*rtm));
	rtm->rtm_family = (unsigned char)family;
	r = nl_query(nl, keep_route, forget_routes, &rs);
	for (size_t i = 0; i < rs.n && !r; i++)
		r = cb(&rs.v[i], arg);
	free(rs.v);
	return r;
}

static void put_default(struct nlmsghdr *nlh, int ifindex, const struct addr *via)
{
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = via->family;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put(nlh, RTA_GATEWAY, addr_size(via->family), via->bytes);
	mnl_attr_put_u32(nlh, RTA_OIF, (__u32)ifindex);
}

int route_add_direct(struct nl *nl, int ifindex, __u8 family)
{
	struct nlmsghdr *nlh = nl_msg(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	rtm->rtm_family = family;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_STATIC;
	rtm->rtm_scope = RT_SCOPE_LINK;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_OIF, (__u32)ifindex);
	return nl_send(nl, NULL);
}

int route_add_default(struct nl *nl, int ifindex, const struct addr *via)
{
	if (via->family != AF_INET && via->family != AF_INET6)
		return -EINVAL;
	put_default(nl_msg(nl, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE), ifindex, via);
	return nl_send(nl, NULL);
}

int route_del_default(struct nl *nl, int ifindex, const struct addr *via)
{
	int r;

	if (via->family != AF_INET && via->family != AF_INET6)
		return -EINVAL;
	put_default(nl_msg(nl, RTM_DELROUTE, 0), ifindex, via);
	r = nl_send(nl, NULL);
	return r == -ESRCH || r == -ENODEV ? 0 : r;
}

static int lower_default(const struct route *r, void *arg)
{
	struct route *best = arg;

	if (r->table == RT_TABLE_MAIN && r->type == RTN_UNICAST && r->dst.plen == 0 &&
	    (!best->family || r->metric < best->metric))
		*best = *r;
	return 0;
}

int route_default(struct nl *nl, int family, struct route *ret)
{
	struct route best = {};
	int r = route_list(nl, family, lower_default, &best);

	if (r)
		return r;
	if (!best.family)
		return -ENOENT;
	*ret = best;
	return 0;
}
