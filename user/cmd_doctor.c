/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast doctor: what works here and what does not, each with the cure. */
#include <errno.h>
#include <sys/utsname.h>

#include "bpf_frag.h"
#include "bpf_sock.h"
#include "cmd.h"
#include "doctor.h"
#include "dp.h"
#include "log.h"
#include "mode.h"
#include "opt.h"
#include "out.h"
#include "probe_bpf.h"
#include "state.h"

void doctor_line(const char *what, bool ok, const char *found, const char *cure)
{
	out_open_object(NULL);
	out_bool("ok", NULL, ok);
	out_text("%s ", ok ? "ok" : "! ");
	out_str("check", "%-18s ", what);
	out_str("found", "%s", found);
	out_str("cure", cure ? "; %s" : NULL, cure);
	out_text("\n");
	out_close_object();
}

static void doctor_kernel(void)
{
	struct utsname u = {};

	uname(&u);
	doctor_line("kernel", true, u.release, NULL);
}

static void doctor_probe(struct probe_bpf *p)
{
	int r = probe_bpf(p);

	doctor_line("BPF programs", p->loads, p->loads ? "load" : p->why,
		    p->loads ? NULL
			     : "kernel 6.1 or newer with BTF, CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are needed");
	if (p->loads)
		doctor_line("hooks", p->attaches,
			    p->tcx        ? "tcx"
			    : p->attaches ? "clsact: this kernel has no tcx links, which came with 6.6"
					  : p->why,
			    p->attaches ? NULL : "neither tcx nor clsact with cls_bpf works (sch_ingress, cls_bpf)");
	if (r)
		debug("probe: %s", strerror(-r));
}

static void doctor_fragments(void)
{
	int r = bpf_frag_probe();

	doctor_line("fragments", !r, r ? strerror(-r) : "can be translated",
		    r ? "they are dropped: nftables with connection tracking (nf_tables, nft_ct) is needed" : NULL);
}

static void doctor_sock(struct host *h)
{
	const char *cure, *trouble = bpf_sock_trouble(h, &cure);

	doctor_line("own publishes", !trouble, trouble ? trouble : "reached from this host itself too, by cgroup2",
		    trouble ? cure : NULL);
}

/* Mode netfilter, and whether it works here. */
static bool doctor_netfilter(void)
{
	const char *why = NULL;
	int r;

	log_hold();
	r = mode_netfilter.probe();
	log_release(false, &why);
	doctor_line("mode netfilter", !r, r ? why : "works",
		    r ? "apt-get install nftables, on a kernel with CONFIG_NF_TABLES and CONFIG_NF_CONNTRACK" : NULL);
	return !r;
}

static int doctor_one(const char *name, void *arg)
{
	return doctor_network(arg, mode_of(arg, name), name);
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option none[] = { {} };
	autohost struct host h = HOST_NONE;
	struct probe_bpf p = {};
	bool netfilter;
	int r = opt_next(argc, argv, "", none);

	r = r == -1 ? opt_words(argc, argv, 0, 0, "doctor") : r;
	if (!r)
		r = opt_host(&h);
	if (r)
		return r;
	out_open_array(NULL);
	doctor_kernel();
	doctor_probe(&p);
	doctor_line("bpffs", true, state_has_bpffs() ? STATE_BPFFS : "mounted by the first 'up'", NULL);
	doctor_fragments();
	netfilter = doctor_netfilter();
	doctor_host(&h);
	doctor_sock(&h);
	r = mode_list(&h, doctor_one, &h);
	out_close_array();
	if (r)
		return r;
	return p.attaches || netfilter ? 0 : fail_feature("neither mode works here");
}
