/* SPDX-License-Identifier: GPL-2.0-only */
/* The Linux bridge, by route netlink. */
#include "bridge.h"

#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>

int bridge_add(struct nl *nl, const char *name, const __u8 *mac, __u32 mtu, bool snooping)
{
	struct nlmsghdr *nlh = nl_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info, *data;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	if (mac)
		mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put_u32(nlh, IFLA_BR_STP_STATE, 0);
	mnl_attr_put_u8(nlh, IFLA_BR_MCAST_SNOOPING, snooping);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return nl_send(nl, NULL);
}

static struct nlmsghdr *port_msg(struct nl *nl, __u8 family, int ifindex)
{
	struct nlmsghdr *nlh = nl_msg(nl, RTM_SETLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_family = family;
	ifi->ifi_index = ifindex;
	return nlh;
}

int bridge_join(struct nl *nl, int ifindex, int bridge)
{
	mnl_attr_put_u32(port_msg(nl, AF_UNSPEC, ifindex), IFLA_MASTER, (__u32)bridge);
	return nl_send(nl, NULL);
}

int bridge_lock(struct nl *nl, int ifindex)
{
	struct nlmsghdr *nlh = port_msg(nl, PF_BRIDGE, ifindex);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_PROTINFO | NLA_F_NESTED);

	mnl_attr_put_u8(nlh, IFLA_BRPORT_MODE, 1);
	mnl_attr_put_u8(nlh, IFLA_BRPORT_LEARNING, 0);
	mnl_attr_put_u8(nlh, IFLA_BRPORT_LOCKED, 1);
	mnl_attr_nest_end(nlh, info);
	return nl_send(nl, NULL);
}

int bridge_port(struct nl *nl, int ifindex, bool isolated, bool unknown, bool multicast)
{
	struct nlmsghdr *nlh = port_msg(nl, PF_BRIDGE, ifindex);
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_PROTINFO | NLA_F_NESTED);

	mnl_attr_put_u8(nlh, IFLA_BRPORT_ISOLATED, isolated);
	mnl_attr_put_u8(nlh, IFLA_BRPORT_UNICAST_FLOOD, unknown);
	mnl_attr_put_u8(nlh, IFLA_BRPORT_MCAST_FLOOD, multicast);
	mnl_attr_nest_end(nlh, info);
	return nl_send(nl, NULL);
}

/* A setting of the bridge itself. */
static int bridge_set(struct nl *nl, int bridge, __u16 attr, const void *value, size_t size)
{
	struct nlmsghdr *nlh = nl_msg(nl, RTM_NEWLINK, 0); /* of a link's own kind, SETLINK changes nothing */
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct nlattr *info, *data;

	ifi->ifi_index = bridge;
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "bridge");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	mnl_attr_put(nlh, attr, size, value);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
	return nl_send(nl, NULL);
}

int bridge_ageing(struct nl *nl, int bridge, __u32 seconds)
{
	const __u32 value = seconds * 100; /* USER_HZ */

	return bridge_set(nl, bridge, IFLA_BR_AGEING_TIME, &value, sizeof(value));
}

int bridge_snooping(struct nl *nl, int bridge, bool on)
{
	const __u8 value = on;

	return bridge_set(nl, bridge, IFLA_BR_MCAST_SNOOPING, &value, sizeof(value));
}

int bridge_filtering(struct nl *nl, int bridge, bool on)
{
	const __u8 value = on;
	int r = bridge_set(nl, bridge, IFLA_BR_VLAN_FILTERING, &value, sizeof(value));

	return r == -EOPNOTSUPP && !on ? 0 : r;
}

static void put_vlans(struct nlmsghdr *nlh, unsigned first, unsigned last, __u16 flags)
{
	struct bridge_vlan_info v = { .flags = flags, .vid = (__u16)first };

	if (last > first)
		v.flags |= BRIDGE_VLAN_INFO_RANGE_BEGIN;
	mnl_attr_put(nlh, IFLA_BRIDGE_VLAN_INFO, sizeof(v), &v);
	if (last == first)
		return;
	v = (struct bridge_vlan_info){ .flags = flags | BRIDGE_VLAN_INFO_RANGE_END, .vid = (__u16)last };
	mnl_attr_put(nlh, IFLA_BRIDGE_VLAN_INFO, sizeof(v), &v);
}

int bridge_vlans(struct nl *nl, int ifindex, __u16 vlan, const struct nsf_trunk *tags)
{
	struct nsf_trunk all = *tags;
	struct nlmsghdr *nlh = port_msg(nl, PF_BRIDGE, ifindex);
	struct nlattr *spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	struct ifinfomsg *ifi;
	unsigned first, last;

	for (first = 1; vlans_range(tags, true, &first, &last); first = last + 1)
		put_vlans(nlh, first, last, 0);
	if (vlan) {
		put_vlans(nlh, vlan, vlan, BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
		vlans_add(&all, vlan, vlan);
	}
	mnl_attr_nest_end(nlh, spec);
	nlh = nl_msg(nl, RTM_DELLINK, 0);
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	ifi->ifi_family = PF_BRIDGE;
	ifi->ifi_index = ifindex;
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	for (first = 1; vlans_range(&all, false, &first, &last); first = last + 1)
		put_vlans(nlh, first, last, 0);
	mnl_attr_nest_end(nlh, spec);
	return nl_send(nl, NULL);
}

struct setting {
	__u16 attr;
	__u8 *value;
};

static int setting_found(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a, *info, *data;
	struct setting *s = arg;

	mnl_attr_for_each(a, nlh, sizeof(struct ifinfomsg))
		if (mnl_attr_get_type(a) == IFLA_LINKINFO)
			mnl_attr_for_each_nested(info, a)
				if (mnl_attr_get_type(info) == IFLA_INFO_DATA)
					mnl_attr_for_each_nested(data, info)
						if (mnl_attr_get_type(data) == s->attr)
							*s->value = mnl_attr_get_u8(data);
	return MNL_CB_OK;
}

int bridge_setting(struct nl *nl, int bridge, __u16 attr, __u8 *ret)
{
	struct setting s = { attr, ret };
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nl_msg(nl, RTM_GETLINK, 0), sizeof(*ifi));

	ifi->ifi_index = bridge;
	return nl_query(nl, setting_found, NULL, &s);
}

struct vlans_walk {
	int (*cb)(int ifindex, __u16 vlan, const struct nsf_trunk *tags, void *arg);
	void *arg;
	int r;
};

static void vlans_of_port(const struct nlattr *spec, __u16 *vlan, struct nsf_trunk *tags)
{
	const struct nlattr *a;
	unsigned first = 0;

	mnl_attr_for_each_nested(a, spec) {
		const struct bridge_vlan_info *v = mnl_attr_get_payload(a);

		if (mnl_attr_get_type(a) != IFLA_BRIDGE_VLAN_INFO || mnl_attr_get_payload_len(a) < sizeof(*v))
			continue;
		if (v->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN)
			first = v->vid;
		else if (v->flags & BRIDGE_VLAN_INFO_RANGE_END)
			vlans_add(tags, first, v->vid);
		else if (v->flags & BRIDGE_VLAN_INFO_PVID)
			*vlan = v->vid;
		else
			vlans_add(tags, v->vid, v->vid);
	}
}

static int vlans_keep(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	struct vlans_walk *w = arg;
	struct nsf_trunk tags = {};
	const struct nlattr *a;
	__u16 vlan = 0;

	mnl_attr_for_each(a, nlh, sizeof(*ifi))
		if (mnl_attr_get_type(a) == IFLA_AF_SPEC)
			vlans_of_port(a, &vlan, &tags);
	if (!w->r)
		w->r = w->cb(ifi->ifi_index, vlan, &tags, w->arg);
	return MNL_CB_OK;
}

int bridge_vlans_list(struct nl *nl, int (*cb)(int ifindex, __u16 vlan, const struct nsf_trunk *tags, void *arg),
		      void *arg)
{
	struct nlmsghdr *nlh = nl_msg(nl, RTM_GETLINK, NLM_F_DUMP);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	struct vlans_walk w = { cb, arg, 0 };
	int r;

	ifi->ifi_family = PF_BRIDGE;
	mnl_attr_put_u32(nlh, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
	r = nl_query(nl, vlans_keep, NULL, &w);
	return r ? r : w.r;
}

static int fdb_change(struct nl *nl, __u16 type, __u16 flags, int ifindex, const __u8 mac[6])
{
	struct nlmsghdr *nlh = nl_msg(nl, type, flags);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));

	nd->ndm_family = PF_BRIDGE;
	nd->ndm_ifindex = ifindex;
	nd->ndm_state = NUD_NOARP;
	nd->ndm_flags = NTF_MASTER | (type == RTM_NEWNEIGH ? NTF_STICKY : 0); /* else a frame from elsewhere moves it */
	mnl_attr_put(nlh, NDA_LLADDR, 6, mac);
	return nl_send(nl, NULL);
}

int bridge_fdb_add(struct nl *nl, int ifindex, const __u8 mac[6])
{
	return fdb_change(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, ifindex, mac);
}

int bridge_fdb_del(struct nl *nl, int ifindex, const __u8 mac[6])
{
	return fdb_change(nl, RTM_DELNEIGH, 0, ifindex, mac);
}

struct fdb_walk {
	struct bridge_fdb *v;
	size_t n, room;
	int bridge;
};

static int fdb_keep(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *nd = mnl_nlmsg_get_payload(nlh);
	struct fdb_walk *w = arg;
	struct bridge_fdb e = {
		.ifindex = nd->ndm_ifindex,
		.fixed = nd->ndm_state & (NUD_NOARP | NUD_PERMANENT),
		.local = nd->ndm_state & NUD_PERMANENT,
	};
	const struct nlattr *a;
	bool mac = false;
	int master = 0;

	mnl_attr_for_each(a, nlh, sizeof(*nd)) {
		const void *payload = mnl_attr_get_payload(a);
		size_t len = mnl_attr_get_payload_len(a);

		if (mnl_attr_get_type(a) == NDA_LLADDR && len == sizeof(e.mac)) {
			memcpy(e.mac, payload, sizeof(e.mac));
			mac = true;
		} else if (mnl_attr_get_type(a) == NDA_MASTER && len == sizeof(__u32)) {
			master = (int)mnl_attr_get_u32(a);
		} else if (mnl_attr_get_type(a) == NDA_VLAN && len == sizeof(e.vlan)) {
			e.vlan = mnl_attr_get_u16(a);
		} else if (mnl_attr_get_type(a) == NDA_CACHEINFO && len >= sizeof(struct nda_cacheinfo)) {
			e.idle = ((const struct nda_cacheinfo *)payload)->ndm_updated / 100; /* USER_HZ */
		}
	}
	/* what is fixed is there once without a VLAN, and once for each */
	if (nd->ndm_family != PF_BRIDGE || !mac || (e.vlan && e.fixed) ||
	    (master != w->bridge && nd->ndm_ifindex != w->bridge))
		return MNL_CB_OK;
	if (w->n == w->room) {
		size_t room = 2 * w->room + 16;
		void *more = realloc(w->v, room * sizeof(*w->v));

		if (!more) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		w->v = more;
		w->room = room;
	}
	w->v[w->n++] = e;
	return MNL_CB_OK;
}

static void fdb_forget(void *arg)
{
	((struct fdb_walk *)arg)->n = 0;
}

int bridge_fdb_list(struct nl *nl, int bridge, int (*cb)(const struct bridge_fdb *e, void *arg), void *arg)
{
	struct nlmsghdr *nlh = nl_msg(nl, RTM_GETNEIGH, NLM_F_DUMP);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));
	struct fdb_walk w = { .bridge = bridge };
	size_t i;
	int r;

	nd->ndm_family = PF_BRIDGE;
	mnl_attr_put_u32(nlh, NDA_MASTER, (__u32)bridge);
	r = nl_query(nl, fdb_keep, fdb_forget, &w);
	for (i = 0; !r && i < w.n; i++)
		r = cb(&w.v[i], arg);
	free(w.v);
	return r;
}
