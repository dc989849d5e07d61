/* SPDX-License-Identifier: GPL-2.0-only */
/* SNAT of netfilter mode: how sources become others, and that none leaves as it was. */
#include <arpa/inet.h>

#include "nf_script.h"

/* "snat ip to A" or, of a pool, the one that an inner address always has. */
static void snat_rule(struct nf_script *s, const struct network *n, const char *match, const char *ip,
		      const struct addr *pool, unsigned count, const char *ports)
{
	const char *flags = n->policy & NSF_NET_RANDOM ? " fully-random" : "";
	char text[ADDR_STRLEN];
	bool six = pool[0].family == AF_INET6;
	unsigned i;

	s->rules++;
	fprintf(s->f, "\t\t%s snat %s to ", match, ip);
	if (count > 1 && !six) {
		/* the same as in mode bpf: by the address as a number */
		fprintf(s->f, "ip saddr map @pool_%d%s%s\n", nf_id(n), ports, flags);
		s->rules++;
		fprintf(s->f, "\t\t%s snat ip to ", match);
	}
	if (count > 1) {
		fprintf(s->f, "jhash %s saddr mod %u map {", ip, count);
		for (i = 0; i < count; i++)
			fprintf(s->f, "%s %u : %s", i ? "," : "", i, addr_format(&pool[i], false, text));
		fprintf(s->f, " }%s%s\n", ports, flags);
	} else {
		addr_format(&pool[0], false, text);
		fprintf(s->f, six && ports[0] ? "[%s]%s%s\n" : "%s%s%s\n", text, ports, flags);
	}
}

/* Which address of the pool a port has. Of others, behind learning ports, a hash tells. */
void nf_snat_sets(struct nf_script *s, const struct network *n)
{
	char text[ADDR_STRLEN], to[ADDR_STRLEN];
	__u32 addr;
	size_t i;

	nf_set(s, "map pool_%d { type ipv4_addr : ipv4_addr;", nf_id(n));
	for (i = 0; i < n->n_ports && n->n_pool; i++) {
		const struct addr *a = &n->ports[i].addr;

		if (!a->family)
			continue;
		memcpy(&addr, a->bytes, sizeof(addr));
		nf_element(s, "%s : %s", addr_format(a, false, text),
			   addr_format(&n->pool[ntohl(addr) % n->n_pool], false, to));
	}
	nf_set_end(s);
}

static void snat_family(struct nf_script *s, const struct network *n, const struct addr *gateway,
			const struct addr *pool, unsigned count)
{
	const char *ip = gateway->family == AF_INET6 ? "ip6" : "ip";
	bool ranged = n->port_min != 1024 || n->port_max != 65535;
	char net[ADDR_STRLEN], match[256], ports[16] = "";
	int len;

	len = snprintf(match, sizeof(match), "oifname \"%s\" %s saddr %s", n->uplink, ip, nf_subnet(gateway, net));
	if (n->n_excepts)
		len += snprintf(match + len, sizeof(match) - len, " %s daddr != @except%d_%d", ip,
				gateway->family == AF_INET6 ? 6 : 4, nf_id(n));
	if (ranged) {
		snprintf(ports, sizeof(ports), ":%u-%u", n->port_min, n->port_max);
		snprintf(match + len, sizeof(match) - len, " meta l4proto { tcp, udp, udplite, sctp }");
		snat_rule(s, n, match, ip, pool, count, ports);
		match[len] = '\0';
	}
	snat_rule(s, n, match, ip, pool, count, "");
}

/*
 * From a container to what another one published: it is seen as it is from outside (RFC 4787 REQ-9b), and its answers come
 * back by the host, as between two ports of one network they would not. Without an external address it is the gateway.
 */
static void hairpin_rule(struct nf_script *s, const struct network *n, const struct addr *gateway, enum net_snat snat,
			 const struct addr *pool, unsigned count)
{
	const char *ip = gateway->family == AF_INET6 ? "ip6" : "ip";
	bool outside = n->uplink[0] && snat == NET_SNAT_ADDR;
	char net[ADDR_STRLEN], match[128];

	snprintf(match, sizeof(match), "oifname @bridges ct status dnat %s saddr %s", ip, nf_subnet(gateway, net));
	snat_rule(s, n, match, ip, outside ? pool : gateway, outside ? count : 1, "");
}

static void snat_chain(struct nf_script *s)
{
	char gw[ADDR_STRLEN];
	size_t i;

	nf_line(s, "\tchain translate {\n\t\ttype nat hook postrouting priority srcnat; policy accept;");
	for (i = 0; i < s->n; i++) {
		const struct network *n = &s->nets[i];

		addr_format(&n->gateway, false, gw);
		nf_rule(s, "\t\toifname \"%s\" ip saddr 127.0.0.0/8 snat ip to %s", n->name, gw);
		hairpin_rule(s, n, &n->gateway, n->snat, n->pool, n->n_pool);
		if (n->gateway6.family)
			hairpin_rule(s, n, &n->gateway6, n->snat6, n->pool6, n->n_pool6);
		if (n->uplink[0] && n->snat == NET_SNAT_ADDR)
			snat_family(s, n, &n->gateway, n->pool, n->n_pool);
		if (n->uplink[0] && n->gateway6.family && n->snat6 == NET_SNAT_ADDR)
			snat_family(s, n, &n->gateway6, n->pool6, n->n_pool6);
	}
	nf_line(s, "\t}");
}

/* What should have been translated and was not, whatever the reason, goes nowhere. */
static void guard_family(struct nf_script *s, const struct network *n, const struct addr *gateway)
{
	const char *ip = gateway->family == AF_INET6 ? "ip6" : "ip";
	char text[ADDR_STRLEN];

	if (n->n_excepts)
		nf_rule(s, "\t\toifname \"%s\" %s saddr %s %s daddr != @except%d_%d counter name TCP_NO_FLOW_%d drop",
			n->uplink, ip, nf_subnet(gateway, text), ip, gateway->family == AF_INET6 ? 6 : 4, nf_id(n),
			nf_id(n));
	else
		nf_rule(s, "\t\toifname \"%s\" %s saddr %s counter name TCP_NO_FLOW_%d drop", n->uplink, ip,
			nf_subnet(gateway, text), nf_id(n));
}

static bool guarded(const struct network *n, __u8 family)
{
	if (!n->uplink[0])
		return false;
	return family == AF_INET6 ? n->gateway6.family && n->snat6 != NET_SNAT_NONE : n->snat == NET_SNAT_ADDR;
}

/*
 * A packet that the rules before these let go may meet these only behind its route: they keep from the old uplink what is
 * not translated, too.
 */
static void guard_was(struct nf_script *s, const struct network *was)
{
	char text[ADDR_STRLEN];

	if (guarded(was, AF_INET))
		nf_rule(s, "\t\toifname \"%s\" ip saddr %s drop", was->uplink, nf_subnet(&was->gateway, text));
	if (guarded(was, AF_INET6))
		nf_rule(s, "\t\toifname \"%s\" ip6 saddr %s drop", was->uplink, nf_subnet(&was->gateway6, text));
}

static void guard_chain(struct nf_script *s)
{
	size_t i;

	nf_line(s, "\tchain guard {\n\t\ttype filter hook postrouting priority srcnat + 10; policy accept;");
	for (i = 0; i < s->n; i++) {
		const struct network *n = &s->nets[i];

		if (guarded(n, AF_INET))
			guard_family(s, n, &n->gateway);
		if (guarded(n, AF_INET6))
			guard_family(s, n, &n->gateway6);
	}
	if (s->was)
		guard_was(s, s->was);
	nf_line(s, "\t}");
}

void nf_snat_chains(struct nf_script *s)
{
	snat_chain(s);
	guard_chain(s);
}
