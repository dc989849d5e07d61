/* SPDX-License-Identifier: GPL-2.0-only */
/* Neighbours: which MAC an address has on a link, as the kernel knows it. */
#include <errno.h>

#include "link.h"

int neighbour_add(struct nl *nl, int ifindex, const struct addr *a, const __u8 mac[6])
{
	struct nlmsghdr *nlh = nl_msg(nl, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));

	nd->ndm_family = a->family;
	nd->ndm_ifindex = ifindex;
	nd->ndm_state = NUD_STALE;
	mnl_attr_put(nlh, NDA_DST, addr_size(a->family), a->bytes);
	mnl_attr_put(nlh, NDA_LLADDR, 6, mac);
	return nl_send(nl, NULL);
}

static int keep_mac(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct ndmsg)) {
		if (mnl_attr_get_type(a) == NDA_LLADDR && mnl_attr_get_payload_len(a) == 6)
			memcpy(arg, mnl_attr_get_payload(a), 6);
	}
	return MNL_CB_OK;
}

int neighbour_get(struct nl *nl, int ifindex, const struct addr *a, __u8 ret[6])
{
	static const __u8 none[6];
	struct nlmsghdr *nlh = nl_msg(nl, RTM_GETNEIGH, 0);
	struct ndmsg *nd = mnl_nlmsg_put_extra_header(nlh, sizeof(*nd));
	__u8 mac[6] = {};
	int r;

	nd->ndm_family = a->family;
	nd->ndm_ifindex = ifindex;
	mnl_attr_put(nlh, NDA_DST, addr_size(a->family), a->bytes);
	r = nl_query(nl, keep_mac, NULL, mac);
	if (r || !memcmp(mac, none, sizeof(mac)))
		return r ? r : -ENOENT;
	memcpy(ret, mac, sizeof(mac));
	return 0;
}
