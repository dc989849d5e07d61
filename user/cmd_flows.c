/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast flows: tracked conversations: listed, counted, ended. */
#include <errno.h>

#include "cmd.h"
#include "log.h"
#include "mode.h"
#include "opt.h"
#include "out.h"
#include "state.h"

#define FLOWS_USAGE  "flows [flush] [NET] [--port P] [--protocol P] [--address A[/L]] [--state S]... [--count]"
#define FLOWS_BUFFER (1 << 18)

enum { OPT_PORT = OPT_LONG, OPT_PROTOCOL, OPT_ADDRESS, OPT_STATE, OPT_COUNT };

static const struct option words[] = {
	{ "port", required_argument, NULL, OPT_PORT },       { "protocol", required_argument, NULL, OPT_PROTOCOL },
	{ "address", required_argument, NULL, OPT_ADDRESS }, { "state", required_argument, NULL, OPT_STATE },
	{ "count", no_argument, NULL, OPT_COUNT },           {},
};

struct flows_asked {
	struct flow_filter filter;
	bool flush, count;
};

static int flows_option(int c, struct flows_asked *a)
{
	switch (c) {
	case OPT_PORT:
		a->filter.port = optarg;
		return 0;
	case OPT_PROTOCOL:
		return flow_filter_proto("--protocol", optarg, &a->filter);
	case OPT_ADDRESS:
		return flow_filter_addr("--address", optarg, &a->filter);
	case OPT_STATE:
		return flow_filter_state("--state", optarg, &a->filter);
	case OPT_COUNT:
		a->count = true;
		return 0;
	}
	return c;
}

static int flows_asked(int argc, char **argv, struct flows_asked *ret)
{
	int c, r = 0;

	*ret = (struct flows_asked){};
	while (!r && (c = opt_next(argc, argv, "", words)) != -1)
		r = flows_option(c, ret);
	if (r)
		return r;
	ret->flush = optind < argc && streq(argv[optind], "flush");
	optind += ret->flush;
	r = opt_words(argc, argv, 0, 1, FLOWS_USAGE);
	if (!r && ret->flush && ret->count)
		return fail_usage("'--count' does not go with 'flush', which tells how many it ended");
	ret->filter.net = argv[optind];
	return r;
}

static int flows_net(struct host *h, const char *net)
{
	if (!net || mode_of(h, net))
		return 0;
	hint("'nsfast show' lists the networks");
	return fail_missing("no network '%s' on this host", net);
}

struct flows_port {
	struct host *h;
	const char *name;
};

static int flows_has_port(const char *net, void *arg)
{
	const struct flows_port *p = arg;
	const struct mode *m = mode_of(p->h, net);
	struct network n = {};
	int r = m ? m->read(p->h, net, &n) : -ENOENT;

	if (!r)
		r = network_port(&n, p->name) ? 1 : 0;
	network_free(&n);
	return r == -ENOENT ? 0 : r;
}

/* A word that is nobody's name is a mistake, and not an empty answer. */
static int flows_port(struct host *h, const struct flow_filter *f)
{
	struct flows_port p = { h, f->port };
	int r;

	if (!f->port || streq(f->port, FLOW_HOST))
		return 0;
	r = f->net ? flows_has_port(f->net, &p) : mode_list(h, flows_has_port, &p);
	if (r)
		return r < 0 ? r : 0;
	hint("'nsfast show' lists the ports");
	if (f->net)
		return fail_missing("%s: no port '%s'", f->net, f->port);
	return fail_missing("no port '%s' on this host", f->port);
}

static void flow_end(const char *key, const struct addr *a, __u16 port)
{
	bool brackets = a->family == AF_INET6 && port;
	char text[ADDR_STRLEN];

	out_open_object(key);
	out_str("address", brackets ? "[%s]" : "%s", addr_format(a, false, text));
	out_u64("port", port ? ":%" PRIu64 : NULL, port);
	out_close_object();
}

static void flow_counts(const struct mode_flow *f)
{
	char out_n[16], out_b[16], in_n[16], in_b[16];

	out_u64("out_packets", NULL, f->out_packets);
	out_u64("out_bytes", NULL, f->out_bytes);
	out_u64("in_packets", NULL, f->in_packets);
	out_u64("in_bytes", NULL, f->in_bytes);
	if (!out_json)
		out_text("  %s/%s out %s/%s in\n", out_human(f->out_packets, out_n, sizeof(out_n)),
			 out_human(f->out_bytes, out_b, sizeof(out_b)), out_human(f->in_packets, in_n, sizeof(in_n)),
			 out_human(f->in_bytes, in_b, sizeof(in_b)));
}

static int flow_row(const struct mode_flow *f, void *arg)
{
	char proto[FLOW_PROTO_STRLEN];

	(void)arg;
	out_open_object(NULL);
	out_str("protocol", "%-7s ", flow_proto_name(f->proto, proto));
	out_str("state", "%-11s ", flow_state_name(f->state));
	out_u64("expires_seconds", "%5" PRIu64 " s  ", f->left);
	out_str("network", "%s/", f->net);
	out_str("port", "%s ", f->port);
	out_str("direction", "%-3s  ", f->inbound ? "in" : "out");
	flow_end("inner", &f->inner, f->inner_port);
	out_text(f->inbound ? " < " : " > ");
	flow_end("peer", &f->peer, f->peer_port);
	out_text("  as ");
	flow_end("external", &f->ext, f->ext_port);
	out_bool("translated", NULL, f->translated);
	if (!f->translated)
		out_text(" untranslated");
	out_bool("overloaded", " overloaded", f->overloaded);
	out_bool("hairpin", " hairpin", f->hairpin);
	flow_counts(f);
	out_close_object();
	return ferror(stdout) ? -EPIPE : 0; /* main tells of it */
}

static int flows_list(struct host *h, const struct flow_filter *f)
{
	int r;

	setvbuf(stdout, NULL, _IOFBF, FLOWS_BUFFER);
	out_open_array(NULL);
	r = mode_flows(h, f, flow_row, NULL);
	out_close_array();
	return r;
}

struct flows_counted {
	__u64 n[256][FLOW_STATE_MAX];
};

static int flow_counted(const struct mode_flow *f, void *arg)
{
	struct flows_counted *c = arg;

	c->n[f->proto][f->state]++;
	return 0;
}

static int flows_count(struct host *h, const struct flow_filter *f)
{
	struct flows_counted c = {};
	char proto[FLOW_PROTO_STRLEN];
	int r = mode_flows(h, f, flow_counted, &c), i, state;

	out_open_array(NULL);
	for (i = 0; !r && i < 256; i++) {
		for (state = 0; state < FLOW_STATE_MAX; state++) {
			if (!c.n[i][state])
				continue;
			out_open_object(NULL);
			out_str("protocol", "%-7s ", flow_proto_name(i, proto));
			out_str("state", "%-11s ", flow_state_name(state));
			out_u64("flows", "%10" PRIu64 "\n", c.n[i][state]);
			out_close_object();
		}
	}
	out_close_array();
	return r;
}

static int flows_flush(struct host *h, const struct flow_filter *f)
{
	__u64 ended;
	int r = mode_flows_end(h, f, &ended);

	if (r)
		return r;
	out_open_object(NULL);
	out_u64("ended", "%" PRIu64 " flows ended\n", ended);
	out_close_object();
	return 0;
}

int cmd_flows(int argc, char **argv)
{
	autoclose int lock = -1;
	autohost struct host h = HOST_NONE;
	struct flows_asked a;
	int r = flows_asked(argc, argv, &a);

	if (!r)
		r = opt_enter();
	if (!r && a.flush) {
		lock = state_lock_if_present(); /* names stay whose they are meanwhile */
		r = lock < 0 && lock != -ENOENT ? lock : 0;
	}
	if (!r)
		r = host_open(&h);
	if (!r)
		r = flows_net(&h, a.filter.net);
	if (!r)
		r = flows_port(&h, &a.filter);
	if (r)
		return r;
	if (a.flush)
		return flows_flush(&h, &a.filter);
	return a.count ? flows_count(&h, &a.filter) : flows_list(&h, &a.filter);
}
