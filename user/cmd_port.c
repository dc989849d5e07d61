/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast add, nsfast del: one port more, one port less. */
#include <errno.h>

#include "change.h"
#include "cmd.h"
#include "conf.h"
#include "log.h"
#include "opt.h"
#include "out.h"
#include "port.h"
#include "up.h"

/* Options that have one value: id, word, its reader. */
#define ADD_OPTIONS(X) \
	X(ADDRESS, "address", conf_port_address) \
	X(MAC, "mac", conf_port_mac) \
	X(DEV, "dev", conf_port_device) \
	X(PORT_NETNS, "port-netns", conf_port_netns) \
	X(MTU, "mtu", conf_port_mtu) \
	X(ISOLATED, "isolated", conf_port_isolated) \
	X(GUARD, "guard", conf_port_guard) \
	X(FLOOD, "flood", conf_port_flood) \
	X(VLAN, "vlan", conf_port_vlan) \
	X(TRUNK, "vlan-trunk", conf_port_trunk)
#define ADD_ENUM(id, word, read) OPT_##id,
enum { OPT_NONE = OPT_LONG, ADD_OPTIONS(ADD_ENUM) OPT_LIMIT };

#define ADD_WORD(id, word, read)              { word, required_argument, NULL, OPT_##id },
#define ADD_LIMIT_WORD(id, key, option, json) { option, required_argument, NULL, OPT_LIMIT + PORT_LIMIT_##id },
static const struct option add_words[] = { ADD_OPTIONS(ADD_WORD) PORT_LIMITS(ADD_LIMIT_WORD){} };

static const struct option del_words[] = { {} };

static int add_option(int c, struct port *p)
{
#define ADD_LIMIT_CASE(id, key, option, json) \
	case OPT_LIMIT + PORT_LIMIT_##id: \
		return conf_port_limit("--" option, optarg, PORT_LIMIT_##id, p);
#define ADD_CASE(id, word, read) \
	case OPT_##id: \
		return read("--" word, optarg, p);
	switch (c) {
		ADD_OPTIONS(ADD_CASE)
		PORT_LIMITS(ADD_LIMIT_CASE)
	}
	return c;
}

static int add_read(int argc, char **argv, struct port *p)
{
	int c, r = 0;

	while (!r && (c = opt_next(argc, argv, "", add_words)) != -1)
		r = add_option(c, p);
	if (!r)
		r = opt_words(argc, argv, 2, 2, "add NET NAME [--address A] [--mac M] [--dev IF] [--max-flows N]");
	if (!r && p->dev[0] &&
	    (p->has & (PORT_HAS_ADDR | PORT_HAS_MAC | PORT_HAS_MTU) || p->policy_has & NSF_PORT_SERVES || p->netns[0]))
		r = fail_usage("--dev adopts an interface as it is; "
			       "--address, --mac, --mtu, --guard and --port-netns do not go with it");
	return r;
}

static int add_run(struct change *c, const char *name, const struct port *asked)
{
	char text[ADDR_STRLEN];
	__u64 imported = 0;
	struct link l;
	struct port *p;
	int r;

	if (network_port(&c->n, name)) {
		hint("nsfast del %s %s", c->n.name, name);
		return fail_usage("%s/%s: there is a port of this name already", c->n.name, name);
	}
	r = conf_ns("NAME", name, &c->n);
	if (r)
		return r;
	p = &c->n.ports[c->n.n_ports - 1];
	*p = *asked;
	strcpy(p->name, name);
	network_port_policy(p, NULL);
	r = up_resolve_port(&c->n, p);
	if (!r)
		r = conf_check(&c->n);
	if (!r && p->dev[0])
		r = port_adoptable(&c->h, &c->n, p, &l);
	if (!r && p->dev[0] && c->m->import)
		imported = c->m->import(&c->h, &c->n);
	if (!r)
		r = c->m->port_add(&c->h, &c->n, p);
	if (r)
		return r;
	if (imported)
		c->m->import_end(&c->h, &c->n);
	out_open_object(NULL);
	out_str("network", "%s/", c->n.name);
	out_str("name", "%s: added", name);
	out_str("address", p->addr.family ? ", address %s" : NULL,
		p->addr.family ? addr_format(&p->addr, true, text) : NULL);
	out_str("address6", p->addr6.family ? " and %s" : NULL,
		p->addr6.family ? addr_format(&p->addr6, true, text) : NULL);
	out_u64("flows_imported", imported ? ", %" PRIu64 " flows imported" : NULL, imported);
	out_text("\n");
	out_close_object();
	return 0;
}

int cmd_add(int argc, char **argv)
{
	autochange struct change c = CHANGE_NONE;
	struct port p = {};
	int r = add_read(argc, argv, &p);

	if (!r && strchr(argv[optind + 1], '='))
		r = fail_usage("'%s' is no name for a port", argv[optind + 1]);
	if (!r)
		r = change_begin(&c, argv[optind]);
	return r ? r : add_run(&c, argv[optind + 1], &p);
}

int cmd_del(int argc, char **argv)
{
	autochange struct change c = CHANGE_NONE;
	int r = opt_next(argc, argv, "", del_words);
	size_t i, published = 0;

	r = r == -1 ? opt_words(argc, argv, 2, 2, "del NET NAME") : r;
	if (!r)
		r = change_begin(&c, argv[optind]);
	if (r)
		return r;
	if (!network_port(&c.n, argv[optind + 1])) {
		hint("nsfast show %s", c.n.name);
		return fail_missing("no port '%s' in network '%s'", argv[optind + 1], c.n.name);
	}
	for (i = 0; i < c.n.n_publishes; i++)
		published += streq(c.n.publishes[i].port, argv[optind + 1]);
	r = c.m->port_del(&c.h, c.n.name, argv[optind + 1]);
	if (r)
		return r;
	out_open_object(NULL);
	out_str("network", "%s/", c.n.name);
	out_str("name", "%s: removed", argv[optind + 1]);
	out_u64("publishes_removed", published ? ", %" PRIu64 " published with it" : NULL, published);
	out_text("\n");
	out_close_object();
	return 0;
}
