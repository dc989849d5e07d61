/* SPDX-License-Identifier: GPL-2.0-only */
/* What every command begins with that changes something of a network that is there. */
#include "change.h"

#include <errno.h>

#include "log.h"
#include "opt.h"
#include "state.h"

void change_end(struct change *c)
{
	network_free(&c->n);
	host_close(&c->h);
	if (c->lock >= 0)
		close(c->lock);
}

int change_begin(struct change *c, const char *net)
{
	int r = opt_enter();

	if (r)
		return r;
	c->lock = state_lock_if_present();
	if (c->lock < 0 && c->lock != -ENOENT)
		return c->lock;
	if (c->lock >= 0)
		host_collect();
	r = c->lock >= 0 ? host_open(&c->h) : 0;
	if (r)
		return r;
	r = c->lock >= 0 ? mode_repair(&c->h) : 0;
	if (r)
		return r;
	c->m = c->lock >= 0 ? mode_of(&c->h, net) : NULL;
	if (!c->m) {
		hint("make it with: nsfast up %s", net);
		return fail_missing("no network '%s' on this host", net);
	}
	return c->m->read(&c->h, net, &c->n);
}
