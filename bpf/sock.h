/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own sockets: what they send to a published port goes to its container. */
#pragma once

/*
 * What the host sends to an address of its own never leaves lo, where no program of ours is. So the socket is told
 * another destination before there is a packet: connect() and sendto() that a publish is for get the container's address
 * and port, and the packets leave by the gateway as any of the host's to a container. Whoever asks the socket afterwards,
 * by getpeername() or recvfrom(), hears the address that was asked. The programs run for the sockets of all processes of
 * the machine, whatever their cgroup, and act for those of the host's namespace alone.
 *
 * What this cannot do:
 *   - The container sees the gateway's address as the client, or the one that the socket is bound to.
 *   - A socket that is bound to a loopback address or to a device is left alone: the answers would not come back to it.
 *   - Raw and packet sockets, and SCTP, have no such hooks in the kernel.
 *   - A connection is where it was begun: rules that come later change nothing about it, and one whose rule has gone
 *     stays with its container.
 *   - An address that the host has got since the last `nsfast up` or `publish` is not known as its own to a rule for any
 *     address, and one that it has lost still is. Loopback addresses always are.
 *   - Of NSF_ASKED_MAX destinations of an unconnected socket, and of two that lead to one end, the latest is remembered.
 */

#include "pkt.h"
#include "publish.h"

/* What these programs return: the call goes on. Nothing here is a reason to refuse one. */
#define SOCK_GO 1

static __always_inline bool sock_mapped(const __u32 a[4])
{
	return !(a[0] | a[1]) && a[2] == bpf_htonl(0xffff);
}

static __always_inline bool sock_loopback4(__be32 a)
{
	return (a & ADDR4(255, 0, 0, 0)) == ADDR4(127, 0, 0, 0);
}

static __always_inline bool sock_loopback(const __u32 a[4])
{
	return sock_mapped(a) ? sock_loopback4(a[3]) : !(a[0] | a[1] | a[2]) && a[3] == bpf_htonl(1);
}

/* The kernel takes "any address" as a destination for loopback. */
static __always_inline void sock_not_any(__u32 a[4])
{
	if (sock_mapped(a) && !a[3])
		a[3] = ADDR4(127, 0, 0, 1);
	else if (!(a[0] | a[1] | a[2] | a[3]))
		a[3] = bpf_htonl(1);
}

static __always_inline bool sock_same(const struct nsf_asked_end *a, const struct nsf_asked_end *b)
{
	return !((a->port ^ b->port) | addr6_differ(a->addr, b->addr));
}

static __always_inline __be32 sock_handle(const __u32 a[4])
{
	__u32 zero = 0;
	const struct nsf_flow_state *s = bpf_map_lookup_elem(&nsf_flow_state, &zero);

	return s ? nsf_handle6(a, s->handle_key) : 0;
}

/* The rule for what is asked, if its port still is there. */
static __noinline const struct nsf_publish *sock_rule(const struct nsf_asked_end *asked, __u32 proto)
{
	bool six = !sock_mapped(asked->addr);
	__u32 kind = PUBLISH_KIND(six ? 6 : 4, proto), port = bpf_ntohs(asked->port), i, slot;
	__be32 addr = six ? sock_handle(asked->addr) : asked->addr[3];
	int row = addr ? publish_row(kind, addr, port) : -1;
	const struct nsf_publish *r;
	const struct nsf_port *to;

	if (row < 0) {
		row = publish_row(kind, 0, port);
		if (row < 0 || !(sock_loopback(asked->addr) || bpf_map_lookup_elem(&nsf_locals, asked->addr)))
			return NULL;
	}
	i = row;
	r = bpf_map_lookup_elem(&nsf_publish, &i);
	if (!r || (six && r->addr && !addr6_equal(r->addr6, asked->addr)))
		return NULL;
	slot = r->slot;
	to = bpf_map_lookup_elem(&nsf_ports, &slot);
	return to && to->gen == r->port_gen ? r : NULL;
}

/* Notes what a socket asked and what it gets. False if there is no memory for it. */
static __always_inline bool sock_note(struct bpf_sock *sk, const struct nsf_asked_end *asked,
				      const struct nsf_asked_end *got)
{
	struct nsf_asked *s = bpf_sk_storage_get(&nsf_asked, sk, NULL, BPF_SK_STORAGE_GET_F_CREATE);
	__u32 at, i;

	if (!s)
		return false;
	bpf_spin_lock(&s->lock);
	for (i = 0; i < NSF_ASKED_MAX; i++)
		if (sock_same(&s->v[i].got, got))
			break;
	at = (i < NSF_ASKED_MAX ? i : s->next) & (NSF_ASKED_MAX - 1);
	if (at == s->next)
		s->next = (at + 1) & (NSF_ASKED_MAX - 1);
	s->v[at].asked = *asked;
	s->v[at].got = *got;
	bpf_spin_unlock(&s->lock);
	return true;
}

/* What a socket sends to an end by its own name is answered by that name, also if it once asked a rule's address. */
static __always_inline void sock_forget(struct bpf_sock *sk, const struct nsf_asked_end *asked)
{
	struct nsf_asked *s = bpf_sk_storage_get(&nsf_asked, sk, NULL, 0);
	__u32 i;

	if (!s)
		return;
	bpf_spin_lock(&s->lock);
	for (i = 0; i < NSF_ASKED_MAX; i++)
		if (sock_same(&s->v[i].got, asked))
			s->v[i].got.port = 0;
	bpf_spin_unlock(&s->lock);
}

/* connect(), sendto(): true if the destination e is another now. src: what the socket is bound to, or zero. */
static __noinline bool sock_ask(struct bpf_sock_addr *ctx, struct nsf_asked_end *e, const __u32 src[4], bool connected)
{
	const struct nsf_publish *r;
	struct nsf_asked_end got = {};
	struct bpf_sock *sk = ctx->sk;

	if (!sk || bpf_get_netns_cookie(ctx) != cfg.host)
		return false;
	sock_not_any(e->addr);
	r = sk->bound_dev_if || sock_loopback(src) ? NULL : sock_rule(e, ctx->protocol);
	if (!r) {
		if (!connected)
			sock_forget(sk, e);
		return false;
	}
	if (r->family == 4) {
		got.addr[2] = bpf_htonl(0xffff);
		got.addr[3] = r->to;
	} else {
		__builtin_memcpy(got.addr, r->to6, sizeof(got.addr));
	}
	got.port = bpf_htons(r->to_first + (bpf_ntohs(e->port) - r->first));
	if (!sock_note(sk, e, &got))
		return false;
	*e = got;
	return true;
}

/* getpeername(), recvfrom(): true if the socket asked e under another name, which it is now. */
static __noinline bool sock_answer(struct bpf_sock_addr *ctx, struct nsf_asked_end *e)
{
	struct bpf_sock *sk = ctx->sk;
	struct nsf_asked *s = sk ? bpf_sk_storage_get(&nsf_asked, sk, NULL, 0) : NULL;
	bool known = false;
	__u32 i;

	if (!s)
		return false;
	bpf_spin_lock(&s->lock);
	for (i = 0; i < NSF_ASKED_MAX; i++) {
		if (!sock_same(&s->v[i].got, e))
			continue;
		*e = s->v[i].asked;
		known = true;
		break;
	}
	bpf_spin_unlock(&s->lock);
	return known;
}

/* The kernel sends for an IPv6 socket that is connected to an IPv4 address as if this had been asked anew. */
static __always_inline bool sock_connected4(const struct bpf_sock_addr *ctx)
{
	const struct bpf_sock *sk = ctx->sk;

	return sk && sk->dst_port && sk->dst_port == ctx->user_port && sk->dst_ip4 == ctx->user_ip4;
}

/* The four ends of it, by the family of the call. */
static __always_inline int sock_ask4(struct bpf_sock_addr *ctx, __be32 src, bool connected)
{
	const __u32 from[4] = { 0, 0, bpf_htonl(0xffff), src };
	struct nsf_asked_end e = { .addr = { 0, 0, bpf_htonl(0xffff), ctx->user_ip4 }, .port = ctx->user_port };

	if (sock_ask(ctx, &e, from, connected)) {
		ctx->user_ip4 = e.addr[3];
		ctx->user_port = e.port;
	}
	return SOCK_GO;
}

static __always_inline int sock_answer4(struct bpf_sock_addr *ctx)
{
	struct nsf_asked_end e = { .addr = { 0, 0, bpf_htonl(0xffff), ctx->user_ip4 }, .port = ctx->user_port };

	if (sock_answer(ctx, &e)) {
		ctx->user_ip4 = e.addr[3];
		ctx->user_port = e.port;
	}
	return SOCK_GO;
}

static __always_inline void sock_get6(const struct bpf_sock_addr *ctx, struct nsf_asked_end *e)
{
	e->addr[0] = ctx->user_ip6[0];
	e->addr[1] = ctx->user_ip6[1];
	e->addr[2] = ctx->user_ip6[2];
	e->addr[3] = ctx->user_ip6[3];
	e->port = ctx->user_port;
}

static __always_inline void sock_set6(struct bpf_sock_addr *ctx, const struct nsf_asked_end *e)
{
	ctx->user_ip6[0] = e->addr[0];
	ctx->user_ip6[1] = e->addr[1];
	ctx->user_ip6[2] = e->addr[2];
	ctx->user_ip6[3] = e->addr[3];
	ctx->user_port = e->port;
}

static __always_inline int sock_ask6(struct bpf_sock_addr *ctx, const __u32 src[4])
{
	struct nsf_asked_end e = {};

	sock_get6(ctx, &e);
	if (sock_ask(ctx, &e, src, false))
		sock_set6(ctx, &e);
	return SOCK_GO;
}

static __always_inline int sock_answer6(struct bpf_sock_addr *ctx)
{
	struct nsf_asked_end e = {};

	sock_get6(ctx, &e);
	if (sock_answer(ctx, &e))
		sock_set6(ctx, &e);
	return SOCK_GO;
}
