/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes: what users may write, what overlaps, how rules are printed, and the table that the data path searches. */
#include <arpa/inet.h>
#include <errno.h>

#include "capture.h"
#include "bpf_publish.h"
#include "conf.h"
#include "log.h"
#include "out.h"
#include "publish.h"

static struct publish spec(const char *text)
{
	struct network n = {};
	struct publish p;

	assert_int_equal(conf_publish("SPEC", text, &n), 0);
	assert_int_equal(n.n_publishes, 1);
	assert_int_equal(n.has, NET_HAS_PUBLISH);
	p = n.publishes[0];
	network_free(&n);
	return p;
}

static void good_words(void **state)
{
	static const struct {
		const char *text, *of_host;
		unsigned to_first;
		const char *port;
	} rows[] = {
		{ "8080:web:80", "tcp *:8080", 80, "web" },
		{ "8080:web:80/tcp", "tcp *:8080", 80, "web" },
		{ "53:dns:53/udp", "udp *:53", 53, "dns" },
		{ "1:a:65535/sctp", "sctp *:1", 65535, "a" },
		{ "65535:a:1", "tcp *:65535", 1, "a" },
		{ "1-65535:a:1-65535", "tcp *:1-65535", 1, "a" },
		{ "8000-8009:web-1.x:80-89/udp", "udp *:8000-8009", 80, "web-1.x" },
		{ "80-80:web:81-81", "tcp *:80", 81, "web" },
		{ "0080:web:00080", "tcp *:80", 80, "web" },
		{ "198.51.100.1:80:web:80", "tcp 198.51.100.1:80", 80, "web" },
		{ "127.0.0.1:80:web:80", "tcp 127.0.0.1:80", 80, "web" },
		{ "0.0.0.0:80:web:80", "tcp 0.0.0.0:80", 80, "web" },
		{ "[::]:80:web:80", "tcp [::]:80", 80, "web" },
		{ "[2001:db8::1]:8080-8081:web:80-81/sctp", "sctp [2001:db8::1]:8080-8081", 80, "web" },
	};
	char text[PUBLISH_STRLEN];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct publish p = spec(rows[i].text);

		assert_string_equal(publish_format(&p, text), rows[i].of_host);
		assert_int_equal(p.to_first, rows[i].to_first);
		assert_string_equal(p.port, rows[i].port);
	}
}

#define NO_PUBLISH(text)       "'" text "' is no publish\n"
#define NO_RANGE(text, part)   "'" text "': '" part "' is no port and no range of ports\n"
#define NO_ADDRESS(text, part) "'" text "': '" part "' is no address\n"

static void bad_words(void **state)
{
	static const char as_in[] = "hint: as in 8080:web:80, 198.51.100.1:8000-8009:web:80-89/udp or "
				    "[2001:db8::1]:53:dns:53/udp\n";
	static const struct {
		const char *text, *error, *hint;
	} rows[] = {
		{ "", NO_PUBLISH(""), as_in },
		{ "80", NO_PUBLISH("80"), as_in },
		{ "80:80", NO_PUBLISH("80:80"), as_in },
		{ "web", NO_PUBLISH("web"), as_in },
		{ "web/tcp", NO_PUBLISH("web/tcp"), as_in },
		{ "::", NO_RANGE("::", ""), NULL },
		{ "0:web:80", NO_RANGE("0:web:80", "0"), NULL },
		{ "80:web:0", NO_RANGE("80:web:0", "0"), NULL },
		{ "65536:web:80", NO_RANGE("65536:web:80", "65536"), NULL },
		{ "80:web:99999999999999999999", NO_RANGE("80:web:99999999999999999999", "99999999999999999999"),
		  NULL },
		{ "80:web:", NO_RANGE("80:web:", ""), NULL },
		{ ":web:80", NO_RANGE(":web:80", ""), NULL },
		{ "+80:web:80", NO_RANGE("+80:web:80", "+80"), NULL },
		{ "80 :web:80", NO_RANGE("80 :web:80", "80 "), NULL },
		{ "80-:web:80", NO_RANGE("80-:web:80", "80-"), NULL },
		{ "-80:web:80", NO_RANGE("-80:web:80", "-80"), NULL },
		{ "80-90-100:web:80", NO_RANGE("80-90-100:web:80", "80-90-100"), NULL },
		{ "90-80:web:90-80", NO_RANGE("90-80:web:90-80", "90-80"), NULL },
		{ "http:web:80", NO_RANGE("http:web:80", "http"), NULL },
		{ "8000-8009:web:80", "'8000-8009:web:80': 10 ports of the host, but 1 of the container\n", NULL },
		{ "80:web:80-81", "'80:web:80-81': 1 ports of the host, but 2 of the container\n", NULL },
		{ "80::80", "'80::80': '' is no name for a port\n", NULL },
		{ "80:a=b:80", "'80:a=b:80': 'a=b' is no name for a port\n", NULL },
		{ "80:web:80/", "'80:web:80/': '' cannot be published; there are tcp, udp and sctp\n", NULL },
		{ "80:web:80/TCP", "'80:web:80/TCP': 'TCP' cannot be published; there are tcp, udp and sctp\n", NULL },
		{ "80:web:80/icmp", "'80:web:80/icmp': 'icmp' cannot be published; there are tcp, udp and sctp\n",
		  NULL },
		{ "80/tcp:web:80", NO_RANGE("80/tcp:web:80", "80/tcp"), NULL },
		{ ":80:web:80", NO_ADDRESS(":80:web:80", ""), NULL },
		{ "[]:80:web:80", NO_ADDRESS("[]:80:web:80", "[]"), NULL },
		{ "[::1:80:web:80", NO_ADDRESS("[::1:80:web:80", "[::1"), NULL },
		{ "[127.0.0.1]:80:web:80", NO_ADDRESS("[127.0.0.1]:80:web:80", "127.0.0.1"), NULL },
		{ "[::1/128]:80:web:80", NO_ADDRESS("[::1/128]:80:web:80", "::1/128"), NULL },
		{ "host:80:web:80", NO_ADDRESS("host:80:web:80", "host"), NULL },
		{ "1.2.3:80:web:80", NO_ADDRESS("1.2.3:80:web:80", "1.2.3"), NULL },
		{ "2001:db8::1:80:web:80", "'2001:db8::1:80:web:80': an IPv6 address stands in brackets\n",
		  "hint: [2001:db8::1]\n" },
		{ "[fe80::1]:80:web:80", "'[fe80::1]:80:web:80': link-local addresses cannot be published on\n", NULL },
	};
	struct network n = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char want[512];
		int r;

		snprintf(want, sizeof(want), "nsfast: SPEC: %s%s", rows[i].error, rows[i].hint ? rows[i].hint : "");
		assert_prints("", want, r = conf_publish("SPEC", rows[i].text, &n));
		assert_int_equal(r, -EINVAL);
		assert_int_equal(log_exit_code(), EXIT_USAGE);
		assert_int_equal(n.n_publishes, 0);
		assert_int_equal(n.has, 0);
	}
}

static void overlaps(void **state)
{
	static const struct {
		const char *a, *b;
		bool overlap;
	} rows[] = {
		{ "80:a:80", "80:b:81", true },
		{ "80:a:80", "81:b:80", false },
		{ "80:a:80", "80:b:80/udp", false },
		{ "80-89:a:80-89", "89-99:b:89-99", true },
		{ "80-89:a:80-89", "90-99:b:90-99", false },
		{ "1-65535:a:1-65535", "443:b:443", true },
		{ "80:a:80", "198.51.100.1:80:b:80", true }, /* any address and one */
		{ "0.0.0.0:80:a:80", "198.51.100.1:80:b:80", true },
		{ "198.51.100.2:80:a:80", "198.51.100.1:80:b:80", false },
		{ "0.0.0.0:80:a:80", "[::]:80:b:80", false },
		{ "80:a:80", "[::]:80:b:80", true }, /* both families */
		{ "80:a:80", "[2001:db8::1]:80:b:80", true },
		{ "0.0.0.0:80:a:80", "[2001:db8::1]:80:b:80", false },
		{ "[::]:80:a:80", "[2001:db8::1]:80:b:80", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct publish a = spec(rows[i].a), b = spec(rows[i].b);

		assert_int_equal(publish_overlap(&a, &b), rows[i].overlap);
		assert_int_equal(publish_overlap(&b, &a), rows[i].overlap);
	}
}

static void meanings(void **state)
{
	static const struct {
		const char *want, *is;
		bool means;
	} rows[] = {
		{ "80:a:80", "0.0.0.0:80:a:80", true },
		{ "80:a:80", "[::]:80:a:80", true },
		{ "0.0.0.0:80:a:80", "[::]:80:a:80", false },
		{ "80:a:80", "198.51.100.1:80:a:80", false },
		{ "198.51.100.1:80:a:80", "198.51.100.1:80:a:80/tcp", true },
		{ "80:a:80", "0.0.0.0:80:a:81", false },
		{ "80:a:80", "0.0.0.0:80:b:80", false },
		{ "80:a:80", "0.0.0.0:80-81:a:80-81", false },
		{ "80:a:80", "0.0.0.0:80:a:80/udp", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct publish want = spec(rows[i].want), is = spec(rows[i].is);

		assert_int_equal(publish_means(&want, &is), rows[i].means);
	}
}

static void rules_as_text_and_json(void **state)
{
	struct publish p = spec("198.51.100.1:8080-8089:web:80-89");

	(void)state;
	assert_int_equal(addr_parse("10.77.0.2", &p.to), 0);
	assert_prints("tcp 198.51.100.1:8080-8089 > blue/web 10.77.0.2:80-89\n", "", publish_print("blue", &p));
	out_json = true;
	assert_prints("{\"protocol\":\"tcp\",\"address\":\"198.51.100.1\",\"port\":8080,\"last\":8089,"
		      "\"network\":\"blue\",\"name\":\"web\",\"to_address\":\"10.77.0.2\",\"to_port\":80}\n",
		      "", publish_print("blue", &p));
	out_json = false;
	p = spec("[::]:53:dns:53/udp");
	assert_int_equal(addr_parse("fd00::2", &p.to), 0);
	assert_prints("udp [::]:53 > blue/dns [fd00::2]:53\n", "", publish_print("blue", &p));
}

/* A host whose tables are memory of ours: two networks, t1 with ports a and b, t2 with port c. */
static int make_host(void **state)
{
	static struct nsf_flow_state key = { .handle_key = { 1, 3, 5, 7, 9 } };
	static __u32 live;
	struct host *h = calloc(1, sizeof(*h));
	struct dp *dp = &h->dp;
	static const char *const names[] = { NULL, "a", "b", "c" };

	dp->loaded = true;
	dp->state = &key;
	dp->publish_live = &live;
	dp->ports = calloc(NSF_SLOTS_MAX, sizeof(*dp->ports));
	dp->names = calloc(NSF_SLOTS_MAX, sizeof(*dp->names));
	dp->nets = calloc(NSF_NETS_MAX, sizeof(*dp->nets));
	dp->publish = calloc(2 * NSF_PUBLISH_MAX, sizeof(*dp->publish));
	strcpy(dp->nets[1].name, "t1");
	strcpy(dp->nets[2].name, "t2");
	dp->nets[1].first = 1;
	dp->nets[2].first = 3;
	dp->ports[1].next = 2;
	for (int i = 1; i <= 3; i++) {
		dp->ports[i].net = i < 3 ? 1 : 2;
		dp->ports[i].role = NSF_ROLE_PORT;
		dp->ports[i].gen = 10 + i;
		dp->ports[i].addr4 = htonl(0x0a4d0000 + i);
		strcpy(dp->names[i].port, names[i]);
	}
	dp->ports[2].handle6 = 77;
	dp->ports[2].addr6[0] = 0xfd;
	dp->ports[2].addr6[15] = 2;
	*state = h;
	return 0;
}

static int free_host(void **state)
{
	struct host *h = *state;

	free(h->dp.ports);
	free(h->dp.names);
	free(h->dp.nets);
	free(h->dp.publish);
	free(h);
	return 0;
}

/* publish_set for a network with these rules; true if that changed something */
static bool set_rules(struct host *h, const char *net, const char *const *specs, size_t n)
{
	struct network want = {};
	bool changed;

	strcpy(want.name, net);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(conf_publish("SPEC", specs[i], &want), 0);
	assert_int_equal(bpf_publish_set(h, &want, &changed), 0);
	network_free(&want);
	return changed;
}

static int list_rule(const char *net, const struct publish *p, void *arg)
{
	(void)arg;
	publish_print(net, p);
	return 0;
}

#define assert_rules(want) assert_prints(want, "", bpf_publish_list(h, NULL, list_rule, NULL))

static void rules_stand_in_the_order_of_the_search(void **state)
{
	static const char *const t1[] = { "9000:b:90/udp",   "[2001:db8::1]:80:b:80",
					  "200.1.1.1:5:a:5", "198.51.100.1:443-444:a:443-444",
					  "8080:a:80",       "22:b:22" };
	static const char *const t2[] = { "81:c:81", "198.51.100.1:1:c:1" };
	struct host *h = *state;
	const struct nsf_publish *v = h->dp.publish + NSF_PUBLISH_MAX;

	assert_true(set_rules(h, "t1", t1, ARRAY_SIZE(t1)));
	assert_int_equal(*h->dp.publish_live, 1U << NSF_PUBLISH_HALF | 8);
	assert_rules("tcp 0.0.0.0:22 > t1/b 10.77.0.2:22\n"
		     "tcp 0.0.0.0:8080 > t1/a 10.77.0.1:80\n"
		     "tcp 198.51.100.1:443-444 > t1/a 10.77.0.1:443-444\n"
		     "tcp 200.1.1.1:5 > t1/a 10.77.0.1:5\n"
		     "udp 0.0.0.0:9000 > t1/b 10.77.0.2:90\n"
		     "tcp [::]:22 > t1/b [fd00::2]:22\n"
		     "tcp [2001:db8::1]:80 > t1/b [fd00::2]:80\n"
		     "udp [::]:9000 > t1/b [fd00::2]:90\n");
	assert_int_equal(v[2].addr, htonl(0xc6336401));
	assert_int_equal(v[2].first, 443);
	assert_int_equal(v[2].last, 444);
	assert_int_equal(v[2].slot, 1);
	assert_int_equal(v[2].port_gen, 11);
	assert_int_equal(v[2].family, 4);
	assert_int_equal(v[6].to, 77);
	assert_int_equal(v[6].family, 6);
	assert_true(v[6].addr != 0);
	assert_int_equal(h->dp.nets[1].flags, NSF_NET_PUBLISH);
	assert_int_equal(h->dp.nets[2].flags, 0);

	assert_false(set_rules(h, "t1", t1, ARRAY_SIZE(t1)));
	assert_true(set_rules(h, "t2", t2, ARRAY_SIZE(t2)));
	assert_int_equal(*h->dp.publish_live, 10);
	v = h->dp.publish;
	assert_int_equal(v[1].net, 2);
	assert_int_equal(v[1].first, 81);
	assert_int_equal(v[3].net, 2);
	assert_int_equal(v[3].first, 1);
	assert_int_equal(h->dp.nets[2].flags, NSF_NET_PUBLISH);
	*h->dp.publish_live = 0;
}

static void rules_go_with_their_port(void **state)
{
	static const char *const t1[] = { "80:a:80", "0.0.0.0:81:b:81" }, *const t2[] = { "82:c:82" };
	struct host *h = *state;

	set_rules(h, "t1", t1, 2);
	set_rules(h, "t2", t2, 1);
	assert_int_equal(bpf_publish_drop(h, 1, 1), 0);
	assert_rules("tcp 0.0.0.0:81 > t1/b 10.77.0.2:81\ntcp 0.0.0.0:82 > t2/c 10.77.0.3:82\n");
	assert_int_equal(h->dp.nets[1].flags, NSF_NET_PUBLISH);

	/* the slot is another port's by now: the rule is not told, and gone with the next write */
	h->dp.ports[3].gen++;
	assert_rules("tcp 0.0.0.0:81 > t1/b 10.77.0.2:81\n");
	h->dp.nets[1].flags |= NSF_NET_SNAT;
	assert_int_equal(bpf_publish_drop(h, 1, 0), 0);
	assert_int_equal(*h->dp.publish_live, 0);
	assert_int_equal(h->dp.nets[1].flags, NSF_NET_SNAT);
	assert_int_equal(h->dp.nets[2].flags, 0);
	assert_rules("");
}

static void one_row_more_than_fits_is_refused(void **state)
{
	struct host *h = *state;
	struct network want = { .name = "t1" };
	bool changed = false;
	char text[64];
	int r;

	for (int i = 0; i < NSF_PUBLISH_MAX; i++) {
		snprintf(text, sizeof(text), "%d:a:80", i + 1);
		assert_int_equal(conf_publish("SPEC", text, &want), 0);
	}
	assert_int_equal(bpf_publish_set(h, &want, &changed), 0);
	assert_true(changed);
	assert_int_equal(*h->dp.publish_live & 0xffff, NSF_PUBLISH_MAX);
	assert_int_equal(conf_publish("SPEC", "9999:b:80", &want), 0);
	assert_prints(
		"", "nsfast: t1/b: this host has 4096 publishes, there is no room for more: No space left on device\n",
		r = bpf_publish_set(h, &want, &changed));
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(*h->dp.publish_live & 0xffff, NSF_PUBLISH_MAX);
	network_free(&want);
	*h->dp.publish_live = 0;
}

#define IN_HOST(test) cmocka_unit_test_setup_teardown(test, make_host, free_host)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_words),
		cmocka_unit_test(bad_words),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(meanings),
		cmocka_unit_test(rules_as_text_and_json),
		IN_HOST(rules_stand_in_the_order_of_the_search),
		IN_HOST(rules_go_with_their_port),
		IN_HOST(one_row_more_than_fits_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
