/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast up: make a network, or make it what the options say. */
#include <errno.h>

#include "cmd.h"
#include "conf.h"
#include "log.h"
#include "opt.h"
#include "out.h"
#include "state.h"
#include "up.h"

#define UP_DEFAULT "nsf0"

enum { OPT_MODE = OPT_LONG, OPT_SUBNET, OPT_NS, OPT_UPLINK, OPT_SNAT, OPT_MTU };

static const struct option words[] = {
	{ "mode", required_argument, NULL, OPT_MODE }, { "subnet", required_argument, NULL, OPT_SUBNET },
	{ "ns", required_argument, NULL, OPT_NS },     { "uplink", required_argument, NULL, OPT_UPLINK },
	{ "snat", required_argument, NULL, OPT_SNAT }, { "mtu", required_argument, NULL, OPT_MTU },
	{ "file", required_argument, NULL, 'f' },      {},
};

static int up_option(int c, struct network *n)
{
	switch (c) {
	case OPT_MODE:
		return conf_mode("--mode", optarg, n);
	case OPT_SUBNET:
		return conf_subnet("--subnet", optarg, n);
	case OPT_NS:
		return conf_ns("--ns", optarg, n);
	case OPT_UPLINK:
		return conf_uplink("--uplink", optarg, n);
	case OPT_SNAT:
		return conf_snat("--snat", optarg, n);
	case OPT_MTU:
		return conf_mtu("--mtu", optarg, n);
	case 'f':
		return conf_read(optarg, n);
	}
	return c;
}

/* Options, then the name; bare `up` means the default network with two ports. */
static int up_read(int argc, char **argv, struct network *n)
{
	int c, r = 0;

	while (!r && (c = opt_next(argc, argv, "f:", words)) != -1)
		r = up_option(c, n);
	if (!r)
		r = opt_words(argc, argv, 0, 1,
			      "up [NET] [--mode M] [--subnet A/L] [--ns NAME[=A]]... [--uplink IF] [-f FILE]");
	if (!r && optind < argc) {
		n->name[0] = '\0'; /* the command line's name goes before the file's */
		r = conf_name("NET", argv[optind], n);
	}
	if (r)
		return r;
	if (!n->name[0]) {
		r = conf_name("NET", UP_DEFAULT, n);
		if (!r && !(n->has & NET_HAS_PORTS))
			r = conf_ns("--ns", "ns1", n);
		if (!r && n->n_ports == 1 && streq(n->ports[0].name, "ns1"))
			r = conf_ns("--ns", "ns2", n);
	}
	return r ? r : conf_check(n);
}

static void up_tell(const struct network *n, const struct mode *m, const struct up_result *did)
{
	char gw[ADDR_STRLEN], snat[ADDR_STRLEN];
	bool changed = did->made || did->added || did->removed || did->changed;

	addr_format(&n->gateway, true, gw);
	addr_format(&n->snat_addr, false, snat);
	out_open_object(NULL);
	out_str("name", "%s: ", n->name);
	out_bool("changed", NULL, changed);
	out_text("%s, ", did->made ? "up" : changed ? "changed" : "no change");
	out_str("mode", "mode %s, ", m->name);
	out_str("gateway", "gateway %s", gw);
	if (n->uplink[0])
		out_str("uplink", ", uplink %s", n->uplink);
	if (n->snat == NET_SNAT_ADDR)
		out_str("snat", ", SNAT %s", snat);
	out_u64("ports", ", %" PRIu64 " ports", n->n_ports);
	out_u64("ports_added", did->added && !did->made ? ", %" PRIu64 " added" : NULL, did->added);
	out_u64("ports_removed", did->removed ? ", %" PRIu64 " removed" : NULL, did->removed);
	out_text("\n");
	out_close_object();
}

static int up_run(struct host *h, struct network *want)
{
	struct network is = {};
	const struct mode *m = mode_of(h, want->name);
	struct up_result did;
	bool there = m;
	int r = 0;

	if (!m)
		m = mode_choose(want->mode);
	if (!m)
		return -EOPNOTSUPP;
	if (there && want->has & NET_HAS_MODE && want->mode != NET_MODE_AUTO &&
	    !streq(m->name, want->mode == NET_MODE_BPF ? mode_bpf.name : mode_netfilter.name)) {
		hint("nsfast down %s", want->name);
		return fail_usage("%s: is up in mode %s", want->name, m->name);
	}
	if (there)
		r = m->read(h, want->name, &is);
	if (!r)
		r = up_resolve(h, there ? &is : NULL, want);
	if (!r)
		r = conf_check(want);
	if (!r)
		r = up_converge(h, m, there ? &is : NULL, want, &did);
	if (!r)
		up_tell(want, m, &did);
	network_free(&is);
	return r;
}

int cmd_up(int argc, char **argv)
{
	autoclose int lock = -1;
	autohost struct host h = HOST_NONE;
	struct network want = {};
	int r;

	network_init(&want, "");
	r = up_read(argc, argv, &want);
	if (!r)
		r = opt_enter();
	if (!r) {
		host_catch_signals(); /* from here on there is something to undo, the lock's file at least */
		r = lock = state_lock();
		if (lock >= 0) {
			host_collect();
			r = host_open(&h);
			if (!r)
				r = mode_repair(&h);
			if (!r)
				r = up_run(&h, &want);
			if (r)
				state_tidy();
		}
	}
	network_free(&want);
	return r;
}
