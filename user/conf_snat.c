/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to the model: how SNAT is done, and what each port may use of what all share. */
#include <errno.h>
#include <stdio.h>

#include "conf.h"
#include "log.h"

#define SNAT_PORT_FIRST 1024 /* below it are those that keep their class (RFC 4787 REQ-3a) */
#define SNAT_PORTS_MIN  64

char *conf_word(char **rest)
{
	char *word = strsep(rest, ",");
	size_t len;

	if (!word)
		return NULL;
	word += strspn(word, " \t");
	len = strlen(word);
	while (len && strchr(" \t", word[len - 1]))
		word[--len] = '\0';
	return word;
}

/* "A,B...": each word by its reader into a copy, so that what is refused changes nothing. */
static int read_list(const char *what, const char *text, struct network *n,
		     int (*read)(const char *what, const char *word, struct network *n))
{
	autofree char *copy = strdup(text);
	struct network new = *n;
	char *rest = copy, *word;
	int r = 0;

	if (!copy)
		return fail(-ENOMEM, "%s: cannot read '%s'", what, text);
	while (!r && (word = conf_word(&rest)))
		r = read(what, word, &new);
	if (!r)
		*n = new;
	return r;
}

static int add_to_pool(const char *what, const char *word, const struct addr *a, struct addr *pool, unsigned *n)
{
	unsigned i;

	for (i = 0; i < *n; i++)
		if (!memcmp(&pool[i], a, sizeof(*a)))
			return fail_usage("%s: '%s' is there already", what, word);
	if (*n == NSF_POOL_MAX)
		return fail_usage("%s: '%s' is one too many, a network has room for %d", what, word, NSF_POOL_MAX);
	pool[(*n)++] = *a;
	return 0;
}

static int read_pool(const char *what, const char *word, struct network *n)
{
	struct addr a;
	int r = conf_host4(what, word, &a);

	return r ? r : add_to_pool(what, word, &a, n->pool, &n->n_pool);
}

static int read_pool6(const char *what, const char *word, struct network *n)
{
	struct addr a;
	int r = conf_host6(what, word, &a);

	return r ? r : add_to_pool(what, word, &a, n->pool6, &n->n_pool6);
}

/* auto, none, or addresses, which are read into an empty pool. */
static int read_snat(const char *what, const char *text, enum net_snat *way, struct network *n,
		     int (*read)(const char *what, const char *word, struct network *n))
{
	*way = NET_SNAT_ADDR;
	if (streq(text, "auto"))
		*way = NET_SNAT_AUTO;
	else if (streq(text, "none"))
		*way = NET_SNAT_NONE;
	else
		return read_list(what, text, n, read);
	return 0;
}

int conf_snat(const char *what, const char *text, struct network *n)
{
	struct network new = *n;
	int r;

	memset(new.pool, 0, sizeof(new.pool));
	new.n_pool = 0;
	r = read_snat(what, text, &new.snat, &new, read_pool);
	if (r)
		return r;
	*n = new;
	n->has |= NET_HAS_SNAT;
	return 0;
}

int conf_snat6(const char *what, const char *text, struct network *n)
{
	struct network new = *n;
	int r;

	memset(new.pool6, 0, sizeof(new.pool6));
	new.n_pool6 = 0;
	r = read_snat(what, text, &new.snat6, &new, read_pool6);
	if (r)
		return r;
	*n = new;
	n->has |= NET_HAS_SNAT6;
	return 0;
}

int conf_snat_ports(const char *what, const char *text, struct network *n)
{
	const char *dash = strchr(text, '-');
	autofree char *first = strndup(text, dash ? (size_t)(dash - text) : 0);
	__u32 low, high;

	if (!first)
		return fail(-ENOMEM, "%s: cannot read '%s'", what, text);
	if (!dash || !conf_number(first, 0, 65535, &low) || !conf_number(dash + 1, 0, 65535, &high)) {
		hint("as in 1024-65535");
		return fail_usage("%s: '%s' is no range of port numbers", what, text);
	}
	if (low > high)
		return fail_usage("%s: '%s' ends before it begins", what, text);
	if (low < SNAT_PORT_FIRST)
		return fail_usage("%s: '%s' must not begin below %d", what, text, SNAT_PORT_FIRST);
	if (high - low + 1 < SNAT_PORTS_MIN)
		return fail_usage("%s: '%s' must have %d port numbers at least", what, text, SNAT_PORTS_MIN);
	n->port_min = low;
	n->port_max = high;
	n->has |= NET_HAS_SNAT_PORTS;
	return 0;
}

static int read_except(const char *what, const char *word, struct network *n)
{
	struct addr a;
	int r;

	if (addr_parse(word, &a)) {
		hint("as in 10.0.0.0/8 or 192.0.2.7");
		return fail_usage("%s: '%s' is no destination", what, word);
	}
	r = network_add_except(n, &a);
	if (r == -EEXIST)
		return fail_usage("%s: '%s' is there already", what, word);
	if (r)
		return fail_usage("%s: '%s' is one too many, a network has room for %d", what, word, NET_EXCEPTS_MAX);
	return 0;
}

int conf_snat_except(const char *what, const char *text, struct network *n)
{
	int r = 0;

	if (streq(text, "none")) {
		memset(n->excepts, 0, sizeof(n->excepts));
		n->n_excepts = 0;
	} else {
		r = read_list(what, text, n, read_except);
	}
	if (!r)
		n->has |= NET_HAS_EXCEPTS;
	return r;
}

int conf_snat_port(const char *what, const char *text, struct network *n)
{
	static const struct conf_bits words[] = { { "preserve", 0 }, { "random", NSF_NET_RANDOM }, {} };

	return conf_bits(what, text, words, NSF_NET_RANDOM, &n->policy, &n->policy_has);
}

int conf_snat_overload(const char *what, const char *text, struct network *n)
{
	static const struct conf_bits words[] = { { "yes", 0 }, { "no", NSF_NET_STRICT }, {} };

	return conf_bits(what, text, words, NSF_NET_STRICT, &n->policy, &n->policy_has);
}

int conf_snat_icmp(const char *what, const char *text, struct network *n)
{
	static const struct conf_bits words[] = { { "yes", 0 }, { "no", NSF_NET_SILENT }, {} };

	return conf_bits(what, text, words, NSF_NET_SILENT, &n->policy, &n->policy_has);
}

int conf_filter(const char *what, const char *text, struct network *n)
{
	static const struct conf_bits words[] = { { "address-port", 0 }, { "endpoint-independent", NSF_NET_EIF }, {} };

	return conf_bits(what, text, words, NSF_NET_EIF, &n->policy, &n->policy_has);
}

static int read_limit(const char *what, const char *text, __u32 *ret)
{
	if (streq(text, "none"))
		*ret = PORT_LIMIT_NONE;
	else if (!conf_number(text, 1, PORT_LIMIT_NONE - 1, ret))
		return fail_usage("%s: '%s' is no limit; it must be 1 to %u, or none", what, text, PORT_LIMIT_NONE - 1);
	return 0;
}

int conf_limit(const char *what, const char *text, enum port_limit l, struct network *n)
{
	int r = read_limit(what, text, &n->limit[l]);

	if (!r)
		n->has |= (unsigned)NET_HAS_LIMIT << l;
	return r;
}

int conf_port_limit(const char *what, const char *text, enum port_limit l, struct port *p)
{
	int r = read_limit(what, text, &p->limit[l]);

	if (!r)
		p->has |= (unsigned)PORT_HAS_LIMIT << l;
	return r;
}
