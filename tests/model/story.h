/* SPDX-License-Identifier: GPL-2.0-only */
/* What happens in the world, one thing a step, chosen by chance. */
#pragma once

#include "talk.h"

static void story_new(void)
{
	struct talk *t = talk_new();

	if (t)
		talk_send(t);
}

/* The same again, with other flags. */
static void story_more(void)
{
	static const __u8 flags[] = {
		TCP_ACK, TCP_ACK, TCP_ACK, TCP_FIN | TCP_ACK, TCP_FIN | TCP_ACK, TCP_RST, TCP_SYN
	};
	static const __u8 chunks[] = { 0, 0, 0, 14, 8, 6, 1 };
	struct talk *t = talk_any();
	__u32 i = roll(7);

	if (!t)
		return;
	t->k.tcp = flags[i];
	if (t->k.proto == IPPROTO_SCTP)
		t->k.type = chunks[i];
	talk_send(t);
}

/* The peer says something, now or late. */
static void story_answer(void)
{
	struct talk *t = talk_any();
	struct wire a;
	struct bytes f;
	struct result r;
	struct wire_end to;

	if (!t || !t->out)
		return;
	a = talk_answer(&t->k, &t->k.dst, &t->ext);
	talk_macs(&a, world_up_mac, world_router);
	f = wire_make(&a);
	r = play(HOOK_UPLINK, WORLD_UPLINK, &f);
	if (r.verdict != TC_ACT_REDIRECT || r.out == WORLD_UPLINK)
		return;
	play_same(&f, &r, END_DST, 1);
	to = talk_end(&r.f, false);
	if (!world_private(to.addr, t->k.family))
		wrong("a packet from outside goes to an address that is none of a container");
}

static void story_host_addr(struct wire_end *e, __u8 family)
{
	if (family == 6)
		memcpy(e->addr, world_snat6, 16);
	else
		memcpy(e->addr, roll(4) ? world_snat[roll(2)] : world_own, 4);
}

/* A port that somebody may have: of a publish, of a mapping, or any. */
static __u16 story_port(void)
{
	if (world.n_rules && roll(2)) {
		const struct nsf_publish *r = &world.rules[roll(world.n_rules)];

		return (__u16)(r->first + roll(r->last - r->first + 1u));
	}
	return talk_port();
}

/* True if a stranger's packet may come in: by a publish, or because it is none. */
static bool story_known(const struct wire *k)
{
	const struct nsf_flow_key key = { .saddr = world_handle(k->src.addr, k->family),
					  .daddr = world_handle(k->dst.addr, k->family),
					  .sport = bpf_htons(k->src.port),
					  .dport = bpf_htons(k->dst.port),
					  .proto = k->proto,
					  .family = k->family };

	__u32 slot;

	return birth_find_outer(&key, &slot) ||
	       publish_find(PUBLISH_KIND(k->family, k->proto), key.daddr, k->dst.port) >= 0;
}

/* Somebody outside begins; if it gets in, the answer leaves as the address that was asked. */
static void story_stranger(void)
{
	struct wire k = { .family = roll(4) ? 4 : 6 }, a;
	const struct world_port *p;
	struct wire_end to, from;
	struct result r;
	struct bytes f;
	bool known;

	k.proto = talk_proto(k.family);
	talk_peer(&k.src, k.family);
	k.src.port = talk_port();
	story_host_addr(&k.dst, k.family);
	k.dst.port = story_port();
	talk_opener(&k, &k.src, &k.dst);
	talk_body(&k);
	talk_macs(&k, world_up_mac, world_router);
	f = wire_make(&k);
	known = story_known(&k);
	r = play(HOOK_UPLINK, WORLD_UPLINK, &f);
	if (r.verdict != TC_ACT_REDIRECT || (r.out == WORLD_UPLINK && play_is_error(&f, &r)))
		return;
	play_same(&f, &r, END_DST, 1);
	p = world_port_at(r.out);
	if (!known && !(ROW(nsf_nets, p->net)->flags & NSF_NET_EIF))
		wrong("a stranger got in where nobody had let him (protocol %u)", k.proto);
	to = talk_end(&r.f, false);
	a = talk_answer(&k, &to, &k.src);
	if (talk_icmp(&k) || k.src.addr[k.family == 4 ? 3 : 15] == 99) /* where no route leads back */
		return;
	talk_macs(&a, ROW(nsf_nets, p->net)->mac, p->mac);
	f = wire_make(&a);
	r = play(HOOK_PORT, WORLD_IF(p->slot), &f);
	if (r.verdict != TC_ACT_REDIRECT || r.out != WORLD_UPLINK)
		wrong("the answer to a stranger does not leave (protocol %u)", k.proto);
	play_same(&f, &r, END_SRC, 1);
	from = talk_end(&r.f, true);
	if (!talk_is(&from, &k.dst))
		wrong("a stranger is answered from another end");
}

/* A container to what a container has outside. */
static void story_hairpin(void)
{
	struct talk *to = talk_any(), *t = talk_new();

	if (!t)
		return;
	if (to && to != t && to->out && to->k.family == t->k.family) {
		t->k.proto = to->k.proto;
		t->k.dst = to->ext;
	} else {
		story_host_addr(&t->k.dst, t->k.family);
		t->k.dst.port = story_port();
	}
	talk_opener(&t->k, &t->k.src, &t->k.dst);
	talk_send(t);
	t->port = NULL;
}

/* The host itself, whose socket is there from the first packet on. */
static void story_host(void)
{
	struct wire k = { .family = roll(4) ? 4 : 6, .proto = roll(2) ? IPPROTO_TCP : IPPROTO_UDP };
	struct nsf_flow_key key;
	const struct nsf_flow *f;
	struct wire_end from;
	struct result r;
	struct bytes b;
	struct wire a;
	__u32 slot;

	story_host_addr(&k.src, k.family);
	k.src.port = talk_port();
	talk_peer(&k.dst, k.family);
	talk_opener(&k, &k.src, &k.dst);
	talk_body(&k);
	k.ttl = 64;
	world.sockets[roll(WORLD_SOCKETS)] = (typeof(world.sockets[0])){ k.src.port, k.proto };
	world.n_sockets = WORLD_SOCKETS;
	b = wire_make(&k);
	r = play(HOOK_HOST, WORLD_UPLINK, &b);
	if (r.verdict == TC_ACT_SHOT)
		return;
	play_same(&b, &r, END_SRC, 0);
	from = talk_end(&r.f, true);
	key = (struct nsf_flow_key){ .saddr = world_handle(k.dst.addr, k.family),
				     .daddr = world_handle(from.addr, k.family),
				     .sport = bpf_htons(k.dst.port),
				     .dport = bpf_htons(from.port),
				     .proto = k.proto,
				     .family = k.family };
	f = birth_find_outer(&key, &slot);
	if (f && !(f->flags & NSF_FLOW_HOST))
		wrong("the host leaves with the ends of a container's flow");
	if (publish_find(PUBLISH_KIND(k.family, k.proto), key.daddr, from.port) >= 0)
		return;
	a = talk_answer(&k, &k.dst, &from);
	talk_macs(&a, world_up_mac, world_router);
	b = wire_make(&a);
	r = play(HOOK_UPLINK, WORLD_UPLINK, &b);
	if (r.verdict != TC_ACT_UNSPEC)
		wrong("an answer to the host does not reach it");
	play_same(&b, &r, END_DST, 0);
	from = talk_end(&r.f, false);
	if (!talk_is(&from, &k.src))
		wrong("an answer to the host reaches another socket");
}

static void story_purge(void)
{
	kernel_run(nsf_purge, &(struct __sk_buff){}, (const __u8 *)"", 0, 0);
}

static bool story_clashes(const struct nsf_publish *r)
{
	for (__u32 i = 0; i < world.n_rules; i++) {
		const struct nsf_publish *o = &world.rules[i];

		if (o->family == r->family && o->proto == r->proto && o->addr == r->addr && o->first <= r->last &&
		    r->first <= o->last)
			return true;
	}
	return false;
}

/* A rule more or less. */
static void story_publish(void)
{
	static const __u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	const struct world_port *p = &world.ports[roll(WORLD_NETS * WORLD_PORTS)];
	struct nsf_publish r = { .family = roll(3) ? 4 : 6, .proto = protos[roll(3)] };
	struct wire_end e = {};

	if (world.n_rules && (world.n_rules == WORLD_RULES || roll(2))) {
		world.rules[roll(world.n_rules)] = world.rules[world.n_rules - 1];
		world.n_rules--;
		world_rules();
		story_purge();
		return;
	}
	if (!p->there)
		return;
	story_host_addr(&e, r.family);
	if (roll(3)) {
		r.addr = world_handle(e.addr, r.family);
		memcpy(r.addr6, e.addr, r.family == 6 ? 16 : 0);
	}
	r.first = talk_port();
	r.last = (__u16)(r.first < 65000 ? r.first + roll(20) : r.first);
	r.to_first = (__u16)(roll(2) ? r.first : 1 + roll(60000));
	r.net = (__u16)p->net;
	r.slot = (__u16)p->slot;
	r.port_gen = ROW(nsf_ports, p->slot)->gen;
	r.to = world_handle(r.family == 4 ? p->addr4 : p->addr6, r.family);
	memcpy(r.to6, p->addr6, r.family == 6 ? 16 : 0);
	if (story_clashes(&r))
		return;
	world.rules[world.n_rules++] = r;
	world_rules();
}

static void story_port_change(void)
{
	struct world_port *p = &world.ports[roll(WORLD_NETS * WORLD_PORTS)];

	if (!p->there) {
		world_port_set(p, roll(2) ? (__u32[]){ 10, 5, 4 } : (__u32[]){ ~0u, ~0u, ~0u });
		return;
	}
	world_port_gone(p);
	for (__u32 i = 0; i < world.n_rules;) {
		if (world.rules[i].slot == p->slot)
			world.rules[i] = world.rules[--world.n_rules];
		else
			i++;
	}
	world_rules();
	story_purge();
}

static void story_sweep(void)
{
	int zero = 0;

	kernel.timer(&nsf_sweep, &zero, ROW(nsf_sweep, 0));
}

static void story_time(void)
{
	static const __u32 seconds[] = { 1, 2, 2, 30, 61, 130, 301, 7441 };

	kernel.now += seconds[roll(roll(20) ? 5 : 8)] * 1000000000ULL;
	kernel.taken = kernel.taken ^ (!roll(4) << 1);
	if (roll(3))
		story_sweep();
}

/* User space ends a flow. */
static void story_flush(void)
{
	struct nsf_flow *f = ROW(nsf_flows, roll(cfg.flows_max));

	if (f->flags & NSF_FLOW_LIVE)
		f->flags |= NSF_FLOW_ENDING;
}

/* A known packet with bytes that are not as they should be, from either side. */
static void story_garbage(void)
{
	struct talk *t = talk_any();
	struct bytes f;
	struct wire k;
	bool inside = roll(2);

	if (!t)
		return;
	k = t->k;
	if (!inside) {
		k = talk_answer(&k, &t->k.dst, &t->ext);
		talk_macs(&k, world_up_mac, world_router);
	}
	k.n_data = (__u16)roll(WIRE_DATA);
	k.frag = (__u16)(roll(3) ? 0 : roll(65536));
	f = wire_make(&k);
	for (__u32 n = roll(6); n; n--)
		f.b[ETH_HLEN + roll(f.len - ETH_HLEN < 80 ? f.len - ETH_HLEN : 80)] = (__u8)roll(256);
	if (!roll(4))
		f.len = roll(f.len + 1);
	if (f.len < ETH_HLEN)
		f.len = ETH_HLEN;
	play(inside ? HOOK_PORT : HOOK_UPLINK, inside ? WORLD_IF(t->port->slot) : WORLD_UPLINK, &f);
}

static void story_step(void)
{
	static void (*const things[])(void) = {
		story_new,      story_new,      story_new,         story_new,     story_more,    story_more,
		story_more,     story_more,     story_more,        story_answer,  story_answer,  story_answer,
		story_stranger, story_stranger, story_hairpin,     story_host,    story_garbage, story_garbage,
		story_garbage,  story_garbage,  story_garbage,     story_garbage, story_time,    story_flush,
		story_time,     story_publish,  story_port_change,
	};
	__u32 i = roll(sizeof(things) / sizeof(things[0]) + 20);

	/* rare things are rarer than the table's width says */
	if (i >= sizeof(things) / sizeof(things[0]))
		i %= 15;
	things[i]();
}

/* After the longest timeout, everything has ended. */
static void story_end(void)
{
	kernel.now += 20000ULL * 1000000000;
	story_sweep();
	story_sweep();
	check_empty();
}
