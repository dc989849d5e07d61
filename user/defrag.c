/* SPDX-License-Identifier: GPL-2.0-only */
/* A network namespace that puts fragments together. */
#include "defrag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter_ipv4.h>
#include <stdio.h>

#include "sysctl.h"
#include "util.h"

#define DEFRAG_TABLE "nsfast"
#define DEFRAG_IN    "fragments"
#define DEFRAG_OUT   "silence"
#define DEFRAG_ACKS  4 /* requests that are answered */

/*
 * "all" and "default": interfaces come later. Packets go back out where they came in, from sources without a route of
 * their own: no check, and no redirect for it. The time is short because a packet's fragments follow each other; what is
 * allowed to wait is bounded by the data path for each port, and by high_thresh for all.
 */
static int set_sysctls(void)
{
	static const struct {
		const char *name, *value;
	} must[] = {
		{ "ipv4/ip_forward", "1" },
		{ "ipv4/conf/all/rp_filter", "0" },
		{ "ipv4/conf/default/rp_filter", "0" },
		{ "ipv4/conf/all/send_redirects", "0" },
		{ "ipv4/conf/default/send_redirects", "0" },
		{ "ipv4/ipfrag_time", "4" },
		{ "ipv4/ipfrag_high_thresh", "33554432" },
		{ "ipv4/ipfrag_max_dist", "0" },
	}, six[] = {
		{ "ipv6/conf/all/accept_ra", "0" },
		{ "ipv6/conf/default/accept_ra", "0" },
		{ "ipv6/conf/all/forwarding", "1" },
		{ "netfilter/nf_conntrack_frag6_timeout", "4" },
		{ "netfilter/nf_conntrack_frag6_high_thresh", "33554432" },
	};
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(must); i++)
		r = sysctl_set(must[i].name, must[i].value);
	for (i = 0; !r && i < ARRAY_SIZE(six); i++) {
		r = sysctl_set(six[i].name, six[i].value);
		r = r == -ENOENT ? 0 : r; /* no IPv6 on this machine */
	}
	return r;
}

static struct nlmsghdr *put_msg(struct mnl_nlmsg_batch *b, __u16 type, __u16 flags, __u16 res)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(b));
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	*nfg = (struct nfgenmsg){ .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0, .res_id = htons(res) };
	return nlh;
}

static struct nlmsghdr *put_nft(struct mnl_nlmsg_batch *b, __u16 type)
{
	return put_msg(b, NFNL_SUBSYS_NFTABLES << 8 | type, NLM_F_CREATE | NLM_F_ACK, 0);
}

static void put_chain(struct nlmsghdr *nlh, const char *name, __u32 hooknum, __s32 priority, __u32 policy)
{
	struct nlattr *hook;

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, DEFRAG_TABLE);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
	hook = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
	mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(hooknum));
	mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((__u32)priority));
	mnl_attr_nest_end(nlh, hook);
	mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(policy));
	mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
}

/*
 * "ct state" is asked for its side effect: a rule that looks at connections is what makes the kernel put fragments
 * together, before any chain of priority raw sees them. "notrack" then keeps it from noting connections.
 */
static void put_rule(struct nlmsghdr *nlh)
{
	struct nlattr *list, *expr, *data;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, DEFRAG_TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, DEFRAG_IN);
	list = mnl_attr_nest_start(nlh, NFTA_RULE_EXPRESSIONS);
	expr = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "ct");
	data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
	mnl_attr_put_u32(nlh, NFTA_CT_DREG, htonl(NFT_REG_1));
	mnl_attr_put_u32(nlh, NFTA_CT_KEY, htonl(NFT_CT_STATE));
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, expr);
	expr = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
	mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "notrack");
	mnl_attr_nest_end(nlh, expr);
	mnl_attr_nest_end(nlh, list);
}

/* Answers to the requests, in their order; those to requests after a failed one never come. */
static int read_answers(struct mnl_socket *sock)
{
	char buf[8192];
	int acks = 0;

	while (acks < DEFRAG_ACKS) {
		ssize_t n = mnl_socket_recvfrom(sock, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		int len = (int)n;

		if (n < 0)
			return -errno;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

			if (nlh->nlmsg_type == NLMSG_ERROR && e->error)
				return e->error;
			acks += nlh->nlmsg_type == NLMSG_ERROR;
		}
	}
	return 0;
}

static int send_rules(struct mnl_socket *sock)
{
	char buf[4096];
	struct mnl_nlmsg_batch *b = mnl_nlmsg_batch_start(buf, sizeof(buf) / 2);
	int r;

	if (!b)
		return -ENOMEM;
	put_msg(b, NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES);
	mnl_nlmsg_batch_next(b);
	mnl_attr_put_strz(put_nft(b, NFT_MSG_NEWTABLE), NFTA_TABLE_NAME, DEFRAG_TABLE);
	mnl_nlmsg_batch_next(b);
	put_chain(put_nft(b, NFT_MSG_NEWCHAIN), DEFRAG_IN, NF_INET_PRE_ROUTING, NF_IP_PRI_RAW, NF_ACCEPT);
	mnl_nlmsg_batch_next(b);
	/* what the namespace itself has to say, of errors or of groups, is nobody's business */
	put_chain(put_nft(b, NFT_MSG_NEWCHAIN), DEFRAG_OUT, NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER, NF_DROP);
	mnl_nlmsg_batch_next(b);
	put_rule(put_msg(b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND | NLM_F_ACK, 0));
	mnl_nlmsg_batch_next(b);
	put_msg(b, NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES);
	mnl_nlmsg_batch_next(b);
	r = mnl_socket_sendto(sock, mnl_nlmsg_batch_head(b), mnl_nlmsg_batch_size(b)) < 0 ? -errno : 0;
	mnl_nlmsg_batch_stop(b);
	return r ? r : read_answers(sock);
}

int defrag_here(void)
{
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int r = 0;

	if (!sock)
		return -errno;
	if (mnl_socket_bind(sock, 0, MNL_SOCKET_AUTOPID))
		r = -errno;
	if (!r)
		r = send_rules(sock);
	mnl_socket_close(sock);
	return r ? r : set_sysctls(); /* those of IPv6's defragmenter appear with the rule */
}
