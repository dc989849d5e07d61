/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces: read, list, make veth pairs, change, delete. */
#include <net/if.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/veth.h>
#include <sys/random.h>

#include "compat.h"
#include "link.h"

struct links {
	struct link *v;
	size_t n, room;
};

static struct nlmsghdr *link_msg(struct nl *nl, __u16 type, __u16 flags, const struct ifinfomsg *ifi)
{
	struct nlmsghdr *nlh = nl_msg(nl, type, flags);

	memcpy(mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi)), ifi, sizeof(*ifi));
	return nlh;
}

static void put_u32(__u32 *ret, const struct nlattr *a)
{
	if (mnl_attr_get_payload_len(a) >= sizeof(*ret))
		*ret = mnl_attr_get_u32(a);
}

static void put_text(char *ret, size_t size, const struct nlattr *a)
{
	size_t n = strnlen(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));

	if (n >= size)
		n = size - 1;
	memcpy(ret, mnl_attr_get_payload(a), n);
	ret[n] = '\0';
}

static void parse_kind(const struct nlattr *info, struct link *l)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, info) {
		if (mnl_attr_get_type(a) == IFLA_INFO_KIND)
			put_text(l->kind, sizeof(l->kind), a);
	}
}

static void parse_attr(const struct nlattr *a, struct link *l)
{
	switch (mnl_attr_get_type(a)) {
	case IFLA_IFNAME:
		put_text(l->name, sizeof(l->name), a);
		break;
	case IFLA_IFALIAS:
		put_text(l->alias, sizeof(l->alias), a);
		break;
	case IFLA_LINKINFO:
		parse_kind(a, l);
		break;
	case IFLA_ADDRESS:
		if (mnl_attr_get_payload_len(a) == sizeof(l->mac))
			memcpy(l->mac, mnl_attr_get_payload(a), sizeof(l->mac));
		break;
	case IFLA_MTU:
		put_u32(&l->mtu, a);
		break;
	case IFLA_LINK:
		put_u32((__u32 *)&l->peer, a);
		break;
	case IFLA_LINK_NETNSID:
		put_u32((__u32 *)&l->peer_netns, a);
		break;
	case IFLA_MASTER:
		put_u32((__u32 *)&l->master, a);
		break;
	case IFLA_GROUP:
		put_u32(&l->group, a);
		break;
	case IFLA_GSO_IPV4_MAX_SIZE:
		put_u32(&l->gso4_max, a);
		break;
	}
}

static int keep_link(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct links *ls = arg;
	const struct nlattr *a;
	struct link *l;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return MNL_CB_OK;
	if (ls->n == ls->room) {
		size_t room = 2 * ls->room + 1;

		l = realloc(ls->v, room * sizeof(*l));
		if (!l) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		ls->v = l;
		ls->room = room;
	}
	l = &ls->v[ls->n++];
	*l = (struct link){
		.ifindex = ifi->ifi_index,
		.flags = ifi->ifi_flags,
		.type = ifi->ifi_type,
		.peer_netns = -1,
	};
	mnl_attr_for_each(a, nlh, sizeof(*ifi))
		parse_attr(a, l);
	return MNL_CB_OK;
}

static void forget_links(void *arg)
{
	((struct links *)arg)->n = 0;
}

int link_get(struct nl *nl, const char *name, int ifindex, struct link *ret)
{
	struct ifinfomsg ifi = { .ifi_index = name ? 0 : ifindex };
	struct links ls = {};
	struct nlmsghdr *nlh;
	int r;

	if (name ? !*name || strlen(name) >= IFNAMSIZ : ifindex <= 0)
		return -ENODEV;
	nlh = link_msg(nl, RTM_GETLINK, 0, &ifi);
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	r = nl_query(nl, keep_link, forget_links, &ls);
	if (!r && !ls.n)
		r = -ENODEV;
	if (!r)
		*ret = ls.v[0];
	free(ls.v);
	return r;
}

/* Asking for a single link is what does it: rtnl_getlink(). */
int link_ready(struct nl *nl, int ifindex)
{
	struct link l;

	return link_get(nl, NULL, ifindex, &l);
}

int link_list(struct nl *nl, int (*cb)(const struct link *l, void *arg), void *arg)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct links ls = {};
	struct nlmsghdr *nlh;
	int r;

	nlh = link_msg(nl, RTM_GETLINK, NLM_F_DUMP, &ifi);
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = nl_query(nl, keep_link, forget_links, &ls);
	for (size_t i = 0; i < ls.n && !r; i++)
		r = cb(&ls.v[i], arg);
	free(ls.v);
	return r;
}

static int keep_counts(const struct nlmsghdr *nlh, void *arg)
{
	struct link_counts *c = arg;
	struct rtnl_link_stats64 s;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct ifinfomsg)) {
		if (mnl_attr_get_type(a) != IFLA_STATS64 || mnl_attr_get_payload_len(a) < sizeof(s.rx_packets) * 4)
			continue;
		memcpy(&s, mnl_attr_get_payload(a), sizeof(s.rx_packets) * 4);
		*c = (struct link_counts){ s.rx_packets, s.rx_bytes, s.tx_packets, s.tx_bytes };
	}
	return MNL_CB_OK;
}

int link_counts(struct nl *nl, int ifindex, struct link_counts *ret)
{
	struct ifinfomsg ifi = { .ifi_index = ifindex };

	*ret = (struct link_counts){};
	link_msg(nl, RTM_GETLINK, 0, &ifi);
	return nl_query(nl, keep_counts, NULL, ret);
}

/* The MAC is given at creation: udev changes one that the kernel made up, some time after the interface appeared. */
static void put_end(struct nlmsghdr *nlh, const char *name, const __u8 *mac, __u32 mtu)
{
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
	if (mtu)
		mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	mnl_attr_put_u32(nlh, IFLA_NUM_TX_QUEUES, 1);
	mnl_attr_put_u32(nlh, IFLA_NUM_RX_QUEUES, 1);
}

int link_add_veth(struct nl *nl, const struct veth *v)
{
	struct nlattr *info, *data, *peer;
	struct ifinfomsg ifi = {};
	struct nlmsghdr *nlh;

	if (strlen(v->name) >= IFNAMSIZ || strlen(v->peer_name) >= IFNAMSIZ)
		return -ENAMETOOLONG;
	nlh = link_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi);
	put_end(nlh, v->name, v->mac, v->mtu);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	mnl_nlmsg_put_extra_header(nlh, sizeof(ifi));
	put_end(nlh, v->peer_name, v->peer_mac, v->mtu);
	if (v->peer_netns >= 0)
		mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, (__u32)v->peer_netns);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return nl_send(nl, NULL);
}

static void put_af_spec(struct nlmsghdr *nlh, const struct link_change *c, bool ip6)
{
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC), *af, *conf;

	if (c->forwarding4) {
		af = mnl_attr_nest_start(nlh, AF_INET);
		conf = mnl_attr_nest_start(nlh, IFLA_INET_CONF);
		mnl_attr_put_u32(nlh, IPV4_DEVCONF_FORWARDING, c->forwarding4 > 0);
		mnl_attr_nest_end(nlh, conf);
		mnl_attr_nest_end(nlh, af);
	}
	if (ip6) {
		af = mnl_attr_nest_start(nlh, AF_INET6);
		mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
		mnl_attr_nest_end(nlh, af);
	}
	mnl_attr_nest_end(nlh, spec);
}

/*
 * The flags go in a second request of the same batch: within one request the kernel takes the interface up before it
 * looks at IFLA_AF_SPEC, and where no carrier has to be waited for a link-local address is there by then.
 */
static int change(struct nl *nl, int ifindex, const struct link_change *c, bool ip6)
{
	struct ifinfomsg ifi = { .ifi_index = ifindex };
	struct nlmsghdr *nlh;

	if (c->mtu || c->alias || c->forwarding4 || c->gso_max || ip6) {
		nlh = link_msg(nl, RTM_NEWLINK, 0, &ifi);
		if (c->mtu)
			mnl_attr_put_u32(nlh, IFLA_MTU, c->mtu);
		if (c->alias)
			mnl_attr_put_str(nlh, IFLA_IFALIAS, c->alias);
		if (c->gso_max) {
			mnl_attr_put_u32(nlh, IFLA_GSO_MAX_SIZE, c->gso_max);
			mnl_attr_put_u32(nlh, IFLA_GSO_IPV4_MAX_SIZE, c->gso_max);
		}
		if (c->forwarding4 || ip6)
			put_af_spec(nlh, c, ip6);
	}
	if (c->up || c->noarp) {
		ifi.ifi_change = (c->up ? IFF_UP : 0) | (c->noarp ? IFF_NOARP : 0);
		ifi.ifi_flags = (c->up > 0 ? IFF_UP : 0) | (c->noarp ? IFF_NOARP : 0);
		link_msg(nl, RTM_NEWLINK, 0, &ifi);
	}
	return nl_send(nl, NULL);
}

int link_set(struct nl *nl, int ifindex, const struct link_change *c)
{
	int r;

	if (ifindex <= 0)
		return -ENODEV;
	if (c->alias && strlen(c->alias) >= sizeof(((struct link *)0)->alias))
		return -ENAMETOOLONG;
	r = change(nl, ifindex, c, c->addrgen_none);
	/* No IPv6 on this host, or none below an MTU of 1280: then there is no link-local address to prevent. */
	if (r == -EAFNOSUPPORT && c->addrgen_none)
		r = change(nl, ifindex, c, false);
	return r;
}

static int rename_once(struct nl *nl, int ifindex, const char *name)
{
	struct ifinfomsg ifi = { .ifi_index = ifindex };

	mnl_attr_put_strz(link_msg(nl, RTM_SETLINK, 0, &ifi), IFLA_IFNAME, name);
	return nl_send(nl, NULL);
}

int link_rename(struct nl *nl, int ifindex, const char *name)
{
	const struct link_change down = { .up = -1 }, up = { .up = 1 };
	int r = rename_once(nl, ifindex, name), back;

	if (r != -EBUSY)
		return r;
	r = link_set(nl, ifindex, &down);
	if (r)
		return r;
	r = rename_once(nl, ifindex, name);
	back = link_set(nl, ifindex, &up);
	return r ? r : back;
}

int link_del(struct nl *nl, int ifindex)
{
	struct ifinfomsg ifi = { .ifi_index = ifindex };
	int r;

	if (ifindex <= 0)
		return 0;
	link_msg(nl, RTM_DELLINK, 0, &ifi);
	r = nl_send(nl, NULL);
	return r == -ENODEV ? 0 : r;
}

/* Moves them into a group; *ret: how many of them there are. */
static int group_join(struct nl *nl, const int *ifindex, size_t n, __u32 group, size_t *ret)
{
	size_t i;
	int r;

	*ret = 0;
	for (i = 0; i < n; i++) {
		struct ifinfomsg ifi = { .ifi_index = ifindex[i] };

		mnl_attr_put_u32(link_msg(nl, RTM_SETLINK, 0, &ifi), IFLA_GROUP, group);
		r = nl_send(nl, NULL);
		if (r && r != -ENODEV)
			return r;
		*ret += !r;
	}
	return 0;
}

struct group {
	__u32 group;
	size_t n;
};

static int group_count(const struct link *l, void *arg)
{
	struct group *g = arg;

	g->n += l->group == g->group;
	return 0;
}

int link_del_all(struct nl *nl, const int *ifindex, size_t n)
{
	struct ifinfomsg none = {};
	struct group g;
	size_t joined;
	int r;

	if (n < 2)
		return n ? link_del(nl, *ifindex) : 0;
	do /* one that nobody uses */ {
		if (getrandom(&g.group, sizeof(g.group), 0) != sizeof(g.group))
			return -EIO;
		g.n = 0;
		r = link_list(nl, group_count, &g);
	} while (!r && (g.n || !g.group));
	if (!r)
		r = group_join(nl, ifindex, n, g.group, &joined);
	if (r || !joined)
		return r;
	r = link_list(nl, group_count, &g);
	if (r || g.n != joined) /* somebody joined it */
		return r ? r : -EBUSY;
	mnl_attr_put_u32(link_msg(nl, RTM_DELLINK, 0, &none), IFLA_GROUP, g.group);
	return nl_send(nl, NULL);
}
