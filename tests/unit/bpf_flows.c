/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow table as user space reads it, on tables in plain memory: every filter, both families, what is not told. */
#include "capture.h"

#include <arpa/inet.h>
#include <time.h>

#include "bpf_flows.h"

#define SLOTS 16

enum { GATEWAY = 1, PORT_A = 3, PORT_B = 4, PORT_C = 5 };

/* t0 (1) has a and b, t1 (2) has c. */
struct tables {
	struct host h;
	struct nsf_flow flows[SLOTS];
	struct nsf_flow_count counts[SLOTS];
	struct nsf_flow_state state;
	struct nsf_net nets[NSF_NETS_MAX];
	struct nsf_port ports[NSF_SLOTS_MAX];
	struct nsf_names names[NSF_SLOTS_MAX];
};

static __be32 ip(const char *text)
{
	__be32 a;

	assert_int_equal(inet_pton(AF_INET, text, &a), 1);
	return a;
}

static void port(struct tables *t, __u32 slot, __u16 net, const char *name)
{
	t->ports[slot] = (struct nsf_port){ .gen = 10 + slot, .net = net, .role = NSF_ROLE_PORT };
	strcpy(t->names[slot].port, name);
}

static struct nsf_flow flow(struct tables *t, __u32 slot, __u8 proto, __u16 number)
{
	return (struct nsf_flow){ .gen = 1,
				  .seen = bpf_flows_tick(),
				  .port_gen = t->ports[slot].gen,
				  .inner = ip("10.77.0.2"),
				  .peer = ip("203.0.113.10"),
				  .ext = ip("198.51.100.1"),
				  .inner_port = htons(number),
				  .peer_port = htons(80),
				  .ext_port = htons(number),
				  .net = t->ports[slot].net,
				  .flags = NSF_FLOW_LIVE,
				  .slot = (__u16)slot,
				  .proto = proto,
				  .family = 4 };
}

static void six(struct tables *t, __u32 slot, __u32 second, const char *inner, const char *peer, const char *ext)
{
	struct nsf_flow6 s = {};

	t->flows[slot].family = 6;
	t->flows[slot].six = second;
	assert_int_equal(inet_pton(AF_INET6, inner, s.inner), 1);
	assert_int_equal(inet_pton(AF_INET6, peer, s.peer), 1);
	assert_int_equal(inet_pton(AF_INET6, ext, s.ext), 1);
	memcpy(&t->flows[second], &s, sizeof(s));
}

static int setup(void **state)
{
	static const __u32 timeout[NSF_TIMEOUT_MAX] = {
		[NSF_TIMEOUT_TCP_OPEN] = 240, [NSF_TIMEOUT_TCP_CLOSE] = 241, [NSF_TIMEOUT_TCP_EST] = 7440,
		[NSF_TIMEOUT_UDP] = 300,      [NSF_TIMEOUT_ICMP] = 60,       [NSF_TIMEOUT_OTHER] = 600
	};
	struct tables *t = calloc(1, sizeof(*t));
	__u32 i;

	assert_non_null(t);
	t->h.dp = (struct dp){ .loaded = true,
			       .flows = t->flows,
			       .flow_counts = t->counts,
			       .state = &t->state,
			       .nets = t->nets,
			       .ports = t->ports,
			       .names = t->names,
			       .n_flows = SLOTS };
	t->state.fresh = SLOTS + 5; /* a birth that finds no slot is seen here for a moment */
	for (i = 0; i < 3; i++)
		memcpy(t->nets[i].timeout, timeout, sizeof(timeout));
	strcpy(t->nets[1].name, "t0");
	strcpy(t->nets[2].name, "t1");
	port(t, PORT_A, 1, "a");
	port(t, PORT_B, 1, "b");
	port(t, PORT_C, 2, "c");
	*state = t;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

struct got {
	struct mode_flow last;
	char ports[128]; /* inner ports, in the table's order */
	int stop;        /* what the callback returns */
};

static int note(const struct mode_flow *f, void *arg)
{
	struct got *g = arg;
	size_t n = strlen(g->ports);

	g->last = *f;
	snprintf(g->ports + n, sizeof(g->ports) - n, "%s%u", n ? " " : "", f->inner_port);
	return g->stop;
}

static struct got read_all(struct tables *t, const struct flow_filter *f)
{
	struct got g = {};

	assert_int_equal(bpf_flows_read(&t->h, f, note, &g), 0);
	return g;
}

static void assert_found(struct tables *t, const struct flow_filter *f, const char *want)
{
	assert_string_equal(read_all(t, f).ports, want);
}

static void assert_addr(const struct addr *a, const char *want)
{
	char buf[ADDR_STRLEN];

	assert_string_equal(addr_format(a, false, buf), want);
}

static struct got read_one(struct tables *t, const struct nsf_flow *f)
{
	t->flows[0] = *f;
	return read_all(t, &(struct flow_filter){});
}

static void a_record_is_told_as_it_is(void **state)
{
	struct tables *t = *state;
	struct nsf_flow f = flow(t, PORT_A, IPPROTO_UDP, 5000);
	struct got g;

	f.seen -= NSF_TICKS(100);
	f.ext_port = htons(6000);
	f.flags |= NSF_FLOW_INBOUND | NSF_FLOW_HAIRPIN;
	t->counts[0] = (struct nsf_flow_count){ 1, 20, 3, 40 };
	g = read_one(t, &f);
	assert_int_equal(g.last.proto, IPPROTO_UDP);
	assert_int_equal(g.last.state, FLOW_ACTIVE);
	assert_addr(&g.last.inner, "10.77.0.2");
	assert_addr(&g.last.peer, "203.0.113.10");
	assert_addr(&g.last.ext, "198.51.100.1");
	assert_int_equal(g.last.inner_port, 5000);
	assert_int_equal(g.last.peer_port, 80);
	assert_int_equal(g.last.ext_port, 6000);
	assert_string_equal(g.last.net, "t0");
	assert_string_equal(g.last.port, "a");
	assert_in_range(g.last.left, 197, 200);
	assert_true(g.last.inbound);
	assert_true(g.last.translated);
	assert_true(g.last.hairpin);
	assert_false(g.last.overloaded);
	assert_int_equal(g.last.out_packets, 1);
	assert_int_equal(g.last.out_bytes, 20);
	assert_int_equal(g.last.in_packets, 3);
	assert_int_equal(g.last.in_bytes, 40);
}

static void translated_overloaded_and_whose_it_is(void **state)
{
	struct tables *t = *state;
	struct nsf_flow f = flow(t, PORT_A, IPPROTO_TCP, 5000);

	f.flags |= NSF_FLOW_SHARED;
	assert_true(read_one(t, &f).last.overloaded);
	f.proto = 47; /* without ports there is nothing to share */
	assert_false(read_one(t, &f).last.overloaded);
	f.proto = IPPROTO_UDP;
	f.flags |= NSF_FLOW_INBOUND; /* let in by the mapping of another flow */
	assert_false(read_one(t, &f).last.overloaded);
	f = flow(t, PORT_A, IPPROTO_UDP, 5000);
	f.ext = f.inner;
	assert_false(read_one(t, &f).last.translated);
	f.ext_port++;
	assert_true(read_one(t, &f).last.translated);
	f.port_gen--;
	assert_null(read_one(t, &f).last.port);
	t->ports[GATEWAY] = (struct nsf_port){ .gen = 3, .net = 1, .role = NSF_ROLE_GATEWAY };
	f = flow(t, GATEWAY, IPPROTO_UDP, 5000);
	assert_null(read_one(t, &f).last.port); /* nobody knows it yet */
	f = flow(t, PORT_A, IPPROTO_TCP, 5000);
	f.net = 0;
	f.slot = 0;
	f.flags |= NSF_FLOW_HOST;
	assert_string_equal(read_one(t, &f).last.port, FLOW_HOST);
	assert_null(read_one(t, &f).last.net);
}

static void states_and_their_timeouts(void **state)
{
	static const struct {
		__u8 proto, tcp;
		enum flow_state state;
		unsigned left;
	} rows[] = {
		{ IPPROTO_TCP, NSF_TCP_SYN_IN, FLOW_OPENING, 240 },
		{ IPPROTO_TCP, NSF_TCP_SYN_PEER, FLOW_OPENING, 240 },
		{ IPPROTO_TCP, NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER | NSF_TCP_UNSURE, FLOW_OPENING, 240 },
		{ IPPROTO_TCP, NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER, FLOW_ESTABLISHED, 7440 },
		{ IPPROTO_TCP, NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER | NSF_TCP_FIN_PEER, FLOW_HALF_CLOSED, 7440 },
		{ IPPROTO_TCP, NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER | NSF_TCP_FIN_PEER | NSF_TCP_FIN_IN, FLOW_CLOSED,
		  241 },
		{ IPPROTO_TCP, NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER | NSF_TCP_RST, FLOW_RESET, 241 },
		{ IPPROTO_TCP, NSF_TCP_SYN_IN | NSF_TCP_RST, FLOW_RESET, 241 },
		{ IPPROTO_TCP, NSF_TCP_SYN_IN | NSF_TCP_FIN_PEER | NSF_TCP_FIN_IN, FLOW_CLOSED, 241 },
		{ IPPROTO_SCTP, NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER, FLOW_ESTABLISHED, 7440 },
		{ IPPROTO_UDP, 0, FLOW_ACTIVE, 300 },
		{ IPPROTO_UDPLITE, 0, FLOW_ACTIVE, 300 },
		{ IPPROTO_ICMP, 0, FLOW_ACTIVE, 60 },
		{ IPPROTO_ICMPV6, 0, FLOW_ACTIVE, 60 },
		{ 47, 0, FLOW_ACTIVE, 600 },
	};
	struct tables *t = *state;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct nsf_flow f = flow(t, PORT_A, rows[i].proto, 5000);
		struct got g;

		f.tcp = rows[i].tcp;
		g = read_one(t, &f);
		assert_int_equal(g.last.state, rows[i].state);
		assert_in_range(g.last.left, rows[i].left - 2, rows[i].left);
		assert_found(t, &(struct flow_filter){ .states = 1U << rows[i].state }, "5000");
		assert_found(t, &(struct flow_filter){ .states = ~(1U << rows[i].state) }, "");
		f.seen -= NSF_TICKS(8000);
		assert_int_equal(read_one(t, &f).last.left, 0);
	}
}

static struct flow_filter by_addr(const char *text)
{
	struct flow_filter f = {};

	assert_int_equal(addr_parse(text, &f.addr), 0);
	return f;
}

static void filters_find_their_own(void **state)
{
	static const struct {
		const char *addr, *want;
	} rows[] = {
		{ "10.77.0.2", "1 2 4" },
		{ "10.77.0.3", "3" },
		{ "10.77.0.0/31", "" },
		{ "10.77.0.0/30", "1 2 3 4" },
		{ "203.0.113.10", "1 2 3 4" },
		{ "198.51.100.0/24", "1 2 3 4" },
		{ "0.0.0.0/0", "1 2 3 4" },
		{ "::/0", "5 6" },
		{ "fd00::2", "5" },
		{ "fd00::/64", "5 6" },
		{ "fd00::2/127", "5 6" },
		{ "2001:db8::1", "5" },
		{ "2001:db8:ffff::/48", "5 6" },
		{ "2001:db8:fffe::/48", "" },
		{ "2001:db8::/32", "5 6" },
	};
	struct tables *t = *state;

	t->flows[1] = flow(t, PORT_A, IPPROTO_UDP, 1);
	t->flows[2] = flow(t, PORT_A, IPPROTO_TCP, 2);
	t->flows[3] = flow(t, PORT_B, IPPROTO_UDP, 3);
	t->flows[3].inner = ip("10.77.0.3");
	t->flows[5] = flow(t, PORT_C, IPPROTO_UDP, 4);
	t->flows[6] = flow(t, PORT_A, IPPROTO_UDP, 5);
	six(t, 6, 8, "fd00::2", "2001:db8::1", "2001:db8:ffff::1");
	t->flows[7] = flow(t, PORT_C, IPPROTO_TCP, 6);
	six(t, 7, 9, "fd00::3", "2001:db8::2", "2001:db8:ffff::1");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct flow_filter f = by_addr(rows[i].addr);

		assert_found(t, &f, rows[i].want);
	}
	assert_found(t, &(struct flow_filter){}, "1 2 3 4 5 6");
	assert_found(t, &(struct flow_filter){ .net = "t0" }, "1 2 3 5");
	assert_found(t, &(struct flow_filter){ .net = "t1" }, "4 6");
	assert_found(t, &(struct flow_filter){ .port = "a" }, "1 2 5");
	assert_found(t, &(struct flow_filter){ .net = "t1", .port = "a" }, "");
	assert_found(t, &(struct flow_filter){ .port = FLOW_HOST }, "");
	assert_found(t, &(struct flow_filter){ .by_proto = true, .proto = IPPROTO_TCP }, "2 6");
	assert_found(t, &(struct flow_filter){ .by_proto = true, .proto = 0 }, "");
	assert_found(t, &(struct flow_filter){ .port = "a", .by_proto = true, .proto = IPPROTO_UDP }, "1 5");
	t->flows[2].net = 0;
	t->flows[2].flags |= NSF_FLOW_HOST;
	assert_found(t, &(struct flow_filter){ .port = FLOW_HOST }, "2");
	assert_found(t, &(struct flow_filter){ .net = "t0" }, "1 3 5");
}

static void an_ipv6_flow_is_told_with_its_whole_addresses(void **state)
{
	struct tables *t = *state;
	struct got g;

	t->flows[1] = flow(t, PORT_A, IPPROTO_TCP, 5000);
	six(t, 1, 2, "fd00::2", "2001:db8::1", "2001:db8:ffff::1");
	g = read_all(t, &(struct flow_filter){});
	assert_string_equal(g.ports, "5000"); /* the second slot is no flow */
	assert_addr(&g.last.inner, "fd00::2");
	assert_addr(&g.last.peer, "2001:db8::1");
	assert_addr(&g.last.ext, "2001:db8:ffff::1");
	assert_true(g.last.translated);
	six(t, 1, 2, "fd00::2", "2001:db8::1", "fd00::2");
	assert_false(read_all(t, &(struct flow_filter){}).last.translated);
}

static void what_is_no_flow_or_nonsense_is_not_told(void **state)
{
	struct tables *t = *state;
	const struct nsf_flow good = flow(t, PORT_A, IPPROTO_TCP, 5000);
	struct nsf_flow f = good;

	f.flags = 0;
	assert_string_equal(read_one(t, &f).ports, "");
	f = good;
	f.net = NSF_NETS_MAX;
	assert_string_equal(read_one(t, &f).ports, "");
	f = good;
	f.slot = NSF_SLOTS_MAX;
	assert_string_equal(read_one(t, &f).ports, "");
	f = good;
	f.family = 6;
	f.six = SLOTS;
	assert_string_equal(read_one(t, &f).ports, "");
	assert_string_equal(read_one(t, &good).ports, "5000");
	t->state.fresh = 0; /* beyond what was ever given out nobody looks */
	assert_string_equal(read_one(t, &good).ports, "");
}

static void a_callback_ends_the_walk(void **state)
{
	struct tables *t = *state;
	struct got g = { .stop = -7 };

	t->flows[1] = flow(t, PORT_A, IPPROTO_UDP, 1);
	t->flows[2] = flow(t, PORT_A, IPPROTO_UDP, 2);
	assert_int_equal(bpf_flows_read(&t->h, &(struct flow_filter){}, note, &g), -7);
	assert_string_equal(g.ports, "1");
}

static void usage_counts_what_lives(void **state)
{
	struct tables *t = *state;
	struct mode_usage u;

	t->flows[1] = flow(t, PORT_A, IPPROTO_UDP, 1);
	six(t, 1, 2, "fd00::2", "2001:db8::1", "fd00::2");
	t->flows[5] = flow(t, PORT_A, IPPROTO_UDP, 2);
	t->state.overloaded = 3;
	t->state.reclaimed = 4;
	assert_int_equal(bpf_flows_usage(&t->h, &u), 0);
	assert_int_equal(u.flows, 2);
	assert_int_equal(u.flows_max, SLOTS);
	assert_int_equal(u.overloaded, 3);
	assert_int_equal(u.reclaimed, 4);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_record_is_told_as_it_is),
		TEST(translated_overloaded_and_whose_it_is),
		TEST(states_and_their_timeouts),
		TEST(filters_find_their_own),
		TEST(an_ipv6_flow_is_told_with_its_whole_addresses),
		TEST(what_is_no_flow_or_nonsense_is_not_told),
		TEST(a_callback_ends_the_walk),
		TEST(usage_counts_what_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
