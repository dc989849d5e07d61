/* SPDX-License-Identifier: GPL-2.0-only */
/* From what is to what should be, undoing what fails half-way. */
#include "up.h"

#include <errno.h>

#include "log.h"
#include "netns.h"

static int up_interrupted(void)
{
	return host_interrupted() ? -EINTR : 0;
}

/* A port that should be as it is. A MAC or device that was not asked for is as it is. */
static bool up_same_port(const struct port *is, const struct port *want)
{
	if (!is->ifindex || !streq(is->netns, want->netns))
		return false;
	if (want->dev[0] && !want->netns[0])
		return streq(is->dev, want->dev);
	if (want->has & PORT_HAS_MAC && memcmp(is->mac, want->mac, sizeof(is->mac)))
		return false;
	if (memcmp(is->addr.bytes, want->addr.bytes, 4))
		return false;
	/* its namespace may have been deleted and made again by somebody else: then the interface is gone too */
	return true;
}

static bool up_same_net(const struct network *is, const struct network *want)
{
	return is->whole && is->mtu == want->mtu && streq(is->uplink, want->uplink) && is->snat == want->snat &&
	       (is->snat != NET_SNAT_ADDR || !memcmp(is->snat_addr.bytes, want->snat_addr.bytes, 4)) &&
	       !memcmp(is->timeout, want->timeout, sizeof(is->timeout));
}

static int up_new(struct host *h, const struct mode *m, struct network *want, struct up_result *ret)
{
	size_t i;
	int r = m->net_add(h, want);

	for (i = 0; !r && i < want->n_ports; i++) {
		r = up_interrupted();
		if (!r)
			r = m->port_add(h, want, &want->ports[i]);
	}
	if (!r)
		r = up_interrupted();
	if (r) {
		m->net_del(h, want->name);
		return r;
	}
	ret->made = 1;
	ret->added = want->n_ports;
	return 0;
}

static int up_remove_ports(struct host *h, const struct mode *m, const struct network *is, const struct network *want,
			   struct up_result *ret)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < is->n_ports; i++) {
		const struct port *to = network_port(want, is->ports[i].name);

		if (to && up_same_port(&is->ports[i], to))
			continue;
		r = up_interrupted();
		if (!r)
			r = m->port_del(h, is->name, is->ports[i].name);
		ret->removed += !r;
	}
	return r;
}

static int up_add_ports(struct host *h, const struct mode *m, const struct network *is, struct network *want,
			struct up_result *ret)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < want->n_ports; i++) {
		const struct port *now = network_port(is, want->ports[i].name);

		if (now && up_same_port(now, &want->ports[i]))
			continue;
		r = up_interrupted();
		if (!r)
			r = m->port_add(h, want, &want->ports[i]);
		ret->added += !r;
	}
	return r;
}

static int up_steps(struct host *h, const struct mode *m, const struct network *is, struct network *want,
		    struct up_result *ret)
{
	int r;

	if (memcmp(&is->gateway, &want->gateway, sizeof(is->gateway))) {
		r = m->net_del(h, is->name); /* another subnet is another network */
		return r ? r : up_new(h, m, want, ret);
	}
	r = up_remove_ports(h, m, is, want, ret);
	if (!r && !up_same_net(is, want)) {
		r = m->net_change(h, want);
		ret->changed = !r;
	}
	return r ? r : up_add_ports(h, m, is, want, ret);
}

/* From wherever a failure left it, to what was before: ports that were removed come back, with their addresses. */
static void up_back(struct host *h, const struct mode *m, const struct network *was)
{
	struct network now = {}, want = *was;
	struct up_result did;
	size_t i;
	int r;

	host_forget_signals();
	want.ports = NULL;
	want.n_ports = 0;
	for (i = 0; i < was->n_ports; i++) {
		struct port *p = was->ports[i].ifindex ? network_add_port(&want, was->ports[i].name) : NULL;

		if (!p)
			continue;
		*p = was->ports[i];
		if (p->netns[0])
			p->dev[0] = '\0'; /* chosen by its name again */
	}
	r = m->read(h, was->name, &now);
	r = r == -ENOENT ? up_new(h, m, &want, &did) : r ? r : up_steps(h, m, &now, &want, &did);
	if (r)
		warn("%s: what had begun to change could not be undone; 'nsfast show %s' tells how it stands",
		     was->name, was->name);
	network_free(&now);
	network_free(&want);
}

int up_converge(struct host *h, const struct mode *m, const struct network *is, struct network *want,
		struct up_result *ret)
{
	int r;

	*ret = (struct up_result){};
	if (!is)
		return up_new(h, m, want, ret);
	want->id = is->id;
	r = up_steps(h, m, is, want, ret);
	if (r)
		up_back(h, m, is);
	return r;
}
