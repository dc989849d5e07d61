/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast doctor: what works here and what does not, each with the cure. */
#include <errno.h>
#include <sys/utsname.h>

#include "bpf_frag.h"
#include "bpf_sock.h"
#include "cmd.h"
#include "dp.h"
#include "log.h"
#include "mode.h"
#include "opt.h"
#include "out.h"
#include "probe_bpf.h"
#include "state.h"

static unsigned doctor_bad;

/* One line: what was looked at, how it is, and what to do about it (NULL if nothing). */
static void doctor_line(const char *what, bool ok, const char *found, const char *cure)
{
	doctor_bad += !ok;
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

static void doctor_uplink(struct host *h)
{
	struct route route;
	struct link l;
	int r = route_default(h->nl, AF_INET, &route);

	if (!r)
		r = link_get(h->nl, NULL, route.ifindex, &l);
	doctor_line("default route", true, r ? "none: 'up' needs --uplink IF or --uplink none" : l.name, NULL);
}

static void doctor_sock(struct host *h)
{
	const char *cure, *trouble = bpf_sock_trouble(h, &cure);

	doctor_line("own publishes", !trouble, trouble ? trouble : "reached from this host itself too, by cgroup2",
		    trouble ? cure : NULL);
}

/* Networks whose gateway or ports were lost to somebody else's command. */
static int doctor_network(const char *name, void *arg)
{
	struct host *h = arg;
	const struct mode *m = mode_of(h, name);
	struct network n = {};
	bool whole;
	size_t i;
	int r = m->read(h, name, &n);

	if (r)
		return r;
	whole = n.whole;
	for (i = 0; i < n.n_ports; i++)
		whole = whole && n.ports[i].ifindex;
	doctor_line(name, whole, whole ? "whole" : "gateway, uplink or ports are not as they were made",
		    whole ? NULL : "run 'nsfast up' for it again");
	network_free(&n);
	return 0;
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option none[] = { {} };
	autohost struct host h = HOST_NONE;
	struct probe_bpf p = {};
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
	doctor_uplink(&h);
	doctor_sock(&h);
	r = mode_list(&h, doctor_network, &h);
	doctor_line("host firewall", true, "packets of bpf mode do not pass it: no FORWARD rule sees them", NULL);
	out_close_array();
	if (r)
		return r;
	return p.attaches ? 0 : fail_feature("bpf mode does not work here");
}
