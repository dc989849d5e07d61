/* SPDX-License-Identifier: GPL-2.0-only */
/* External ports: preserved, else another; one for each endpoint, whoever else asks for it; what opens no flow. */
#include "row.h"

#include <pthread.h>

/* A range so small that it can be used up. */
#define LOW  40000
#define HIGH 40007

static int setup(void **state)
{
	table_ports[0] = LOW;
	table_ports[1] = HIGH;
	return bed_open(state, bed_cfg);
}

/* Nothing is left of a conversation that was refused. */
static int no_state(struct bed *b, const char *name)
{
	__u32 used = ledger_used(b, NSF_LEDGER_TCP) + ledger_used(b, NSF_LEDGER_UDP) + ledger_used(b, NSF_LEDGER_ICMP);

	if (!flow_count(b) && !flow_keys(b) && !used && !table_count(b->moved))
		return 0;
	print_error("%s: %u flows, %u keys, %u external ports are left\n", name, flow_count(b), flow_keys(b), used);
	return 1;
}

static void refused(struct bed *b, const struct row *r, size_t n)
{
	int bad = 0;

	for (size_t i = 0; i < n; i++) {
		table_reset(b);
		bad += row_run(b, &r[i]) + no_state(b, r[i].name);
	}
	assert_int_equal(bad, 0);
}
#define REFUSED(b, rows) refused(b, rows, ARRAY_SIZE(rows))

/* Sends a packet of a flow, new or not, that may have any external port; checks the packet and returns the port. */
static __u16 opened(struct bed *b, enum at at, struct pk k)
{
	struct end inner = { .addr = k.saddr, .port = k.sport };
	struct nsf_flow *f;
	struct frame have;
	bool known;
	int verdict;

	assert_int_equal(row_prog(b, at, frame(k), 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
	f = flow_to(b, inner, k.daddr, k.dport, k.proto);
	known = !memcmp(have.b, &ROUTER, ETH_ALEN);
	k = known ? snat_known(k, ntohs(f->ext_port)) : snat(k, ntohs(f->ext_port));
	assert_int_equal(row_bytes("opened", frame(k), &have), 0);
	return ntohs(f->ext_port);
}

/* Endpoint i on the learning port C, all with one port number. */
static struct end many(__u32 i, __u16 port)
{
	struct end e = C(port);

	e.addr = IP4(10, 77, 0, 100) + i;
	return e;
}

static void a_free_port_number_is_kept(void **state)
{
	struct pk u = udp(A(1000), OUT(53)), no_sum = u, options = u, df = u, full = udp(A(1001), OUT(53));

	no_sum.faults = NO_L4_SUM;
	options.n_options = 4;
	memcpy(options.options, "\x94\x04\x00\x00", 4); /* router alert */
	df.frag = 0x4000;
	df.tos = 0x2c;
	full.n_data = 1472;
	const struct pk good[] = { u,
				   no_sum,
				   options,
				   df,
				   full,
				   udp(A(53), OUT(53)),
				   tcp(A(1000), OUT(80), SYN),
				   tcp(A(22), OUT(80), SYN | 0xc0 /* ECN */),
				   echo(A(1000), OUT(0)) };
	struct row r = { "a free port number is kept", AT_A, NULL, SENT(TX(AT_LEG)) };
	int bad = 0;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		table_reset(*state);
		r.in = frame(good[i]);
		r.out = frame(snat(good[i], good[i].sport));
		bad += row_run(*state, &r);
		assert_int_equal(flow_count(*state), 1);
		assert_int_equal(flow_keys(*state), 1);
	}
	assert_int_equal(bad, 0);
}

static void a_record_and_its_ledger_say_who_talks_to_whom(void **state)
{
	struct bed *b = *state;
	struct nsf_ledger e;
	struct nsf_flow *f;

	opened(b, AT_A, udp(A(1000), OUT(53)));
	f = flow_of(b, A(1000), IPPROTO_UDP);
	assert_int_equal(f->inner, htonl(IP4(10, 77, 0, 2)));
	assert_int_equal(f->peer, htonl(PEER));
	assert_int_equal(f->ext, htonl(SNAT));
	assert_int_equal(f->peer_port, htons(53));
	assert_int_equal(f->net, 1);
	assert_int_equal(f->slot, AT_A);
	assert_int_equal(f->port_gen, b->dp.ports[AT_A].gen);
	assert_memory_equal(f->inner_mac, &MAC(AT_A), 6);
	e = ledger_of(b, NSF_LEDGER_UDP, 1000);
	assert_int_equal(e.refs, 1);
	assert_true(e.owner == ((__u64)htonl(IP4(10, 77, 0, 2)) << 32 | (__u32)htons(1000) << 16 | 1));
	assert_int_equal(ledger_used(b, NSF_LEDGER_UDP), 1);
	assert_int_equal(ledger_of(b, NSF_LEDGER_TCP, 1000).refs, 0);
	assert_int_equal(opened(b, AT_A, tcp(A(1000), OUT(53), SYN)), 1000); /* protocols know nothing of each other */
	assert_int_equal(opened(b, AT_A, udp(A(1000), OUT(54))), 1000);
	assert_int_equal(ledger_of(b, NSF_LEDGER_UDP, 1000).refs, 2);
	assert_int_equal(ledger_used(b, NSF_LEDGER_UDP), 1);
}

static void a_taken_number_becomes_another_of_its_kind(void **state)
{
	static const __u16 ports[] = { 5000, 5001, 1023, 500, 501, LOW, LOW + 1 };
	struct bed *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		__u16 p = ports[i], ext;

		for (int round = 0; round < 20; round++) {
			fresh(state);
			assert_int_equal(opened(b, AT_A, udp(A(p), OUT(53))), p);
			ext = opened(b, AT_B, udp(B(p), OUT(53)));
			assert_int_not_equal(ext, p);
			assert_int_equal(ext & 1, p & 1);
			if (p < 1024)
				assert_in_range(ext, 1, 1023);
			else
				assert_in_range(ext, LOW, HIGH);
		}
	}
}

/* RFC 4787 REQ-1: also after a clash, for a third destination, and when the one in the way is gone. */
static void an_endpoint_has_one_external_port_for_all_destinations(void **state)
{
	struct bed *b = *state;
	__u16 ext;

	opened(b, AT_A, udp(A(5000), OUT(53)));
	ext = opened(b, AT_B, udp(B(5000), OUT(53)));
	assert_int_equal(opened(b, AT_B, udp(B(5000), OUT(54))), ext);
	assert_int_equal(opened(b, AT_B, udp(B(5000), TO(PEER + 1, 53))), ext);
	assert_int_equal(opened(b, AT_B, udp(B(5000), TO(STRANGER, 9))), ext);
	assert_int_equal(ledger_of(b, NSF_LEDGER_UDP, ext).refs, 4);
	assert_int_equal(ledger_used(b, NSF_LEDGER_UDP), 2);
	assert_int_equal(table_count(b->moved), 1);

	row_clear_port(&b->dp, AT_A);
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(ledger_of(b, NSF_LEDGER_UDP, 5000).refs, 0);
	assert_int_equal(opened(b, AT_B, udp(B(5000), TO(PEER + 2, 53))), ext);
}

static void networks_with_one_address_share_its_ports(void **state)
{
	struct bed *b = *state;
	struct pk k = udp(E(5000), OUT(53));

	k.dst = MAC(AT_GW2);
	opened(b, AT_A, udp(A(5000), OUT(53)));
	assert_int_not_equal(opened(b, AT_E, k), 5000);
}

/* RFC 4787 REQ-3, and what is full hurts nothing that is there. */
static void external_ports_are_exclusive_and_end(void **state)
{
	struct bed *b = *state;
	struct pk late = udp(many(20, 5000), OUT(53));
	struct frame *in = frame(late);
	bool seen[65536] = {};

	for (__u32 i = 0; i < 1 + HIGH - LOW + 1; i++) {
		__u16 ext = opened(b, AT_C, udp(many(i, 5000), OUT(53)));

		assert_false(seen[ext]);
		seen[ext] = true;
		assert_true(i ? ext >= LOW && ext <= HIGH : ext == 5000);
		if (i >= 1 && i <= 4)
			assert_int_equal(ext & 1, 0); /* the numbers of its own parity first */
	}
	b->dp.nets[1].flags |= NSF_NET_STRICT;
	STEP(b, "no port is left", AT_C, in, ANSWERED(PORTS_FULL, TX(AT_C), answer(in, 3, 13, 0)));
	assert_int_equal(flow_count(b), 9);
	assert_int_equal(flow_keys(b), 17); /* the one that kept its number needs no inner key */
	assert_int_equal(ledger_used(b, NSF_LEDGER_UDP), 9);
	settle();
	late = udp(many(0, 5000), OUT(53));
	opened(b, AT_C, late);
	STEP(b, "an old flow goes on", AT_C, frame(late), SENT(TX(AT_LEG)), .out = frame(snat_known(late, 5000)));
	assert_int_equal(opened(b, AT_C, udp(many(20, 6000), OUT(53))), 6000);
}

/* RFC 6888 section 4: a range is used whole, wherever it begins and ends; RFC 4787 REQ-4: its own parity first. */
static void a_range_of_any_size_is_used_whole(void **state)
{
	static const __u16 ranges[][2] = { { LOW, HIGH },        { LOW, HIGH - 1 },     { LOW + 1, HIGH },
					   { LOW + 1, LOW + 7 }, { LOW + 1, HIGH - 1 }, { LOW, LOW },
					   { LOW + 1, LOW + 1 } };
	struct bed *b = *state;

	for (size_t i = 0; i < 20 * ARRAY_SIZE(ranges); i++) {
		__u16 low = ranges[i % ARRAY_SIZE(ranges)][0], high = ranges[i % ARRAY_SIZE(ranges)][1];
		__u16 sport = 5000 + i / ARRAY_SIZE(ranges) % 2;
		__u32 others = high - low + 1, own = (others + !((low ^ sport) & 1)) / 2;
		bool seen[65536] = {};

		fresh(state);
		b->dp.nets[1].port_min = low;
		b->dp.nets[1].port_max = high;
		b->dp.nets[1].flags |= NSF_NET_STRICT;
		assert_int_equal(opened(b, AT_C, udp(many(0, sport), OUT(53))), sport);
		for (__u32 n = 0; n < others; n++) {
			__u16 ext = opened(b, AT_C, udp(many(1 + n, sport), OUT(53)));

			assert_in_range(ext, low, high);
			assert_false(seen[ext]);
			seen[ext] = true;
			assert_int_equal((ext ^ sport) & 1, n >= own);
		}
	}
}

/* RFC 6888 REQ-8: what was freed rests while there are others, in a range however small, and no longer. */
static void a_freed_number_is_given_out_last(void **state)
{
	struct bed *b = *state;
	__u16 first;

	for (int round = 0; round < 20; round++) {
		fresh(state);
		b->dp.nets[1].flags |= NSF_NET_STRICT | NSF_NET_RANDOM;
		first = opened(b, AT_A, udp(A(5000), OUT(53)));
		assert_in_range(first, LOW, HIGH);
		row_clear_port(&b->dp, AT_A);
		assert_int_equal(dp_purge(b), 0);
		for (__u32 n = 0; n <= HIGH - LOW; n++)
			assert_int_equal(opened(b, AT_C, udp(many(n, 5000), OUT(53))) == first, n == HIGH - LOW);
	}
}

/* A search at random may end at the endpoint's own number: it is given back like any other. */
static void an_own_number_found_at_random_is_given_back(void **state)
{
	struct bed *b = *state;

	b->dp.nets[1].port_min = b->dp.nets[1].port_max = LOW;
	b->dp.nets[1].flags |= NSF_NET_STRICT | NSF_NET_RANDOM;
	assert_int_equal(opened(b, AT_A, udp(A(LOW), OUT(53))), LOW);
	row_clear_port(&b->dp, AT_A);
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(no_state(b, "given back"), 0);
	assert_int_equal(opened(b, AT_C, udp(many(0, LOW), OUT(53))), LOW);
}

static void a_full_table_refuses_the_new_and_keeps_the_old(void **state)
{
	struct bed *b = *state;
	struct pk first = udp(A(5000), OUT(1)), late = udp(A(6000), OUT(1));
	struct frame *in = frame(late);

	for (__u32 i = 0; i < b->cfg.flows_max; i++)
		opened(b, AT_A, udp(A(5000), OUT((__u16)(1 + i))));
	STEP(b, "no flow is left", AT_A, in, ANSWERED(FLOWS_FULL, TX(AT_A), answer(in, 3, 13, 0)));
	assert_int_equal(ledger_of(b, NSF_LEDGER_UDP, 6000).owner, 0);
	assert_int_equal(ledger_used(b, NSF_LEDGER_UDP), 1);
	assert_int_equal(ledger_of(b, NSF_LEDGER_UDP, 5000).refs, b->cfg.flows_max);
	assert_int_equal(flow_keys(b), b->cfg.flows_max);
	assert_int_equal(b->dp.state->fresh, b->cfg.flows_max);
	settle();
	opened(b, AT_A, first);
	STEP(b, "an old flow goes on", AT_A, frame(first), SENT(TX(AT_LEG)), .out = frame(snat_known(first, 5000)));
}

static int socket_on(int type, __u32 addr, __u16 port)
{
	struct sockaddr_in s = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(addr), .sin_port = htons(port) };
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&s, sizeof(s)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1), 0);
	return fd;
}

/* CVE-2021-3773: a container must not get the number of a service of the host. */
static void a_number_of_a_host_socket_is_not_given_out(void **state)
{
	struct bed *b = *state;
	autoclose int any = socket_on(SOCK_STREAM, 0, 5000), one = socket_on(SOCK_STREAM, SNAT, 5002);
	autoclose int other = socket_on(SOCK_STREAM, UP_ADDR, 5004), dns = socket_on(SOCK_DGRAM, 0, 5353);
	autoclose int l0 = socket_on(SOCK_STREAM, 0, LOW), l2 = socket_on(SOCK_STREAM, 0, LOW + 2);
	autoclose int l4 = socket_on(SOCK_STREAM, 0, LOW + 4);

	assert_int_equal(opened(b, AT_A, tcp(A(5000), OUT(80), SYN)), LOW + 6); /* the only even one left */
	assert_int_equal(opened(b, AT_A, tcp(A(5002), OUT(80), SYN)) & 1, 1);
	assert_int_equal(opened(b, AT_A, tcp(A(5004), OUT(80), SYN)), 5004); /* the socket is on another address */
	assert_int_not_equal(opened(b, AT_A, udp(A(5353), OUT(53))), 5353);
	assert_int_equal(opened(b, AT_A, udp(A(5000), OUT(53))), 5000); /* TCP's socket is not UDP's */
}

/* The frame with another byte at an offset of its transport header. */
static struct frame *byte_at(struct frame *f, __u32 at, __u8 v)
{
	f->b[ETH_HLEN + 20 + at] = v;
	return f;
}

static void what_opens_no_flow_never_leaves(void **state)
{
	struct pk u = udp(A(1000), OUT(53)), t = tcp(A(1000), OUT(80), SYN), first = u, later = u,
		  e = echo(A(9), OUT(0));
	struct pk bad_sum = u, short_tcp = t, short_udp = u, code = e, time = e, reply = e;

	first.frag = 0x2000;
	later.frag = 185;
	bad_sum.faults = BAD_IP_SUM;
	short_tcp.total = 39;
	short_udp.total = 27;
	code.icmp_code = 1;
	time.icmp_type = 13;
	reply.icmp_type = ICMP_ECHOREPLY;
#define ODD(proto)        frame(pk_ip4(A(0), OUT(0), proto))
#define BYTE(k, at, v)    byte_at(frame(k), at, v)
#define ERROR(type, code) frame(icmp_error(A(0), OUT(0), type, code, frame(udp(OUT(53), A(1000))), 28))
	const struct row rows[] = {
		{ "TCP ACK", AT_A, frame(tcp(A(1), OUT(80), ACK)), DROPPED(TCP_NO_FLOW) },
		{ "TCP SYN+ACK", AT_A, frame(tcp(A(1), OUT(80), SYN | ACK)), DROPPED(TCP_NO_FLOW) },
		{ "TCP RST", AT_A, frame(tcp(A(1), OUT(80), RST)), DROPPED(TCP_NO_FLOW) },
		{ "TCP FIN", AT_A, frame(tcp(A(1), OUT(80), FIN | ACK)), DROPPED(TCP_NO_FLOW) },
		{ "TCP SYN+FIN", AT_A, frame(tcp(A(1), OUT(80), SYN | FIN)), DROPPED(TCP_NO_FLOW) },
		{ "TCP SYN+RST", AT_A, frame(tcp(A(1), OUT(80), SYN | RST)), DROPPED(TCP_NO_FLOW) },
		{ "TCP nothing", AT_A, frame(tcp(A(1), OUT(80), 0)), DROPPED(TCP_NO_FLOW) },
		{ "first fragment", AT_A, frame(first), DROPPED(FRAGMENT) },
		{ "later fragment", AT_A, frame(later), DROPPED(FRAGMENT) },
		{ "SCTP", AT_A, ODD(132), DROPPED(TCP_NO_FLOW) },
		{ "IGMP", AT_A, ODD(2), DROPPED(PROTOCOL) },
		{ "protocol 0", AT_A, ODD(0), DROPPED(PROTOCOL) },
		{ "protocol 255", AT_A, ODD(255), DROPPED(PROTOCOL) },
		{ "ICMP echo reply", AT_A, frame(reply), DROPPED(ICMP_NO_FLOW) },
		{ "ICMP echo, code 1", AT_A, frame(code), DROPPED(ICMP_NO_FLOW) },
		{ "ICMP timestamp", AT_A, frame(time), DROPPED(ICMP_NO_FLOW) },
		{ "ICMP unreachable", AT_A, ERROR(3, 1), DROPPED(ICMP_NO_FLOW) },
		{ "ICMP redirect", AT_A, ERROR(5, 1), DROPPED(ICMP_NO_FLOW) },
		{ "ICMP source quench", AT_A, ERROR(4, 0), DROPPED(ICMP_NO_FLOW) },
		{ "ICMP router advertisement", AT_A, ERROR(9, 0), DROPPED(ICMP_NO_FLOW) },
		{ "IP checksum wrong", AT_A, frame(bad_sum), DROPPED(BAD_IP4_SUM) },
		{ "TCP header longer than the packet", AT_A, frame(short_tcp), DROPPED(SHORT_L4) },
		{ "UDP header longer than the packet", AT_A, frame(short_udp), DROPPED(SHORT_L4) },
		{ "TCP header shorter than it can be", AT_A, BYTE(t, 12, 0x40), DROPPED(SHORT_L4) },
		{ "TCP header with options past the end", AT_A, BYTE(t, 12, 0xb0), DROPPED(SHORT_L4) },
		{ "UDP length shorter than its header", AT_A, BYTE(u, 5, 7), DROPPED(SHORT_L4) },
		{ "UDP length past the end", AT_A, BYTE(u, 5, 29), DROPPED(SHORT_L4) },
	};

	REFUSED(*state, rows);
}

/* An identifier of 0 looks like no identifier at all. */
static void only_echo_belongs_to_a_flow_of_echo(void **state)
{
	struct bed *b = *state;
	struct pk e = echo(A(0), OUT(0));

	e.icmp_type = ICMP_ECHO;
	opened(b, AT_A, e);
	STEP(b, "an error is not sent with its inside untranslated", AT_A, ERROR(3, 3), DROPPED(ICMP_NO_FLOW));
	e.icmp_type = 13;
	STEP(b, "a timestamp is no echo", AT_A, frame(e), DROPPED(ICMP_NO_FLOW));
}

/* Whose conversation is there already gets neither it nor a slot, and leaves no claim. */
static void what_is_refused_late_gives_everything_back(void **state)
{
	struct bed *b = *state;
	struct pk forged = udp(C(1000), OUT(53));
	const struct frame *in;
	__u32 slot;

	forged.src = MAC(AT_D);
	in = frame(forged);
	opened(b, AT_C, udp(C(1000), OUT(53)));
	STEP(b, "another port with the same address", AT_D, in, ANSWERED(TUPLE_TAKEN, TX(AT_D), answer(in, 3, 13, 0)));
	assert_int_equal(ledger_of(b, NSF_LEDGER_UDP, 1000).refs, 1);
	assert_int_equal(flow_keys(b), 1);
	assert_int_equal(b->dp.state->fresh, 2);
	assert_int_equal(bpf_map_lookup_and_delete_elem(b->free, NULL, &slot), 0);
	assert_int_equal(slot, 1);
}

struct racer {
	struct bed *b;
	const struct frame *in;
	pthread_barrier_t *start;
	int verdict, cpu;
};

static void *race(void *arg)
{
	struct racer *r = arg;
	cpu_set_t cpus;
	struct frame have;

	CPU_ZERO(&cpus);
	CPU_SET(r->cpu, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	pthread_barrier_wait(r->start);
	if (row_prog(r->b, AT_B, r->in, 0, &have, &r->verdict))
		r->verdict = -1000;
	return NULL;
}

/* Two first packets of one endpoint at the same moment, in two conversations or in the same. */
static void race_once(struct bed *b, struct pk one, struct pk two, __u32 flows)
{
	pthread_barrier_t start;
	pthread_t t[2];
	struct racer r[2] = { { b, frame(one), &start, 0, 0 }, { b, frame(two), &start, 0, b->cpus > 1 } };
	struct nsf_flow *f, *g;

	assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&t[i], NULL, race, &r[i]), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	pthread_barrier_destroy(&start);
	assert_int_equal(r[0].verdict, REDIRECT);
	assert_int_equal(r[1].verdict, REDIRECT);
	assert_int_equal(row_drops(b, "race", NSF_DROP_NONE), 0);
	f = flow_to(b, (struct end){ .addr = one.saddr, .port = one.sport }, one.daddr, one.dport, one.proto);
	g = flow_to(b, (struct end){ .addr = two.saddr, .port = two.sport }, two.daddr, two.dport, two.proto);
	assert_int_equal(f->ext_port, g->ext_port);
	assert_int_equal(flow_count(b), flows + 1);
	assert_int_equal(flow_keys(b), (ntohs(f->ext_port) == one.sport ? 1 : 2) * flows + 1);
	assert_int_equal(ledger_of(b, NSF_LEDGER_UDP, ntohs(f->ext_port)).refs, flows);
	assert_int_equal(ledger_used(b, NSF_LEDGER_UDP), 2);
}

static void two_cpus_give_an_endpoint_one_external_port(void **state)
{
	struct bed *b = *state;

	for (int i = 0; i < 60; i++) {
		fresh(state);
		opened(b, AT_A, udp(A(5000), OUT(53)));
		race_once(b, udp(B(5000), OUT(53)), udp(B(5000), OUT(54)), 2);
		fresh(state);
		opened(b, AT_A, udp(A(7000), OUT(53)));
		race_once(b, udp(B(5000), OUT(53)), udp(B(5000), OUT(53)), 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_free_port_number_is_kept),
		TEST(a_record_and_its_ledger_say_who_talks_to_whom),
		TEST(a_taken_number_becomes_another_of_its_kind),
		TEST(an_endpoint_has_one_external_port_for_all_destinations),
		TEST(networks_with_one_address_share_its_ports),
		TEST(external_ports_are_exclusive_and_end),
		TEST(a_range_of_any_size_is_used_whole),
		TEST(a_freed_number_is_given_out_last),
		TEST(an_own_number_found_at_random_is_given_back),
		TEST(a_full_table_refuses_the_new_and_keeps_the_old),
		TEST(a_number_of_a_host_socket_is_not_given_out),
		TEST(what_opens_no_flow_never_leaves),
		TEST(only_echo_belongs_to_a_flow_of_echo),
		TEST(what_is_refused_late_gives_everything_back),
		TEST(two_cpus_give_an_endpoint_one_external_port),
	};

	return RUN(tests, setup);
}
