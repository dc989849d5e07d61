/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to the model: the values of options and keys, and the check of the whole. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>

#include "nsfast/flow.h"

#include "conf.h"
#include "log.h"
#include "netns.h"

#define TIMEOUT_LIMIT (30 * 24 * 3600)
#define FLOWS_MIN     1024
#define FLOWS_LIMIT   ((int)NSF_HINT_SLOT)

/* Edits (insert, remove, replace a character) from a to b, case aside; b has at most WORD_MAX characters. */
#define WORD_MAX 32
static size_t edits(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			bool differs = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);
			size_t best = diagonal + differs;

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[len];
}

const char *conf_nearest(const char *word, const char *const *list)
{
	const char *nearest = NULL;
	size_t least = 3;

	if (strlen(word) > WORD_MAX)
		return NULL;
	for (; *list; list++) {
		size_t n = strlen(*list) <= WORD_MAX ? edits(word, *list) : least;

		/* a word of which nothing is left is not meant */
		if (n < least && n < strlen(*list)) {
			least = n;
			nearest = *list;
		}
	}
	return nearest;
}

void conf_hint(const char *word, const char *const *list)
{
	const char *nearest = conf_nearest(word, list);

	if (nearest)
		hint("did you mean '%s'?", nearest);
}

bool conf_number(const char *text, __u32 min, __u32 max, __u32 *ret)
{
	unsigned long v = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return false;
		v = v * 10 + (unsigned long)(*text - '0');
		if (v > max)
			return false;
	}
	if (v < min)
		return false;
	*ret = (__u32)v;
	return true;
}

/* As the kernel has it, less what nobody means: control characters and bytes beyond ASCII. */
static bool ifname_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= IFNAMSIZ || streq(name, ".") || streq(name, ".."))
		return false;
	for (; *name; name++)
		if (*name <= ' ' || *name > '~' || *name == '/' || *name == ':')
			return false;
	return true;
}

int conf_name(const char *what, const char *text, struct network *n)
{
	if (!network_name_ok(text)) {
		hint("1 to %d letters, digits, '_', '-' and '.', the first a letter or digit", NET_NAME_LEN - 1);
		return fail_usage("%s: '%s' is no name for a network", what, text);
	}
	snprintf(n->name, sizeof(n->name), "%s", text);
	return 0;
}

int conf_choice(const char *text, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (streq(text, words[i]))
			return i;
	conf_hint(text, words);
	return -1;
}

int conf_mode(const char *what, const char *text, struct network *n)
{
	static const char *const modes[] = {
		[NET_MODE_AUTO] = "auto",
		[NET_MODE_BPF] = "bpf",
		[NET_MODE_NETFILTER] = "netfilter",
		NULL,
	};
	int i = conf_choice(text, modes);

	if (i < 0)
		return fail_usage("%s: '%s' is no mode; there are auto, bpf and netfilter", what, text);
	n->mode = (enum net_mode)i;
	n->has |= NET_HAS_MODE;
	return 0;
}

int conf_xdp(const char *what, const char *text, struct network *n)
{
	int i = conf_choice(text, net_xdp_words);

	if (i < 0)
		return fail_usage("%s: '%s' must be off, auto or native", what, text);
	n->xdp = (enum net_xdp)i;
	n->has |= NET_HAS_XDP;
	return 0;
}

int conf_xdp_forward(const char *what, const char *text, struct network *n)
{
	static const struct conf_bits words[] = { { "yes", NSF_NET_XDP_FORWARD }, { "no", 0 }, {} };

	return conf_bits(what, text, words, NSF_NET_XDP_FORWARD, &n->policy, &n->policy_has);
}

static int read_ifname(const char *what, const char *text, char ret[IFNAMSIZ])
{
	if (!ifname_ok(text))
		return fail_usage("%s: '%s' is no name of an interface", what, text);
	snprintf(ret, IFNAMSIZ, "%s", text);
	return 0;
}

int conf_uplink(const char *what, const char *text, struct network *n)
{
	int r = 0;

	if (streq(text, "none"))
		n->uplink[0] = '\0';
	else
		r = read_ifname(what, text, n->uplink);
	if (r == 0)
		n->has |= NET_HAS_UPLINK;
	return r;
}

static int read_mtu(const char *what, const char *text, __u32 *ret)
{
	if (!conf_number(text, 576, NET_MTU_MAX, ret))
		return fail_usage("%s: '%s' is no MTU; it must be 576 to 65535", what, text);
	return 0;
}

int conf_mtu(const char *what, const char *text, struct network *n)
{
	int r = read_mtu(what, text, &n->mtu);

	if (!r)
		n->has |= NET_HAS_MTU;
	return r;
}

int conf_port_mtu(const char *what, const char *text, struct port *p)
{
	int r = read_mtu(what, text, &p->mtu);

	if (!r)
		p->has |= PORT_HAS_MTU;
	return r;
}

int conf_flows(const char *what, const char *text, struct network *n)
{
	if (!conf_number(text, FLOWS_MIN, FLOWS_LIMIT, &n->flows))
		return fail_usage("%s: '%s' is no size for the flow table; it must be %d to %d", what, text, FLOWS_MIN,
				  FLOWS_LIMIT);
	return 0;
}

/* A port that a user asked for, in a namespace of its name until something else is said. */
static int add_port(const char *what, const char *name, struct network *n)
{
	struct port *p;

	if (!netns_name_ok(name)) {
		hint("1 to %d letters, digits, '_', '-' and '.', the first a letter or digit", NSF_NAME_LEN - 1);
		return fail_usage("%s: '%s' is no name for a port", what, name);
	}
	if (network_port(n, name))
		return fail_usage("%s: port '%s' is there already", what, name);
	if (n->n_ports >= NSF_SLOTS_MAX)
		return fail_usage("%s: port '%s' is one too many, a host has room for %d", what, name, NSF_SLOTS_MAX);
	p = network_add_port(n, name);
	if (!p)
		return fail(-ENOMEM, "%s: cannot add port '%s'", what, name);
	snprintf(p->netns, sizeof(p->netns), "%s", name);
	n->has |= NET_HAS_PORTS;
	return 0;
}

int conf_ns(const char *what, const char *text, struct network *n)
{
	const char *equals = strchr(text, '=');
	autofree char *name = strndup(text, equals ? (size_t)(equals - text) : strlen(text));
	struct port p = { 0 };
	int r;

	if (!name)
		return fail(-ENOMEM, "%s: cannot add port '%s'", what, text);
	r = equals ? conf_port_address(what, equals + 1, &p) : 0;
	if (r == 0)
		r = add_port(what, name, n);
	if (r)
		return r;
	n->ports[n->n_ports - 1].addr = p.addr;
	n->ports[n->n_ports - 1].addr6 = p.addr6;
	n->ports[n->n_ports - 1].has = p.has;
	return 0;
}

int conf_port_mac(const char *what, const char *text, struct port *p)
{
	if (mac_parse(text, p->mac)) {
		hint("as in 02:00:00:00:00:01; group addresses and zero are no port's");
		return fail_usage("%s: '%s' is no MAC address for a port", what, text);
	}
	p->has |= PORT_HAS_MAC;
	return 0;
}

int conf_port_netns(const char *what, const char *text, struct port *p)
{
	if (!netns_name_ok(text))
		return fail_usage("%s: '%s' is no name for a namespace", what, text);
	snprintf(p->netns, sizeof(p->netns), "%s", text);
	return 0;
}

int conf_port_device(const char *what, const char *text, struct port *p)
{
	int r = read_ifname(what, text, p->dev);

	if (r == 0)
		p->netns[0] = '\0';
	return r;
}

int conf_timeout(const char *what, const char *text, enum nsf_timeout t, struct network *n)
{
#define TIMEOUT_FLOOR(name, key, seconds, floor) [NSF_TIMEOUT_##name] = floor,
	static const __u32 floors[NSF_TIMEOUT_MAX] = { NSF_TIMEOUTS(TIMEOUT_FLOOR) };

	if (!conf_number(text, 1, TIMEOUT_LIMIT, &n->timeout[t]))
		return fail_usage("%s: '%s' is no timeout; it must be 1 to %d seconds", what, text, TIMEOUT_LIMIT);
	if (n->timeout[t] < floors[t])
		warn("%s: '%s' is below the %u seconds that the RFC asks for", what, text, floors[t]);
	n->has |= (unsigned)NET_HAS_TIMEOUT << t;
	return 0;
}

/* What no two ports may share, as text in a buffer of NSF_NAME_LEN; false if the port has none. */
struct single {
	const char *word;
	bool (*text)(const struct port *p, char *buf);
};

static bool address_text(const struct port *p, char *buf)
{
	return p->has & PORT_HAS_ADDR && addr_format(&p->addr, false, buf);
}

static bool address6_text(const struct port *p, char *buf)
{
	return p->has & PORT_HAS_ADDR6 && addr_format(&p->addr6, false, buf);
}

static bool mac_text(const struct port *p, char *buf)
{
	return p->has & PORT_HAS_MAC && mac_format(p->mac, buf);
}

static bool netns_text(const struct port *p, char *buf)
{
	strcpy(buf, p->netns);
	return *buf;
}

static bool device_text(const struct port *p, char *buf)
{
	strcpy(buf, p->dev);
	return *buf;
}

static const struct single singles[] = {
	{ "address", address_text }, { "address", address6_text }, { "MAC address", mac_text },
	{ "namespace", netns_text }, { "interface", device_text },
};

struct owned {
	char text[NSF_NAME_LEN];
	const struct port *port;
};

static int compare_owned(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;
	int r = strcmp(x->text, y->text);

	return r ? r : (x->port > y->port) - (x->port < y->port);
}

static int check_single(const struct network *n, const struct single *s, struct owned *list)
{
	size_t count = 0;

	for (size_t i = 0; i < n->n_ports; i++) {
		list[count].port = &n->ports[i];
		count += s->text(&n->ports[i], list[count].text);
	}
	qsort(list, count, sizeof(*list), compare_owned);
	for (size_t i = 1; i < count; i++)
		if (streq(list[i - 1].text, list[i].text))
			return fail_usage("%s: ports '%s' and '%s' have the same %s '%s'", n->name,
					  list[i - 1].port->name, list[i].port->name, s->word, list[i].text);
	return 0;
}

/* With the subnet known: the address must be one of its hosts' and not the gateway's. */
static int check_address(const struct network *n, const struct port *p, const struct addr *a,
			 const struct addr *gateway)
{
	char text[ADDR_STRLEN], subnet[ADDR_STRLEN];

	if (a->family == 0 || gateway->family == 0 || network_holds(n, a))
		return 0;
	addr_format(a, false, text);
	addr_format(gateway, true, subnet);
	if (memcmp(a->bytes, gateway->bytes, sizeof(a->bytes)) == 0)
		return fail_usage("%s/%s: '%s' is the gateway's address", n->name, p->name, text);
	return fail_usage("%s/%s: '%s' is no host's address in the subnet of '%s'", n->name, p->name, text, subnet);
}

static int check_addresses(const struct network *n, const struct port *p)
{
	int r = p->has & PORT_HAS_ADDR ? check_address(n, p, &p->addr, &n->gateway) : 0;

	return r || !(p->has & PORT_HAS_ADDR6) ? r : check_address(n, p, &p->addr6, &n->gateway6);
}

int conf_check(const struct network *n)
{
	autofree struct owned *list = NULL;
	int r = 0;

	if (n->ipv6_off && n->has & (NET_HAS_SUBNET6 | NET_HAS_SNAT6))
		return fail_usage("%s: no IPv6, and an IPv6 %s: one or the other", n->name,
				  n->has & NET_HAS_SUBNET6 ? "subnet" : "SNAT");
	if (n->n_ports == 0)
		return 0;
	for (size_t i = 0; r == 0 && i < n->n_ports; i++)
		r = check_addresses(n, &n->ports[i]) || conf_check_vlan(n, &n->ports[i]) ? -EINVAL : 0;
	if (r)
		return r;
	list = calloc(n->n_ports, sizeof(*list));
	if (!list)
		return fail(-ENOMEM, "%s: cannot check the ports", n->name);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(singles); i++)
		r = check_single(n, &singles[i], list);
	return r;
}
