/* SPDX-License-Identifier: GPL-2.0-only */
/* What makes room for new flows when there is none. */
#include "row.h"

static int sent(struct bed *b, enum at at, struct pk k)
{
	struct frame have;
	int verdict = SHOT;

	assert_int_equal(row_prog(b, at, frame(k), 0, &have, &verdict), 0);
	return verdict;
}

/* A conversation with the outside, from its beginning to its end. */
static void closed(struct bed *b, __u16 port)
{
	assert_int_equal(sent(b, AT_A, tcp(A(port), OUT(80), SYN)), REDIRECT);
	assert_int_equal(sent(b, AT_UPLINK, tcp(FAR(80), EXT(port), SYN | ACK)), REDIRECT);
	assert_int_equal(sent(b, AT_A, tcp(A(port), OUT(80), FIN | ACK)), REDIRECT);
	assert_int_equal(sent(b, AT_UPLINK, tcp(FAR(80), EXT(port), FIN | ACK)), REDIRECT);
}

/* Those that are closed have one key each, of which a publish's need two. */
static void closed_flows_make_room_for_keys_too(void **state)
{
	const struct end at = { MAC_UP, UP_ADDR, 8080 };
	struct bed *b = *state;
	__u32 n = b->cfg.flows_max;

	table_publish(b, 4, htonl(UP_ADDR), htonl(A(0).addr));
	for (__u16 i = 0; i < n; i++)
		closed(b, (__u16)(1000 + i));
	assert_int_equal(flow_keys(b), n);
	for (__u16 i = 0; i < n / 2; i++) {
		if (sent(b, AT_UPLINK, tcp(FAR((__u16)(7000 + i)), at, SYN)) != REDIRECT)
			fail_msg("the publish's flow number %u: %u flows, %u keys", i, flow_count(b), flow_keys(b));
	}
	assert_true(b->dp.state->reclaimed >= n / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(closed_flows_make_room_for_keys_too),
	};

	return RUN(tests, bed_setup);
}
