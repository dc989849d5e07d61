/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's connection tracking, by ctnetlink. */
#include "conntrack.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

static void read_addr(const struct nlattr *a, __u8 family, struct addr *ret)
{
	unsigned size = addr_size(family);

	if (mnl_attr_get_payload_len(a) < size)
		return;
	*ret = (struct addr){ .family = family, .plen = size * 8 };
	memcpy(ret->bytes, mnl_attr_get_payload(a), size);
}

static void read_ip(const struct nlattr *ip, struct conntrack_tuple *t)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, ip) {
		switch (mnl_attr_get_type(a)) {
		case CTA_IP_V4_SRC:
			read_addr(a, AF_INET, &t->src);
			break;
		case CTA_IP_V4_DST:
			read_addr(a, AF_INET, &t->dst);
			break;
		case CTA_IP_V6_SRC:
			read_addr(a, AF_INET6, &t->src);
			break;
		case CTA_IP_V6_DST:
			read_addr(a, AF_INET6, &t->dst);
			break;
		}
	}
}

static void read_proto(const struct nlattr *proto, struct conntrack_tuple *t)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, proto) {
		switch (mnl_attr_get_type(a)) {
		case CTA_PROTO_NUM:
			t->proto = mnl_attr_get_u8(a);
			break;
		case CTA_PROTO_SRC_PORT:
			t->sport = ntohs(mnl_attr_get_u16(a));
			break;
		case CTA_PROTO_DST_PORT:
			t->dport = ntohs(mnl_attr_get_u16(a));
			break;
		case CTA_PROTO_ICMP_ID:
		case CTA_PROTO_ICMPV6_ID:
			t->icmp_id = ntohs(mnl_attr_get_u16(a));
			break;
		case CTA_PROTO_ICMP_TYPE:
		case CTA_PROTO_ICMPV6_TYPE:
			t->icmp_type = mnl_attr_get_u8(a);
			break;
		case CTA_PROTO_ICMP_CODE:
		case CTA_PROTO_ICMPV6_CODE:
			t->icmp_code = mnl_attr_get_u8(a);
			break;
		}
	}
}

static void read_tuple(const struct nlattr *tuple, struct conntrack_tuple *t)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, tuple) {
		if (mnl_attr_get_type(a) == CTA_TUPLE_IP)
			read_ip(a, t);
		else if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO)
			read_proto(a, t);
	}
}

static void read_state(const struct nlattr *info, struct conntrack *c)
{
	const struct nlattr *proto, *a;

	mnl_attr_for_each_nested(proto, info) {
		int type = mnl_attr_get_type(proto);

		mnl_attr_for_each_nested(a, proto) {
			if ((type == CTA_PROTOINFO_TCP && mnl_attr_get_type(a) == CTA_PROTOINFO_TCP_STATE) ||
			    (type == CTA_PROTOINFO_SCTP && mnl_attr_get_type(a) == CTA_PROTOINFO_SCTP_STATE))
				c->tcp_state = mnl_attr_get_u8(a);
		}
	}
}

static void read_counters(const struct nlattr *counters, __u64 *ret_packets, __u64 *ret_bytes)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, counters) {
		if (mnl_attr_get_type(a) == CTA_COUNTERS_PACKETS)
			*ret_packets = be64toh(mnl_attr_get_u64(a));
		else if (mnl_attr_get_type(a) == CTA_COUNTERS_BYTES)
			*ret_bytes = be64toh(mnl_attr_get_u64(a));
	}
}

static void read_attr(const struct nlattr *a, struct conntrack *c)
{
	switch (mnl_attr_get_type(a)) {
	case CTA_TUPLE_ORIG:
		read_tuple(a, &c->orig);
		break;
	case CTA_TUPLE_REPLY:
		read_tuple(a, &c->reply);
		break;
	case CTA_STATUS:
		c->status = ntohl(mnl_attr_get_u32(a));
		break;
	case CTA_TIMEOUT:
		c->left = ntohl(mnl_attr_get_u32(a));
		break;
	case CTA_PROTOINFO:
		read_state(a, c);
		break;
	case CTA_COUNTERS_ORIG:
		read_counters(a, &c->orig_packets, &c->orig_bytes);
		break;
	case CTA_COUNTERS_REPLY:
		read_counters(a, &c->reply_packets, &c->reply_bytes);
		break;
	}
}

struct ct_walk {
	struct conntrack *v;
	size_t n, room;
};

static int ct_keep(const struct nlmsghdr *nlh, void *arg)
{
	struct ct_walk *w = arg;
	const struct nlattr *a;

	if (w->n == w->room) {
		size_t room = 2 * w->room + 256;
		void *more = realloc(w->v, room * sizeof(*w->v));

		if (!more) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		w->v = more;
		w->room = room;
	}
	w->v[w->n] = (struct conntrack){};
	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
		read_attr(a, &w->v[w->n]);
	w->n++;
	return MNL_CB_OK;
}

static void ct_restart(void *arg)
{
	((struct ct_walk *)arg)->n = 0;
}

int conntrack_list(int (*cb)(const struct conntrack *c, void *arg), void *arg)
{
	struct ct_walk w = {};
	autonl struct nl *nl = NULL;
	int r = nl_open_to(NETLINK_NETFILTER, &nl);
	size_t i;

	if (r)
		return r;
	nl_nf_msg(nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC);
	r = nl_query(nl, ct_keep, ct_restart, &w);
	for (i = 0; !r && i < w.n; i++)
		r = cb(&w.v[i], arg);
	free(w.v);
	return r;
}

static bool is_icmp(const struct conntrack_tuple *t)
{
	return t->proto == IPPROTO_ICMP || t->proto == IPPROTO_ICMPV6;
}

static void put_tuple(struct nlmsghdr *nlh, __u16 type, const struct conntrack_tuple *t)
{
	struct nlattr *tuple = mnl_attr_nest_start(nlh, type), *part = mnl_attr_nest_start(nlh, CTA_TUPLE_IP);
	bool six = t->src.family == AF_INET6;

	mnl_attr_put(nlh, six ? CTA_IP_V6_SRC : CTA_IP_V4_SRC, addr_size(t->src.family), t->src.bytes);
	mnl_attr_put(nlh, six ? CTA_IP_V6_DST : CTA_IP_V4_DST, addr_size(t->dst.family), t->dst.bytes);
	mnl_attr_nest_end(nlh, part);
	part = mnl_attr_nest_start(nlh, CTA_TUPLE_PROTO);
	mnl_attr_put_u8(nlh, CTA_PROTO_NUM, t->proto);
	if (is_icmp(t)) {
		mnl_attr_put_u16(nlh, six ? CTA_PROTO_ICMPV6_ID : CTA_PROTO_ICMP_ID, htons(t->icmp_id));
		mnl_attr_put_u8(nlh, six ? CTA_PROTO_ICMPV6_TYPE : CTA_PROTO_ICMP_TYPE, t->icmp_type);
		mnl_attr_put_u8(nlh, six ? CTA_PROTO_ICMPV6_CODE : CTA_PROTO_ICMP_CODE, t->icmp_code);
	} else {
		mnl_attr_put_u16(nlh, CTA_PROTO_SRC_PORT, htons(t->sport));
		mnl_attr_put_u16(nlh, CTA_PROTO_DST_PORT, htons(t->dport));
	}
	mnl_attr_nest_end(nlh, part);
	mnl_attr_nest_end(nlh, tuple);
}

static int conntrack_ignore(const struct nlmsghdr *h, void *arg)
{
	(void)h;
	(void)arg;
	return MNL_CB_OK;
}

bool conntrack_there(void)
{
	autonl struct nl *nl = NULL;

	if (nl_open_to(NETLINK_NETFILTER, &nl))
		return false;
	nl_nf_msg(nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU, NLM_F_DUMP, AF_UNSPEC);
	return !nl_query(nl, conntrack_ignore, NULL, NULL);
}

int conntrack_del(struct nl *nl, const struct conntrack_tuple *orig)
{
	int r;

	put_tuple(nl_nf_msg(nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE, 0, orig->src.family), CTA_TUPLE_ORIG,
		  orig);
	r = nl_send(nl, NULL);
	return r == -ENOENT ? 0 : r;
}

static struct conntrack_tuple reversed(const struct conntrack_tuple *t)
{
	struct conntrack_tuple r = *t;

	r.src = t->dst;
	r.dst = t->src;
	r.sport = t->dport;
	r.dport = t->sport;
	if (t->proto == IPPROTO_ICMP)
		r.icmp_type = ICMP_ECHOREPLY;
	else if (t->proto == IPPROTO_ICMPV6)
		r.icmp_type = ICMPV6_ECHO_REPLY;
	return r;
}

/* One end becomes exactly that other one; nothing if it stays. */
static void put_nat(struct nlmsghdr *nlh, __u16 type, const struct conntrack_tuple *t, const struct addr *was,
		    __u16 was_port, const struct addr *is, __u16 is_port)
{
	bool six = is->family == AF_INET6;
	struct nlattr *nat, *proto;

	if (was_port == is_port && !memcmp(was->bytes, is->bytes, addr_size(is->family)))
		return;
	nat = mnl_attr_nest_start(nlh, type);
	mnl_attr_put(nlh, six ? CTA_NAT_V6_MINIP : CTA_NAT_V4_MINIP, addr_size(is->family), is->bytes);
	mnl_attr_put(nlh, six ? CTA_NAT_V6_MAXIP : CTA_NAT_V4_MAXIP, addr_size(is->family), is->bytes);
	if (is_port || is_icmp(t)) {
		proto = mnl_attr_nest_start(nlh, CTA_NAT_PROTO);
		mnl_attr_put_u16(nlh, CTA_PROTONAT_PORT_MIN, htons(is_port));
		mnl_attr_put_u16(nlh, CTA_PROTONAT_PORT_MAX, htons(is_port));
		mnl_attr_nest_end(nlh, proto);
	}
	mnl_attr_nest_end(nlh, nat);
}

static void put_tcp(struct nlmsghdr *nlh, const struct conntrack *c)
{
	static const struct nf_ct_tcp_flags liberal = { IP_CT_TCP_FLAG_BE_LIBERAL, IP_CT_TCP_FLAG_BE_LIBERAL };
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO),
		      *tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, c->tcp_state);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, sizeof(liberal), &liberal);
	mnl_attr_put(nlh, CTA_PROTOINFO_TCP_FLAGS_REPLY, sizeof(liberal), &liberal);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
}

int conntrack_add(struct nl *nl, const struct conntrack *c)
{
	struct nlmsghdr *nlh = nl_nf_msg(nl, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, NLM_F_CREATE | NLM_F_EXCL,
					 c->orig.src.family);
	const struct conntrack_tuple *o = &c->orig, *r = &c->reply, plain = reversed(o);
	bool icmp = is_icmp(o);

	put_tuple(nlh, CTA_TUPLE_ORIG, o);
	put_tuple(nlh, CTA_TUPLE_REPLY, &plain);
	mnl_attr_put_u32(nlh, CTA_STATUS, htonl(c->status | IPS_CONFIRMED));
	mnl_attr_put_u32(nlh, CTA_TIMEOUT, htonl(c->left));
	if (o->proto == IPPROTO_TCP)
		put_tcp(nlh, c);
	put_nat(nlh, CTA_NAT_SRC, o, &o->src, icmp ? o->icmp_id : o->sport, &r->dst, icmp ? r->icmp_id : r->dport);
	put_nat(nlh, CTA_NAT_DST, o, &o->dst, icmp ? 0 : o->dport, &r->src, icmp ? 0 : r->sport);
	return nl_send(nl, NULL);
}
