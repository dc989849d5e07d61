/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast fdb: which MAC is behind which port; show, add, del, flush. */
#include <errno.h>

#include "change.h"
#include "cmd.h"
#include "conf.h"
#include "log.h"
#include "opt.h"
#include "out.h"
#include "table.h"

enum { OPT_PORT = OPT_LONG };

/* Keys and words are those of `bridge -j fdb`, and our own beside them. */
static int show_row(const struct mode_mac *m, void *arg)
{
	struct host *h = arg;
	char mac[MAC_STRLEN];
	struct link l = {};

	link_get(h->nl, NULL, m->ifindex, &l);
	out_open_object(NULL);
	out_str("mac", "%s ", mac_format(m->mac, mac));
	out_str("network", "%-11s ", m->net);
	out_str("port", "%-15s ", m->port);
	out_str("ifname", NULL, l.name);
	out_open_array("flags");
	out_close_array();
	out_str("master", NULL, m->net);
	if (m->vlan)
		out_u64("vlan", "vlan %-4" PRIu64 " ", m->vlan);
	out_str("state", NULL, m->gateway ? "permanent" : m->fixed ? "static" : "");
	out_text("%s", m->gateway ? "permanent" : m->fixed ? "static" : "learned");
	out_u64("idle_seconds", m->fixed ? NULL : " %" PRIu64 " s ago", m->idle);
	out_text("\n");
	out_close_object();
	return 0;
}

static int show(int argc, char **argv)
{
	autohost struct host h = HOST_NONE;
	const char *net;
	int r = table_words(argc, argv, "fdb [show] [NET]", &h, &net);

	if (r)
		return r;
	out_open_array(NULL);
	r = mode_fdb(&h, net, show_row, &h);
	out_close_array();
	return r;
}

static void tell(const struct change *c, const char *done, const char *mac, const char *port)
{
	out_open_object(NULL);
	out_str("network", "%s: ", c->n.name);
	out_str("mac", "%s ", mac);
	out_str("port", port ? "behind %s " : NULL, port);
	out_text("%s\n", done);
	out_close_object();
}

static int read_mac(const char *text, __u8 mac[6])
{
	if (!mac_parse(text, mac))
		return 0;
	hint("as in 02:00:00:00:00:01; group addresses and zero are behind no port");
	return fail_usage("MAC: '%s' is no MAC address of a station", text);
}

static const struct port *find_port(const struct change *c, const char *name)
{
	const struct port *p = network_port(&c->n, name);

	if (p)
		return p;
	hint("nsfast show %s", c->n.name);
	fail_missing("no port '%s' in network '%s'", name, c->n.name);
	return NULL;
}

static int add(struct change *c, const char *mac, const char *name)
{
	const struct port *p = find_port(c, name);
	__u8 bytes[6];
	int r = p ? read_mac(mac, bytes) : -ENOENT;

	if (r)
		return r;
	if (p->netns[0])
		return fail_usage("%s/%s: a port that nsfast made has its own MAC alone", c->n.name, name);
	if (!p->ifindex)
		return fail_usage("%s/%s: its interface is gone", c->n.name, name);
	r = c->m->fdb_add(&c->h, &c->n, p, bytes);
	if (!r)
		tell(c, "added", mac, name);
	return r;
}

static int del(struct change *c, const char *mac)
{
	__u8 bytes[6];
	int r = read_mac(mac, bytes);

	if (r)
		return r;
	r = c->m->fdb_del(&c->h, &c->n, bytes);
	if (r == -ENOENT) {
		hint("nsfast fdb show %s", c->n.name);
		return fail_missing("%s: no entry for %s", c->n.name, mac);
	}
	if (r == -EPERM)
		return fail_usage("%s: %s is a port's own, and goes with it", c->n.name, mac);
	if (r)
		return fail(r, "%s: cannot remove the entry for %s", c->n.name, mac);
	tell(c, "removed", mac, NULL);
	return 0;
}

static int flush(struct change *c, const char *name)
{
	const struct port *p = name ? find_port(c, name) : NULL;
	__u64 n;
	int r;

	if (name && !p)
		return -ENOENT;
	r = c->m->fdb_flush(&c->h, &c->n, p, &n);
	if (r)
		return r;
	out_open_object(NULL);
	out_str("network", "%s: ", c->n.name);
	out_u64("removed", "%" PRIu64 " learned entries forgotten\n", n);
	out_close_object();
	return 0;
}

static const struct verb {
	const char *word, *usage;
	int words;
} verbs[] = {
	{ "add", "fdb add NET MAC PORT", 4 },
	{ "del", "fdb del NET MAC", 3 },
	{ "flush", "fdb flush NET [--port PORT]", 2 },
};

static int change(int argc, char **argv, const struct verb *v, const char *port)
{
	autochange struct change c = CHANGE_NONE;
	int r = opt_words(argc, argv, v->words, v->words, v->usage);

	if (!r && port && !streq(v->word, "flush"))
		r = fail_usage("--port is for flush");
	if (!r)
		r = change_begin(&c, argv[optind + 1]);
	if (r)
		return r;
	if (streq(v->word, "add"))
		return add(&c, argv[optind + 2], argv[optind + 3]);
	return streq(v->word, "del") ? del(&c, argv[optind + 2]) : flush(&c, port);
}

int cmd_fdb(int argc, char **argv)
{
	static const struct option words[] = { { "port", required_argument, NULL, OPT_PORT }, {} };
	const char *port = NULL;
	size_t i;
	int r;

	while ((r = opt_next(argc, argv, "", words)) == OPT_PORT)
		port = optarg;
	if (r != -1)
		return r;
	for (i = 0; optind < argc && i < ARRAY_SIZE(verbs); i++)
		if (streq(argv[optind], verbs[i].word))
			return change(argc, argv, &verbs[i], port);
	if (port)
		return fail_usage("--port is for flush");
	optind += optind < argc && streq(argv[optind], "show");
	return show(argc, argv);
}
