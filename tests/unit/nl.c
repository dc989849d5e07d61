/* SPDX-License-Identifier: GPL-2.0-only */
/* Netlink requests: batches, errors, dumps that are disturbed. Needs root. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "fresh.h"
#include "netns.h"

/* One request of a batch: an alias for lo, or for a link that does not exist. */
static void put_alias(struct nl *nl, int ifindex, const char *text)
{
	struct nlmsghdr *nlh = nl_msg(nl, RTM_NEWLINK, 0);
	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	mnl_attr_put_str(nlh, IFLA_IFALIAS, text);
}

static void a_long_batch_is_carried_out_whole(void **state)
{
	struct nl *nl = *state;
	char text[16];
	int index = 42;

	assert_int_equal(nl_send(nl, NULL), 0);
	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "alias %d", i);
		put_alias(nl, 1, text);
	}
	assert_int_equal(nl_send(nl, &index), 0);
	assert_int_equal(index, 42);
	assert_string_equal(get(nl, "lo").alias, "alias 999");
}

static void the_first_request_that_failed_is_named(void **state)
{
	static const int where[] = { 0, 1, 63, 64, 65, 130, 199 };
	struct nl *nl = *state;

	for (size_t w = 0; w < ARRAY_SIZE(where); w++) {
		int index = -1;

		for (int i = 0; i < 200; i++)
			put_alias(nl, i == where[w] || i == 199 ? 4711 : 1, "x");
		assert_int_equal(nl_send(nl, &index), -ENODEV);
		assert_int_equal(index, where[w]);
		assert_string_equal(get(nl, "lo").alias, "x");
	}
}

static void the_kernels_text_is_kept_until_the_next_request(void **state)
{
	struct nl *nl = *state;
	struct nlmsghdr *nlh = nl_msg(nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct nlattr *info;

	mnl_nlmsg_put_extra_header(nlh, sizeof(struct ifinfomsg));
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "nosuch");
	mnl_attr_nest_end(nlh, info);
	assert_int_equal(nl_send(nl, NULL), -EOPNOTSUPP);
	assert_string_equal(nl_error(nl), "Unknown device type");
	assert_int_equal(get(nl, "lo").ifindex, 1);
	assert_string_equal(nl_error(nl), "");
}

static void sockets_know_their_namespace(void **state)
{
	autoclose int home = netns_self(), other = netns_make();
	__u64 here = 0, there = 0;

	assert_int_equal(netns_cookie(home, &here), 0);
	assert_int_equal(netns_cookie(other, &there), 0);
	assert_int_equal(here, nl_cookie(*state));
	assert_int_not_equal(here, there);
}

static int stop_query(const struct nlmsghdr *nlh, void *arg)
{
	(void)nlh;
	++*(int *)arg;
	errno = EOWNERDEAD;
	return MNL_CB_ERROR;
}

static void a_callbacks_error_ends_a_dump_and_the_socket_stays_usable(void **state)
{
	struct nl *nl = *state;
	char name[2][IFNAMSIZ];
	int n = 0;

	for (int i = 0; i < 40; i++) {
		snprintf(name[0], IFNAMSIZ, "a%d", i);
		snprintf(name[1], IFNAMSIZ, "b%d", i);
		make_pair(nl, name[0], name[1], 0);
	}
	mnl_nlmsg_put_extra_header(nl_msg(nl, RTM_GETLINK, NLM_F_DUMP), sizeof(struct ifinfomsg));
	assert_int_equal(nl_query(nl, stop_query, NULL, &n), -EOWNERDEAD);
	assert_int_equal(n, 1);
	assert_string_equal(get(nl, "lo").name, "lo");
}

struct churn {
	bool stop;
	int ifindex;
};

/* Adds and removes an address all the time: a primary one lies before the secondary ones and moves them. */
static void *churn(void *arg)
{
	struct addr a = addr("10.9.0.1/24");
	struct churn *c = arg;
	struct nl *nl;

	if (nl_open(&nl))
		return NULL;
	while (!__atomic_load_n(&c->stop, __ATOMIC_RELAXED)) {
		addr_add(nl, c->ifindex, &a);
		addr_del(nl, c->ifindex, &a);
	}
	nl_close(nl);
	return NULL;
}

static int count_kept(int ifindex, const struct addr *a, void *arg)
{
	(void)ifindex;
	*(int *)arg += a->bytes[1] == 1;
	return 0;
}

static void a_dump_is_complete_and_without_doubles_while_others_change_things(void **state)
{
	struct addr a = addr("10.1.0.1/24");
	struct churn c = { .stop = false };
	struct nl *nl = *state;
	pthread_t t;

	make_pair(nl, "a", "b", 0);
	c.ifindex = get(nl, "a").ifindex;
	for (int i = 0; i < 600; i++) {
		a.bytes[2] = (__u8)(i / 200);
		a.bytes[3] = (__u8)(i % 200 + 1);
		assert_int_equal(addr_add(nl, get(nl, "a").ifindex, &a), 0);
	}
	assert_int_equal(pthread_create(&t, NULL, churn, &c), 0);
	for (int i = 0; i < 50; i++) {
		int n = 0, r = addr_list(nl, 0, count_kept, &n);

		if (r != -EAGAIN) {
			assert_int_equal(r, 0);
			assert_int_equal(n, 600);
		}
	}
	__atomic_store_n(&c.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_NETNS(a_long_batch_is_carried_out_whole),
		IN_NETNS(the_first_request_that_failed_is_named),
		IN_NETNS(the_kernels_text_is_kept_until_the_next_request),
		IN_NETNS(sockets_know_their_namespace),
		IN_NETNS(a_callbacks_error_ends_a_dump_and_the_socket_stays_usable),
		IN_NETNS(a_dump_is_complete_and_without_doubles_while_others_change_things),
	};

	return cmocka_run_group_tests_name("nl", tests, NULL, NULL);
}
