/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow table of bpf mode: read record by record as it lies in memory, and ended. See struct mode. */
#pragma once

#include "mode.h"

int bpf_flows_read(struct host *h, const struct flow_filter *f, int (*cb)(const struct mode_flow *f, void *arg),
		   void *arg);
int bpf_flows_end(struct host *h, const struct flow_filter *f, __u64 *ret);
int bpf_flows_put(struct host *h, const struct mode_flow *m, const struct mode_flow *far);
int bpf_flows_usage(struct host *h, struct mode_usage *ret);

/* What the data path counts time in: its present, and a span of it in seconds. */
__u32 bpf_flows_tick(void);
__u64 bpf_flows_seconds(__u32 ticks);
