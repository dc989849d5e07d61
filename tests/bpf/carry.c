/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows that are handed over from elsewhere: known to packets, counted, and ended as those that packets began. */
#include "row.h"

#include "nsfast/carry.h"

static int carried(struct bed *b, const struct nsf_carry *c)
{
	LIBBPF_OPTS(bpf_test_run_opts, o, .data_in = c, .data_size_in = sizeof(*c));

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(b->skel->progs.nsf_carry), &o), 0);
	return (int)o.retval;
}

/* From a container's port 1000 to the peer's port 80, by that external port. */
static struct nsf_carry outbound(enum at at, __u16 ext_port)
{
	struct mac mac = MAC((__u8)at);
	struct nsf_carry c = {
		.inner = htonl(seats[at].addr),
		.peer = htonl(PEER),
		.ext = htonl(SNAT),
		.inner_port = htons(1000),
		.peer_port = htons(80),
		.ext_port = htons(ext_port),
		.net = seats[at].net,
		.slot = at,
		.proto = IPPROTO_TCP,
		.family = 4,
		.tcp = NSF_TCP_SYN_IN | NSF_TCP_SYN_PEER,
	};

	memcpy(c.mac, &mac, sizeof(c.mac));
	return c;
}

static void passes(struct bed *b, enum at at, struct pk k)
{
	struct frame have;
	int verdict;

	assert_int_equal(row_prog(b, at, frame(k), 0, &have, &verdict), 0);
	assert_int_equal(verdict, REDIRECT);
}

static void nothing_is_left(struct bed *b)
{
	assert_int_equal(flow_count(b), 0);
	assert_int_equal(flow_keys(b), 0);
	assert_int_equal(table_count(b->moved), 0);
	assert_int_equal(ledger_used(b, NSF_LEDGER_TCP), 0);
	assert_int_equal(b->dp.shares[AT_A].flows + b->dp.shares[AT_A].half + b->dp.shares[AT_A].ports, 0);
}

static void ends(struct bed *b)
{
	for (__u32 i = 0; i < b->dp.n_flows; i++)
		b->dp.flows[i].flags |= b->dp.flows[i].flags & NSF_FLOW_LIVE ? NSF_FLOW_ENDING : 0;
	assert_int_equal(dp_purge(b), 0);
	nothing_is_left(b);
}

static void an_established_connection_goes_on(void **state)
{
	const __u16 ports[] = { 1000, 5000 }; /* kept, and moved */
	struct bed *b = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++) {
		struct nsf_carry c = outbound(AT_A, ports[i]);

		assert_int_equal(carried(b, &c), 0);
		assert_int_equal(carried(b, &c), 0); /* it is there already */
		assert_int_equal(flow_count(b), 1);
		passes(b, AT_A, tcp(A(1000), OUT(80), ACK));
		passes(b, AT_UPLINK, tcp(FAR(80), EXT(ports[i]), ACK));
		assert_int_equal(flow_count(b), 1);
		assert_int_equal(ledger_of(b, NSF_LEDGER_TCP, ports[i]).refs, 1);
		assert_int_equal(b->dp.shares[AT_A].flows, 1);
		assert_int_equal(b->dp.shares[AT_A].half, 0);
		assert_int_equal(b->dp.shares[AT_A].ports, 1);
		ends(b);
	}
}

static void the_endpoint_keeps_its_external_port(void **state)
{
	struct nsf_carry c = outbound(AT_A, 5000);
	struct bed *b = *state;

	assert_int_equal(carried(b, &c), 0);
	passes(b, AT_A, tcp(A(1000), OUT(81), SYN));
	assert_int_equal(ntohs(flow_to(b, A(1000), PEER, 81, IPPROTO_TCP)->ext_port), 5000);
}

static void a_port_that_is_anothers_serves_this_peer_alone(void **state)
{
	struct nsf_carry c = outbound(AT_A, 5000);
	struct bed *b = *state;

	passes(b, AT_B, tcp(B(5000), OUT(443), SYN));
	assert_int_equal(carried(b, &c), 0);
	passes(b, AT_UPLINK, tcp(FAR(80), EXT(5000), ACK));
	assert_int_equal(ledger_of(b, NSF_LEDGER_TCP, 5000).refs, 1);
	assert_true(flow_of(b, A(1000), IPPROTO_TCP)->flags & NSF_FLOW_SHARED);
	ends(b);
}

static void its_state_and_its_age_come_with_it(void **state)
{
	struct nsf_carry c = outbound(AT_A, 1000);
	struct bed *b = *state;

	c.tcp |= NSF_TCP_FIN_IN;
	c.idle = 100;
	settle();
	assert_int_equal(carried(b, &c), 0);
	assert_int_equal(flow_of(b, A(1000), IPPROTO_TCP)->tcp, c.tcp);
	assert_int_equal(flow_of(b, A(1000), IPPROTO_TCP)->seen, now_tick() - 100);
	ends(b);
	c.tcp |= NSF_TCP_FIN_PEER;
	assert_int_equal(carried(b, &c), 0);
	assert_int_equal(b->dp.shares[AT_A].flows, 0); /* both sides have closed it */
	ends(b);
}

static void what_cannot_be_is_refused(void **state)
{
	struct nsf_carry c = outbound(AT_A, 1000), other = outbound(AT_B, 1000);
	struct bed *b = *state;

	c.ext = htonl(UP_ADDR); /* not the network's */
	assert_int_equal(carried(b, &c), NSF_DROP_NO_UPLINK);
	c.ext = htonl(SNAT);
	assert_int_equal(carried(b, &other), 0);
	assert_int_equal(carried(b, &c), NSF_DROP_TUPLE_TAKEN);
	assert_int_equal(flow_count(b), 1);
	b->dp.shares[AT_A].max_flows = 0;
	c.peer_port = htons(81);
	assert_int_equal(carried(b, &c), NSF_DROP_FLOWS_QUOTA);
	assert_int_equal(b->dp.shares[AT_A].flows, 0);
	assert_int_equal(b->dp.shares[AT_A].ports, 0);
	ends(b);
}

/* The same of a container with that address, nobody knows behind which port; mac NULL: nor by which MAC. */
static struct nsf_carry unbound(__u32 inner, const struct mac *mac)
{
	struct nsf_carry c = outbound(AT_GW, 1000);

	c.inner = htonl(inner);
	memset(c.mac, 0, sizeof(c.mac));
	if (mac)
		memcpy(c.mac, mac, sizeof(c.mac));
	return c;
}

static void the_first_who_speaks_for_it_has_it(void **state)
{
	struct nsf_carry c = unbound(C(0).addr, NULL);
	struct pk in = tcp(FAR(80), EXT(1000), ACK), asked = in, out = tcp(C(1000), OUT(80), ACK), other = out;
	struct bed *b = *state;
	struct nsf_flow *f;

	asked.daddr = C(0).addr;
	asked.ttl--;
	other.src = MAC(AT_D);
	assert_int_equal(carried(b, &c), 0);
	assert_int_equal(b->dp.shares[AT_GW].flows, 1);
	STEP(b, "the host asks for it", AT_UPLINK, frame(in), SENT(TX(AT_GW)), frame(asked));
	f = flow_of(b, C(1000), IPPROTO_TCP);
	assert_int_equal(f->slot, AT_GW);
	STEP(b, "it speaks", AT_C, frame(out), SENT(TX(AT_LEG)), frame(snat(out, 1000)));
	assert_int_equal(f->slot, AT_C);
	assert_int_equal(b->dp.shares[AT_GW].flows, 0);
	assert_int_equal(b->dp.shares[AT_C].flows, 1);
	STEP(b, "its port is known", AT_UPLINK, frame(in), SENT(TX(AT_C)), frame(dnat(in, C(1000))));
	STEP(b, "another MAC has not got it any more", AT_D, frame(other), DROPPED(TCP_NO_FLOW));
	assert_int_equal(f->slot, AT_C);
	ends(b);
	assert_int_equal(b->dp.shares[AT_C].flows, 0);
}

static void only_the_known_mac_has_it(void **state)
{
	const struct mac mac = MAC(AT_C);
	struct nsf_carry c = unbound(C(0).addr, &mac);
	struct pk out = tcp(C(1000), OUT(80), ACK), other = out;
	struct bed *b = *state;

	other.src = MAC(AT_D);
	assert_int_equal(carried(b, &c), 0);
	STEP(b, "another MAC", AT_D, frame(other), DROPPED(TCP_NO_FLOW));
	STEP(b, "its own", AT_C, frame(out), SENT(TX(AT_LEG)), frame(snat(out, 1000)));
	assert_int_equal(flow_of(b, C(1000), IPPROTO_TCP)->slot, AT_C);
	ends(b);
}

static void a_managed_port_has_flows_of_its_own_alone(void **state)
{
	struct nsf_carry c = unbound(A(0).addr, NULL);
	struct bed *b = *state;

	assert_int_equal(carried(b, &c), 0);
	STEP(b, "the managed port", AT_A, frame(tcp(A(1000), OUT(80), ACK)), DROPPED(TCP_NO_FLOW));
	assert_int_equal(flow_of(b, A(1000), IPPROTO_TCP)->slot, AT_GW);
	ends(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_established_connection_goes_on),
		TEST(the_endpoint_keeps_its_external_port),
		TEST(a_port_that_is_anothers_serves_this_peer_alone),
		TEST(its_state_and_its_age_come_with_it),
		TEST(what_cannot_be_is_refused),
		TEST(the_first_who_speaks_for_it_has_it),
		TEST(only_the_known_mac_has_it),
		TEST(a_managed_port_has_flows_of_its_own_alone),
	};

	return RUN(tests, bed_setup);
}
