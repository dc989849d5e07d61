/* SPDX-License-Identifier: GPL-2.0-only */
/* Two veth pairs and between them programs that pass all on unread, or do the least that a forwarder's job is: what one could
 * be at best. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/pkt_cls.h>

#include "nsfast/least.h"

#include "least.skel.h"

#include "bench.h"
#include "clsact.h"
#include "compat.h"
#include "dp.h"
#include "link.h"
#include "log.h"
#include "netns.h"
#include "nl.h"

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
static int relay_attach(int from, int prog, int *ret_link)
{
	bool made;

	*ret_link = bpf_link_create(prog, from, BPF_TCX_INGRESS, NULL);
	return *ret_link < 0 ? clsact_attach(from, false, prog, &made) : 0;
}

static int relay(const struct lab *l, const int ends[2], bool peer, int links[2])
{
	int i, r = netns_enter(l->ns[LAB_HOST]);

	for (i = 0; !r && i < 2; i++) {
		autoclose int prog = relay_program(ends[!i], peer);

		r = prog < 0 ? prog : relay_attach(ends[i], prog, &links[i]);
	}
	return r;
}

/* Who is behind a near end. Enters its namespace. */
static int least_port(int netns, int end, struct nsf_least *least)
{
	autonl struct nl *nl = NULL;
	struct nsf_least_port *port;
	struct link eth0;
	int r = netns_enter(netns);

	if (!r)
		r = nl_open(&nl);
	if (!r)
		r = link_get(nl, "eth0", 0, &eth0);
	if (r)
		return r;
	port = &least->ports[eth0.mac[4] % NSF_LEAST_PORTS];
	memcpy(port->mac, eth0.mac, sizeof(port->mac));
	port->ifindex = (__u32)end;
	return 0;
}

static int least_fill(const struct lab *l, const int ends[2], struct nsf_least *least)
{
	struct addr outer = lab_addr(LAB_A_OTHER);
	int r = least_port(l->ns[LAB_A], ends[0], least);

	memcpy(&least->outer, outer.bytes, sizeof(least->outer));
	least->ends[0] = (__u32)ends[0];
	least->ends[1] = (__u32)ends[1];
	return r ? r : least_port(l->ns[LAB_B], ends[1], least);
}

static int least(const struct lab *l, const int ends[2], bool peer, int links[2])
{
	struct least_bpf *s;
	int r;

	dp_hush();
	s = least_bpf__open_and_load();
	if (!s)
		return -errno;
	r = least_fill(l, ends, &s->bss->least);
	if (!r)
		r = netns_enter(l->ns[LAB_HOST]);
	if (!r)
		r = relay_attach(ends[0], bpf_program__fd(peer ? s->progs.nsf_least_peer : s->progs.nsf_least_out),
				 &links[0]);
	if (!r)
		r = relay_attach(ends[1], bpf_program__fd(peer ? s->progs.nsf_least_peer : s->progs.nsf_least_back),
				 &links[1]);
	least_bpf__destroy(s);
	return r;
}

int bench_relay(struct bench_bed *bed, enum bench_path path)
{
	const bool peer = path == BENCH_PEER || path == BENCH_LEAST_PEER;
	autoclose int self = netns_self();
	int ends[2], r = lab_pairs(&bed->lab, ends);

	if (r)
		return r;
	if (self < 0)
		r = self;
	else if (bench_is_least(path))
		r = least(&bed->lab, ends, peer, bed->links);
	else
		r = relay(&bed->lab, ends, peer, bed->links);
	if (self >= 0 && netns_enter(self))
		r = -EIO;
	return r ? fail(r, "bench: cannot attach a program that passes packets on") : 0;
}
