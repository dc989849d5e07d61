/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast fdb, drops: what the data path has in its tables. */
#include <errno.h>

#include "cmd.h"
#include "log.h"
#include "mode.h"
#include "opt.h"
#include "out.h"

/* Every table is asked for in the same way: of one network, or of all. */
static int table_begin(int argc, char **argv, const char *usage, struct host *h, const char **ret_net)
{
	static const struct option none[] = { {} };
	int r = opt_next(argc, argv, "", none);

	r = r == -1 ? opt_words(argc, argv, 0, 1, usage) : r;
	if (!r)
		r = opt_host(h);
	if (r)
		return r;
	*ret_net = argv[optind];
	if (!*ret_net || mode_of(h, *ret_net))
		return 0;
	hint("'nsfast show' lists the networks");
	return fail_missing("no network '%s' on this host", *ret_net);
}

static int fdb_row(const struct mode_mac *m, void *arg)
{
	char mac[MAC_STRLEN];

	(void)arg;
	out_open_object(NULL);
	out_str("mac", "%s ", mac_format(m->mac, mac));
	out_str("network", "%-11s ", m->net);
	out_str("port", "%-15s ", m->port);
	out_str("state", "%s", m->fixed ? "static" : "learned");
	out_u64("idle_seconds", m->fixed ? NULL : " %" PRIu64 " s ago", m->idle);
	out_text("\n");
	out_close_object();
	return 0;
}

int cmd_fdb(int argc, char **argv)
{
	autohost struct host h = HOST_NONE;
	const char *net;
	int r = table_begin(argc, argv, "fdb [NET]", &h, &net);

	if (r)
		return r;
	out_open_array(NULL);
	r = mode_fdb(&h, net, fdb_row, NULL);
	out_close_array();
	return r;
}

static int drop_row(const char *net, const char *reason, const char *text, __u64 packets, void *arg)
{
	(void)arg;
	out_open_object(NULL);
	out_str("network", "%-11s ", net[0] ? net : NULL);
	out_str("reason", "%-14s ", reason);
	out_u64("packets", "%10" PRIu64, packets);
	out_str("text", "  %s\n", text);
	out_close_object();
	return 0;
}

int cmd_drops(int argc, char **argv)
{
	autohost struct host h = HOST_NONE;
	const char *net;
	int r = table_begin(argc, argv, "drops [NET]", &h, &net);

	if (r)
		return r;
	out_open_array(NULL);
	r = mode_drops(&h, net, drop_row, NULL);
	out_close_array();
	return r;
}
