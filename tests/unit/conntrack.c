/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of connection tracking, made and read back from the kernel. */
#include "fresh.h"

#include <errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "conntrack.h"

static struct nl *nf(void)
{
	struct nl *nl;

	assert_true(conntrack_there());
	assert_int_equal(nl_open_to(NETLINK_NETFILTER, &nl), 0);
	return nl;
}

static struct conntrack_tuple tuple(__u8 proto, const char *src, __u16 sport, const char *dst, __u16 dport)
{
	return (struct conntrack_tuple){
		.src = addr(src), .dst = addr(dst), .proto = proto, .sport = sport, .dport = dport
	};
}

static struct conntrack_tuple echo(__u8 proto, __u8 type, const char *src, const char *dst, __u16 id)
{
	struct conntrack_tuple t = tuple(proto, src, 0, dst, 0);

	t.icmp_type = type;
	t.icmp_id = id;
	return t;
}

struct found {
	struct conntrack c;
	unsigned n;
};

static int keep(const struct conntrack *c, void *arg)
{
	struct found *f = arg;

	f->c = *c;
	f->n++;
	return 0;
}

static void same(const struct conntrack_tuple *a, const struct conntrack_tuple *b)
{
	assert_memory_equal(&a->src, &b->src, sizeof(a->src));
	assert_memory_equal(&a->dst, &b->dst, sizeof(a->dst));
	assert_int_equal(a->proto, b->proto);
	assert_int_equal(a->sport, b->sport);
	assert_int_equal(a->dport, b->dport);
	assert_int_equal(a->icmp_id, b->icmp_id);
	assert_int_equal(a->icmp_type, b->icmp_type);
}

/* What the kernel says of it is what was asked for. */
static void made(const struct conntrack *c)
{
	autonl struct nl *nl = nf();
	struct found f = {};

	assert_int_equal(conntrack_add(nl, c), 0);
	assert_int_equal(conntrack_list(keep, &f), 0);
	assert_int_equal(f.n, 1);
	same(&f.c.orig, &c->orig);
	same(&f.c.reply, &c->reply);
	assert_int_equal(f.c.status & c->status, c->status);
	assert_in_range(f.c.left, c->left - 2, c->left);
	if (c->orig.proto == IPPROTO_TCP)
		assert_int_equal(f.c.tcp_state, c->tcp_state);
	assert_int_equal(conntrack_add(nl, c), -EEXIST);
	assert_int_equal(conntrack_del(nl, &c->orig), 0);
}

#define SEEN (IPS_SEEN_REPLY | IPS_ASSURED)

static void a_source_is_translated(void **state)
{
	(void)state;
	made(&(struct conntrack){ .orig = tuple(IPPROTO_TCP, "10.0.0.2", 4000, "192.0.2.9", 80),
				  .reply = tuple(IPPROTO_TCP, "192.0.2.9", 80, "192.0.2.1", 5001),
				  .tcp_state = TCP_CONNTRACK_ESTABLISHED,
				  .status = SEEN | IPS_SRC_NAT,
				  .left = 3000 });
	made(&(struct conntrack){ .orig = tuple(IPPROTO_UDP, "fd00::2", 4000, "2001:db8::9", 53),
				  .reply = tuple(IPPROTO_UDP, "2001:db8::9", 53, "2001:db8::1", 4000),
				  .status = SEEN | IPS_SRC_NAT,
				  .left = 100 });
}

static void a_destination_is_translated(void **state)
{
	(void)state;
	made(&(struct conntrack){ .orig = tuple(IPPROTO_TCP, "192.0.2.9", 4000, "192.0.2.1", 8080),
				  .reply = tuple(IPPROTO_TCP, "10.0.0.2", 80, "192.0.2.9", 4000),
				  .tcp_state = TCP_CONNTRACK_SYN_SENT,
				  .status = IPS_DST_NAT,
				  .left = 60 });
}

static void both_ends_are_translated(void **state)
{
	(void)state;
	made(&(struct conntrack){ .orig = tuple(IPPROTO_UDP, "10.0.0.2", 4000, "192.0.2.1", 8080),
				  .reply = tuple(IPPROTO_UDP, "10.0.0.3", 80, "192.0.2.1", 4001),
				  .status = SEEN | IPS_SRC_NAT | IPS_DST_NAT,
				  .left = 60 });
}

static void echoes_are_translated(void **state)
{
	(void)state;
	made(&(struct conntrack){
		.orig = echo(IPPROTO_ICMP, ICMP_ECHO, "10.0.0.2", "192.0.2.9", 77),
		.reply = echo(IPPROTO_ICMP, ICMP_ECHOREPLY, "192.0.2.9", "192.0.2.1", 78),
		.status = IPS_SEEN_REPLY | IPS_SRC_NAT,
		.left = 30,
	});
	made(&(struct conntrack){
		.orig = echo(IPPROTO_ICMPV6, ICMPV6_ECHO_REQUEST, "fd00::2", "2001:db8::9", 77),
		.reply = echo(IPPROTO_ICMPV6, ICMPV6_ECHO_REPLY, "2001:db8::9", "2001:db8::1", 0),
		.status = IPS_SEEN_REPLY | IPS_SRC_NAT,
		.left = 30,
	});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_NETNS(a_source_is_translated),
		IN_NETNS(a_destination_is_translated),
		IN_NETNS(both_ends_are_translated),
		IN_NETNS(echoes_are_translated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
