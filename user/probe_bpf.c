/* SPDX-License-Identifier: GPL-2.0-only */
/* Does bpf mode work here? Found by trying, in a namespace of its own. */
#include "probe_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

#include "nsfast/cfg.h"

#include "nsfast.skel.h"

#include "compat.h"
#include "dp.h"
#include "netns.h"

static int probe_attach(int prog)
{
	autoclose int here = netns_self(), there = netns_make();
	autoclose int link = -1;
	int r = here < 0 ? here : there < 0 ? there : netns_enter(there);

	if (r)
		return r;
	link = bpf_link_create(prog, 1 /* lo */, BPF_TCX_INGRESS, NULL);
	r = link < 0 ? -errno : 0;
	if (netns_enter(here))
		return -EIO;
	return r;
}

int probe_bpf(struct probe_bpf *ret)
{
	struct nsfast_bpf *s = nsfast_bpf__open();
	int r = s ? 0 : -errno;

	if (s) {
		dp_fit(s);
		r = nsfast_bpf__load(s);
	}
	*ret = (struct probe_bpf){ .loads = !r };
	if (!r) {
		r = probe_attach(bpf_program__fd(s->progs.nsf_from_port));
		ret->attaches = !r;
	}
	if (r)
		snprintf(ret->why, sizeof(ret->why), "%s", strerror(-r));
	nsfast_bpf__destroy(s);
	return r;
}
