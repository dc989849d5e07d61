/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes of netfilter mode: maps from what a packet is for to the container that gets it. */
#include "nf_publish.h"

#include <errno.h>

#include "flow.h"
#include "log.h"
#include "nf_flows.h"
#include "nf_record.h"
#include "nf_rules.h"

/* A map holds the rules of one family, for one address each or for any, whose ports stay or become others. */
struct kind {
	__u8 family;
	bool any, same;
};

static bool is_any(const struct addr *a)
{
	static const __u8 none[16];

	return !memcmp(a->bytes, none, addr_size(a->family));
}

static bool in_kind(const struct kind *k, const struct publish *p)
{
	return p->addr.family == k->family && is_any(&p->addr) == k->any && (p->first == p->to_first) == k->same;
}

static const char *kind_name(const struct kind *k, char buf[32])
{
	snprintf(buf, 32, "%s%s%s", k->any ? "any" : "own", k->family == AF_INET6 ? "6" : "4", k->same ? "" : "_to");
	return buf;
}

static void write_key(FILE *f, const struct kind *k, const struct publish *p, __u16 first, __u16 last, bool *begun)
{
	char addr[ADDR_STRLEN], proto[FLOW_PROTO_STRLEN];

	fputs(*begun ? ",\n\t\t" : " elements = {\n\t\t", f);
	*begun = true;
	if (!k->any)
		fprintf(f, "%s . ", addr_format(&p->addr, false, addr));
	fprintf(f, "%s . %u", flow_proto_name(p->proto, proto), first);
	if (last != first)
		fprintf(f, "-%u", last);
}

/* A range whose ports stay is one element; nftables cannot shift ports, so that others are one for each port. */
static void write_elements(FILE *f, const struct kind *k, const struct publish *p, const struct addr *to, bool *begun)
{
	char text[ADDR_STRLEN];
	unsigned port;

	addr_format(to, false, text);
	if (k->same) {
		write_key(f, k, p, p->first, p->last, begun);
		fprintf(f, " : %s", text);
		return;
	}
	for (port = p->first; port <= p->last; port++) {
		write_key(f, k, p, (__u16)port, (__u16)port, begun);
		fprintf(f, " : %s . %u", text, p->to_first + (port - p->first));
	}
}

static const struct addr *target(const struct network *n, const struct publish *p)
{
	const struct port *to = network_port(n, p->port);

	if (!to)
		return NULL;
	to = to->netns[0] ? to : NULL;
	return !to ? NULL : p->addr.family == AF_INET6 ? &to->addr6 : &to->addr;
}

static void write_map(FILE *f, const struct kind *k, const struct network *nets, size_t n)
{
	const char *addr = k->family == AF_INET6 ? "ipv6_addr" : "ipv4_addr";
	bool begun = false;
	char name[32];
	size_t i, j;

	fprintf(f, "\tmap %s { type %s%sinet_proto . inet_service : %s%s; flags interval;", kind_name(k, name),
		k->any ? "" : addr, k->any ? "" : " . ", addr, k->same ? "" : " . inet_service");
	for (i = 0; i < n; i++)
		for (j = 0; j < nets[i].n_publishes; j++) {
			const struct publish *p = &nets[i].publishes[j];
			const struct addr *to = target(&nets[i], p);

			if (in_kind(k, p) && to && to->family)
				write_elements(f, k, p, to, &begun);
		}
	fprintf(f, "%s }\n", begun ? " };" : "");
}

/* The protocol is looked up as the IP header has it: nft 1.0.6 turns that of "meta l4proto" as if it had two bytes, which
 * kernels since 6.12.117 refuse. So IPv6 packets with a header of options before the ports are not published. */
static void write_rule(FILE *f, const struct kind *k)
{
	const bool six = k->family == AF_INET6;
	const char *ip = six ? "ip6" : "ip", *proto = six ? "ip6 nexthdr" : "ip protocol";
	char name[32], daddr[24] = "";

	if (!k->any)
		snprintf(daddr, sizeof(daddr), "%s daddr . ", ip);
	fprintf(f, "\t\t%smeta l4proto { tcp, udp, sctp } dnat %s to %s%s . th dport map @%s\n",
		k->any ? "fib daddr type local " : "", ip, daddr, proto, kind_name(k, name));
}

unsigned nf_publish_script(FILE *f, const struct network *nets, size_t n)
{
	static const struct kind kinds[] = {
		{ AF_INET, false, true }, { AF_INET, false, false }, { AF_INET, true, true },
		{ AF_INET, true, false }, { AF_INET6, false, true }, { AF_INET6, false, false },
		{ AF_INET6, true, true }, { AF_INET6, true, false },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		write_map(f, &kinds[i], nets, n);
	fputs("\tchain publish {\n", f);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		write_rule(f, &kinds[i]);
	fputs("\t}\n", f);
	/* from a wire nobody means the host's loopback: translated, such a packet would not look like it any more */
	fputs("\tchain publish_in {\n\t\ttype nat hook prerouting priority dstnat; policy accept;\n"
	      "\t\tip daddr 127.0.0.0/8 return\n\t\tip6 daddr ::1 return\n\t\tjump publish\n\t}\n",
	      f);
	fputs("\tchain publish_out {\n\t\ttype nat hook output priority -100; policy accept;\n\t\tjump publish\n\t}\n",
	      f);
	return ARRAY_SIZE(kinds) + 4;
}

static bool same_rule(const struct publish *a, const struct publish *b)
{
	return a->proto == b->proto && a->first == b->first && a->last == b->last && a->to_first == b->to_first &&
	       streq(a->port, b->port) && a->addr.family == b->addr.family &&
	       !memcmp(a->addr.bytes, b->addr.bytes, sizeof(a->addr.bytes));
}

static bool has_rule(const struct network *n, const struct publish *p)
{
	size_t i;

	for (i = 0; i < n->n_publishes; i++)
		if (same_rule(&n->publishes[i], p))
			return true;
	return false;
}

/* Flows of rules that are no more end, and what new rules mean is led by them from its next packet on. */
static int end_others(const struct network *was, const struct network *is)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < was->n_publishes; i++)
		if (!has_rule(is, &was->publishes[i]))
			r = nf_flows_end_publish(was, &was->publishes[i]);
	for (i = 0; !r && i < is->n_publishes; i++)
		if (!has_rule(was, &is->publishes[i]))
			r = nf_flows_end_unanswered(&is->publishes[i]);
	return r;
}

int nf_publish_set(struct host *h, const struct network *n, bool *ret_changed)
{
	struct network was, now;
	size_t i;
	int r = nf_record_read(h, n->name, &was);

	if (r)
		return r;
	*ret_changed = was.n_publishes != n->n_publishes;
	for (i = 0; i < n->n_publishes; i++)
		*ret_changed |= !has_rule(&was, &n->publishes[i]);
	now = was;
	now.publishes = n->publishes;
	now.n_publishes = n->n_publishes;
	if (*ret_changed) {
		r = nf_record_write(h, &now);
		if (!r)
			r = nf_rules_sync(h, NULL);
		if (!r)
			r = end_others(&was, &now);
	}
	network_free(&was);
	return r;
}

/* A rule and whose it is. */
struct listed {
	char net[NET_NAME_LEN];
	struct publish p;
};

struct listing {
	struct host *h;
	struct listed *v;
	size_t n;
};

static int compare(const void *a, const void *b)
{
	const struct publish *x = &((const struct listed *)a)->p, *y = &((const struct listed *)b)->p;
	int r = (x->addr.family != AF_INET) - (y->addr.family != AF_INET);

	r = r ? r : x->proto - y->proto;
	r = r ? r : memcmp(x->addr.bytes, y->addr.bytes, sizeof(x->addr.bytes));
	return r ? r : x->first - y->first;
}

static int list_add(struct listing *l, const struct network *n, const struct publish *p)
{
	const struct addr *to = target(n, p);
	struct listed *more = to ? realloc(l->v, (l->n + 1) * sizeof(*more)) : NULL;

	if (!to)
		return 0;
	if (!more)
		return fail(-ENOMEM, "%s: cannot list publishes", n->name);
	l->v = more;
	more += l->n++;
	*more = (struct listed){ .p = *p };
	snprintf(more->net, sizeof(more->net), "%s", n->name);
	more->p.to = *to;
	more->p.to.plen = addr_size(to->family) * 8;
	return 0;
}

static int list_net(const char *net, void *arg)
{
	struct listing *l = arg;
	struct network n;
	size_t i;
	int r = nf_record_read(l->h, net, &n);

	if (r)
		return r == -ENOENT ? 0 : r;
	for (i = 0; !r && i < n.n_publishes; i++)
		r = list_add(l, &n, &n.publishes[i]);
	network_free(&n);
	return r;
}

int nf_publish_list(struct host *h, const char *net, int (*cb)(const char *net, const struct publish *p, void *arg),
		    void *arg)
{
	struct listing l = { .h = h };
	int r = net ? list_net(net, &l) : nf_record_list(h, list_net, &l);
	size_t i;

	if (l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare);
	for (i = 0; !r && i < l.n; i++)
		r = cb(l.v[i].net, &l.v[i].p, arg);
	free(l.v);
	return r;
}
