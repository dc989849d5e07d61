/* SPDX-License-Identifier: GPL-2.0-only */
/* Fuzzes the INI file: whatever the bytes, a message or a model that keeps its promises. */
#include <stdio.h>

#include "conf_file.c"

#define CHECK(condition) \
	do { \
		if (!(condition)) \
			abort(); \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Messages are made, but nobody reads them; the fuzzer keeps the stream that it already has. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stderr = fopen("/dev/null", "w");
	return stderr ? 0 : -1;
}

static void check_addr(const struct addr *a)
{
	CHECK(a->family == AF_INET && a->plen == 32);
	CHECK(a->bytes[0] != 0 && a->bytes[0] != 127 && a->bytes[0] < 224);
}

static void check_port(const struct network *n, const struct port *p)
{
	static const struct port none;

	CHECK(network_port(n, p->name) == p); /* no other has its name */
	CHECK(p->name[0] && !strpbrk(p->name, "/ \t\r\n"));
	CHECK(!p->netns[0] == !!p->dev[0]); /* either made or adopted */
	CHECK(!strpbrk(p->dev, "/ \t\r\n"));
	CHECK(!p->dev[0] || !(p->has & (PORT_HAS_ADDR | PORT_HAS_MAC)));
	for (int i = 0; i < PORT_LIMIT_MAX; i++)
		CHECK(!(p->has & PORT_HAS_LIMIT << i) == (p->limit[i] == 0));
	if (p->has & PORT_HAS_ADDR)
		check_addr(&p->addr);
	else
		CHECK(memcmp(&p->addr, &none.addr, sizeof(p->addr)) == 0);
	if (p->has & PORT_HAS_MAC)
		CHECK(!(p->mac[0] & 1));
}

static void check_publish(const struct network *n, const struct publish *p)
{
	CHECK(network_port(n, p->port) && !network_port(n, p->port)->dev[0]);
	CHECK(p->proto == IPPROTO_TCP || p->proto == IPPROTO_UDP || p->proto == IPPROTO_SCTP);
	CHECK(p->first && p->to_first && p->first <= p->last && p->to_first + (p->last - p->first) <= 65535);
	CHECK(!p->addr.family || p->addr.family == AF_INET || p->addr.family == AF_INET6);
}

static void check_network(const struct network *n)
{
	CHECK(network_name_ok(n->name));
	CHECK(!(n->has & NET_HAS_SUBNET) == (n->gateway.family == 0));
	if (n->has & NET_HAS_SUBNET)
		CHECK(n->gateway.plen >= 8 && n->gateway.plen <= 30 && !network_holds(n, &n->gateway));
	CHECK(!(n->has & NET_HAS_MTU) == (n->mtu == 0));
	CHECK(n->mtu == 0 || (n->mtu >= 576 && n->mtu <= 65535));
	CHECK((n->snat == NET_SNAT_ADDR) == (n->n_pool != 0) && n->n_pool <= NSF_POOL_MAX);
	for (unsigned i = 0; i < n->n_pool; i++)
		check_addr(&n->pool[i]);
	CHECK(n->port_min >= 1024 && n->port_max - n->port_min >= 63);
	CHECK(!(n->policy & ~n->policy_has) && !(n->policy_has & ~NET_POLICY));
	CHECK(n->n_excepts <= NET_EXCEPTS_MAX);
	for (unsigned i = 1; i < n->n_excepts; i++)
		CHECK(memcmp(&n->excepts[i - 1], &n->excepts[i], sizeof(n->excepts[i])));
	for (int i = 0; i < PORT_LIMIT_MAX; i++)
		CHECK(!(n->has & NET_HAS_LIMIT << i) == (n->limit[i] == 0));
	for (int i = 0; i < NSF_TIMEOUT_MAX; i++)
		CHECK(n->timeout[i] > 0);
	CHECK(!(n->has & NET_HAS_PORTS) == (n->n_ports == 0));
	for (size_t i = 0; i < n->n_ports; i++)
		check_port(n, &n->ports[i]);
	CHECK(!(n->has & NET_HAS_PUBLISH) == (n->n_publishes == 0));
	for (size_t i = 0; i < n->n_publishes; i++)
		check_publish(n, &n->publishes[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct network n;
	int r;

	network_init(&n, "nsf0");
	r = read_text("fuzz", (const char *)data, size, &n);
	CHECK(r == 0 || r == -EINVAL);
	if (r == 0) {
		check_network(&n);
		r = conf_check(&n);
		CHECK(r == 0 || r == -EINVAL);
	}
	network_free(&n);
	return 0;
}
