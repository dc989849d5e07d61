/* SPDX-License-Identifier: GPL-2.0-only */
/* The model: defaults, the list of ports, and what a subnet holds. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "net.h"

void network_init(struct network *n, const char *name)
{
	memset(n, 0, sizeof(*n));
	snprintf(n->name, sizeof(n->name), "%s", name);
	n->mode = NET_MODE_AUTO;
	n->snat = NET_SNAT_AUTO;
#define TIMEOUT_DEFAULT(name, key, seconds, floor) n->timeout[NSF_TIMEOUT_##name] = seconds;
	NSF_TIMEOUTS(TIMEOUT_DEFAULT)
#undef TIMEOUT_DEFAULT
}

void network_free(struct network *n)
{
	free(n->ports);
	n->ports = NULL;
	n->n_ports = 0;
}

struct port *network_add_port(struct network *n, const char *name)
{
	struct port *p;

	/* room for 1, 2, 4, 8... ports: the number itself tells when it is full */
	if ((n->n_ports & (n->n_ports - 1)) == 0) {
		size_t room = n->n_ports ? 2 * n->n_ports : 1;

		p = realloc(n->ports, room * sizeof(*p));
		if (!p)
			return NULL;
		n->ports = p;
	}
	p = &n->ports[n->n_ports++];
	memset(p, 0, sizeof(*p));
	snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

struct port *network_port(const struct network *n, const char *name)
{
	for (size_t i = 0; i < n->n_ports; i++)
		if (streq(n->ports[i].name, name))
			return &n->ports[i];
	return NULL;
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

int network_subnet(const struct addr *text, struct addr *ret)
{
	struct addr r = *text;
	__u32 host, rest;
	__be32 v;

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

bool network_holds(const struct network *n, const struct addr *a)
{
	__u32 rest, host;

	if (n->gateway.family != AF_INET || a->family != AF_INET)
		return false;
	rest = 0xffffffff >> n->gateway.plen;
	host = ip4(a) & rest;
	if ((ip4(a) ^ ip4(&n->gateway)) & ~rest)
		return false;
	return host != 0 && host != rest && ip4(a) != ip4(&n->gateway);
}
