/* SPDX-License-Identifier: GPL-2.0-only */
/* What a driver does for XDP, as it says itself, by the kernel's generic netlink family "netdev". */
#include "netdev.h"

#include <errno.h>
#include <linux/genetlink.h>

#include "compat.h"
#include "nl.h"

static struct nlmsghdr *netdev_msg(struct nl *nl, __u16 family, __u8 cmd, __u8 version)
{
	struct nlmsghdr *nlh = nl_msg(nl, family, 0);
	struct genlmsghdr *g = mnl_nlmsg_put_extra_header(nlh, sizeof(*g));

	*g = (struct genlmsghdr){ .cmd = cmd, .version = version };
	return nlh;
}

static int keep_family(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) == CTRL_ATTR_FAMILY_ID)
			*(__u16 *)arg = mnl_attr_get_u16(a);
	}
	return MNL_CB_OK;
}

static int keep_features(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(a) == NETDEV_A_DEV_XDP_FEATURES)
			*(__u64 *)arg = mnl_attr_get_u64(a);
	}
	return MNL_CB_OK;
}

int netdev_xdp(__u32 ifindex, __u64 *ret)
{
	autonl struct nl *nl = NULL;
	__u16 family = 0;
	int r = nl_open_to(NETLINK_GENERIC, &nl);

	if (r)
		return r;
	mnl_attr_put_strz(netdev_msg(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1), CTRL_ATTR_FAMILY_NAME,
			  NETDEV_FAMILY_NAME);
	r = nl_query(nl, keep_family, NULL, &family);
	if (r || !family)
		return r == -ENOENT || !r ? -EOPNOTSUPP : r;
	*ret = 0;
	mnl_attr_put_u32(netdev_msg(nl, family, NETDEV_CMD_DEV_GET, NETDEV_FAMILY_VERSION), NETDEV_A_DEV_IFINDEX,
			 ifindex);
	return nl_query(nl, keep_features, NULL, ret);
}
