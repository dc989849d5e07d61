/* SPDX-License-Identifier: GPL-2.0-only */
/* Does bpf mode work here? Found by trying, in a namespace of its own. */
#include "probe_bpf.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

#include "nsfast/cfg.h"

#include "nsfast.skel.h"

#include "clsact.h"
#include "compat.h"
#include "dp.h"
#include "netns.h"

#define PROBE_LO 1 /* ifindex of every namespace's lo */

static int probe_attach(int prog, bool *ret_tcx)
{
	autoclose int here = netns_self(), there = netns_make();
	autoclose int link = -1;
	bool made;
	int r = here < 0 ? here : there < 0 ? there : netns_enter(there);

	if (r)
		return r;
	link = bpf_link_create(prog, PROBE_LO, BPF_TCX_INGRESS, NULL);
	*ret_tcx = link >= 0;
	r = link < 0 ? clsact_attach(PROBE_LO, false, prog, &made) : 0;
	if (netns_enter(here))
		return -EIO;
	return r;
}

int probe_bpf(struct probe_bpf *ret)
{
	struct nsfast_bpf *s;
	int r;

	dp_hush();
	s = nsfast_bpf__open();
	r = s ? 0 : -errno;
	if (s) {
		dp_fit(s);
		r = nsfast_bpf__load(s);
	}
	*ret = (struct probe_bpf){ .loads = !r };
	if (!r) {
		r = probe_attach(bpf_program__fd(s->progs.nsf_from_port), &ret->tcx);
		ret->attaches = !r;
	}
	if (r)
		snprintf(ret->why, sizeof(ret->why), "%s", strerror(-r));
	nsfast_bpf__destroy(s);
	return r;
}
