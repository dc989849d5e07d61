/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast add, nsfast del: one port more, one port less. */
#include <errno.h>

#include "cmd.h"
#include "conf.h"
#include "log.h"
#include "opt.h"
#include "out.h"
#include "state.h"
#include "up.h"

enum { OPT_ADDRESS = OPT_LONG, OPT_MAC, OPT_DEV, OPT_PORT_NETNS };

static const struct option add_words[] = {
	{ "address", required_argument, NULL, OPT_ADDRESS },
	{ "mac", required_argument, NULL, OPT_MAC },
	{ "dev", required_argument, NULL, OPT_DEV },
	{ "port-netns", required_argument, NULL, OPT_PORT_NETNS },
	{},
};

static const struct option del_words[] = { {} };

/* Lock, host and network of a command that changes a port. */
struct change {
	struct host h;
	const struct mode *m;
	struct network n;
	int lock;
};
#define CHANGE_NONE ((struct change){ .h = HOST_NONE, .lock = -1 })

static void change_end(struct change *c)
{
	network_free(&c->n);
	host_close(&c->h);
	if (c->lock >= 0)
		close(c->lock);
}

static int change_begin(struct change *c, const char *net)
{
	int r = opt_enter();

	if (r)
		return r;
	c->lock = state_lock_if_present();
	if (c->lock < 0 && c->lock != -ENOENT)
		return c->lock;
	r = c->lock >= 0 ? host_open(&c->h) : 0;
	if (r)
		return r;
	c->m = c->lock >= 0 ? mode_of(&c->h, net) : NULL;
	if (!c->m) {
		hint("make it with: nsfast up %s", net);
		return fail_missing("no network '%s' on this host", net);
	}
	r = mode_repair(&c->h);
	return r ? r : c->m->read(&c->h, net, &c->n);
}

static int add_read(int argc, char **argv, struct port *p)
{
	int c, r = 0;

	while (!r && (c = opt_next(argc, argv, "", add_words)) != -1) {
		if (c == OPT_ADDRESS)
			r = conf_port_address("--address", optarg, p);
		else if (c == OPT_MAC)
			r = conf_port_mac("--mac", optarg, p);
		else if (c == OPT_DEV)
			r = conf_port_device("--dev", optarg, p);
		else if (c == OPT_PORT_NETNS)
			r = conf_port_netns("--port-netns", optarg, p);
		else
			r = c;
	}
	if (!r)
		r = opt_words(argc, argv, 2, 2, "add NET NAME [--address A] [--mac M] [--dev IF]");
	if (!r && p->dev[0] && (p->has || p->netns[0]))
		r = fail_usage(
			"--dev adopts an interface as it is; --address, --mac and --port-netns do not go with it");
	return r;
}

static int add_run(struct change *c, const char *name, const struct port *asked)
{
	char text[ADDR_STRLEN];
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
	r = up_resolve_port(&c->n, p);
	if (!r)
		r = conf_check(&c->n);
	if (!r)
		r = c->m->port_add(&c->h, &c->n, p);
	if (r)
		return r;
	out_open_object(NULL);
	out_str("network", "%s/", c->n.name);
	out_str("name", "%s: added", name);
	out_str("address", p->addr.family ? ", address %s" : NULL,
		p->addr.family ? addr_format(&p->addr, true, text) : NULL);
	out_text("\n");
	out_close_object();
	return 0;
}

int cmd_add(int argc, char **argv)
{
	__attribute__((cleanup(change_end))) struct change c = CHANGE_NONE;
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
	__attribute__((cleanup(change_end))) struct change c = CHANGE_NONE;
	int r = opt_next(argc, argv, "", del_words);

	r = r == -1 ? opt_words(argc, argv, 2, 2, "del NET NAME") : r;
	if (!r)
		r = change_begin(&c, argv[optind]);
	if (r)
		return r;
	if (!network_port(&c.n, argv[optind + 1])) {
		hint("nsfast show %s", c.n.name);
		return fail_missing("no port '%s' in network '%s'", argv[optind + 1], c.n.name);
	}
	r = c.m->port_del(&c.h, c.n.name, argv[optind + 1]);
	if (r)
		return r;
	out_open_object(NULL);
	out_str("network", "%s/", c.n.name);
	out_str("name", "%s: removed\n", argv[optind + 1]);
	out_close_object();
	return 0;
}
