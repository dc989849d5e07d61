/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to the model: subnets and addresses of both families. */
#include <errno.h>

#include "conf.h"
#include "log.h"

/* True for an IPv4 address that one interface can have. */
static bool is_host4(const struct addr *a)
{
	return a->bytes[0] != 0 && a->bytes[0] != 127 && a->bytes[0] < 224;
}

/* True for an IPv6 address that one interface can have and others can reach by a route. */
static bool is_host6(const struct addr *a)
{
	bool link_local = a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;

	return a->bytes[0] != 0 && a->bytes[0] != 0xff && !link_local;
}

int conf_host6(const char *what, const char *text, struct addr *ret)
{
	struct addr a;

	if (addr_parse(text, &a) || a.family != AF_INET6)
		return fail_usage("%s: '%s' is no IPv6 address", what, text);
	if (strchr(text, '/'))
		return fail_usage("%s: '%s' must be an address without a prefix length", what, text);
	if (!is_host6(&a))
		return fail_usage("%s: '%s' can be no interface's address", what, text);
	*ret = a;
	return 0;
}

/* Calls read for each word of a list. */
static int read_list(const char *what, const char *text, int (*read)(const char *what, const char *text, void *arg),
		     void *arg)
{
	autofree char *copy = strdup(text);
	char *rest = copy, *word;
	int r = copy ? 0 : fail(-ENOMEM, "%s: cannot read '%s'", what, text);

	while (r == 0 && (word = conf_word(&rest)))
		r = read(what, word, arg);
	return r;
}

int conf_host4(const char *what, const char *text, struct addr *ret)
{
	struct addr a;

	if (strchr(text, '/') && addr_parse(text, &a) == 0)
		return fail_usage("%s: '%s' must be an address without a prefix length", what, text);
	if (addr_parse(text, &a) || a.family != AF_INET)
		return fail_usage("%s: '%s' is no IPv4 address", what, text);
	if (!is_host4(&a))
		return fail_usage("%s: '%s' can be no interface's address", what, text);
	*ret = a;
	return 0;
}

static int read_subnet6(const char *what, const char *text, const struct addr *a, struct network *n)
{
	struct addr gateway;

	if (a->plen < 64 || a->plen > 120)
		return fail_usage("%s: '%s': the prefix length must be 64 to 120", what, text);
	if (!is_host6(a) || network_subnet(a, &gateway))
		return fail_usage("%s: '%s' can be no interface's address", what, text);
	n->gateway6 = gateway;
	n->has |= NET_HAS_SUBNET6;
	return 0;
}

static int read_subnet(const char *what, const char *text, void *arg)
{
	struct network *n = arg;
	struct addr a, gateway;

	if (addr_parse(text, &a) || !strchr(text, '/')) {
		hint("as in 10.77.0.1/24 or fd00:77::1/64: the gateway's address and the subnet's prefix length");
		return fail_usage("%s: '%s' is no subnet", what, text);
	}
	if (a.family == AF_INET6)
		return read_subnet6(what, text, &a, n);
	if (a.plen < 8 || a.plen > 30)
		return fail_usage("%s: '%s': the prefix length must be 8 to 30", what, text);
	if (!is_host4(&a))
		return fail_usage("%s: '%s' can be no interface's address", what, text);
	if (network_subnet(&a, &gateway))
		return fail_usage("%s: '%s' is the subnet's broadcast address", what, text);
	n->gateway = gateway;
	n->has |= NET_HAS_SUBNET;
	return 0;
}

/* Counts the words of a list by family: one of each is what there can be. */
static int read_one_each(const char *what, const char *text)
{
	const char *comma = strchr(text, ',');

	if (comma && (strchr(comma + 1, ',') || !memchr(text, ':', comma - text) == !strchr(comma, ':')))
		return fail_usage("%s: '%s': one for IPv4 and one for IPv6 is what there can be", what, text);
	return 0;
}

int conf_subnet(const char *what, const char *text, struct network *n)
{
	struct network new = *n;
	int r = read_one_each(what, text);

	if (r == 0)
		r = read_list(what, text, read_subnet, &new);
	if (r == 0)
		*n = new;
	return r;
}

int conf_ipv6(const char *what, const char *text, struct network *n)
{
	if (!streq(text, "yes") && !streq(text, "no"))
		return fail_usage("%s: '%s' must be yes or no", what, text);
	n->ipv6_off = streq(text, "no");
	n->has |= NET_HAS_IPV6;
	return 0;
}

static int read_port_address(const char *what, const char *text, void *arg)
{
	struct port *p = arg;
	bool six = strchr(text, ':');
	int r = six ? conf_host6(what, text, &p->addr6) : conf_host4(what, text, &p->addr);

	if (r == 0)
		p->has |= six ? PORT_HAS_ADDR6 : PORT_HAS_ADDR;
	return r;
}

int conf_port_address(const char *what, const char *text, struct port *p)
{
	struct port new = *p;
	int r = read_one_each(what, text);

	if (r == 0)
		r = read_list(what, text, read_port_address, &new);
	if (r == 0)
		*p = new;
	return r;
}
