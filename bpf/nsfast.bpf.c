/* SPDX-License-Identifier: GPL-2.0-only */
/* Entry points only: context -> struct pkt -> path -> leave. */
#include "path.h"
#include "carry.h"
#include "fast.h"
#include "leave.h"
#include "sock.h"
#include "sweep.h"

const volatile struct nsf_cfg cfg = {
	.flows_max = 1,
};

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int nsf_from_port(struct __sk_buff *ctx)
{
	if (ctx->protocol == bpf_htons(ETH_P_IPV6))
		return leave_anew(ctx, NSF_JUMP_PORT6);

	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 4 };

	return leave_fast(&p, fast_from_port(&p), NSF_JUMP_PORT4);
}

/* Where the fast path gives up: all of IPv4, and what is neither. */
SEC("tc")
int nsf_from_port4(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 4 };

	return leave_frame(&p, path_from_port(&p), 4);
}

SEC("tc")
int nsf_from_host(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1 };

	return leave_frame(&p, path_from_host(&p), 0);
}

SEC("tc")
int nsf_from_uplink(struct __sk_buff *ctx)
{
	if (ctx->protocol == bpf_htons(ETH_P_IPV6))
		return leave_anew(ctx, NSF_JUMP_FROM_UP6);

	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 4 };

	return leave_fast(&p, fast_from_uplink(&p), NSF_JUMP_FROM_UP4);
}

/* Where the fast path gives up. */
SEC("tc")
int nsf_from_up4(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 4 };

	return leave_tc(&p, path_from_uplink(&p), 4);
}

SEC("tc")
int nsf_to_uplink(struct __sk_buff *ctx)
{
	if (likely(path_decided(ctx)))
		return leave_unread();
	if (ctx->protocol == bpf_htons(ETH_P_IPV6))
		return leave_anew(ctx, NSF_JUMP_TO_UP6);

	struct pkt p = { .ctx = ctx, .len = ctx->len, .family = 4 };

	return leave_tc(&p, path_to_uplink(&p), 4);
}

/* Before nsf_from_uplink, where the uplink's driver has XDP and the user wants it. */
SEC("xdp")
int nsf_from_wire(struct xdp_md *xdp)
{
	struct pkt p = { .xdp = xdp, .frame = 1 };

	switch (parse_xdp_protocol(xdp)) {
	case bpf_htons(ETH_P_IP):
		p.family = 4;
		return leave_xdp(&p, path_from_wire(&p));
	case bpf_htons(ETH_P_IPV6):
		p.family = 6;
		return leave_xdp(&p, path_from_wire(&p));
	}
	return leave_xdp(&p, PASS);
}

/* Where packets go that belong to no flow yet; see nsf_jumps. */
SEC("tc")
int nsf_open(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 4 };

	return leave_back(&p, path_open(&p), 4);
}

SEC("tc")
int nsf_enter(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 4 };

	return leave_back(&p, path_enter(&p), 4);
}

SEC("tc")
int nsf_hairpin(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 4 };

	return leave_back(&p, path_hairpin(&p), 4);
}

/* The same for IPv6. */
SEC("tc")
int nsf_from_port6(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 6 };

	return leave_frame(&p, path_from_port(&p), 6);
}

SEC("tc")
int nsf_from_up6(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 6 };

	return leave_tc(&p, path_from_uplink(&p), 6);
}

SEC("tc")
int nsf_to_up6(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .family = 6 };

	return leave_tc(&p, path_to_uplink(&p), 6);
}

SEC("tc")
int nsf_open6(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 6 };

	return leave_back(&p, path_open(&p), 6);
}

SEC("tc")
int nsf_enter6(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 6 };

	return leave_back(&p, path_enter(&p), 6);
}

SEC("tc")
int nsf_hairpin6(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .hops = 1, .family = 6 };

	return leave_back(&p, path_hairpin(&p), 6);
}

/* What comes back from the defragmenter. */
SEC("tc")
int nsf_from_frag(struct __sk_buff *ctx)
{
	if (ctx->protocol == bpf_htons(ETH_P_IPV6))
		return leave_anew(ctx, NSF_JUMP_FRAG6);

	struct pkt p = { .ctx = ctx, .len = ctx->len, .family = 4 };

	return leave_back(&p, path_from_frag(&p), 4);
}

SEC("tc")
int nsf_from_frag6(struct __sk_buff *ctx)
{
	struct pkt p = { .ctx = ctx, .len = ctx->len, .family = 6 };

	return leave_back(&p, path_from_frag(&p), 6);
}

/* The three that the loader runs itself. */
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

SEC("tc")
int nsf_carry(struct __sk_buff *ctx)
{
	return carry(ctx);
}

/* On the host's namespace where there is no tcx: its link alone matters, which tells when the namespace is gone. */
SEC("sk_lookup")
int nsf_alive(struct bpf_sk_lookup *ctx)
{
	return SK_PASS;
}

/* Sockets of the host itself. */
SEC("cgroup/connect4")
int nsf_connect4(struct bpf_sock_addr *ctx)
{
	return sock_ask4(ctx, ctx->sk ? ctx->sk->src_ip4 : 0, false);
}

SEC("cgroup/connect6")
int nsf_connect6(struct bpf_sock_addr *ctx)
{
	__u32 src[4] = {};

	if (ctx->sk) {
		src[0] = ctx->sk->src_ip6[0];
		src[1] = ctx->sk->src_ip6[1];
		src[2] = ctx->sk->src_ip6[2];
		src[3] = ctx->sk->src_ip6[3];
	}
	return sock_ask6(ctx, src);
}

SEC("cgroup/sendmsg4")
int nsf_sendmsg4(struct bpf_sock_addr *ctx)
{
	return sock_ask4(ctx, ctx->msg_src_ip4, sock_connected4(ctx));
}

SEC("cgroup/sendmsg6")
int nsf_sendmsg6(struct bpf_sock_addr *ctx)
{
	const __u32 src[4] = { ctx->msg_src_ip6[0], ctx->msg_src_ip6[1], ctx->msg_src_ip6[2], ctx->msg_src_ip6[3] };

	return sock_ask6(ctx, src);
}

SEC("cgroup/recvmsg4")
int nsf_recvmsg4(struct bpf_sock_addr *ctx)
{
	return sock_answer4(ctx);
}

SEC("cgroup/recvmsg6")
int nsf_recvmsg6(struct bpf_sock_addr *ctx)
{
	return sock_answer6(ctx);
}

SEC("cgroup/getpeername4")
int nsf_getpeername4(struct bpf_sock_addr *ctx)
{
	return sock_answer4(ctx);
}

SEC("cgroup/getpeername6")
int nsf_getpeername6(struct bpf_sock_addr *ctx)
{
	return sock_answer6(ctx);
}
