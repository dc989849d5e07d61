/* SPDX-License-Identifier: GPL-2.0-only */
/* The budget of the hot paths: what each asks of the kernel. */
/*
 * Call by call, in order: a path that grows, or a lookup that becomes dearer, is a
 * change of this file. Maps stand with what their lookup costs: "array" is a multiplication, "hash" and "trie" are calls.
 */
#include <linux/types.h>
#include <string.h>

#include "bpf/bpf_helpers.h"

static void called(const char *what);
static void looked_up(const void *map);

/* From here on who calls a helper is heard first. */
#define bpf_map_lookup_elem(map, key) (looked_up(map), (bpf_map_lookup_elem)(map, key))
#define bpf_map_update_elem(...)      (called("update"), (bpf_map_update_elem)(__VA_ARGS__))
#define bpf_map_delete_elem(...)      (called("delete"), (bpf_map_delete_elem)(__VA_ARGS__))
#define bpf_ktime_get_coarse_ns()     (called("coarse clock"), (bpf_ktime_get_coarse_ns)())
#define bpf_jiffies64()               (called("jiffies"), (bpf_jiffies64)())
#define bpf_get_prandom_u32()         (called("random"), (bpf_get_prandom_u32)())
#define bpf_skb_load_bytes(...)       (called("load_bytes"), (bpf_skb_load_bytes)(__VA_ARGS__))
#define bpf_skb_store_bytes(...)      (called("store_bytes"), (bpf_skb_store_bytes)(__VA_ARGS__))
#define bpf_skb_pull_data(...)        (called("pull_data"), (bpf_skb_pull_data)(__VA_ARGS__))
#define bpf_l4_csum_replace(...)      (called("l4_csum_replace"), (bpf_l4_csum_replace)(__VA_ARGS__))
#define bpf_csum_diff(...)            (called("csum_diff"), (bpf_csum_diff)(__VA_ARGS__))
#define bpf_csum_update(...)          (called("csum_update"), (bpf_csum_update)(__VA_ARGS__))
#define bpf_fib_lookup(...)           (called("fib_lookup"), (bpf_fib_lookup)(__VA_ARGS__))
#define bpf_check_mtu(...)            (called("check_mtu"), (bpf_check_mtu)(__VA_ARGS__))
#define bpf_redirect(...)             (called("redirect"), (bpf_redirect)(__VA_ARGS__))
#define bpf_redirect_peer(...)        (called("redirect_peer"), (bpf_redirect_peer)(__VA_ARGS__))
#define bpf_redirect_neigh(...)       (called("redirect_neigh"), (bpf_redirect_neigh)(__VA_ARGS__))
#define bpf_skc_lookup_tcp(...)       (called("lookup_tcp"), (bpf_skc_lookup_tcp)(__VA_ARGS__))
#define bpf_sk_lookup_udp(...)        (called("lookup_udp"), (bpf_sk_lookup_udp)(__VA_ARGS__))
#define bpf_spin_lock(...)            (called("lock"), (bpf_spin_lock)(__VA_ARGS__))
#define kernel_tail_call(...)         (called("tail_call"), (kernel_tail_call)(__VA_ARGS__))

#include "../../bpf/nsfast.bpf.c"

#undef bpf_map_lookup_elem
#undef bpf_map_update_elem
#undef bpf_map_delete_elem
#undef bpf_ktime_get_coarse_ns
#undef bpf_jiffies64
#undef bpf_get_prandom_u32
#undef bpf_skb_load_bytes
#undef bpf_skb_store_bytes
#undef bpf_skb_pull_data
#undef bpf_l4_csum_replace
#undef bpf_csum_diff
#undef bpf_csum_update
#undef bpf_fib_lookup
#undef bpf_check_mtu
#undef bpf_redirect
#undef bpf_redirect_peer
#undef bpf_redirect_neigh
#undef bpf_skc_lookup_tcp
#undef bpf_sk_lookup_udp
#undef bpf_spin_lock
#undef kernel_tail_call

#include "talk.h"

static char heard[2048];

static void called(const char *what)
{
	size_t len = strlen(heard);

	snprintf(heard + len, sizeof(heard) - len, "%s%s", len ? ", " : "", what);
}

static void looked_up(const void *map)
{
	const struct map *m = map_of(map);
	const char *kind = m->type == BPF_MAP_TYPE_HASH ? "hash" : m->type == BPF_MAP_TYPE_LPM_TRIE ? "trie" : "array";
	char text[64];

	snprintf(text, sizeof(text), "%s %s", kind, m->name);
	called(text);
}

static void wrong(const char *text, ...)
{
	va_list v;

	va_start(v, text);
	printf("not ok 1 - ");
	vprintf(text, v);
	printf("\n");
	va_end(v);
	fflush(stdout);
	abort();
}

/* A packet as sockets send it, its sum left to the hardware, or as it comes from the wire; all of it linear. */
static struct result pass(enum play_hook hook, __u32 ifindex, const struct wire *k)
{
	static const __u8 socket[] = { 0, 1 }, wire[] = { 1 };
	struct bytes f = wire_make(k);

	dice.at = hook == HOOK_UPLINK ? wire : socket;
	dice.end = dice.at + (hook == HOOK_UPLINK ? sizeof(wire) : sizeof(socket));
	heard[0] = '\0';
	return play(hook, ifindex, &f);
}

static struct wire_end end_of(const __u8 *addr, __u8 family, __u16 port)
{
	struct wire_end e = { .port = port };

	memcpy(e.addr, addr, family == 4 ? 4 : 16);
	return e;
}

static const __u8 *addr_of(const struct world_port *p, __u8 family)
{
	return family == 4 ? p->addr4 : p->addr6;
}

static const __u8 far4[4] = { 203, 0, 113, 10 }, far6[16] = { 0x20, 0x01, 0x0d, 0xb8, 9, [15] = 9 };

static const __u8 *far_of(__u8 family)
{
	return family == 4 ? far4 : far6;
}

static struct wire packet(__u8 family, __u8 proto)
{
	return (struct wire){ .family = family, .proto = proto, .ttl = 64, .n_data = 18 };
}

static void tcp_flags(struct wire *k, __u8 flags)
{
	if (k->proto == IPPROTO_TCP)
		k->tcp = flags;
}

#define SYN    0x02
#define ACK    0x10
#define SYNACK 0x12

/* Container to container. */
static void neighbours(__u8 family, __u8 proto)
{
	const struct world_port *a = &world.ports[0], *b = &world.ports[1];
	struct wire k = packet(family, proto);

	k.src = end_of(addr_of(a, family), family, 5000);
	k.dst = end_of(addr_of(b, family), family, 80);
	talk_macs(&k, b->mac, a->mac);
	tcp_flags(&k, ACK);
	pass(HOOK_PORT, WORLD_IF(a->slot), &k);
	pass(HOOK_PORT, WORLD_IF(a->slot), &k);
}

static struct wire outward(__u8 family, __u8 proto)
{
	const struct world_port *a = &world.ports[0];
	struct wire k = packet(family, proto);

	k.src = end_of(addr_of(a, family), family, 5000);
	k.dst = end_of(far_of(family), family, 80);
	talk_macs(&k, ROW(nsf_nets, a->net)->mac, a->mac);
	return k;
}

/* An answer from the wire to what left. */
static struct result inward(const struct result *left, __u8 family, __u8 proto)
{
	struct wire_end ext = talk_end(&left->f, true);
	struct wire k = packet(family, proto);

	k.src = end_of(far_of(family), family, 80);
	k.dst = ext;
	talk_macs(&k, world_up_mac, world_router);
	tcp_flags(&k, ACK);
	return pass(HOOK_UPLINK, WORLD_UPLINK, &k);
}

/* Container to outside: the first packet. */
static struct result opening(__u8 family, __u8 proto)
{
	struct wire k = outward(family, proto);
	struct result r;

	tcp_flags(&k, SYN);
	r = pass(HOOK_PORT, WORLD_IF(world.ports[0].slot), &k);
	if (r.out != WORLD_UPLINK)
		wrong("the first packet does not leave");
	return r;
}

static void opens(__u8 family, __u8 proto)
{
	opening(family, proto);
}

static void opens_next(__u8 family, __u8 proto)
{
	struct wire k;

	opening(family, proto);
	k = outward(family, proto);
	k.src.port++;
	tcp_flags(&k, SYN);
	if (pass(HOOK_PORT, WORLD_IF(world.ports[0].slot), &k).out != WORLD_UPLINK)
		wrong("the next one's first packet does not leave");
}

static void first_answer(__u8 family, __u8 proto)
{
	struct result r = opening(family, proto);

	inward(&r, family, proto);
}

/* The third packet of a conversation that was answered. */
static struct result out(__u8 family, __u8 proto)
{
	__u32 from = WORLD_IF(world.ports[0].slot);
	struct wire k = outward(family, proto);
	struct result r = opening(family, proto);

	inward(&r, family, proto);
	tcp_flags(&k, ACK);
	pass(HOOK_PORT, from, &k);
	return pass(HOOK_PORT, from, &k);
}

static void back(__u8 family, __u8 proto)
{
	struct result r = out(family, proto);

	inward(&r, family, proto);
}

/* A port of the host that leads to the first container's 80. */
static void publish(__u8 family, __u8 proto)
{
	const struct world_port *a = &world.ports[0];
	struct nsf_publish r = { .family = family, .proto = proto, .first = 8080, .last = 8080, .to_first = 80 };

	r.net = (__u16)a->net;
	r.slot = (__u16)a->slot;
	r.port_gen = ROW(nsf_ports, a->slot)->gen;
	r.addr = world_handle(family == 4 ? world_snat[0] : world_snat6, family);
	r.to = world_handle(addr_of(a, family), family);
	memcpy(r.addr6, world_snat6, family == 6 ? 16 : 0);
	memcpy(r.to6, a->addr6, family == 6 ? 16 : 0);
	world.rules[world.n_rules++] = r;
	world_rules();
}

static struct wire asked(__u8 family, __u8 proto, __u8 flags)
{
	struct wire k = packet(family, proto);

	k.src = end_of(far_of(family), family, 5000);
	k.dst = end_of(family == 4 ? world_snat[0] : world_snat6, family, 8080);
	talk_macs(&k, world_up_mac, world_router);
	tcp_flags(&k, flags);
	return k;
}

static struct result answered(__u8 family, __u8 proto, __u8 flags)
{
	const struct world_port *a = &world.ports[0];
	struct wire k = packet(family, proto);

	k.src = end_of(addr_of(a, family), family, 80);
	k.dst = end_of(far_of(family), family, 5000);
	talk_macs(&k, ROW(nsf_nets, a->net)->mac, a->mac);
	tcp_flags(&k, flags);
	return pass(HOOK_PORT, WORLD_IF(a->slot), &k);
}

static void published(__u8 family, __u8 proto)
{
	struct wire k = asked(family, proto, SYN);
	struct result r;

	publish(family, proto);
	r = pass(HOOK_UPLINK, WORLD_UPLINK, &k);
	if (r.out != WORLD_IF(world.ports[0].slot))
		wrong("the first packet does not reach the container");
	answered(family, proto, SYNACK);
	k = asked(family, proto, ACK);
	pass(HOOK_UPLINK, WORLD_UPLINK, &k);
	pass(HOOK_UPLINK, WORLD_UPLINK, &k);
}

static void published_answer(__u8 family, __u8 proto)
{
	published(family, proto);
	answered(family, proto, ACK);
}

static void outwards(__u8 family, __u8 proto)
{
	out(family, proto);
}

/* Host to container: the host's own stack has routed it to the gateway. */
static void from_host(__u8 family, __u8 proto)
{
	const struct world_port *a = &world.ports[0];
	const struct nsf_net *n = ROW(nsf_nets, a->net);
	struct __sk_buff ctx = { .ifindex = n->gateway,
				 .pkt_type = PACKET_HOST,
				 .protocol = family == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6) };
	struct wire k = packet(family, proto);
	struct bytes f;

	k.src = end_of(family == 4 ? (const __u8 *)&n->addr4 : n->gateway6, family, 5000);
	k.dst = end_of(addr_of(a, family), family, 80);
	talk_macs(&k, a->mac, n->mac);
	tcp_flags(&k, ACK);
	f = wire_make(&k);
	heard[0] = '\0';
	kernel_run(nsf_from_host, &ctx, f.b, f.len, f.len);
	if (kernel.out != WORLD_IF(a->slot))
		wrong("the host's packet does not reach the container");
}

static const struct row {
	const char *name;
	__u8 family, proto;
	void (*play)(__u8 family, __u8 proto);
	const char *calls;
} rows[] = {
	{ "container to container, UDP", 4, IPPROTO_UDP, neighbours,
	  "array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_ports, array nsf_count, array nsf_count, redirect_peer" },
	{ "container to container, TCP, IPv6", 6, IPPROTO_TCP, neighbours,
	  "tail_call, array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_flow_state, array nsf_flow_state, load_bytes, array nsf_ports, array nsf_count, array nsf_count, redirect_peer" },
	{ "container to outside, the first packet", 4, IPPROTO_TCP, opens,
	  "array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_hints, array nsf_flows, array nsf_unguessed, tail_call, jiffies, array nsf_nets, array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_routes, fib_lookup, jiffies, load_bytes, array nsf_scratch, jiffies, array nsf_shares, array nsf_unguessed, array nsf_ledgers, array nsf_ledger, array nsf_publish_live, array nsf_publish_live, lookup_tcp, array nsf_ledgers, array nsf_ledger, array nsf_used, array nsf_shares, array nsf_scratch, array nsf_ports, array nsf_shares, array nsf_flow_state, array nsf_flows, array nsf_flow_counts, array nsf_hints, array nsf_flows, array nsf_flow_counts, array nsf_hops, array nsf_hops, array nsf_hops, array nsf_hops, array nsf_hops, array nsf_hops, array nsf_hops, array nsf_hops, array nsf_hops, lock, array nsf_routes, array nsf_count, array nsf_count, redirect_neigh" },
	{ "container to outside, the next one's first packet", 4, IPPROTO_TCP, opens_next,
	  "array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_hints, array nsf_flows, array nsf_unguessed, tail_call, jiffies, array nsf_nets, array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_routes, array nsf_hops, jiffies, load_bytes, array nsf_scratch, jiffies, array nsf_shares, array nsf_unguessed, array nsf_ledgers, array nsf_ledger, array nsf_publish_live, array nsf_publish_live, lookup_tcp, array nsf_ledgers, array nsf_ledger, array nsf_used, array nsf_shares, array nsf_scratch, array nsf_ports, array nsf_shares, array nsf_flow_state, array nsf_flows, array nsf_flow_counts, array nsf_hints, array nsf_flows, array nsf_flow_counts, array nsf_count, array nsf_count, redirect" },
	{ "container to outside, the first answer", 4, IPPROTO_TCP, first_answer,
	  "array nsf_hints, array nsf_flows, array nsf_nets, array nsf_ports, jiffies, array nsf_flow_counts, array nsf_count, array nsf_count, redirect_peer" },
	{ "container to outside, TCP", 4, IPPROTO_TCP, outwards,
	  "array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_hints, array nsf_flows, jiffies, array nsf_hops, array nsf_flow_counts, array nsf_count, array nsf_count, redirect" },
	{ "container to outside, UDP", 4, IPPROTO_UDP, outwards,
	  "array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_hints, array nsf_flows, jiffies, array nsf_hops, array nsf_flow_counts, array nsf_count, array nsf_count, redirect" },
	{ "container to outside, TCP, IPv6", 6, IPPROTO_TCP, outwards,
	  "tail_call, array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_flow_state, array nsf_flow_state, load_bytes, load_bytes, array nsf_hints, array nsf_flows, array nsf_flows, jiffies, array nsf_flow_counts, array nsf_hops, array nsf_count, array nsf_flows, csum_diff, array nsf_count, redirect" },
	{ "outside to container, TCP", 4, IPPROTO_TCP, back,
	  "array nsf_hints, array nsf_flows, array nsf_nets, array nsf_ports, jiffies, array nsf_flow_counts, array nsf_count, array nsf_count, redirect_peer" },
	{ "outside to container, UDP", 4, IPPROTO_UDP, back,
	  "array nsf_hints, array nsf_flows, array nsf_nets, array nsf_ports, jiffies, array nsf_flow_counts, array nsf_count, array nsf_count, redirect_peer" },
	{ "outside to container, TCP, IPv6", 6, IPPROTO_TCP, back,
	  "tail_call, array nsf_flow_state, array nsf_flow_state, array nsf_hints, array nsf_flows, array nsf_flows, jiffies, array nsf_flow_counts, array nsf_nets, array nsf_ports, array nsf_count, array nsf_flows, csum_diff, array nsf_count, redirect_peer" },
	{ "outside to a published port, TCP", 4, IPPROTO_TCP, published,
	  "array nsf_hints, array nsf_flows, array nsf_nets, array nsf_ports, jiffies, array nsf_flow_counts, array nsf_count, array nsf_count, redirect_peer" },
	{ "answers of a published port, TCP", 4, IPPROTO_TCP, published_answer,
	  "array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_hints, array nsf_flows, jiffies, array nsf_hops, array nsf_flow_counts, array nsf_count, array nsf_count, redirect" },
	{ "host to container, TCP", 4, IPPROTO_TCP, from_host,
	  "array nsf_iface_rows, array nsf_ports, array nsf_nets, array nsf_ports, array nsf_count, array nsf_count, redirect" },
};

int main(void)
{
	size_t i, bad = 0;

	printf("1..%zu\n", sizeof(rows) / sizeof(rows[0]));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool same;

		world_make(1);
		world_net(1, 0, 1, NSF_LEDGER_PORTS - 1024);
		world_exts(NSF_LEDGER_PORTS - 1024);
		rows[i].play(rows[i].family, rows[i].proto);
		same = !strcmp(heard, rows[i].calls);
		bad += !same;
		printf("%sok %zu - %s\n", same ? "" : "not ", i + 1, rows[i].name);
		if (!same)
			printf("# asks: %s\n# budget: %s\n", heard, rows[i].calls);
		world_drop();
	}
	return bad != 0;
}
