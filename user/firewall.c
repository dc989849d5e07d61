/* SPDX-License-Identifier: GPL-2.0-only */
/* Firewalls of others, as far as they stand in the way of what is forwarded. */
#include "firewall.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdio.h>
#include <sys/socket.h>

#include "nf_rules.h"
#include "nft.h"

struct block {
	const struct network *n;
	int (*cb)(const char *chain, const char *cure, void *arg);
	void *arg;
};

/* iptables' own chain is spoken to by its own program. */
static int block_iptables(const struct block *b, bool six, const char *kind)
{
	const char *ip = six ? "ip6tables" : "iptables";
	char cure[256];

	if (six && !b->n->gateway6.family)
		return 0;
	snprintf(cure, sizeof(cure), "%s%s -I FORWARD -i %s -j ACCEPT; %s%s -I FORWARD -o %s -j ACCEPT", ip, kind,
		 b->n->name, ip, kind, b->n->name);
	return b->cb("FORWARD", cure, b->arg);
}

static int block_chain(const struct nft_chain *c, void *arg)
{
	const struct block *b = arg;
	char chain[160], cure[480];
	bool six = streq(c->family, "ip6");

	if (streq(c->name, "FORWARD") && streq(c->table, "filter"))
		return block_iptables(b, six, "");
	if (six && !b->n->gateway6.family)
		return 0;
	snprintf(chain, sizeof(chain), "'%s %s %s'", c->family, c->table, c->name);
	snprintf(cure, sizeof(cure),
		 "nft insert rule %s %s %s iifname %s accept; nft insert rule %s %s %s oifname %s accept", c->family,
		 c->table, c->name, b->n->name, c->family, c->table, c->name, b->n->name);
	return b->cb(chain, cure, b->arg);
}

/* True if tables of iptables of old are in use; asking for one that is not would make it. */
static bool legacy_used(const char *names)
{
	char name[64];
	bool used = false;
	FILE *f = fopen(names, "re");

	while (f && !used && fgets(name, sizeof(name), f))
		used = streq(name, "filter\n");
	if (f)
		fclose(f);
	return used;
}

/* What the kernel does at the end of a chain: the verdict of its last rule, of that layout in both families. */
static bool legacy_drops(const void *entries, __u32 at, __u16 target)
{
	const struct xt_standard_target *t = (const void *)((const char *)entries + at + target);

	return t->verdict == -NF_DROP - 1;
}

static bool legacy4(void)
{
	autoclose int s = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_getinfo info = { .name = "filter" };
	socklen_t len = sizeof(info);
	autofree struct ipt_get_entries *e = NULL;
	const struct ipt_entry *last;

	if (s < 0 || getsockopt(s, IPPROTO_IP, IPT_SO_GET_INFO, &info, &len))
		return false;
	len = sizeof(*e) + info.size;
	e = calloc(1, len);
	if (!e)
		return false;
	snprintf(e->name, sizeof(e->name), "filter");
	e->size = info.size;
	if (getsockopt(s, IPPROTO_IP, IPT_SO_GET_ENTRIES, e, &len))
		return false;
	last = (const void *)((const char *)e->entrytable + info.underflow[NF_INET_FORWARD]);
	return legacy_drops(e->entrytable, info.underflow[NF_INET_FORWARD], last->target_offset);
}

static bool legacy6(void)
{
	autoclose int s = socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ip6t_getinfo info = { .name = "filter" };
	socklen_t len = sizeof(info);
	autofree struct ip6t_get_entries *e = NULL;
	const struct ip6t_entry *last;

	if (s < 0 || getsockopt(s, IPPROTO_IPV6, IP6T_SO_GET_INFO, &info, &len))
		return false;
	len = sizeof(*e) + info.size;
	e = calloc(1, len);
	if (!e)
		return false;
	snprintf(e->name, sizeof(e->name), "filter");
	e->size = info.size;
	if (getsockopt(s, IPPROTO_IPV6, IP6T_SO_GET_ENTRIES, e, &len))
		return false;
	last = (const void *)((const char *)e->entrytable + info.underflow[NF_INET_FORWARD]);
	return legacy_drops(e->entrytable, info.underflow[NF_INET_FORWARD], last->target_offset);
}

int firewall_blocks(const struct network *n, int (*cb)(const char *chain, const char *cure, void *arg), void *arg)
{
	struct block b = { n, cb, arg };
	int r = nft_forward_drops(NF_TABLE, block_chain, &b);

	if (r <= 0 && legacy_used("/proc/net/ip_tables_names") && legacy4())
		r = block_iptables(&b, false, "-legacy");
	if (r <= 0 && legacy_used("/proc/net/ip6_tables_names") && legacy6())
		r = block_iptables(&b, true, "-legacy");
	return r;
}
