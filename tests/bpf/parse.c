/* SPDX-License-Identifier: GPL-2.0-only */
/* Every beginning of every good packet: named, unchanged if dropped, and nothing of it translated. */
#include "row.h"

static void open_flows(struct bed *b)
{
	const struct pk k[] = { udp(A(1000), OUT(53)), tcp(A(1000), OUT(80), SYN), echo(A(1000), OUT(0)) };
	struct frame have;
	int verdict;

	for (size_t i = 0; i < ARRAY_SIZE(k); i++) {
		assert_int_equal(row_prog(b, AT_A, frame(k[i]), 0, &have, &verdict), 0);
		assert_int_equal(verdict, REDIRECT);
	}
}

static __u64 drops_of_all(struct bed *b)
{
	__u64 n = 0;

	for (__u32 net = 0; net < NETS; net++)
		for (enum nsf_drop d = 0; d < NSF_DROP_MAX; d++)
			n += table_drops(b, net, d);
	return n;
}

/* One beginning: the whole packet would have been sent on. Returns what is wrong. */
static int cut(struct bed *b, const char *name, enum at at, const struct frame *whole, __u32 len)
{
	struct frame beginning = *whole, *in = &beginning;
	__u32 flows = flow_count(b), seen = 0;
	struct frame have = {};
	int verdict = SHOT, bad = 0;
	__u64 drops;

	beginning.len = len;
	table_reset_counts(b);
	if (row_prog(b, at, in, 0, &have, &verdict) == -EINVAL && len < ETH_HLEN + 20)
		return 0; /* the kernel's runner wants a network header */
	drops = drops_of_all(b);
	if (have.len != in->len || memcmp(have.b, in->b, in->len)) {
		print_error("%s cut to %u: changed\n", name, len);
		bad++;
	}
	for (__u32 slot = 0; slot < AT_SLOTS; slot++)
		seen += table_counts(b, slot).tx_packets;
	if ((verdict == SHOT) != (drops == 1) || drops > 1 || flow_count(b) != flows) {
		print_error("%s cut to %u: verdict %d, %llu drops, %u flows\n", name, len, verdict,
			    (unsigned long long)drops, flow_count(b));
		bad++;
	}
	if (at == AT_UPLINK ? verdict != PASS : verdict != SHOT || seen) {
		print_error("%s cut to %u: verdict %d\n", name, len, verdict);
		bad++;
	}
	return bad;
}

struct good {
	const char *name;
	enum at at;
	const struct frame *f;
};

static void every_beginning(struct bed *b, const struct good *g, size_t n, bool flows)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		table_reset(b);
		if (flows)
			open_flows(b);
		for (__u32 len = ETH_HLEN; len < g[i].f->len; len++)
			bad += cut(b, g[i].name, g[i].at, g[i].f, len);
	}
	assert_int_equal(bad, 0);
}

static void what_is_cut_is_dropped_unchanged(void **state)
{
	struct pk options = udp(A(1000), OUT(53));

	options.n_options = 8;
	memset(options.options, 1, 8);
	const struct good good[] = {
		{ "UDP out", AT_A, frame(udp(A(1000), OUT(53))) },
		{ "UDP with options out", AT_A, frame(options) },
		{ "TCP out", AT_A, frame(tcp(A(1000), OUT(80), SYN)) },
		{ "echo out", AT_A, frame(echo(A(1000), OUT(0))) },
		{ "UDP to the gateway", AT_A, frame(udp(A(1000), GW(53))) },
	};

	every_beginning(*state, good, ARRAY_SIZE(good), false);
	fresh(state);
	const struct good known[] = {
		{ "UDP of a flow", AT_A, frame(udp(A(1000), OUT(53))) },
		{ "TCP of a flow", AT_A, frame(tcp(A(1000), OUT(80), ACK)) },
		{ "echo of a flow", AT_A, frame(echo(A(1000), OUT(0))) },
	};
	every_beginning(*state, known, ARRAY_SIZE(known), true);
}

static void what_is_cut_passes_the_uplink_unchanged(void **state)
{
	struct pk quoted = udp(A(1000), OUT(53));

	quoted.saddr = SNAT;
	const struct good good[] = {
		{ "UDP in", AT_UPLINK, frame(udp(FAR(53), EXT(1000))) },
		{ "TCP in", AT_UPLINK, frame(tcp(FAR(80), EXT(1000), ACK)) },
		{ "echo reply in", AT_UPLINK, frame(echo(FAR(0), EXT(1000))) },
		{ "ICMP error in", AT_UPLINK, frame(icmp_error(FAR(0), EXT(0), 3, 3, frame(quoted), 36)) },
	};

	every_beginning(*state, good, ARRAY_SIZE(good), true);
}

static void arp_is_whole_or_nothing(void **state)
{
	const struct good good[] = {
		{ "ARP for the gateway", AT_A, arp(ALL, MAC(AT_A), 1, MAC(AT_A), A(0).addr, (struct mac){}, GW_ADDR) },
		{ "ARP reply", AT_A, arp(MAC(AT_B), MAC(AT_A), 2, MAC(AT_A), A(0).addr, MAC(AT_B), B(0).addr) },
		{ "ARP of a learning port", AT_C,
		  arp(ALL, MAC(AT_C), 1, MAC(AT_C), C(0).addr, (struct mac){}, GW_ADDR) },
	};

	every_beginning(*state, good, ARRAY_SIZE(good), false);
}

/* Lengths and sums come from the IP header, not from the frame. */
static void headers_that_lie_are_named(void **state)
{
	const struct pk u = udp(A(1000), OUT(53));
	struct pk version = u, ihl = u, over = u, under = u, tcp_over = tcp(A(1000), OUT(80), SYN), all = u,
		  ihl_over = u;

	version.first = 0x65;
	ihl.first = 0x44;
	ihl_over.first = 0x4f; /* 60 bytes of header in 48 */
	over.total = 49;
	under.total = 19;
	tcp_over.total = 36;
	all.total = 27;
	const struct row rows[] = {
		{ "version 6", AT_A, frame(version), DROPPED(BAD_IP4) },
		{ "header of 16 bytes", AT_A, frame(ihl), DROPPED(BAD_IP4) },
		{ "header longer than the packet", AT_A, frame(ihl_over), DROPPED(BAD_IP4) },
		{ "total longer than the frame", AT_A, frame(over), DROPPED(BAD_IP4) },
		{ "total shorter than the header", AT_A, frame(under), DROPPED(BAD_IP4) },
		{ "TCP header past the total", AT_A, frame(tcp_over), DROPPED(SHORT_L4) },
		{ "UDP header past the total", AT_A, frame(all), DROPPED(SHORT_L4) },
	};

	ROWS(*state, rows);
}

/* A known flow is no reason to believe a header. */
static void headers_that_lie_are_named_in_a_flow_too(void **state)
{
	struct pk u = udp(A(1000), OUT(53)), t = tcp(A(1000), OUT(80), ACK), in = udp(FAR(53), EXT(1000)),
		  i = echo(A(1000), OUT(0));

	u.total = 27;
	t.total = 36;
	in.total = 27;
	i.total = 27;
	const struct row rows[] = {
		{ "UDP", AT_A, frame(u), DROPPED(SHORT_L4), .setup = open_flows },
		{ "TCP", AT_A, frame(t), DROPPED(SHORT_L4), .setup = open_flows },
		{ "echo", AT_A, frame(i), DROPPED(SHORT_L4), .setup = open_flows },
		{ "UDP from outside", AT_UPLINK, frame(in), PASSED, .setup = open_flows },
	};

	ROWS(*state, rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_cut_is_dropped_unchanged),
		TEST(what_is_cut_passes_the_uplink_unchanged),
		TEST(arp_is_whole_or_nothing),
		TEST(headers_that_lie_are_named),
		TEST(headers_that_lie_are_named_in_a_flow_too),
	};

	return RUN(tests, bed_setup);
}
