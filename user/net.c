/* SPDX-License-Identifier: GPL-2.0-only */
/* The model: defaults, the list of ports, and what a subnet holds. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "nsfast/fdb.h"

#include "net.h"

#define HALF_DEFAULT  4096
#define PORTS_DEFAULT 16384
#define MACS_DEFAULT  256

const char *const net_xdp_words[] = {
	[NET_XDP_OFF] = "off",
	[NET_XDP_AUTO] = "auto",
	[NET_XDP_NATIVE] = "native",
	NULL,
};

void network_init(struct network *n, const char *name)
{
	memset(n, 0, sizeof(*n));
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->mode = NET_MODE_AUTO;
	n->snat = NET_SNAT_AUTO;
	n->port_min = 1024;
	n->port_max = 65535;
	n->snat6 = NET_SNAT_AUTO;
	n->fdb_age = NSF_FDB_AGE;
#define TIMEOUT_DEFAULT(name, key, seconds, floor) n->timeout[NSF_TIMEOUT_##name] = seconds;
	NSF_TIMEOUTS(TIMEOUT_DEFAULT)
#undef TIMEOUT_DEFAULT
}

void network_free(struct network *n)
{
	free(n->ports);
	n->ports = NULL;
	n->n_ports = 0;
	free(n->publishes);
	n->publishes = NULL;
	n->n_publishes = 0;
}

/* A list with room for one more item. There is room for 1, 2, 4, 8...: the number itself tells when it is full. */
static void *list_room(void *list, size_t n, size_t size)
{
	return n & (n - 1) ? list : realloc(list, (n ? 2 * n : 1) * size);
}

struct port *network_add_port(struct network *n, const char *name)
{
	struct port *p = list_room(n->ports, n->n_ports, sizeof(*p));

	if (!p)
		return NULL;
	n->ports = p;
	p = &n->ports[n->n_ports++];
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

struct publish *network_add_publish(struct network *n)
{
	struct publish *p = list_room(n->publishes, n->n_publishes, sizeof(*p));

	if (!p)
		return NULL;
	n->publishes = p;
	p = &n->publishes[n->n_publishes++];
	memset(p, 0, sizeof(*p));
	return p;
}

struct port *network_port(const struct network *n, const char *name)
{
	for (size_t i = 0; i < n->n_ports; i++)
		if (streq(n->ports[i].name, name))
			return &n->ports[i];
	return NULL;
}

bool network_adopts(const struct network *n)
{
	size_t i;

	for (i = 0; i < n->n_ports && n->ports[i].netns[0]; i++)
		;
	return i < n->n_ports;
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool network_name_ok(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= NET_NAME_LEN || !is_alnum(name[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_alnum(name[i]) && !strchr("_.-", name[i]))
			return false;
	return true;
}

static __u32 ip4(const struct addr *a)
{
	__be32 v;

	memcpy(&v, a->bytes, sizeof(v));
	return ntohl(v);
}

/* The subnet itself, which RFC 4291 (2.6.1) gives to its routers. */
static bool is_subnet6(const struct addr *a, unsigned plen)
{
	static const __u8 zero[16];
	unsigned i = plen / 8;

	return !(a->bytes[i] & 0xff >> plen % 8) && !memcmp(&a->bytes[i + 1], zero, 15 - i);
}

static int subnet6(const struct addr *text, struct addr *ret)
{
	if (text->plen < 64 || text->plen > 120)
		return -EINVAL;
	*ret = *text;
	if (is_subnet6(text, text->plen))
		ret->bytes[15] = 1;
	return 0;
}

int network_subnet(const struct addr *text, struct addr *ret)
{
	struct addr r = *text;
	__u32 host, rest;
	__be32 v;

	if (text->family == AF_INET6)
		return subnet6(text, ret);
	if (text->family != AF_INET || text->plen < 8 || text->plen > 30)
		return -EINVAL;
	rest = 0xffffffff >> text->plen;
	host = ip4(text) & rest;
	if (host == rest)
		return -EINVAL;
	if (host == 0) {
		v = htonl(ip4(text) + 1);
		memcpy(r.bytes, &v, sizeof(v));
	}
	*ret = r;
	return 0;
}

/* By family, address, length: one set of destinations has one order. */
static int compare_excepts(const struct addr *a, const struct addr *b)
{
	int r = a->family - b->family;

	if (!r)
		r = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return r ? r : a->plen - b->plen;
}

int network_add_except(struct network *n, const struct addr *a)
{
	struct addr e = { .family = a->family, .plen = a->plen };
	unsigned i;
	int r = 1;

	for (i = 0; i < a->plen; i++)
		e.bytes[i / 8] |= a->bytes[i / 8] & (0x80 >> i % 8);
	for (i = 0; i < n->n_excepts && r > 0; i++) {
		r = compare_excepts(&e, &n->excepts[i]);
		if (!r)
			return -EEXIST;
		if (r < 0)
			break;
	}
	if (n->n_excepts == NET_EXCEPTS_MAX)
		return -ENOSPC;
	memmove(&n->excepts[i + 1], &n->excepts[i], (n->n_excepts - i) * sizeof(e));
	n->excepts[i] = e;
	n->n_excepts++;
	return 0;
}

void network_limits(struct network *n, __u32 flows)
{
	const __u32 quarter = flows / 4 ? flows / 4 : 1;
	const __u32 limits[] = {
		[PORT_LIMIT_FLOWS] = quarter,
		[PORT_LIMIT_HALF] = quarter < HALF_DEFAULT ? quarter : HALF_DEFAULT,
		[PORT_LIMIT_PORTS] = PORTS_DEFAULT,
		[PORT_LIMIT_MACS] = MACS_DEFAULT,
		[PORT_LIMIT_FLOOD] = 0,
	};
	unsigned i;

	_Static_assert(ARRAY_SIZE(limits) == PORT_LIMIT_MAX, "a default for each");
	for (i = 0; i < PORT_LIMIT_MAX; i++)
		if (!n->limit[i])
			n->limit[i] = limits[i];
}

__u32 network_flood(const struct network *n)
{
	return n->n_ports > NSF_FLOOD_COPIES / NSF_FLOOD ? NSF_FLOOD_COPIES / (__u32)n->n_ports : NSF_FLOOD;
}

/* A trunk carries frames without tags only if that was said. */
static void port_vlans(struct port *p, const struct port *now)
{
	if (now && !(p->has & PORT_HAS_TRUNK))
		p->trunk = now->trunk;
	if (p->has & PORT_HAS_VLAN)
		return;
	if (!vlans_any(&p->trunk))
		p->vlan = now && now->vlan ? now->vlan : NSF_VLAN_DEFAULT;
	else
		p->vlan = now && vlans_any(&now->trunk) ? now->vlan : 0;
}

void network_port_policy(struct port *p, const struct port *now)
{
	const bool adopted = p->dev[0] && !p->netns[0];
	/* where a managed port's MAC is, is always known */
	const __u32 usual = adopted ? 0 : NSF_PORT_NO_UNKNOWN;

	if (now && adopted != !now->netns[0]) /* another one of that name */
		now = NULL;
	p->policy = (p->policy & p->policy_has) | ((now ? now->policy : usual) & ~p->policy_has);
	if (!(p->has & PORT_HAS_MTU))
		p->mtu = now && !adopted ? now->mtu : 0;
	port_vlans(p, now);
}

bool network_vlans(const struct network *n)
{
	size_t i;

	for (i = 0; i < n->n_ports; i++)
		if (n->ports[i].vlan != NSF_VLAN_DEFAULT || vlans_any(&n->ports[i].trunk))
			return true;
	return false;
}

__u32 network_limit(const struct network *n, const struct port *p, enum port_limit l)
{
	return p->limit[l] ? p->limit[l] : n->limit[l];
}

bool network_holds(const struct network *n, const struct addr *a)
{
	__u32 rest, host;

	if (a->family == AF_INET6)
		return n->gateway6.family == AF_INET6 && addr_same_prefix(a, &n->gateway6, n->gateway6.plen) &&
		       !is_subnet6(a, n->gateway6.plen) && memcmp(a->bytes, n->gateway6.bytes, sizeof(a->bytes));
	if (n->gateway.family != AF_INET || a->family != AF_INET)
		return false;
	rest = 0xffffffff >> n->gateway.plen;
	host = ip4(a) & rest;
	if ((ip4(a) ^ ip4(&n->gateway)) & ~rest)
		return false;
	return host != 0 && host != rest && ip4(a) != ip4(&n->gateway);
}
