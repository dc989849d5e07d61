/* SPDX-License-Identifier: GPL-2.0-only */
/* The mode of a Linux bridge and nftables: its table of functions. */
#include "mode.h"
#include "nf_fdb.h"
#include "nf_flows.h"
#include "nf_handover.h"
#include "nf_net.h"
#include "nf_port.h"
#include "nf_publish.h"
#include "nf_read.h"
#include "nf_record.h"

const struct mode mode_netfilter = {
	.name = "netfilter",
	.probe = nf_net_probe,
	.read = nf_read_net,
	.list = nf_record_list,
	.net_add = nf_net_add,
	.net_change = nf_net_change,
	.net_del = nf_net_del,
	.repair = nf_net_repair,
	.ports_begin = nf_ports_begin,
	.port_add = nf_port_add,
	.port_six = nf_port_six,
	.port_del = nf_port_del,
	.publish_set = nf_publish_set,
	.port_change = nf_port_change,
	.take = nf_handover_take,
	.leave = nf_handover_leave,
	.settle = nf_handover_settle,
	.flow_put = nf_flows_put,
	.flows = nf_flows_read,
	.flows_end = nf_flows_end,
	.fdb = nf_fdb_list,
	.fdb_add = nf_fdb_add,
	.fdb_del = nf_fdb_del,
	.fdb_flush = nf_fdb_flush,
	.drops = nf_read_drops,
	.publishes = nf_publish_list,
	.usage = nf_flows_usage,
	.externals = nf_flows_externals,
};
