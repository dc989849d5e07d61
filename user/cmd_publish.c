/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast publish: ports of the host that lead to a container's; add, del, show. */
#include <errno.h>

#include "change.h"
#include "cmd.h"
#include "conf.h"
#include "log.h"
#include "opt.h"
#include "out.h"
#include "publish.h"

#define SPEC "[ADDRESS:]PORT[-PORT]:NAME:PORT[-PORT][/tcp|udp|sctp]"

static int print_rule(const char *net, const struct publish *p, void *arg)
{
	(void)arg;
	publish_print(net, p);
	return 0;
}

struct tell {
	const struct publish *asked;
	const char *lead; /* what became of them */
};

/* Of all rules those that were asked for. */
static int tell_rule(const char *net, const struct publish *p, void *arg)
{
	const struct tell *t = arg;

	if (!publish_means(t->asked, p))
		return 0;
	out_text("%s: %s ", net, t->lead);
	publish_print(net, p);
	return 0;
}

static void tell_begin(const char *net, bool changed)
{
	out_open_object(NULL);
	out_str("network", NULL, net);
	out_bool("changed", NULL, changed);
	out_open_array("publish");
}

static void tell_end(void)
{
	out_close_array();
	out_close_object();
}

static int list_rule(struct network *n, const struct publish *p)
{
	struct publish *to = network_add_publish(n);

	if (!to)
		return fail(-ENOMEM, "%s: cannot list publishes", n->name);
	*to = *p;
	return 0;
}

/* The network with all rules but those that are meant, in a list of its own, to be freed also after an error. */
static int without(const struct network *n, const struct publish *asked, struct network *ret)
{
	size_t i;
	int r = 0;

	*ret = *n;
	ret->publishes = NULL;
	ret->n_publishes = 0;
	for (i = 0; !r && i < n->n_publishes; i++)
		if (!publish_means(asked, &n->publishes[i]))
			r = list_rule(ret, &n->publishes[i]);
	return r;
}

static int add(struct change *c, const struct publish *asked)
{
	struct network want;
	bool changed = false;
	struct tell t = { .asked = asked };
	int r = without(&c->n, asked, &want);

	want.has |= NET_HAS_PUBLISH;
	if (!r)
		r = list_rule(&want, asked);
	if (!r)
		r = publish_resolve(&c->h, &c->n, &want);
	if (!r)
		r = conf_check(&want);
	if (!r)
		r = c->m->publish_set(&c->h, &want, &changed);
	free(want.publishes);
	if (r)
		return r;
	t.lead = changed ? "published" : "no change,";
	tell_begin(c->n.name, changed);
	r = c->m->publishes(&c->h, c->n.name, tell_rule, &t);
	tell_end();
	return r;
}

static int del(struct change *c, const struct publish *asked, const char *text)
{
	struct tell t = { .asked = asked, .lead = "removed" };
	struct network want;
	bool changed = false;
	size_t i;
	int r = without(&c->n, asked, &want);

	if (!r && want.n_publishes == c->n.n_publishes) {
		hint("'nsfast publish show %s' lists them", c->n.name);
		r = fail_missing("%s: no publish '%s'", c->n.name, text);
	} else if (!r) {
		r = c->m->publish_set(&c->h, &want, &changed);
	}
	free(want.publishes);
	if (r)
		return r;
	tell_begin(c->n.name, changed);
	for (i = 0; i < c->n.n_publishes; i++)
		tell_rule(c->n.name, &c->n.publishes[i], &t);
	tell_end();
	return 0;
}

static int change(int argc, char **argv, const char *usage, bool more)
{
	autochange struct change c = CHANGE_NONE;
	struct network asked = {};
	int r = opt_words(argc, argv, 3, 3, usage);

	if (!r)
		r = conf_publish("SPEC", argv[optind + 2], &asked);
	if (!r)
		r = change_begin(&c, argv[optind + 1]);
	if (!r)
		r = more ? add(&c, asked.publishes) : del(&c, asked.publishes, argv[optind + 2]);
	network_free(&asked);
	return r;
}

static int show(int argc, char **argv)
{
	autohost struct host h = HOST_NONE;
	const struct mode *m;
	int r = opt_words(argc, argv, 1, 2, "publish show [NET]");

	if (!r)
		r = opt_host(&h);
	if (r)
		return r;
	m = optind + 1 < argc ? mode_of(&h, argv[optind + 1]) : NULL;
	if (optind + 1 < argc && !m) {
		hint("'nsfast show' lists the networks");
		return fail_missing("no network '%s' on this host", argv[optind + 1]);
	}
	out_open_array(NULL);
	r = m ? m->publishes(&h, argv[optind + 1], print_rule, NULL) : mode_publishes(&h, print_rule, NULL);
	out_close_array();
	return r;
}

int cmd_publish(int argc, char **argv)
{
	static const struct option none[] = { {} };
	static const char *const verbs[] = { "add", "del", "show", NULL };
	const char *verb, *near;
	int r = opt_next(argc, argv, "", none);

	r = r == -1 ? opt_words(argc, argv, 1, 4, "publish add|del|show ...") : r;
	if (r)
		return r;
	verb = argv[optind];
	if (streq(verb, "add"))
		return change(argc, argv, "publish add NET " SPEC, true);
	if (streq(verb, "del"))
		return change(argc, argv, "publish del NET " SPEC, false);
	if (streq(verb, "show"))
		return show(argc, argv);
	near = conf_nearest(verb, verbs);
	if (near)
		hint("did you mean '%s'?", near);
	return fail_usage("unknown word '%s'; there are add, del and show", verb);
}
