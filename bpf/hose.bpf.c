/* SPDX-License-Identifier: GPL-2.0-only */
/* The source of what `nsfast bench` injects: frames that BPF_PROG_RUN makes (BPF_F_TEST_XDP_LIVE_FRAMES), filled and sent. */
#include "sum.h"
#include "nsfast/hose.h"

struct nsf_hose hose;

char LICENSE[] SEC("license") = "GPL";

/* In network byte order, as the sum of a header. */
static __always_inline __u16 folded(__u32 sum)
{
	return bpf_htons(~sum_fold(sum));
}

SEC("xdp")
int nsf_hose(struct xdp_md *ctx)
{
	__u8 *frame = (void *)(long)ctx->data;
	__u32 i = hose.next++, bits = hose.bits;
	__u32 addr = hose.base + (i >> bits) % hose.addrs;
	__u32 port = hose.first + (i & ((1U << bits) - 1)), sum = (addr >> 16) + (addr & 0xffff);
	__u16 udp;

	if (frame + NSF_HOSE_LEN > (__u8 *)(long)ctx->data_end)
		return XDP_ABORTED;
	__builtin_memcpy(frame, hose.frame, NSF_HOSE_LEN);
	*(__u16 *)(frame + 24) = folded(hose.ip_sum + sum);
	udp = folded(hose.udp_sum + sum + port);
	*(__u16 *)(frame + 40) = udp ? udp : 0xffff;
	if (hose.outward) {
		*(__be32 *)(frame + 30) = bpf_htonl(addr);
		*(__be16 *)(frame + 34) = bpf_htons(port);
	} else {
		*(__be32 *)(frame + 26) = bpf_htonl(addr);
		*(__be16 *)(frame + 36) = bpf_htons(port);
	}
	return bpf_redirect(hose.ifindex, 0);
}
