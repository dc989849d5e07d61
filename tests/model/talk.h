/* SPDX-License-Identifier: GPL-2.0-only */
/* Conversations: what is sent out must come back as if nobody had touched it, with the errors about it. */
#pragma once

#include "play.h"

#define TALKS 256

static struct talk {
	struct world_port *port; /* NULL: there is none */
	struct wire k;           /* its packets, from inside */
	struct wire_end ext;     /* as seen outside */
	bool out;                /* ext is known */
} talks[TALKS];

static bool talk_icmp(const struct wire *k)
{
	return k->proto == (k->family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
}

static void talk_macs(struct wire *k, const __u8 *to, const __u8 *from)
{
	memcpy(k->dmac, to, 6);
	memcpy(k->smac, from, 6);
}

/* What varies from packet to packet. */
static void talk_body(struct wire *k)
{
	k->n_data = (__u16)roll(100);
	for (__u32 i = 0; i < k->n_data; i++)
		k->data[i] = (__u8)(i * 37 + k->id);
	k->options = k->family == 4 && !roll(16) ? 8 : 0;
	k->id++;
	k->ttl = (__u8)(roll(20) ? 64 : roll(3));
	k->no_sum = k->family == 4 && !roll(8);
	k->frag = 0x4000;
}

static void talk_peer(struct wire_end *e, __u8 family)
{
	static const __u16 ports[] = { 53, 80, 443, 5000 };

	*e = (struct wire_end){ .port = ports[roll(4)] };
	if (family == 4)
		memcpy(e->addr, (__u8[]){ 203, 0, 113, (__u8)(1 + roll(4)) }, 4);
	else
		memcpy(e->addr, (__u8[16]){ 0x20, 1, 0xd, 0xb8, 0, 1, [15] = (__u8)(1 + roll(4)) }, 16);
	if (!roll(50))
		e->addr[family == 4 ? 3 : 15] = roll(2) ? 77 : 99; /* a narrow route, and none */
}

static __u16 talk_port(void)
{
	return (__u16)(roll(8) ? 1024 + roll(40) : roll(2) ? 1 + roll(1023) : 1 + roll(65535));
}

static __u8 talk_proto(__u8 family)
{
	static const __u8 protos[] = { IPPROTO_TCP,     IPPROTO_TCP,  IPPROTO_UDP,  IPPROTO_UDP,
				       IPPROTO_UDPLITE, IPPROTO_SCTP, IPPROTO_ICMP, IPPROTO_GRE };
	__u8 p = protos[roll(8)];

	return p == IPPROTO_ICMP && family == 6 ? IPPROTO_ICMPV6 : p;
}

/* The first packet's kind, asked by `asker`. */
static void talk_opener(struct wire *k, struct wire_end *asker, struct wire_end *other)
{
	k->tcp = TCP_SYN;
	k->type = k->proto == IPPROTO_SCTP ? 1 : k->family == 6 ? 128 : 8;
	k->code = 0;
	if (talk_icmp(k))
		other->port = 0;
	else if (!ledger_proto(k->proto) && k->proto != IPPROTO_TCP)
		asker->port = other->port = 0;
	if (ledger_proto(k->proto) == NSF_LEDGER_MAX)
		asker->port = other->port = 0;
}

static struct talk *talk_new(void)
{
	struct talk *t = &talks[roll(TALKS)];
	struct world_port *p = &world.ports[roll(WORLD_NETS * WORLD_PORTS)];
	struct wire *k = &t->k;

	*t = (struct talk){ .port = p->there ? p : NULL };
	if (!t->port)
		return NULL;
	k->family = roll(4) ? 4 : 6;
	k->proto = talk_proto(k->family);
	memcpy(k->src.addr, k->family == 4 ? p->addr4 : p->addr6, k->family == 4 ? 4 : 16);
	k->src.port = talk_port();
	talk_peer(&k->dst, k->family);
	talk_macs(k, ROW(nsf_nets, p->net)->mac, p->mac);
	talk_opener(k, &k->src, &k->dst);
	return t;
}

static struct talk *talk_any(void)
{
	struct talk *t = &talks[roll(TALKS)];

	return t->port && t->port->there && !memcmp(t->k.smac, t->port->mac, 6) ? t : NULL;
}

/* An end of a packet that came out. */
static struct wire_end talk_end(const struct bytes *f, bool source)
{
	struct wire_end e = {};
	struct wire_at w;

	wire_find(f->b, ETH_HLEN, f->len - ETH_HLEN, false, &w);
	memcpy(e.addr, f->b + (source ? w.src : w.dst), w.alen);
	if (w.sport)
		e.port = (__u16)wire_get16(f->b + (source ? w.sport : w.dport));
	else if (w.echo)
		e.port = (__u16)wire_get16(f->b + w.echo);
	return e;
}

static bool talk_is(const struct wire_end *a, const struct wire_end *b)
{
	return a->port == b->port && !memcmp(a->addr, b->addr, sizeof(a->addr));
}

/* The answer to a packet, from its receiver's side. */
static struct wire talk_answer(const struct wire *k, const struct wire_end *from, const struct wire_end *to)
{
	struct wire a = *k;

	a.src = *from;
	a.dst = *to;
	a.ttl = 64;
	a.tcp = roll(6) ? (k->tcp & TCP_SYN) | TCP_ACK : roll(2) ? TCP_FIN | TCP_ACK : TCP_RST;
	if (k->proto == IPPROTO_SCTP)
		a.type = roll(6) ? 2 : roll(2) ? 8 : 6;
	if (talk_icmp(k)) {
		a.type = k->family == 6 ? 129 : 0;
		a.src.port = 0;
	}
	return a;
}

/* An ICMP error about a packet, of which it quotes n bytes. */
static struct wire talk_error(const struct bytes *about, const struct wire_end *from, const struct wire_end *to,
			      __u8 family, __u32 n)
{
	struct wire e = { .family = family, .proto = family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, .ttl = 64 };

	e.src = *from;
	e.dst = *to;
	e.src.port = e.dst.port = 0;
	e.type = family == 6 ? 1 : 3;
	e.code = 3;
	e.n_data = (__u16)(n < about->len - ETH_HLEN ? n : about->len - ETH_HLEN);
	e.n_data = e.n_data < WIRE_DATA ? e.n_data : WIRE_DATA;
	memcpy(e.data, about->b + ETH_HLEN, e.n_data);
	return e;
}

/*
 * What the error quotes now is the packet that its receiver once sent: `sent`, as long as the quote is, but for the TTL
 * and what it did to the header's sum. SCTP's sum covers what is not quoted.
 */
static void talk_quoted(const struct result *r, const struct bytes *sent)
{
	struct wire_at w, q, s;
	struct bytes want = *sent;
	__u32 at, n;

	if (!wire_right(&r->f))
		wrong("the sum of a translated error is wrong");
	wire_find(r->f.b, ETH_HLEN, r->f.len - ETH_HLEN, false, &w);
	at = play_quote(&r->f, &w);
	if (!at || !wire_find(r->f.b, at, w.end - at, true, &q))
		wrong("a translated error quotes no packet");
	n = w.end - at;
	wire_find(want.b, ETH_HLEN, want.len - ETH_HLEN, false, &s);
	want.b[s.ttl] = r->f.b[q.ttl];
	if (s.family == 4)
		wire_head_sum(want.b, ETH_HLEN);
	if (s.sum && q.sum) {
		bool same = wire_get16(want.b + s.sum) % 0xffff == wire_get16(r->f.b + q.sum) % 0xffff;

		if (s.proto == IPPROTO_SCTP)
			memcpy(want.b + s.sum, r->f.b + q.sum, 4);
		else if (same)
			memcpy(want.b + s.sum, r->f.b + q.sum, 2);
	}
	for (__u32 i = 0; i < n; i++)
		if (want.b[ETH_HLEN + i] != r->f.b[at + i])
			wrong("byte %u of a quote is %02x, wanted %02x (protocol %u, %u bytes quoted)", i,
			      r->f.b[at + i], want.b[ETH_HLEN + i], s.proto, n);
}

static __u32 talk_quote_len(const struct wire *k)
{
	return roll(2) ? WIRE_DATA : (k->family == 6 ? 40 : 20 + k->options) + 8;
}

/* An error from outside about what left: it reaches who sent that. */
static void talk_error_in(const struct talk *t, const struct bytes *sent, const struct bytes *left)
{
	static const struct wire_end router4 = { .addr = { 198, 51, 100, 254 } };
	static const struct wire_end router6 = { .addr = { 0x20, 1, 0xd, 0xb8, 0, 2, [15] = 1 } };
	struct wire e =
		talk_error(left, t->k.family == 6 ? &router6 : &router4, &t->ext, t->k.family, talk_quote_len(&t->k));
	struct bytes f;
	struct result r;

	talk_macs(&e, world_up_mac, world_router);
	f = wire_make(&e);
	r = play(HOOK_UPLINK, WORLD_UPLINK, &f);
	if (r.verdict != TC_ACT_REDIRECT || r.out != WORLD_IF(t->port->slot))
		wrong("an error about a packet does not reach who sent it (protocol %u)", t->k.proto);
	talk_quoted(&r, sent);
}

/* And one from inside about what came in. */
static void talk_error_out(const struct talk *t, const struct bytes *sent, const struct bytes *came)
{
	struct wire e = talk_error(came, &t->k.src, &t->k.dst, t->k.family, talk_quote_len(&t->k));
	struct wire_end from;
	struct bytes f;
	struct result r;

	talk_macs(&e, t->k.dmac, t->k.smac);
	f = wire_make(&e);
	r = play(HOOK_PORT, WORLD_IF(t->port->slot), &f);
	if (r.verdict != TC_ACT_REDIRECT || r.out != WORLD_UPLINK)
		wrong("an error about a packet that came in does not leave (protocol %u)", t->k.proto);
	from = talk_end(&r.f, true);
	if (memcmp(from.addr, t->ext.addr, 16))
		wrong("an error leaves with another source than the flow's");
	talk_quoted(&r, sent);
}

/* The peer answers what has just left; it must come back to who sent it. */
static void talk_back(struct talk *t, const struct bytes *sent, const struct bytes *left)
{
	struct wire a = talk_answer(&t->k, &t->k.dst, &t->ext);
	struct wire_end to;
	struct bytes f;
	struct result r;

	talk_macs(&a, world_up_mac, world_router);
	f = wire_make(&a);
	r = play(HOOK_UPLINK, WORLD_UPLINK, &f);
	if (r.verdict != TC_ACT_REDIRECT || r.out != WORLD_IF(t->port->slot))
		wrong("an answer does not come back (protocol %u, verdict %d)", t->k.proto, r.verdict);
	play_same(&f, &r, END_DST, 1);
	to = talk_end(&r.f, false);
	if (!talk_is(&to, &t->k.src))
		wrong("an answer comes back to another end");
	if (!roll(4))
		talk_error_in(t, sent, left);
	if (!roll(4))
		talk_error_out(t, &f, &r.f);
}

/* True if the endpoint has an external port already, or needs none. */
static bool talk_holds(const struct talk *t)
{
	const struct nsf_net *net = ROW(nsf_nets, t->port->net);
	__be32 inner = world_handle(t->k.src.addr, t->k.family);
	__u32 proto = ledger_proto(t->k.proto), snat = flow_snat(net, inner, t->k.family)->ledger;
	struct nsf_moved_key k = { .owner = ledger_owner(inner, bpf_htons(t->k.src.port), t->port->net),
				   .proto = proto,
				   .snat = snat };

	return proto >= NSF_LEDGER_MAX || bpf_map_lookup_elem(&nsf_moved, &k) ||
	       map_ledger(snat)[proto * NSF_LEDGER_PORTS + t->k.src.port].owner == k.owner;
}

/* One packet from inside. */
static void talk_send(struct talk *t)
{
	__u32 flows = check_flows();
	bool held = talk_holds(t);
	struct bytes f;
	struct result r;

	talk_body(&t->k);
	f = wire_make(&t->k);
	r = play(HOOK_PORT, WORLD_IF(t->port->slot), &f);
	if (r.verdict == TC_ACT_SHOT)
		return;
	if (r.verdict != TC_ACT_REDIRECT)
		wrong("a container's packet goes on with verdict %d", r.verdict);
	if (r.out == WORLD_IF(t->port->slot) && play_is_error(&f, &r))
		return;
	if (r.way == WAY_STACK)
		return;
	if (r.out != WORLD_UPLINK) {
		play_same(&f, &r, END_SRC | END_DST, 1);
		return;
	}
	play_same(&f, &r, END_SRC, 1);
	t->ext = talk_end(&r.f, true);
	t->out = true;
	if (!world_external(t->ext.addr, t->k.family))
		wrong("a packet leaves with a source that is no SNAT address");
	if (!held && check_flows() > flows && world_listens(t->ext.port, t->k.proto))
		wrong("a container was given the number of a socket of the host's");
	if (roll(2))
		talk_back(t, &f, &r.f);
}
