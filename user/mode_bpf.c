/* SPDX-License-Identifier: GPL-2.0-only */
/* The mode of eBPF programs on the ports: its table of functions. */
#include <errno.h>

#include "bpf_net.h"
#include "bpf_port.h"
#include "bpf_read.h"
#include "log.h"
#include "mode.h"

const struct mode mode_bpf = {
	.name = "bpf",
	.read = bpf_read_net,
	.list = bpf_read_list,
	.net_add = bpf_net_add,
	.net_change = bpf_net_change,
	.net_del = bpf_net_del,
	.repair = bpf_net_sweep,
	.port_add = bpf_port_add,
	.port_del = bpf_port_del,
	.flows = bpf_read_flows,
	.fdb = bpf_read_fdb,
	.drops = bpf_read_drops,
	.usage = bpf_read_usage,
};
