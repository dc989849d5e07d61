/* SPDX-License-Identifier: GPL-2.0-only */
/* Entry points only: context -> struct pkt -> path -> leave. */
#include "path.h"
#include "leave.h"
#include "sweep.h"

const volatile struct nsf_cfg cfg = {
	.flows_max = 1,
	.port_min = 1024,
	.port_max = 65535,
};

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int nsf_from_port(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len };

	return leave_tc(&p, path_from_port(&p));
}

SEC("tc")
int nsf_from_host(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len };

	return leave_tc(&p, path_from_host(&p));
}

SEC("tc")
int nsf_from_uplink(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len };

	return leave_tc(&p, path_from_uplink(&p));
}

/* The two that the loader runs itself. */
SEC("tc")
int nsf_start(struct __sk_buff *ctx)
{
	return sweep_start();
}

SEC("tc")
int nsf_purge(struct __sk_buff *ctx)
{
	return sweep_now();
}
