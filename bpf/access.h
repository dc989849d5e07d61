/* SPDX-License-Identifier: GPL-2.0-only */
/* What containers may reach of the host itself: HostAccess of their network. */
#pragma once

#include "icmp.h"
#include "ip6.h"
#include "route6.h"

/* A socket of the host has asked this very peer: connected, for else any service would be meant. */
static __always_inline bool access_asked(struct pkt *p)
{
	struct bpf_sock_tuple t = {};
	struct bpf_sock *s;
	__u32 size = sizeof(t.ipv4);
	bool asked;

	if (p->family == 6) {
		size = sizeof(t.ipv6);
		t.ipv6.sport = p->sport;
		t.ipv6.dport = p->dport;
		if (!route6_addr(p, true, (__u8 *)t.ipv6.saddr) || !route6_addr(p, false, (__u8 *)t.ipv6.daddr))
			return false;
	} else {
		t.ipv4.saddr = p->saddr;
		t.ipv4.daddr = p->daddr;
		t.ipv4.sport = p->sport;
		t.ipv4.dport = p->dport;
	}
	s = bpf_sk_lookup_udp(p->ctx, &t, size, BPF_F_CURRENT_NETNS, 0);
	if (!s)
		return false;
	asked = p->sport && s->dst_port == p->sport;
	bpf_sk_release(s);
	return asked;
}

/* What the host has begun goes on, and errors are told. */
static __noinline bool access_answers(struct pkt *p)
{
	if (p->frag == FRAG_LATER) /* nothing without its first */
		return true;
	if (icmp_is_proto(p))
		return p->icmp_type == icmp_echo_reply(p->family) || icmp_is_error(p) ||
		       (p->family == 6 && p->icmp_type == ND_NEIGHBOUR_ADV);
	if (p->proto == IPPROTO_TCP)
		return (p->tcp & (TCP_SYN | TCP_ACK)) != TCP_SYN;
	return p->proto == IPPROTO_UDP && access_asked(p);
}

/* Nothing of the host is shut to the network's containers; else the program that opens flows decides. */
static __always_inline bool access_free(const struct pkt *p)
{
	return likely(!(p->net->flags & (NSF_NET_HOST_GATEWAY | NSF_NET_HOST_NONE)));
}

/* gateway: it is for the gateway's own address. */
static __always_inline enum verdict access(struct pkt *p, bool gateway)
{
	const bool none = p->net->flags & NSF_NET_HOST_NONE;

	if (access_free(p) || (gateway && (!none || (icmp_is_proto(p) && p->icmp_type == icmp_echo(p->family)))))
		return HOST;
	return access_answers(p) ? HOST : icmp_answer(p, NSF_DROP_HOST_ACCESS, ICMP_SAY_ADMIN);
}
