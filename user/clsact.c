/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs on interfaces by the clsact qdisc and cls_bpf. */
#include "clsact.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>

#include "nl.h"

/* Ours among filters: first of all, and by a number that a search for a free one does not give to others. */
#define CLSACT_PRIORITY 1
#define CLSACT_HANDLE   0x6e736661

static struct bpf_tc_hook clsact_hook(int ifindex, bool egress)
{
	return (struct bpf_tc_hook){ .sz = sizeof(struct bpf_tc_hook),
				     .ifindex = ifindex,
				     .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS };
}

int clsact_attach(int ifindex, bool egress, int prog, bool *ret_made)
{
	struct bpf_tc_hook hook = clsact_hook(ifindex, egress);
	LIBBPF_OPTS(bpf_tc_opts, o, .prog_fd = prog, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY,
		    .flags = BPF_TC_F_REPLACE);
	int r = bpf_tc_hook_create(&hook);

	*ret_made = !r;
	if (!r || r == -EEXIST)
		r = bpf_tc_attach(&hook, &o);
	if (r && *ret_made)
		clsact_remove(ifindex);
	return r;
}

__u32 clsact_prog(int ifindex, bool egress)
{
	struct bpf_tc_hook hook = clsact_hook(ifindex, egress);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);

	return bpf_tc_query(&hook, &o) ? 0 : o.prog_id;
}

int clsact_detach(int ifindex, bool egress)
{
	struct bpf_tc_hook hook = clsact_hook(ifindex, egress);
	LIBBPF_OPTS(bpf_tc_opts, o, .handle = CLSACT_HANDLE, .priority = CLSACT_PRIORITY);
	int r = bpf_tc_detach(&hook, &o);

	return r == -ENOENT || r == -EINVAL || r == -ENODEV ? 0 : r; /* no such filter, qdisc, or interface */
}

static int clsact_filter(const struct nlmsghdr *h, void *arg)
{
	if (h->nlmsg_type == RTM_NEWTFILTER)
		*(bool *)arg = true;
	return MNL_CB_OK;
}

/* True if anybody's filter stands on that side, or if nobody knows. */
static bool clsact_used(struct nl *nl, int ifindex, bool egress)
{
	struct nlmsghdr *h = nl_msg(nl, RTM_GETTFILTER, NLM_F_DUMP);
	struct tcmsg *t = mnl_nlmsg_put_extra_header(h, sizeof(*t));
	bool used = false;

	t->tcm_family = AF_UNSPEC;
	t->tcm_ifindex = ifindex;
	t->tcm_parent = TC_H_MAKE(TC_H_CLSACT, egress ? TC_H_MIN_EGRESS : TC_H_MIN_INGRESS);
	return nl_query(nl, clsact_filter, NULL, &used) || used;
}

int clsact_remove(int ifindex)
{
	struct bpf_tc_hook hook = clsact_hook(ifindex, false);
	autonl struct nl *nl = NULL;
	int r = nl_open(&nl);

	if (r || clsact_used(nl, ifindex, false) || clsact_used(nl, ifindex, true))
		return r;
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS; /* the whole qdisc */
	r = bpf_tc_hook_destroy(&hook);
	return r == -ENOENT || r == -EINVAL || r == -ENODEV ? 0 : r;
}
