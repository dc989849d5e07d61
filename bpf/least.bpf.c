/* SPDX-License-Identifier: GPL-2.0-only */
/* What `nsfast bench` measures beside the relay: forwarders that do the least that their job is, and neither check, count nor
 * forget anything. Nothing that does more can be faster. */
#include "pkt.h"
#include "sum.h"
#include "nsfast/least.h"

struct nsf_least least;

char LICENSE[] SEC("license") = "GPL";

static __always_inline __u32 other(struct __sk_buff *ctx)
{
	return least.ends[ctx->ingress_ifindex == least.ends[0]];
}

/* To whom the frame is addressed; what is addressed to all goes to the other. */
SEC("tc")
int nsf_least_peer(struct __sk_buff *ctx)
{
	const struct ethhdr *eth = ctx_data(ctx);
	const struct nsf_least_port *to;

	if ((void *)(eth + 1) > ctx_data_end(ctx))
		return TC_ACT_SHOT;
	to = &least.ports[eth->h_dest[4] % NSF_LEAST_PORTS];
	return bpf_redirect_peer(mac_equal(to->mac, eth->h_dest) ? to->ifindex : other(ctx), 0);
}

/* An address for another one in a sum, which may still have to be filled in. */
static __always_inline void sum_addr(__sum16 *sum, bool partial, __be32 from, __be32 to)
{
	if (partial)
		*sum = sum_fold(*sum + sum_diff(from, to));
	else
		sum_change(sum, from, to);
}

/* NULL if it is not one of these. *ret_sum: the transport's, NULL if there is none. */
static __always_inline struct headers *headers(struct __sk_buff *ctx, __sum16 **ret_sum)
{
	struct ethhdr *eth = ctx_data(ctx);
	struct headers *h = (void *)(eth + 1);
	void *end = ctx_data_end(ctx);

	if ((void *)(&h->udp + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || h->ip.ihl != 5)
		return NULL;
	if (h->ip.protocol == IPPROTO_UDP) {
		*ret_sum = h->udp.check ? &h->udp.check : NULL;
		return h;
	}
	if (h->ip.protocol != IPPROTO_TCP || (void *)(&h->tcp + 1) > end)
		return NULL;
	*ret_sum = &h->tcp.check;
	return h;
}

static __always_inline void translate(struct __sk_buff *ctx, struct headers *h, __sum16 *sum, __be32 *addr, __be32 to)
{
	if (sum)
		sum_addr(sum, ctx_csum_partial(ctx), *addr, to);
	sum_addr(&h->ip.check, false, *addr, to);
	*addr = to;
}

/* From inside: known by its port alone, and noted there if it is not. */
SEC("tc")
int nsf_least_out(struct __sk_buff *ctx)
{
	__sum16 *sum;
	struct headers *h = headers(ctx, &sum);
	struct nsf_least_flow *f;

	if (h) {
		f = &least.flows[bpf_ntohs(h->udp.source)];
		if (f->peer != h->ip.daddr || f->peer_port != h->udp.dest || f->inside != h->ip.saddr ||
		    f->proto != h->ip.protocol)
			*f = (struct nsf_least_flow){ h->ip.saddr, h->ip.daddr, h->udp.dest, h->ip.protocol, 0 };
		translate(ctx, h, sum, &h->ip.saddr, least.outer);
	}
	return bpf_redirect(other(ctx), 0);
}

/* From outside: an answer, or nobody's. */
SEC("tc")
int nsf_least_back(struct __sk_buff *ctx)
{
	__sum16 *sum;
	struct headers *h = headers(ctx, &sum);
	struct nsf_least_flow *f;

	if (h) {
		f = &least.flows[bpf_ntohs(h->udp.dest)];
		if (f->peer != h->ip.saddr || f->peer_port != h->udp.source || f->proto != h->ip.protocol)
			return TC_ACT_SHOT;
		translate(ctx, h, sum, &h->ip.daddr, f->inside);
	}
	return bpf_redirect(other(ctx), 0);
}
