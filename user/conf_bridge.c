/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to the model: what a network is as a switch, and what its ports may hear and say. */
#include <errno.h>

#include "conf.h"
#include "log.h"

#define FDB_AGE_LIMIT (30 * 24 * 3600)

/* One of a few words, each of which stands for some of the bits that mask has. */
struct word {
	const char *text;
	__u32 bits;
};

static int read_word(const char *what, const char *text, const struct word *words, __u32 mask, __u32 *policy,
		     __u32 *has)
{
	const char *list[8] = {};
	size_t n;
	int i;

	for (n = 0; n < ARRAY_SIZE(list) - 1 && words[n].text; n++)
		list[n] = words[n].text;
	i = conf_choice(text, list);
	if (i < 0 && n == 2)
		return fail_usage("%s: '%s' must be %s or %s", what, text, list[0], list[1]);
	if (i < 0 && n == 3)
		return fail_usage("%s: '%s' must be %s, %s or %s", what, text, list[0], list[1], list[2]);
	if (i < 0)
		return fail_usage("%s: '%s' must be %s, %s, %s or %s", what, text, list[0], list[1], list[2], list[3]);
	*policy = (*policy & ~mask) | words[i].bits;
	*has |= mask;
	return 0;
}

int conf_fdb_ageing(const char *what, const char *text, struct network *n)
{
	if (!conf_number(text, 0, FDB_AGE_LIMIT, &n->fdb_age))
		return fail_usage("%s: '%s' is no time; it must be 0 (nothing is learned) to %d seconds", what, text,
				  FDB_AGE_LIMIT);
	n->has |= NET_HAS_FDB_AGE;
	return 0;
}

int conf_neigh_suppress(const char *what, const char *text, struct network *n)
{
	static const struct word words[] = { { "yes", 0 }, { "no", NSF_NET_NO_ANSWERS }, {} };

	return read_word(what, text, words, NSF_NET_NO_ANSWERS, &n->policy, &n->policy_has);
}

static const struct word host_access[] = {
	{ "all", 0 }, { "gateway", NSF_NET_HOST_GATEWAY }, { "none", NSF_NET_HOST_NONE }, {}
};

int conf_host_access(const char *what, const char *text, struct network *n)
{
	return read_word(what, text, host_access, NET_POLICY_ACCESS, &n->policy, &n->policy_has);
}

int conf_port_isolated(const char *what, const char *text, struct port *p)
{
	static const struct word words[] = { { "yes", NSF_PORT_ISOLATED }, { "no", 0 }, {} };

	return read_word(what, text, words, NSF_PORT_ISOLATED, &p->policy, &p->policy_has);
}

int conf_port_guard(const char *what, const char *text, struct port *p)
{
	static const struct word words[] = { { "yes", 0 }, { "no", NSF_PORT_SERVES }, {} };

	return read_word(what, text, words, NSF_PORT_SERVES, &p->policy, &p->policy_has);
}

static const struct word port_flood[] = {
	{ "all", 0 },
	{ "multicast", NSF_PORT_NO_UNKNOWN },
	{ "unicast", NSF_PORT_NO_MULTICAST },
	{ "none", NSF_PORT_NO_UNKNOWN | NSF_PORT_NO_MULTICAST },
	{},
};

int conf_port_flood(const char *what, const char *text, struct port *p)
{
	return read_word(what, text, port_flood, NSF_PORT_FLOOD, &p->policy, &p->policy_has);
}

static const char *word_of(const struct word *words, __u32 bits)
{
	for (; words->text; words++)
		if (words->bits == bits)
			return words->text;
	return "";
}

const char *conf_host_access_word(const struct network *n)
{
	return word_of(host_access, n->policy & NET_POLICY_ACCESS);
}

const char *conf_port_flood_word(const struct port *p)
{
	return word_of(port_flood, p->policy & NSF_PORT_FLOOD);
}
