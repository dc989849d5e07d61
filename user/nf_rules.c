/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables 'nsfast' of nftables: all networks of a host in netfilter mode, as one script that replaces what was. */
#include "nf_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <stdarg.h>
#include <stdio.h>

#include "flow.h"
#include "log.h"
#include "nf_port.h"
#include "nf_publish.h"
#include "nf_record.h"
#include "nft.h"

/* A script in the making, and the networks that it is about. */
struct script {
	FILE *f;
	struct network *nets;
	size_t n;
	unsigned rules; /* so far, of the table that is open */
};

struct counter_was {
	FILE *f;
	const char *want;
	bool found;
};

__attribute__((format(printf, 2, 3))) static void line(struct script *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(s->f, fmt, ap);
	va_end(ap);
	fputc('\n', s->f);
}

/* The same for a rule: they are counted, so that one that somebody took away is missed. */
#define rule(s, ...) ((s)->rules++, line(s, __VA_ARGS__))

/* Reasons that the tables of each family count. */
static const char *const inet_reasons[] = { "MARTIAN_SRC", "SPOOF_IP4",  "SPOOF_IP6",   "SOURCE_ROUTE", "TCP_NO_FLOW",
					    "OTHER_NET",   "NOT_UPLINK", "UNSOLICITED", "FLOWS_QUOTA",  "NO_UPLINK" };
static const char *const bridge_reasons[] = { "SPOOF_MAC", "SPOOF_IP4", "SPOOF_IP6", "SPOOF_ARP", "VLAN", "NOT_IP" };

/* Networks and rules of their own live under the gateway's ifindex, which is unique on the host. */
static int id(const struct network *n)
{
	return n->ifindex;
}

static const char *subnet(const struct addr *gateway, char buf[ADDR_STRLEN])
{
	struct addr net = *gateway;
	unsigned i;

	for (i = net.plen; i < addr_size(net.family) * 8; i++)
		net.bytes[i / 8] &= ~(0x80 >> i % 8);
	return addr_format(&net, true, buf);
}

static int counter_was(const char *name, __u64 packets, __u64 bytes, void *arg)
{
	struct counter_was *w = arg;

	if (!streq(name, w->want))
		return 0;
	fprintf(w->f, "\tcounter %s { packets %llu bytes %llu }\n", name, (unsigned long long)packets,
		(unsigned long long)bytes);
	w->found = true;
	return 1;
}

/* They go on from where they were, and are no part of what the table is known by. */
static void counters(const struct script *s, FILE *out, __u8 family, const char *const *reasons, size_t n)
{
	char name[NF_COUNTER_LEN];
	size_t i, k;

	for (i = 0; i < s->n; i++)
		for (k = 0; k < n; k++) {
			struct counter_was was = { .f = out, .want = name };

			snprintf(name, sizeof(name), "%s_%d", reasons[k], id(&s->nets[i]));
			nft_counters(family, NF_TABLE, counter_was, &was);
			if (!was.found)
				fprintf(out, "\tcounter %s { }\n", name);
		}
}

static void timeouts(struct script *s, const struct network *n)
{
	const __u32 *t = n->timeout;
	int six;

	for (six = 0; six < 2; six++) {
		line(s, "\tct timeout tcp%d_%d {\n\t\tprotocol tcp\n\t\tl3proto %s", six, id(n), six ? "ip6" : "ip");
		line(s,
		     "\t\tpolicy = { established: %u, syn_sent: %u, syn_recv: %u, fin_wait: %u, close_wait: %u, last_ack: %u, time_wait: %u, close: %u }\n\t}",
		     t[NSF_TIMEOUT_TCP_EST], t[NSF_TIMEOUT_TCP_OPEN], t[NSF_TIMEOUT_TCP_OPEN], t[NSF_TIMEOUT_TCP_EST],
		     t[NSF_TIMEOUT_TCP_EST], t[NSF_TIMEOUT_TCP_CLOSE], t[NSF_TIMEOUT_TCP_CLOSE],
		     t[NSF_TIMEOUT_TCP_CLOSE]);
		line(s, "\tct timeout udp%d_%d {\n\t\tprotocol udp\n\t\tl3proto %s", six, id(n), six ? "ip6" : "ip");
		line(s, "\t\tpolicy = { unreplied: %u, replied: %u }\n\t}", t[NSF_TIMEOUT_UDP], t[NSF_TIMEOUT_UDP]);
	}
}

/* The kernel's own are the same for all; a flow gets its network's when it begins. */
static void timeout_rules(struct script *s, const struct network *n)
{
	rule(s, "\t\tct state new meta nfproto ipv4 meta l4proto tcp ct timeout set \"tcp0_%d\"", id(n));
	rule(s, "\t\tct state new meta nfproto ipv4 meta l4proto udp ct timeout set \"udp0_%d\"", id(n));
	rule(s, "\t\tct state new meta nfproto ipv6 meta l4proto tcp ct timeout set \"tcp1_%d\"", id(n));
	rule(s, "\t\tct state new meta nfproto ipv6 meta l4proto udp ct timeout set \"udp1_%d\"", id(n));
}

/* Destinations that see the ports' own addresses. */
static void except_set(struct script *s, const struct network *n, __u8 family)
{
	char text[ADDR_STRLEN];
	bool first = true;
	unsigned i;

	fprintf(s->f, "\tset except%d_%d { type %s; flags interval;", family == AF_INET6 ? 6 : 4, id(n),
		family == AF_INET6 ? "ipv6_addr" : "ipv4_addr");
	for (i = 0; i < n->n_excepts; i++) {
		if (n->excepts[i].family != family)
			continue;
		fprintf(s->f, "%s %s", first ? " auto-merge; elements = {" : ",",
			addr_format(&n->excepts[i], true, text));
		first = false;
	}
	fprintf(s->f, "%s }\n", first ? "" : " }");
}

/* A port may have so many conversations at once; one that has a number of its own is counted by it. */
static void quota_rules(struct script *s, const struct network *n)
{
	char text[ADDR_STRLEN];
	size_t i;

	for (i = 0; i < n->n_ports; i++) {
		const struct port *p = &n->ports[i];
		__u32 limit = network_limit(n, p, PORT_LIMIT_FLOWS);

		if (!p->addr.family || limit == PORT_LIMIT_NONE || !limit)
			continue;
		rule(s,
		     "\t\tct state new ip saddr %s add @count4_%d { ip saddr ct count over %u } counter name FLOWS_QUOTA_%d reject with icmpx admin-prohibited",
		     addr_format(&p->addr, false, text), id(n), limit, id(n));
		if (p->addr6.family)
			rule(s,
			     "\t\tct state new ip6 saddr %s add @count6_%d { ip6 saddr ct count over %u } counter name FLOWS_QUOTA_%d reject with icmpx admin-prohibited",
			     addr_format(&p->addr6, false, text), id(n), limit, id(n));
	}
}

/* From containers, to be routed. */
static void from_chain(struct script *s, const struct network *n)
{
	char text[ADDR_STRLEN];

	line(s, "\tchain from_%d {", id(n));
	rule(s, "\t\tip saddr != %s counter name SPOOF_IP4_%d drop", subnet(&n->gateway, text), id(n));
	if (n->gateway6.family)
		rule(s, "\t\tip6 saddr != %s counter name SPOOF_IP6_%d drop", subnet(&n->gateway6, text), id(n));
	else
		rule(s, "\t\tmeta nfproto ipv6 counter name SPOOF_IP6_%d drop", id(n));
	rule(s, "\t\tip option lsrr exists counter name SOURCE_ROUTE_%d drop", id(n));
	rule(s, "\t\tip option ssrr exists counter name SOURCE_ROUTE_%d drop", id(n));
	rule(s, "\t\tct state invalid counter name TCP_NO_FLOW_%d drop", id(n));
	rule(s, "\t\tct state established,related accept");
	timeout_rules(s, n);
	quota_rules(s, n);
	rule(s, "\t\tct status dnat accept");
	rule(s, "\t\toifname @bridges counter name OTHER_NET_%d reject with icmpx admin-prohibited", id(n));
	if (n->uplink[0])
		rule(s, "\t\toifname \"%s\" accept", n->uplink);
	rule(s, "\t\tcounter name %s_%d reject with icmpx no-route", n->uplink[0] ? "NOT_UPLINK" : "NO_UPLINK", id(n));
	line(s, "\t}");
}

/* To containers, from elsewhere than the host itself. */
static void to_chain(struct script *s, const struct network *n)
{
	line(s, "\tchain to_%d {", id(n));
	rule(s, "\t\tct state established,related accept");
	timeout_rules(s, n);
	rule(s, "\t\tct status dnat accept");
	if (n->uplink[0] && n->snat == NET_SNAT_NONE)
		rule(s, "\t\tmeta nfproto ipv4 iifname \"%s\" ct state new accept", n->uplink);
	if (n->uplink[0] && n->gateway6.family && n->snat6 == NET_SNAT_NONE)
		rule(s, "\t\tmeta nfproto ipv6 iifname \"%s\" ct state new accept", n->uplink);
	if (n->uplink[0] && n->n_excepts) {
		rule(s, "\t\tiifname \"%s\" ip saddr @except4_%d accept", n->uplink, id(n));
		rule(s, "\t\tiifname \"%s\" ip6 saddr @except6_%d accept", n->uplink, id(n));
	}
	rule(s, "\t\tcounter name UNSOLICITED_%d drop", id(n));
	line(s, "\t}");
}

static void forward_chain(struct script *s)
{
	size_t i;

	line(s, "\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;");
	for (i = 0; i < s->n; i++)
		rule(s, "\t\tiifname \"%s\" oifname \"%s\" accept", s->nets[i].name, s->nets[i].name);
	for (i = 0; i < s->n; i++)
		rule(s, "\t\tiifname \"%s\" goto from_%d", s->nets[i].name, id(&s->nets[i]));
	for (i = 0; i < s->n; i++)
		rule(s, "\t\toifname \"%s\" goto to_%d", s->nets[i].name, id(&s->nets[i]));
	line(s, "\t}");
}

/* Nobody outside has an address of ours. */
static void martian_chain(struct script *s)
{
	char text[ADDR_STRLEN];
	size_t i;

	line(s, "\tchain martians {\n\t\ttype filter hook prerouting priority raw; policy accept;");
	for (i = 0; i < s->n; i++) {
		const struct network *n = &s->nets[i];

		if (!n->uplink[0])
			continue;
		rule(s, "\t\tiifname \"%s\" ip saddr %s counter name MARTIAN_SRC_%d drop", n->uplink,
		     subnet(&n->gateway, text), id(n));
		if (n->gateway6.family)
			rule(s, "\t\tiifname \"%s\" ip6 saddr %s counter name MARTIAN_SRC_%d drop", n->uplink,
			     subnet(&n->gateway6, text), id(n));
	}
	line(s, "\t}");
}

/* "snat ip to A" or, of a pool, the one that an inner address always has. */
static void snat_rule(struct script *s, const struct network *n, const char *match, const char *ip,
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
		fprintf(s->f, "ip saddr map @pool_%d%s%s\n", id(n), ports, flags);
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
static void pool_map(struct script *s, const struct network *n)
{
	char text[ADDR_STRLEN], to[ADDR_STRLEN];
	bool first = true;
	__u32 addr;
	size_t i;

	fprintf(s->f, "\tmap pool_%d { type ipv4_addr : ipv4_addr;", id(n));
	for (i = 0; i < n->n_ports && n->n_pool; i++) {
		const struct addr *a = &n->ports[i].addr;

		if (!a->family)
			continue;
		memcpy(&addr, a->bytes, sizeof(addr));
		fprintf(s->f, "%s %s : %s", first ? " elements = {" : ",", addr_format(a, false, text),
			addr_format(&n->pool[ntohl(addr) % n->n_pool], false, to));
		first = false;
	}
	fprintf(s->f, "%s }\n", first ? "" : " };");
}

static void snat_family(struct script *s, const struct network *n, const struct addr *gateway, const struct addr *pool,
			unsigned count)
{
	const char *ip = gateway->family == AF_INET6 ? "ip6" : "ip";
	bool ranged = n->port_min != 1024 || n->port_max != 65535;
	char net[ADDR_STRLEN], match[256], ports[16] = "";
	int len;

	len = snprintf(match, sizeof(match), "oifname \"%s\" %s saddr %s", n->uplink, ip, subnet(gateway, net));
	if (n->n_excepts)
		len += snprintf(match + len, sizeof(match) - len, " %s daddr != @except%d_%d", ip,
				gateway->family == AF_INET6 ? 6 : 4, id(n));
	if (ranged) {
		snprintf(ports, sizeof(ports), ":%u-%u", n->port_min, n->port_max);
		snprintf(match + len, sizeof(match) - len, " meta l4proto { tcp, udp, udplite, sctp }");
		snat_rule(s, n, match, ip, pool, count, ports);
		match[len] = '\0';
	}
	snat_rule(s, n, match, ip, pool, count, "");
}

static void snat_chain(struct script *s)
{
	char text[ADDR_STRLEN], gw[ADDR_STRLEN];
	size_t i;

	line(s, "\tchain translate {\n\t\ttype nat hook postrouting priority srcnat; policy accept;");
	for (i = 0; i < s->n; i++) {
		const struct network *n = &s->nets[i];

		/* answers must come back by the host: between two ports of one network they would not */
		addr_format(&n->gateway, false, gw);
		rule(s, "\t\toifname \"%s\" ct status dnat ip saddr %s snat ip to %s", n->name,
		     subnet(&n->gateway, text), gw);
		rule(s, "\t\toifname \"%s\" ip saddr 127.0.0.0/8 snat ip to %s", n->name, gw);
		if (n->gateway6.family)
			rule(s, "\t\toifname \"%s\" ct status dnat ip6 saddr %s snat ip6 to %s", n->name,
			     subnet(&n->gateway6, text), addr_format(&n->gateway6, false, gw));
		if (n->uplink[0] && n->snat == NET_SNAT_ADDR)
			snat_family(s, n, &n->gateway, n->pool, n->n_pool);
		if (n->uplink[0] && n->gateway6.family && n->snat6 == NET_SNAT_ADDR)
			snat_family(s, n, &n->gateway6, n->pool6, n->n_pool6);
	}
	line(s, "\t}");
}

/* What should have been translated and was not, whatever the reason, goes nowhere. */
static void guard_family(struct script *s, const struct network *n, const struct addr *gateway)
{
	const char *ip = gateway->family == AF_INET6 ? "ip6" : "ip";
	char text[ADDR_STRLEN];

	if (n->n_excepts)
		rule(s, "\t\toifname \"%s\" %s saddr %s %s daddr != @except%d_%d counter name TCP_NO_FLOW_%d drop",
		     n->uplink, ip, subnet(gateway, text), ip, gateway->family == AF_INET6 ? 6 : 4, id(n), id(n));
	else
		rule(s, "\t\toifname \"%s\" %s saddr %s counter name TCP_NO_FLOW_%d drop", n->uplink, ip,
		     subnet(gateway, text), id(n));
}

static void guard_chain(struct script *s)
{
	size_t i;

	line(s, "\tchain guard {\n\t\ttype filter hook postrouting priority srcnat + 10; policy accept;");
	for (i = 0; i < s->n; i++) {
		const struct network *n = &s->nets[i];

		if (n->uplink[0] && n->snat == NET_SNAT_ADDR)
			guard_family(s, n, &n->gateway);
		if (n->uplink[0] && n->gateway6.family && n->snat6 != NET_SNAT_NONE)
			guard_family(s, n, &n->gateway6);
	}
	line(s, "\t}");
}

static void inet_sets(struct script *s)
{
	size_t i;

	fputs("\tset bridges { type ifname;", s->f);
	for (i = 0; i < s->n; i++)
		fprintf(s->f, "%s \"%s\"", i ? "," : " elements = {", s->nets[i].name);
	fputs(" }; }\n", s->f);
	for (i = 0; i < s->n; i++) {
		except_set(s, &s->nets[i], AF_INET);
		except_set(s, &s->nets[i], AF_INET6);
		line(s, "\tset count4_%d { type ipv4_addr; size 65535; flags dynamic; }", id(&s->nets[i]));
		line(s, "\tset count6_%d { type ipv6_addr; size 65535; flags dynamic; }", id(&s->nets[i]));
		pool_map(s, &s->nets[i]);
		timeouts(s, &s->nets[i]);
	}
}

static void inet_chains(struct script *s)
{
	size_t i;

	s->rules += nf_publish_script(s->f, s->nets, s->n);
	for (i = 0; i < s->n; i++) {
		from_chain(s, &s->nets[i]);
		to_chain(s, &s->nets[i]);
	}
	martian_chain(s);
	forward_chain(s);
	snat_chain(s);
	guard_chain(s);
}

/* Who is behind a managed port: MAC and addresses. */
static void bridge_set(struct script *s, const struct network *n, const char *name, const char *type,
		       void (*element)(FILE *f, const char *ifname, const struct port *p, bool *first))
{
	char ifname[IFNAMSIZ];
	bool first = true;
	size_t i;

	fprintf(s->f, "\tset %s_%d { type ifname . %s;", name, id(n), type);
	for (i = 0; i < n->n_ports; i++) {
		if (!n->ports[i].netns[0])
			continue;
		nf_port_ifname(n->name, &n->ports[i], ifname);
		element(s->f, ifname, &n->ports[i], &first);
	}
	fprintf(s->f, "%s }\n", first ? "" : " };");
}

static void element(FILE *f, const char *ifname, const char *value, bool *first)
{
	fprintf(f, "%s \"%s\" . %s", *first ? " elements = {" : ",", ifname, value);
	*first = false;
}

static void element_mac(FILE *f, const char *ifname, const struct port *p, bool *first)
{
	char text[MAC_STRLEN];

	element(f, ifname, mac_format(p->mac, text), first);
}

static void element_ip4(FILE *f, const char *ifname, const struct port *p, bool *first)
{
	char text[ADDR_STRLEN];

	element(f, ifname, addr_format(&p->addr, false, text), first);
}

/* The address itself, the link-local one of the MAC, and none at all while there is none yet (RFC 4862, section 5.4.2). */
static void element_ip6(FILE *f, const char *ifname, const struct port *p, bool *first)
{
	const struct addr ll = addr_link_local(p->mac);
	char text[ADDR_STRLEN];

	if (!p->addr6.family)
		return;
	element(f, ifname, addr_format(&p->addr6, false, text), first);
	element(f, ifname, addr_format(&ll, false, text), first);
	element(f, ifname, "::", first);
}

static void bridge_chain(struct script *s, const struct network *n)
{
	line(s, "\tchain in_%d {", id(n));
	rule(s, "\t\tiifname . ether saddr != @mac_%d counter name SPOOF_MAC_%d drop", id(n), id(n));
	rule(s, "\t\tether type { vlan, 8021ad } counter name VLAN_%d drop", id(n));
	rule(s, "\t\tether type ip iifname . ip saddr != @ip4_%d counter name SPOOF_IP4_%d drop", id(n), id(n));
	rule(s, "\t\tether type ip6 iifname . ip6 saddr != @ip6_%d counter name SPOOF_IP6_%d drop", id(n), id(n));
	rule(s, "\t\tether type arp iifname . arp saddr ether != @mac_%d counter name SPOOF_ARP_%d drop", id(n), id(n));
	rule(s, "\t\tether type arp iifname . arp saddr ip != @ip4_%d counter name SPOOF_ARP_%d drop", id(n), id(n));
	line(s, "\t}");
}

static void same_set(struct script *s)
{
	char ifname[IFNAMSIZ];
	bool first = true;
	size_t i, k;

	fputs("\tset same { type ifname . ifname;", s->f);
	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->nets[i].n_ports; k++) {
			nf_port_ifname(s->nets[i].name, &s->nets[i].ports[k], ifname);
			fprintf(s->f, "%s \"%s\" . \"%s\"", first ? " elements = {" : ",", ifname, ifname);
			first = false;
		}
	fprintf(s->f, "%s }\n", first ? "" : " };");
}

static void bridge_table(struct script *s)
{
	char ifname[IFNAMSIZ];
	size_t i, k;

	same_set(s);
	for (i = 0; i < s->n; i++) {
		const struct network *n = &s->nets[i];

		bridge_set(s, n, "mac", "ether_addr", element_mac);
		bridge_set(s, n, "ip4", "ipv4_addr", element_ip4);
		bridge_set(s, n, "ip6", "ipv6_addr", element_ip6);
		bridge_chain(s, n);
	}
	/* ports reflect for the sake of what is published (bridge.h), and nothing else */
	line(s, "\tchain reflections {\n\t\ttype filter hook forward priority 0; policy accept;");
	rule(s, "\t\tmeta pkttype != unicast iifname . oifname @same drop");
	line(s, "\t}");
	line(s, "\tchain ports {\n\t\ttype filter hook prerouting priority -250; policy accept;");
	for (i = 0; i < s->n; i++)
		for (k = 0; k < s->nets[i].n_ports; k++) {
			if (!s->nets[i].ports[k].netns[0])
				continue;
			nf_port_ifname(s->nets[i].name, &s->nets[i].ports[k], ifname);
			rule(s, "\t\tiifname \"%s\" goto in_%d", ifname, id(&s->nets[i]));
		}
	line(s, "\t}");
}

static void inet_table(struct script *s)
{
	inet_sets(s);
	inet_chains(s);
}

static const struct kind {
	const char *family;
	__u8 number;
	void (*body)(struct script *s);
	const char *const *reasons;
	size_t n;
} kinds[] = {
	{ "inet", NFPROTO_INET, inet_table, inet_reasons, ARRAY_SIZE(inet_reasons) },
	{ "bridge", NFPROTO_BRIDGE, bridge_table, bridge_reasons, ARRAY_SIZE(bridge_reasons) },
};

/* What a table is known by: a hash of all that was asked for, and how many rules that are. */
#define RULES_COMMENT 40

static int body(struct script *s, const struct kind *k, char **ret, char comment[RULES_COMMENT])
{
	unsigned hash = 2166136261u;
	char *text = NULL, *c;
	size_t len;

	s->f = open_memstream(&text, &len);
	if (!s->f)
		return fail(-ENOMEM, "cannot write rules");
	s->rules = 0;
	k->body(s);
	if (fclose(s->f)) {
		free(text);
		return fail(-ENOMEM, "cannot write rules");
	}
	for (c = text; *c; c++)
		hash = (hash ^ (__u8)*c) * 16777619u;
	snprintf(comment, RULES_COMMENT, "%08x, %u rules", hash, s->rules);
	*ret = text;
	return 0;
}

/* The table is named first, so that there is one to delete. */
static int table(struct script *s, const struct kind *k, FILE *out)
{
	autofree char *text = NULL;
	char comment[RULES_COMMENT];
	int r = s->n ? body(s, k, &text, comment) : 0;

	if (r)
		return r;
	fprintf(out, "table %s " NF_TABLE "\ndelete table %s " NF_TABLE "\n", k->family, k->family);
	if (!s->n)
		return 0;
	fprintf(out, "table %s " NF_TABLE " {\n\tcomment \"%s\"\n", k->family, comment);
	counters(s, out, k->number, k->reasons, k->n);
	fprintf(out, "%s}\n", text);
	return 0;
}

struct loading {
	struct host *h;
	struct script *s;
};

static int add_net(struct host *h, struct script *s, const struct network *n)
{
	struct network *more = realloc(s->nets, (s->n + 1) * sizeof(*more));
	struct link l;

	if (!more)
		return fail(-ENOMEM, "cannot list networks");
	s->nets = more;
	s->nets[s->n] = *n;
	s->nets[s->n].ifindex = link_get(h->nl, n->name, 0, &l) ? 1000000 + (int)s->n : l.ifindex;
	s->n++;
	return 0;
}

static int load_one(const char *name, void *arg)
{
	struct loading *l = arg;
	struct network n;
	int r = nf_record_read(l->h, name, &n);

	if (r)
		return r == -ENOENT ? 0 : r;
	r = add_net(l->h, l->s, &n);
	if (r)
		network_free(&n);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct network *)a)->name, ((const struct network *)b)->name);
}

/* All networks, in an order that does not change. The one in the making is its maker's to free. */
static int load(struct host *h, struct script *s, const struct network *making)
{
	struct loading l = { h, s };
	int r = nf_record_list(h, load_one, &l);

	if (!r && making)
		r = add_net(h, s, making);
	if (s->n)
		qsort(s->nets, s->n, sizeof(*s->nets), by_name);
	return r;
}

static void unload(struct script *s, const struct network *making)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (!making || !streq(s->nets[i].name, making->name))
			network_free(&s->nets[i]);
	free(s->nets);
}

int nf_rules_sync(struct host *h, const struct network *making)
{
	struct script s = {};
	char *text = NULL;
	size_t len = 0, i;
	FILE *out = open_memstream(&text, &len);
	int r = out ? load(h, &s, making) : fail(-ENOMEM, "cannot write rules");

	for (i = 0; !r && i < ARRAY_SIZE(kinds); i++)
		r = table(&s, &kinds[i], out);
	if (out && fclose(out) && !r)
		r = fail(-ENOMEM, "cannot write rules");
	if (!r)
		r = nft_run(text, len);
	free(text);
	unload(&s, making);
	return r;
}

bool nf_rules_whole(struct host *h)
{
	char want[RULES_COMMENT], is[RULES_COMMENT + 24];
	struct script s = {};
	bool whole = !load(h, &s, NULL);
	unsigned rules;
	size_t i;

	for (i = 0; whole && i < ARRAY_SIZE(kinds); i++) {
		autofree char *text = NULL;

		whole = !body(&s, &kinds[i], &text, want) &&
			!nft_table(kinds[i].number, NF_TABLE, is, sizeof(is), &rules) && streq(is, want) &&
			rules == s.rules;
	}
	unload(&s, NULL);
	return whole;
}
