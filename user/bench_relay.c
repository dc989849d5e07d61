/* SPDX-License-Identifier: GPL-2.0-only */
/* Two veth pairs and between them programs that pass all on unread: what a forwarder could be at best. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>

#include "bench.h"
#include "clsact.h"
#include "compat.h"
#include "log.h"
#include "netns.h"

/* return bpf_redirect(to, 0); or bpf_redirect_peer(to, 0); */
static int relay_program(int to, bool peer)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_1, .imm = to },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = peer ? BPF_FUNC_redirect_peer : BPF_FUNC_redirect },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "relay", "GPL", code, ARRAY_SIZE(code), NULL);

	return fd < 0 ? -errno : fd;
}

/* *ret_link: -1 where there are no tcx links and the program needs none. */
static int relay_attach(int from, int to, bool peer, int *ret_link)
{
	autoclose int prog = relay_program(to, peer);
	bool made;

	if (prog < 0)
		return prog;
	*ret_link = bpf_link_create(prog, from, BPF_TCX_INGRESS, NULL);
	return *ret_link < 0 ? clsact_attach(from, false, prog, &made) : 0;
}

int bench_relay(struct bench_bed *bed, bool peer)
{
	autoclose int self = netns_self();
	int ends[2], i, r = lab_pairs(&bed->lab, ends);

	if (r)
		return r;
	r = self < 0 ? self : netns_enter(bed->lab.ns[LAB_HOST]);
	for (i = 0; !r && i < 2; i++)
		r = relay_attach(ends[i], ends[!i], peer, &bed->links[i]);
	if (self >= 0 && netns_enter(self))
		r = -EIO;
	return r ? fail(r, "bench: cannot attach a program that passes packets on") : 0;
}
