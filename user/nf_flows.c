/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows of netfilter mode: the kernel's connections, seen as a network's. */
#include "nf_flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

#include "conntrack_flow.h"
#include "log.h"
#include "nf_record.h"
#include "sysctl.h"

#define COUNT_KEY "netfilter/nf_conntrack_count"
#define MAX_KEY   "netfilter/nf_conntrack_max"

struct nets {
	struct host *h;
	struct network *v;
	size_t n;
};

static void nets_free(struct nets *s)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		network_free(&s->v[i]);
	free(s->v);
}

static int nets_add(const char *name, void *arg)
{
	struct nets *s = arg;
	struct network n, *more;
	int r = nf_record_read(s->h, name, &n);

	if (r)
		return r == -ENOENT ? 0 : r;
	more = realloc(s->v, (s->n + 1) * sizeof(*more));
	if (!more) {
		network_free(&n);
		return fail(-ENOMEM, "cannot list networks");
	}
	s->v = more;
	s->v[s->n++] = n;
	return 0;
}

static const struct network *nets_of(const struct nets *s, const struct addr *a)
{
	size_t i;

	for (i = 0; i < s->n; i++)
		if (conntrack_within(a, &s->v[i].gateway) || conntrack_within(a, &s->v[i].gateway6))
			return &s->v[i];
	return NULL;
}

/* Begun by a container, led to one by a publish, or both: then it is a flow of each. Everything else is the host's own. */
static unsigned flows_of(const struct nets *s, const struct conntrack *c, struct mode_flow ret[2])
{
	const struct network *from = c->status & (IPS_SRC_NAT | IPS_DST_NAT) ? nets_of(s, &c->orig.src) : NULL;
	const struct network *to = c->status & IPS_DST_NAT ? nets_of(s, &c->reply.src) : NULL;
	unsigned n = 0;

	if (to)
		conntrack_flow(to, c, true, &ret[n++]);
	if (from && (to || c->status & IPS_SRC_NAT))
		conntrack_flow(from, c, false, &ret[n++]);
	if (n == 2) {
		ret[0].hairpin = ret[1].hairpin = true;
		ret[0].peer = ret[1].ext; /* as the receiver sees the sender */
		ret[0].peer_port = ret[1].ext_port;
	}
	return n;
}

static bool wanted(const struct flow_filter *f, const struct mode_flow *m)
{
	if (f->net && !streq(f->net, m->net))
		return false;
	if (f->port && (!m->port || !streq(f->port, m->port)))
		return false;
	if (f->by_proto && f->proto != m->proto)
		return false;
	if (f->states && !(f->states & 1U << m->state))
		return false;
	return !f->addr.family || conntrack_within(&m->inner, &f->addr) || conntrack_within(&m->ext, &f->addr) ||
	       conntrack_within(&m->peer, &f->addr);
}

struct reading {
	struct nets nets;
	const struct flow_filter *f;
	int (*cb)(const struct mode_flow *f, void *arg);
	void *arg;
};

static int read_one(const struct conntrack *c, void *arg)
{
	struct reading *r = arg;
	struct mode_flow m[2];
	unsigned i, n = flows_of(&r->nets, c, m);
	int err = 0;

	for (i = 0; !err && i < n; i++)
		if (wanted(r->f, &m[i]))
			err = r->cb(&m[i], r->arg);
	return err;
}

int nf_flows_read(struct host *h, const struct flow_filter *f, int (*cb)(const struct mode_flow *f, void *arg),
		  void *arg)
{
	struct reading r = { .nets.h = h, .f = f, .cb = cb, .arg = arg };
	int err = nf_record_list(h, nets_add, &r.nets);

	if (!err && r.nets.n)
		err = conntrack_list(read_one, &r);
	nets_free(&r.nets);
	return err;
}

/* Which connections end is said by a function; what it needs of these is filled in. */
struct ending {
	bool (*means)(const struct ending *e, const struct conntrack *c);
	struct nets nets;
	const struct flow_filter *f;
	const struct network *net;
	const struct publish *publish;
	const struct addr *addr;
	struct nl *nl;
	__u64 ended;
};

static bool by_filter(const struct ending *e, const struct conntrack *c)
{
	struct mode_flow m[2];
	unsigned n = flows_of(&e->nets, c, m);

	return (n > 0 && wanted(e->f, &m[0])) || (n > 1 && wanted(e->f, &m[1]));
}

/* Is it for what p publishes? */
static bool for_publish(const struct publish *p, const struct conntrack *c)
{
	static const __u8 none[16];

	return c->orig.proto == p->proto && c->orig.dst.family == p->addr.family && c->orig.dport >= p->first &&
	       c->orig.dport <= p->last &&
	       (!memcmp(p->addr.bytes, none, sizeof(none)) ||
		!memcmp(p->addr.bytes, c->orig.dst.bytes, addr_size(p->addr.family)));
}

static bool by_publish(const struct ending *e, const struct conntrack *c)
{
	const struct publish *p = e->publish;
	const struct port *to = network_port(e->net, p->port);
	const struct addr *a = !to ? NULL : p->addr.family == AF_INET6 ? &to->addr6 : &to->addr;

	return a && c->status & IPS_DST_NAT && for_publish(p, c) &&
	       c->reply.sport == p->to_first + (c->orig.dport - p->first) &&
	       !memcmp(c->reply.src.bytes, a->bytes, addr_size(a->family));
}

static bool by_unanswered(const struct ending *e, const struct conntrack *c)
{
	return !(c->status & (IPS_SEEN_REPLY | IPS_NAT_MASK)) && for_publish(e->publish, c);
}

static bool by_addr(const struct ending *e, const struct conntrack *c)
{
	return conntrack_within(&c->orig.src, e->addr) || conntrack_within(&c->reply.src, e->addr);
}

/* Goes out by another address than it would now. */
static bool by_pool(const struct ending *e, const struct conntrack *c)
{
	const struct network *n = e->net;
	bool six = c->orig.src.family == AF_INET6;
	const struct addr *pool = six ? n->pool6 : n->pool;
	unsigned count = six ? n->n_pool6 : n->n_pool, i;
	__u32 addr;

	if (!conntrack_within(&c->orig.src, six ? &n->gateway6 : &n->gateway) || !(c->status & IPS_SRC_NAT) ||
	    c->status & IPS_DST_NAT)
		return false;
	if ((six ? n->snat6 : n->snat) != NET_SNAT_ADDR)
		return true;
	if (!six && conntrack_port(n, &c->orig.src)) {
		memcpy(&addr, c->orig.src.bytes, sizeof(addr));
		return !conntrack_within(&c->reply.dst, &pool[ntohl(addr) % count]);
	}
	for (i = 0; i < count && !conntrack_within(&c->reply.dst, &pool[i]); i++)
		;
	return i == count;
}

static int end_one(const struct conntrack *c, void *arg)
{
	struct ending *e = arg;
	int r = e->means(e, c) ? conntrack_del(e->nl, &c->orig) : 1;

	e->ended += !r;
	return r < 0 ? r : 0;
}

static int end_all(struct ending *e)
{
	autonl struct nl *nl = NULL;
	int r = nl_open_to(NETLINK_NETFILTER, &nl);

	if (r)
		return r;
	e->nl = nl;
	r = conntrack_list(end_one, e);
	return r ? fail(r, "cannot end connections") : 0;
}

int nf_flows_end(struct host *h, const struct flow_filter *f, __u64 *ret)
{
	struct ending e = { .means = by_filter, .nets.h = h, .f = f };
	int r = nf_record_list(h, nets_add, &e.nets);

	if (!r && e.nets.n)
		r = end_all(&e);
	*ret = e.ended;
	nets_free(&e.nets);
	return r;
}

int nf_flows_end_publish(const struct network *n, const struct publish *p)
{
	return end_all(&(struct ending){ .means = by_publish, .net = n, .publish = p });
}

int nf_flows_end_unanswered(const struct publish *p)
{
	return end_all(&(struct ending){ .means = by_unanswered, .publish = p });
}

int nf_flows_end_addr(const struct addr *a)
{
	return a->family ? end_all(&(struct ending){ .means = by_addr, .addr = a }) : 0;
}

int nf_flows_end_pool(const struct network *n)
{
	return end_all(&(struct ending){ .means = by_pool, .net = n });
}

static __u8 put_state(enum flow_state state)
{
	switch (state) {
	case FLOW_OPENING:
		return TCP_CONNTRACK_SYN_SENT;
	case FLOW_HALF_CLOSED:
		return TCP_CONNTRACK_FIN_WAIT;
	case FLOW_CLOSED:
		return TCP_CONNTRACK_TIME_WAIT;
	case FLOW_RESET:
		return TCP_CONNTRACK_CLOSE;
	case FLOW_ESTABLISHED:
	case FLOW_ACTIVE:
	case FLOW_STATE_MAX:
		break;
	}
	return TCP_CONNTRACK_ESTABLISHED;
}

int nf_flows_put(struct host *h, const struct mode_flow *m, const struct mode_flow *far)
{
	struct conntrack c = { .tcp_state = put_state(m->state), .left = m->left ? (__u32)m->left : 1 };
	autonl struct nl *nl = NULL;
	int r;

	(void)h;
	if (m->hairpin && m->inbound) /* entered with the sender's */
		return 0;
	/* the kernel knows an SCTP association by tags that bpf mode does not keep */
	if ((m->hairpin && !far) || m->proto == IPPROTO_SCTP)
		return -EOPNOTSUPP;
	conntrack_tuples(m, far, &c);
	if (m->state != FLOW_OPENING)
		c.status |= IPS_SEEN_REPLY | IPS_ASSURED;
	r = nl_open_to(NETLINK_NETFILTER, &nl);
	return r ? r : conntrack_add(nl, &c);
}

static __u64 number(const char *key)
{
	char text[32];

	return sysctl_get(key, text, sizeof(text)) ? 0 : strtoull(text, NULL, 10);
}

/* The table is the host's whole one; others use it too. */
int nf_flows_usage(struct host *h, struct mode_usage *ret)
{
	(void)h;
	*ret = (struct mode_usage){ .flows = number(COUNT_KEY), .flows_max = number(MAX_KEY) };
	return 0;
}

struct externals {
	const struct addr *addr;
	__u8 seen[NSF_LEDGER_MAX][65536 / 8];
	struct mode_external ret;
};

static int ledger_of(__u8 proto)
{
	switch (proto) {
	case IPPROTO_TCP:
		return NSF_LEDGER_TCP;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		return NSF_LEDGER_UDP;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return NSF_LEDGER_ICMP;
	}
	return -1;
}

static int externals_count(const struct conntrack *c, void *arg)
{
	struct externals *e = arg;
	int ledger = ledger_of(c->orig.proto);
	__u16 port = conntrack_icmp(c->orig.proto) ? c->reply.icmp_id : c->reply.dport;
	__u8 *byte;

	if (ledger < 0 || !(c->status & IPS_SRC_NAT) || !conntrack_within(&c->reply.dst, e->addr))
		return 0;
	byte = &e->seen[ledger][port / 8];
	e->ret.used[ledger] += !(*byte & 1 << port % 8);
	*byte |= 1 << port % 8;
	return 0;
}

int nf_flows_externals(struct host *h, const char *net, int (*cb)(const struct mode_external *e, void *arg), void *arg)
{
	struct network n;
	unsigned i;
	int r = nf_record_read(h, net, &n);

	if (r)
		return r;
	for (i = 0; !r && i < n.n_pool + n.n_pool6; i++) {
		autofree struct externals *e = calloc(1, sizeof(*e));

		if (!e) {
			r = fail(-ENOMEM, "cannot count external ports");
			break;
		}
		e->addr = i < n.n_pool ? &n.pool[i] : &n.pool6[i - n.n_pool];
		e->ret.addr = *e->addr;
		r = conntrack_list(externals_count, e);
		if (!r)
			r = cb(&e->ret, arg);
	}
	network_free(&n);
	return r;
}
