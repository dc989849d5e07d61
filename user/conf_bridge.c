/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to the model: what a network is as a switch, and what its ports may hear and say. */
#include <errno.h>

#include "conf.h"
#include "log.h"

#define FDB_AGE_LIMIT (30 * 24 * 3600)

int conf_bits(const char *what, const char *text, const struct conf_bits *words, __u32 mask, __u32 *policy, __u32 *has)
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
	static const struct conf_bits words[] = { { "yes", 0 }, { "no", NSF_NET_NO_ANSWERS }, {} };

	return conf_bits(what, text, words, NSF_NET_NO_ANSWERS, &n->policy, &n->policy_has);
}

int conf_snooping(const char *what, const char *text, struct network *n)
{
	static const struct conf_bits words[] = { { "yes", 0 }, { "no", NSF_NET_NO_SNOOPING }, {} };

	return conf_bits(what, text, words, NSF_NET_NO_SNOOPING, &n->policy, &n->policy_has);
}

static const struct conf_bits host_access[] = {
	{ "all", 0 }, { "gateway", NSF_NET_HOST_GATEWAY }, { "none", NSF_NET_HOST_NONE }, {}
};

int conf_host_access(const char *what, const char *text, struct network *n)
{
	return conf_bits(what, text, host_access, NET_POLICY_ACCESS, &n->policy, &n->policy_has);
}

int conf_port_isolated(const char *what, const char *text, struct port *p)
{
	static const struct conf_bits words[] = { { "yes", NSF_PORT_ISOLATED }, { "no", 0 }, {} };

	return conf_bits(what, text, words, NSF_PORT_ISOLATED, &p->policy, &p->policy_has);
}

int conf_port_guard(const char *what, const char *text, struct port *p)
{
	static const struct conf_bits words[] = { { "yes", 0 }, { "no", NSF_PORT_SERVES }, {} };

	return conf_bits(what, text, words, NSF_PORT_SERVES, &p->policy, &p->policy_has);
}

static const struct conf_bits port_flood[] = {
	{ "all", 0 },
	{ "multicast", NSF_PORT_NO_UNKNOWN },
	{ "unicast", NSF_PORT_NO_MULTICAST },
	{ "none", NSF_PORT_NO_UNKNOWN | NSF_PORT_NO_MULTICAST },
	{},
};

int conf_port_flood(const char *what, const char *text, struct port *p)
{
	return conf_bits(what, text, port_flood, NSF_PORT_FLOOD, &p->policy, &p->policy_has);
}

int conf_port_vlan(const char *what, const char *text, struct port *p)
{
	__u32 vid = 0;

	if (!streq(text, "none") && !conf_number(text, 1, NSF_VLAN_MAX, &vid))
		return fail_usage("%s: '%s' is no VLAN; it must be 1 to %d, or none", what, text, NSF_VLAN_MAX);
	p->vlan = (__u16)vid;
	p->has |= PORT_HAS_VLAN;
	return 0;
}

/* "20" or "30-40". */
static bool read_vlans(char *word, struct nsf_trunk *t)
{
	char *dash = strchr(word, '-');
	__u32 first, last;

	if (dash)
		*dash = '\0';
	if (!conf_number(word, 1, NSF_VLAN_MAX, &first))
		return false;
	last = first;
	if (dash && !conf_number(dash + 1, first, NSF_VLAN_MAX, &last))
		return false;
	vlans_add(t, first, last);
	return true;
}

int conf_port_trunk(const char *what, const char *text, struct port *p)
{
	autofree char *copy = strdup(text);
	char *rest = copy, *word;
	unsigned first, last, n = 0;

	if (!copy)
		return fail(-ENOMEM, "%s: cannot read '%s'", what, text);
	p->trunk = (struct nsf_trunk){};
	while (!streq(text, "none") && (word = conf_word(&rest)))
		if (!read_vlans(word, &p->trunk))
			return fail_usage("%s: '%s' must be VLANs as in 20,30-40 (1 to %d), or none", what, text,
					  NSF_VLAN_MAX);
	for (first = 1; vlans_range(&p->trunk, true, &first, &last); first = last + 1)
		n++;
	if (n > VLAN_RANGES_MAX)
		return fail_usage("%s: '%s' has %u ranges; %d are the most", what, text, n, VLAN_RANGES_MAX);
	p->has |= PORT_HAS_TRUNK;
	return 0;
}

int conf_check_vlan(const struct network *n, const struct port *p)
{
	const bool trunk = vlans_any(&p->trunk);
	size_t i;

	if (p->vlan && vlans_has(&p->trunk, p->vlan))
		return fail_usage("%s/%s: frames of VLAN %u have either no tag (Vlan) or one (VlanTrunk)", n->name,
				  p->name, p->vlan);
	if (vlans_has(&p->trunk, NSF_VLAN_DEFAULT))
		return fail_usage("%s/%s: frames of VLAN %d, the gateway's, have no tags", n->name, p->name,
				  NSF_VLAN_DEFAULT);
	if (p->has & PORT_HAS_VLAN && !p->vlan && !(p->has & PORT_HAS_TRUNK && trunk))
		return fail_usage("%s/%s: without a VLAN of its own it needs VlanTrunk", n->name, p->name);
	for (i = 0; (p->vlan ? p->vlan != NSF_VLAN_DEFAULT : trunk) && i < n->n_publishes; i++)
		if (streq(n->publishes[i].port, p->name))
			return fail_usage("%s/%s: only a port in VLAN %d, the gateway's, can be published", n->name,
					  p->name, NSF_VLAN_DEFAULT);
	return 0;
}

static const char *word_of(const struct conf_bits *words, __u32 bits)
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
