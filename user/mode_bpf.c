/* SPDX-License-Identifier: GPL-2.0-only */
/* The mode of eBPF programs on the ports: its table of functions. */
#include <errno.h>

#include "bpf_fdb.h"
#include "bpf_flows.h"
#include "bpf_handover.h"
#include "bpf_import.h"
#include "bpf_net.h"
#include "bpf_port.h"
#include "bpf_port6.h"
#include "bpf_publish.h"
#include "bpf_read.h"
#include "bpf_sock.h"
#include "log.h"
#include "mode.h"

static int publish_set(struct host *h, const struct network *n, bool *ret_changed)
{
	int r = bpf_publish_set(h, n, ret_changed);

	return r ? r : bpf_sock_sync(h);
}

/* The port takes its publishes with it. */
static int port_del(struct host *h, const char *net, const char *name)
{
	int r = bpf_port_del(h, net, name), sync = bpf_sock_sync(h);

	return r ? r : sync;
}

const struct mode mode_bpf = {
	.name = "bpf",
	.read = bpf_read_net,
	.list = bpf_read_list,
	.net_add = bpf_net_add,
	.net_change = bpf_net_change,
	.net_del = bpf_net_del,
	.repair = bpf_net_sweep,
	.port_add = bpf_port_add,
	.port_six = bpf_port6_change,
	.port_del = port_del,
	.publish_set = publish_set,
	.port_change = bpf_port_change,
	.aside = bpf_handover_aside,
	.take = bpf_handover_take,
	.swap = bpf_handover_swap,
	.leave = bpf_handover_leave,
	.settle = bpf_handover_settle,
	.flow_put = bpf_flows_put,
	.import = bpf_import,
	.import_end = bpf_import_end,
	.flows = bpf_flows_read,
	.flows_end = bpf_flows_end,
	.fdb = bpf_fdb_list,
	.fdb_add = bpf_fdb_add,
	.fdb_del = bpf_fdb_del,
	.fdb_flush = bpf_fdb_flush,
	.drops = bpf_read_drops,
	.publishes = bpf_publish_list,
	.usage = bpf_flows_usage,
	.externals = bpf_read_externals,
};
