/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast mode: changes how a network's packets are moved, while they are. */
#include "change.h"
#include "cmd.h"
#include "conf.h"
#include "handover.h"
#include "log.h"
#include "opt.h"
#include "out.h"

static void tell(const struct network *n, const struct mode *was, const struct mode *is,
		 const struct handover_result *did)
{
	out_open_object(NULL);
	out_str("name", "%s: ", n->name);
	out_bool("changed", NULL, was != is);
	out_text("%s", was == is ? "no change, " : "");
	out_str("mode", "mode %s", is->name);
	out_u64("flows_carried", was != is ? ", %" PRIu64 " flows carried over" : NULL, did->carried);
	out_u64("flows_lost", did->lost ? ", %" PRIu64 " lost" : NULL, did->lost);
	out_text("\n");
	out_close_object();
}

/* Where it stood, only the mode in which it was made knows. */
static int whole(const struct network *n)
{
	size_t i;

	for (i = 0; i < n->n_ports; i++)
		if (!n->ports[i].ifindex) {
			hint("'nsfast gc' removes it, 'nsfast up %s' makes it again", n->name);
			return fail_usage("%s/%s: its interface is gone, so that it cannot change its mode", n->name,
					  n->ports[i].name);
		}
	return 0;
}

int cmd_mode(int argc, char **argv)
{
	static const struct option none[] = { {} };
	autochange struct change c = CHANGE_NONE;
	struct handover_result did = {};
	struct network asked = {};
	const struct mode *to;
	int r = opt_next(argc, argv, "", none);

	r = r == -1 ? opt_words(argc, argv, 2, 2, "mode NET bpf|netfilter") : r;
	if (!r)
		r = conf_mode("MODE", argv[optind + 1], &asked);
	if (r)
		return r;
	to = mode_named(asked.mode);
	if (!to)
		return fail_usage("MODE: bpf or netfilter, not '%s'", argv[optind + 1]);
	host_catch_signals(); /* it is quick, and ends what it began */
	r = change_begin(&c, argv[optind]);
	if (!r && c.m != to)
		r = whole(&c.n);
	if (!r && c.m != to && to->probe)
		r = to->probe();
	if (!r && c.m != to)
		r = handover(&c.h, to, &c.n, &did);
	if (!r)
		tell(&c.n, c.m, to, &did);
	return r;
}
