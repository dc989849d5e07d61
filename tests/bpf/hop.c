/* SPDX-License-Identifier: GPL-2.0-only */
/* Next hops: asked for once a tick, by one flow for all; what is remembered of them holds as long as the host's routes do. */
#include "row.h"

static void an_unknown_neighbour_is_left_to_the_kernel(void **state)
{
	struct bed *b = *state;
	struct pk k = udp(A(1000), TO(STRANGER, 53));

	STEP(b, "miss", AT_A, frame(k), SENT(TX(AT_LEG)), .out = frame(snat(k, 1000)));
	STEP(b, "hit", AT_A, frame(k), SENT(TX(AT_LEG)), .out = frame(snat(k, 1000)));
}

/* Of each tick's packets the first goes by the kernel's neighbour table, which hears of the neighbour that way. */
static void the_kernel_is_asked_for_a_neighbour_once_a_tick(void **state)
{
	struct pk a = udp(A(1000), OUT(53)), other = udp(B(1001), TO(PEER + 1, 53));
	struct bed *b = *state;

	settle();
	new_tick(b);
	STEP(b, "a flow's first", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	STEP(b, "another one's first", AT_B, frame(other), SENT(TX(AT_LEG)), .out = frame(snat_known(other, 1001)));
	flow_of(b, A(1000), IPPROTO_UDP)->way--;
	STEP(b, "the route anew", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat_known(a, 1000)));
	new_tick(b);
	STEP(b, "a new tick", AT_B, frame(other), SENT(TX(AT_LEG)), .out = frame(snat(other, 1001)));
	STEP(b, "and the other one in it", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat_known(a, 1000)));
}

/* One route is another one now; the other flow's packet is the tick's first, and its own way is as before. */
static void every_flow_follows_a_route_that_changes(void **state)
{
	struct pk a = udp(A(1000), OUT(53)), other = udp(B(1001), TO(PEER + 1, 53));
	struct bed *b = *state;

	settle();
	STEP(b, "a flow's first", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	STEP(b, "another one's first", AT_B, frame(other), SENT(TX(AT_LEG)), .out = frame(snat_known(other, 1001)));
	bed_route(b, "203.0.113.2/32", RTN_UNREACHABLE, AT_NONE, NULL, 0);
	new_tick(b);
	STEP(b, "the one way", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	STEP(b, "the other", AT_B, frame(other), ANSWERED(UNREACHABLE, TX(AT_B), answer(frame(other), 3, 1, 0)));
	bed_route_end(b, "203.0.113.2/32");
	STEP(b, "there again", AT_B, frame(other), SENT(TX(AT_LEG)), .out = frame(snat_known(other, 1001)));
}

/* What was said of a way a moment ago is believed for the same question alone, and as long as the routes are the same. */
static void a_new_flow_follows_a_route_that_changes_in_the_same_tick(void **state)
{
	struct pk a = udp(A(1000), OUT(53)), next = udp(A(1001), OUT(53)), last = udp(A(1002), OUT(53));
	struct bed *b = *state;

	settle();
	STEP(b, "first", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	STEP(b, "another flow's first", AT_A, frame(next), SENT(TX(AT_LEG)), .out = frame(snat_known(next, 1001)));
	bed_route(b, "203.0.113.1/32", RTN_UNREACHABLE, AT_NONE, NULL, 0);
	STEP(b, "no way", AT_A, frame(last), ANSWERED(UNREACHABLE, TX(AT_A), answer(frame(last), 3, 1, 0)));
	bed_route_end(b, "203.0.113.1/32");
	STEP(b, "there again", AT_A, frame(last), SENT(TX(AT_LEG)), .out = frame(snat_known(last, 1002)));
}

static struct pk with_tos(struct pk k, __u8 tos)
{
	k.tos = tos;
	return k;
}

/* For one type of service the peer is not reached: RTM_NEWROUTE, RTM_DELROUTE. */
static void no_way_with_tos(struct bed *b, __u16 type, __u8 tos)
{
	struct nlmsghdr *nlh = nl_msg(b->nl, type, type == RTM_NEWROUTE ? NLM_F_CREATE : 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));

	*rtm = (struct rtmsg){ .rtm_family = AF_INET,
			       .rtm_dst_len = 32,
			       .rtm_tos = tos,
			       .rtm_type = RTN_UNREACHABLE,
			       .rtm_protocol = RTPROT_STATIC,
			       .rtm_table = RT_TABLE_MAIN };
	mnl_attr_put_u32(nlh, RTA_DST, htonl(PEER));
	assert_int_equal(nl_send(b->nl, NULL), 0);
}

static void another_type_of_service_is_another_question(void **state)
{
	struct pk a = udp(A(1000), OUT(53)), other = with_tos(udp(A(1001), OUT(53)), 0x10);
	struct bed *b = *state;

	no_way_with_tos(b, RTM_NEWROUTE, 0x10);
	settle();
	STEP(b, "first", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	STEP(b, "no way", AT_A, frame(other), ANSWERED(UNREACHABLE, TX(AT_A), answer(frame(other), 3, 1, 0)));
	no_way_with_tos(b, RTM_DELROUTE, 0x10);
}

static struct nsf_hop hop_at(struct bed *b, __u32 row)
{
	struct nsf_hop hop;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.nsf_hops), &row, &hop), 0);
	return hop;
}

/* The row as it is once another next hop has it. */
static struct nsf_hop row_taken(struct bed *b, __u32 row)
{
	struct nsf_hop hop = hop_at(b, row);

	hop.way += 1 << 16;
	hop.addr[0]++;
	hop.mac[5]++;
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(b->skel->maps.nsf_hops), &row, &hop, BPF_ANY), 0);
	return hop;
}

/* Who finds the row in use takes another; when all that it may have are, the one that was asked for longest ago. */
static void a_row_that_another_next_hop_has_is_not_believed(void **state)
{
	struct pk a = udp(A(1000), OUT(53));
	struct nsf_hop taken[NSF_HOPS_WAYS], now;
	__u16 rows[NSF_HOPS_WAYS];
	struct bed *b = *state;
	struct nsf_flow *f;

	settle();
	STEP(b, "first", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	f = flow_of(b, A(1000), IPPROTO_UDP);
	for (int i = 0; i < NSF_HOPS_WAYS; i++) {
		STEP(b, "known", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat_known(a, 1000)));
		rows[i] = f->hop;
		taken[i] = row_taken(b, rows[i]);
		STEP(b, "another one's row", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
		for (int other = 0; other <= i && i + 1 < NSF_HOPS_WAYS; other++) {
			now = hop_at(b, rows[other]);
			assert_memory_equal(&now, &taken[other], sizeof(now));
		}
	}
	STEP(b, "known again", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat_known(a, 1000)));
}

static void another_uplink_has_next_hops_of_its_own(void **state)
{
	struct pk a = udp(A(1000), OUT(53));
	struct bed *b = *state;

	settle();
	STEP(b, "first", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	STEP(b, "known", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat_known(a, 1000)));
	b->dp.nets[1].uplink = (__u32)b->ifindex[AT_OTHER];
	STEP(b, "in the same tick", AT_A, frame(a), ANSWERED(NOT_UPLINK, TX(AT_A), answer(frame(a), 3, 0, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unknown_neighbour_is_left_to_the_kernel),
		TEST(the_kernel_is_asked_for_a_neighbour_once_a_tick),
		TEST(every_flow_follows_a_route_that_changes),
		TEST(a_row_that_another_next_hop_has_is_not_believed),
		TEST(another_uplink_has_next_hops_of_its_own),
		TEST(a_new_flow_follows_a_route_that_changes_in_the_same_tick),
		TEST(another_type_of_service_is_another_question),
	};

	return RUN(tests, bed_setup);
}
