/* SPDX-License-Identifier: GPL-2.0-only */
/* Places of outer keys: a key that has its own stands nowhere else, and what a place leads to is never believed unread. */
#include "row.h"

/* Places that lead to a flow's record. */
static __u32 places_of(struct bed *b, __u32 hint)
{
	return places_with(b, NSF_HINT_SLOT, hint);
}

static bool places_count_no_more(struct bed *b)
{
	return places_with(b, NSF_HINT_MANY, NSF_HINT_MANY) ==
	       bpf_map__max_entries(b->skel->maps.nsf_hints) * NSF_HINTS_ROW;
}

static __u32 hint_of(struct bed *b, struct end inner)
{
	return 1 + (__u32)(flow_of(b, inner, IPPROTO_UDP) - b->dp.flows);
}

static __u32 keys_in_table(struct bed *b)
{
	return flow_keys(b) - flow_places(b);
}

static void goes_and_comes_back(struct bed *b, const char *what, struct end inner, enum at at, __be32 peer)
{
	const struct pk out = udp(inner, TO(peer, 53)), in = udp((struct end){ ROUTER, peer, 53 }, EXT(inner.port));

	STEP(b, what, at, frame(out), SENT(TX(AT_LEG)), .out = frame(snat_known(out, inner.port)));
	STEP(b, what, AT_UPLINK, frame(in), SENT(TX(at)), .out = frame(dnat(in, inner)));
}

/* An outer key that is the first of its place stands nowhere else; the others stand in the table. */
static void a_place_is_held_by_one_flow(void **state)
{
	const struct pk a = udp(A(1000), OUT(53)), other = udp(B(1001), TO(PEER + 1, 53));
	struct bed *b = *state;

	settle();
	STEP(b, "A", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	assert_int_equal(flow_places(b), 1);
	assert_int_equal(keys_in_table(b), 0);
	places_say(b, NSF_HINT_HELD | hint_of(b, A(1000)));
	STEP(b, "B", AT_B, frame(other), SENT(TX(AT_LEG)), .out = frame(snat_known(other, 1001)));
	assert_int_equal(keys_in_table(b), 1);
	for (int again = 0; again < 2; again++) {
		goes_and_comes_back(b, "A", A(1000), AT_A, PEER);
		goes_and_comes_back(b, "B", B(1001), AT_B, PEER + 1);
	}
	flow_of(b, A(1000), IPPROTO_UDP)->flags |= NSF_FLOW_ENDING;
	assert_int_equal(dp_purge(b), 0);
	goes_and_comes_back(b, "B alone", B(1001), AT_B, PEER + 1);
	flow_of(b, B(1001), IPPROTO_UDP)->flags |= NSF_FLOW_ENDING;
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(keys_in_table(b), 0);
}

/* A hint leads to another's record, to a free one, to none, or there is one that holds the place. */
static void a_hint_is_checked_by_its_record(void **state)
{
	const struct pk a = udp(A(1000), OUT(53)), other = udp(B(1001), TO(PEER + 1, 53));
	const __u32 hints[] = { 0, 1, 2, 3, 65, NSF_HINT_SLOT };
	struct bed *b = *state;

	settle();
	places_say(b, NSF_HINT_KEY);
	STEP(b, "A", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	row_prog(b, AT_B, frame(other), 0, frame_new(false), &(int){ 0 });
	assert_int_equal(flow_count(b), 2);
	assert_int_equal(keys_in_table(b), 2);
	for (size_t i = 0; i < 2 * ARRAY_SIZE(hints); i++) {
		places_say(b, NSF_HINT_KEY | (i % 2 ? NSF_HINT_HELD : 0) | hints[i / 2]);
		for (int again = 0; again < 2; again++)
			goes_and_comes_back(b, "A", A(1000), AT_A, PEER);
	}
	assert_int_equal(flow_count(b), 2);
}

static void a_hint_is_written_where_none_is_of_use(void **state)
{
	const struct pk a = udp(A(1000), OUT(53)), other = udp(B(1001), TO(PEER + 1, 53)), in = udp(FAR(53), EXT(1000));
	struct bed *b = *state;
	__u32 hint, in_use;
	struct nsf_flow *f;

	places_say(b, NSF_HINT_KEY);
	settle();
	row_prog(b, AT_A, frame(a), 0, frame_new(false), &(int){ 0 });
	row_prog(b, AT_B, frame(other), 0, frame_new(false), &(int){ 0 });
	hint = hint_of(b, A(1000));
	in_use = hint_of(b, B(1001));
	f = flow_of(b, B(1001), IPPROTO_UDP);
	assert_int_equal(places_of(b, hint), 1);
	goes_and_comes_back(b, "known", A(1000), AT_A, PEER);
	assert_int_equal(places_of(b, hint), 1);

	places_say(b, NSF_HINT_KEY);
	STEP(b, "back again", AT_UPLINK, frame(in), SENT(TX(AT_A)), .out = frame(dnat(in, A(1000))));
	assert_int_equal(places_of(b, hint), 1);

	places_say(b, NSF_HINT_KEY | in_use);
	STEP(b, "beside one in use", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat_known(a, 1000)));
	assert_int_equal(places_of(b, hint), 0);
	f->seen--;
	STEP(b, "beside an idle one", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat_known(a, 1000)));
	assert_int_equal(places_of(b, hint), 1);

	places_say(b, NSF_HINT_KEY | NSF_HINT_HELD | in_use);
	STEP(b, "where one is held", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat_known(a, 1000)));
	assert_int_equal(places_of(b, hint), 0);
}

/* More keys of one place than it can count: it counts them no more, and they are found as before. */
static void a_place_of_too_many_keys_stays_so(void **state)
{
	const struct pk a = udp(A(1000), OUT(53)), other = udp(B(1001), TO(PEER + 1, 53));
	struct bed *b = *state;

	settle();
	places_say(b, NSF_HINT_MANY - NSF_HINT_KEY);
	STEP(b, "A", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat(a, 1000)));
	places_say(b, NSF_HINT_MANY);
	STEP(b, "B", AT_B, frame(other), SENT(TX(AT_LEG)), .out = frame(snat_known(other, 1001)));
	assert_true(places_count_no_more(b));
	goes_and_comes_back(b, "A", A(1000), AT_A, PEER);
	goes_and_comes_back(b, "B", B(1001), AT_B, PEER + 1);
	flow_of(b, A(1000), IPPROTO_UDP)->flags |= NSF_FLOW_ENDING;
	flow_of(b, B(1001), IPPROTO_UDP)->flags |= NSF_FLOW_ENDING;
	assert_int_equal(dp_purge(b), 0);
	assert_int_equal(flow_keys(b), 0);
	assert_true(places_count_no_more(b));
	STEP(b, "A once more", AT_A, frame(a), SENT(TX(AT_LEG)), .out = frame(snat_known(a, 1000)));
	assert_int_equal(keys_in_table(b), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_place_is_held_by_one_flow),
		TEST(a_hint_is_checked_by_its_record),
		TEST(a_hint_is_written_where_none_is_of_use),
		TEST(a_place_of_too_many_keys_stays_so),
	};

	return RUN(tests, bed_setup);
}
