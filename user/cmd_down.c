/* SPDX-License-Identifier: GPL-2.0-only */
/* nsfast down: remove a network, or all of this host's; nothing is left. */
#include <errno.h>

#include "cmd.h"
#include "conf.h"
#include "log.h"
#include "opt.h"
#include "out.h"
#include "state.h"

#include "handover.h"
#include "mode.h"

#define DOWN_MAX NSF_NETS_MAX

static const struct option words[] = { { "all", no_argument, NULL, 'a' }, {} };

struct names {
	char v[DOWN_MAX][NET_NAME_LEN];
	size_t n;
};

static int down_collect(const char *name, void *arg)
{
	struct names *names = arg;

	if (names->n < DOWN_MAX)
		memcpy(names->v[names->n++], name, strlen(name) + 1);
	return 0;
}

static int down_count(const char *net, const struct publish *p, void *arg)
{
	(void)net;
	(void)p;
	++*(size_t *)arg;
	return 0;
}

/* Rules that go with a network. */
static size_t down_publishes(struct host *h, const struct mode *m, const char *name)
{
	size_t published = 0;

	if (m)
		m->publishes(h, name, down_count, &published);
	return published;
}

/* Also a network that is only half there is removed; one that nobody knows is not an error of the system's. */
static int down_one(struct host *h, const char *name)
{
	const struct mode *m = mode_of(h, name);
	size_t published = down_publishes(h, m, name);
	int r = handover_forget(h, name);

	if (!r)
		r = m ? m->net_del(h, name) : 0;
	if (!r) /* also what it has left in another mode, or in none */
		r = mode_forget(h, name);
	if (r)
		return r;
	if (!m) {
		hint("'nsfast show' lists the networks");
		return fail_missing("no network '%s' on this host", name);
	}
	out_open_object(NULL);
	out_str("name", "%s: down", name);
	out_u64("publishes_removed", published ? ", %" PRIu64 " published with it" : NULL, published);
	out_text("\n");
	out_close_object();
	return 0;
}

static int down_run(struct host *h, int argc, char **argv, bool all)
{
	autofree struct names *names = calloc(1, sizeof(*names));
	int r = 0, first = 0;
	size_t i;

	if (!names)
		return fail(-ENOMEM, "cannot list networks");
	/* half in one mode and half in the other a network is not to be found; one that stays so is removed from both */
	handover_resume(h);
	if (optind < argc)
		return down_one(h, argv[optind]);
	mode_list(h, down_collect, names);
	if (!all && names->n > 1) {
		hint("name one, or say --all");
		return fail_usage("this host has %zu networks", names->n);
	}
	if (!names->n) {
		r = mode_repair(h);
		info("no network on this host");
	}
	out_open_array(NULL);
	for (i = 0; i < names->n; i++) {
		r = down_one(h, names->v[i]);
		first = first ? first : r;
	}
	out_close_array();
	first = first ? first : r;
	/* no network is left: nor is a namespace of one whose removal was cut short */
	return first ? first : host_netns_put_all(h, NULL, NULL);
}

int cmd_down(int argc, char **argv)
{
	autoclose int lock = -1;
	autohost struct host h = HOST_NONE;
	bool all = false;
	int c, r;

	while ((c = opt_next(argc, argv, "a", words)) != -1) {
		if (c < 0)
			return c;
		all = true;
	}
	r = opt_words(argc, argv, 0, 1, "down [NET | --all]");
	if (!r)
		r = opt_enter();
	if (r)
		return r;
	lock = state_lock();
	if (lock < 0)
		return lock;
	host_collect();
	r = host_open(&h);
	if (!r)
		r = down_run(&h, argc, argv, all);
	state_tidy();
	return r;
}
