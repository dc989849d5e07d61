/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast drops: discarded packets by reason. */
#include "cmd.h"
#include "mode.h"
#include "out.h"
#include "table.h"

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
