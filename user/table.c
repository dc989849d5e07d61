/* SPDX-License-Identifier: GPL-2.0-only */
/* What every command begins with that shows a table of one network, or of all. */
#include "table.h"

#include "log.h"
#include "mode.h"
#include "opt.h"

int table_words(int argc, char **argv, const char *usage, struct host *h, const char **ret_net)
{
	int r = opt_words(argc, argv, 0, 1, usage);

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

int table_begin(int argc, char **argv, const char *usage, struct host *h, const char **ret_net)
{
	static const struct option none[] = { {} };
	int r = opt_next(argc, argv, "", none);

	return r == -1 ? table_words(argc, argv, usage, h, ret_net) : r;
}
