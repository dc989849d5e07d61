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

/* Options that have one value: id, word, its reader. */
#define UP_OPTIONS(X) \
	X(MODE, "mode", conf_mode) \
	X(SUBNET, "subnet", conf_subnet) \
	X(NS, "ns", conf_ns) \
	X(UPLINK, "uplink", conf_uplink) \
	X(XDP, "xdp", conf_xdp) \
	X(XDP_FORWARD, "xdp-forward", conf_xdp_forward) \
	X(SNAT, "snat", conf_snat) \
	X(SNAT6, "snat6", conf_snat6) \
	X(IPV6, "ipv6", conf_ipv6) \
	X(SNAT_PORTS, "snat-ports", conf_snat_ports) \
	X(SNAT_EXCEPT, "snat-except", conf_snat_except) \
	X(SNAT_PORT, "snat-port", conf_snat_port) \
	X(SNAT_OVERLOAD, "snat-overload", conf_snat_overload) \
	X(SNAT_ICMP, "snat-icmp", conf_snat_icmp) \
	X(FILTER, "filter", conf_filter) \
	X(MTU, "mtu", conf_mtu) \
	X(FLOWS, "flows", conf_flows) \
	X(FDB_AGEING, "fdb-ageing", conf_fdb_ageing) \
	X(NEIGH_SUPPRESS, "neigh-suppress", conf_neigh_suppress) \
	X(SNOOPING, "multicast-snooping", conf_snooping) \
	X(HOST_ACCESS, "host-access", conf_host_access) \
	X(PUBLISH, "publish", conf_publish)
#define UP_ENUM(id, word, read) OPT_##id,
enum { OPT_NONE = OPT_LONG, UP_OPTIONS(UP_ENUM) OPT_LIMIT };

#define UP_WORD(id, word, read)              { word, required_argument, NULL, OPT_##id },
#define UP_LIMIT_WORD(id, key, option, json) { option, required_argument, NULL, OPT_LIMIT + PORT_LIMIT_##id },
static const struct option words[] = {
	UP_OPTIONS(UP_WORD) PORT_LIMITS(UP_LIMIT_WORD){ "file", required_argument, NULL, 'f' },
	{},
};

static int up_option(int c, struct network *n)
{
#define UP_LIMIT_CASE(id, key, option, json) \
	case OPT_LIMIT + PORT_LIMIT_##id: \
		return conf_limit("--" option, optarg, PORT_LIMIT_##id, n);
#define UP_CASE(id, word, read) \
	case OPT_##id: \
		return read("--" word, optarg, n);
	switch (c) {
		UP_OPTIONS(UP_CASE)
		PORT_LIMITS(UP_LIMIT_CASE)
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
	char gw[ADDR_STRLEN], snat[ADDR_STRLEN], six[ADDR_STRLEN];
	bool changed = did->made || did->added || did->removed || did->changed;

	addr_format(&n->gateway, true, gw);
	addr_format(&n->pool[0], false, snat);
	out_open_object(NULL);
	out_str("name", "%s: ", n->name);
	out_bool("changed", NULL, changed);
	out_text("%s, ", did->made ? "up" : changed ? "changed" : "no change");
	out_str("mode", "mode %s, ", m->name);
	out_str("gateway", "gateway %s", gw);
	if (n->gateway6.family)
		out_str("gateway6", " and %s", addr_format(&n->gateway6, true, six));
	if (n->uplink[0])
		out_str("uplink", ", uplink %s", n->uplink);
	if (n->snat == NET_SNAT_ADDR)
		out_str("snat", n->n_pool > 1 ? ", SNAT %s..." : ", SNAT %s", snat);
	if (n->snat6 == NET_SNAT_ADDR)
		out_str("snat6", n->snat == NET_SNAT_ADDR ? " and %s" : ", SNAT %s",
			addr_format(&n->pool6[0], false, six));
	out_u64("ports", ", %" PRIu64 " ports", n->n_ports);
	out_u64("ports_added", did->added && !did->made ? ", %" PRIu64 " added" : NULL, did->added);
	out_u64("ports_removed", did->removed ? ", %" PRIu64 " removed" : NULL, did->removed);
	out_u64("flows_imported", did->imported ? ", %" PRIu64 " flows imported" : NULL, did->imported);
	out_u64("publishes", n->n_publishes ? ", %" PRIu64 " published" : NULL, n->n_publishes);
	out_text("\n");
	out_close_object();
}

/* The host's networks of bpf mode have one flow table, as large as the first of them asked for. */
static int up_flows(struct host *h, const struct mode *m, struct network *want)
{
	struct mode_usage u;
	int r = m->usage(h, &u);

	if (!r && !u.own && want->flows) {
		hint("sysctl -w net.netfilter.nf_conntrack_max=%u", want->flows);
		return fail_usage("%s: in mode %s the table of flows is the kernel's own", want->name, m->name);
	}
	if (r || !u.own || !u.flows_max)
		return r;
	if (want->flows && want->flows != u.flows_max) {
		hint("it is made with the host's first network; to make it anew: nsfast down --all");
		return fail_usage("%s: the host's flow table has room for %" PRIu64 " flows, not %u", want->name,
				  (uint64_t)u.flows_max, want->flows);
	}
	want->flows = (__u32)u.flows_max;
	return 0;
}

/*
 * A new network in mode auto: bpf, and where the kernel or our privileges do not allow that, netfilter. What bpf mode had
 * begun is undone by then.
 */
static int up_auto(struct host *h, struct network *want, const struct mode **ret_mode, struct up_result *ret)
{
	struct network asked = *want;
	const char *why;
	enum log_exit code;
	int r;

	log_hold();
	r = up_converge(h, &mode_bpf, NULL, want, ret);
	code = log_release(false, &why);
	*ret_mode = &mode_bpf;
	if (!r || (code != EXIT_FEATURE && !h->no_bpf) || host_interrupted()) {
		log_release(true, &why);
		return r;
	}
	info("%s: mode netfilter, since bpf does not work here: %s", want->name, why);
	memcpy(want->limit, asked.limit, sizeof(want->limit));
	*ret_mode = mode_choose(NET_MODE_NETFILTER);
	if (!*ret_mode)
		return -EOPNOTSUPP;
	r = up_flows(h, *ret_mode, want);
	return r ? r : up_converge(h, *ret_mode, NULL, want, ret);
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
	if (there && want->has & NET_HAS_MODE && want->mode != NET_MODE_AUTO && m != mode_named(want->mode)) {
		hint("nsfast mode %s %s", want->name, mode_named(want->mode)->name);
		return fail_usage("%s: is up in mode %s", want->name, m->name);
	}
	r = up_flows(h, m, want);
	if (!r && there)
		r = m->read(h, want->name, &is);
	if (!r)
		r = up_resolve(h, there ? &is : NULL, want);
	if (!r)
		r = conf_check(want);
	if (!r && !there && want->mode == NET_MODE_AUTO)
		r = up_auto(h, want, &m, &did);
	else if (!r)
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
