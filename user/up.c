/* SPDX-License-Identifier: GPL-2.0-only */
/* From what is to what should be, undoing what fails half-way. */
#include "up.h"

#include <errno.h>

#include "log.h"
#include "netns.h"
#include "port.h"

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

static bool up_same_snat(const struct network *is, const struct network *want)
{
	if (is->snat != want->snat)
		return false;
	if (is->snat == NET_SNAT_ADDR &&
	    (is->n_pool != want->n_pool || memcmp(is->pool, want->pool, is->n_pool * sizeof(is->pool[0]))))
		return false;
	return is->port_min == want->port_min && is->port_max == want->port_max && is->policy == want->policy &&
	       is->n_excepts == want->n_excepts &&
	       !memcmp(is->excepts, want->excepts, is->n_excepts * sizeof(is->excepts[0]));
}

static bool up_same_rules(const struct network *is, const struct port *now, const struct network *want,
			  const struct port *p)
{
	unsigned i;

	if (now->vlan != p->vlan || !vlans_equal(&now->trunk, &p->trunk))
		return false;
	if (now->policy != p->policy || (now->mtu ? now->mtu : is->mtu) != (p->mtu ? p->mtu : want->mtu))
		return false;
	for (i = 0; i < PORT_LIMIT_MAX; i++)
		if (network_limit(is, now, i) != network_limit(want, p, i))
			return false;
	return true;
}

static bool up_same_net(const struct network *is, const struct network *want)
{
	return is->whole && is->mtu == want->mtu && is->fdb_age == want->fdb_age && streq(is->uplink, want->uplink) &&
	       is->xdp == want->xdp && up_same_snat(is, want) &&
	       !memcmp(is->uplink_mac, want->uplink_mac, sizeof(is->uplink_mac)) &&
	       !memcmp(is->limit, want->limit, sizeof(is->limit)) &&
	       !memcmp(is->timeout, want->timeout, sizeof(is->timeout));
}

static bool up_same_net6(const struct network *is, const struct network *want)
{
	return !memcmp(&is->gateway6, &want->gateway6, sizeof(is->gateway6)) && is->snat6 == want->snat6 &&
	       (is->snat6 != NET_SNAT_ADDR ||
		(is->n_pool6 == want->n_pool6 && !memcmp(is->pool6, want->pool6, is->n_pool6 * sizeof(is->pool6[0]))));
}

/* Ports that stay get another IPv6 address where it is another one, or none. */
static int up_ports6(struct host *h, const struct mode *m, const struct network *is, const struct network *want,
		     struct up_result *ret)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < want->n_ports; i++) {
		const struct port *to = &want->ports[i], *now = network_port(is, to->name);

		if (!now || !up_same_port(now, to) || !memcmp(&now->addr6, &to->addr6, sizeof(to->addr6)))
			continue;
		r = up_interrupted();
		if (!r)
			r = m->port_six(h, want, to);
		ret->changed |= !r;
	}
	return r;
}

/* Before ports are adopted that are not there yet, and if they can be. */
static int up_import(struct host *h, const struct mode *m, const struct network *is, const struct network *want,
		     struct up_result *ret)
{
	bool any = false;
	struct link l;
	size_t i;
	int r = 0;

	for (i = 0; !r && m->import && i < want->n_ports; i++) {
		const struct port *p = &want->ports[i], *now = is ? network_port(is, p->name) : NULL;

		if (p->netns[0] || (now && up_same_port(now, p)))
			continue;
		any = true;
		r = port_adoptable(h, want, p, &l);
	}
	if (!r && any)
		ret->imported = m->import(h, want);
	return r;
}

static int up_begin_ports(struct host *h, const struct mode *m, const struct network *want)
{
	return m->ports_begin ? m->ports_begin(h, want) : 0;
}

static int up_add_port(struct host *h, const struct mode *m, struct network *want, size_t i)
{
	int r = up_interrupted();

	progress("%s: port %zu of %zu", want->name, i + 1, want->n_ports);
	return r ? r : m->port_add(h, want, &want->ports[i]);
}

static int up_new(struct host *h, const struct mode *m, struct network *want, struct up_result *ret)
{
	bool published;
	size_t i;
	int r = m->net_add(h, want);

	if (!r)
		r = up_import(h, m, NULL, want, ret);
	if (!r)
		r = up_begin_ports(h, m, want);
	for (i = 0; !r && i < want->n_ports; i++)
		r = up_add_port(h, m, want, i);
	progress(NULL);
	if (!r)
		r = m->publish_set(h, want, &published);
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
		progress("%s: port %zu of %zu", is->name, i + 1, is->n_ports);
		if (!r)
			r = m->port_del(h, is->name, is->ports[i].name);
		ret->removed += !r;
	}
	progress(NULL);
	return r;
}

static int up_add_ports(struct host *h, const struct mode *m, const struct network *is, struct network *want,
			struct up_result *ret)
{
	size_t i;
	int r = up_begin_ports(h, m, want);

	for (i = 0; !r && i < want->n_ports; i++) {
		const struct port *now = network_port(is, want->ports[i].name);

		if (now && up_same_port(now, &want->ports[i])) {
			if (up_same_rules(is, now, want, &want->ports[i]))
				continue;
			r = m->port_change(h, want, &want->ports[i]);
			ret->changed |= !r;
			continue;
		}
		r = up_add_port(h, m, want, i);
		ret->added += !r;
	}
	progress(NULL);
	return r;
}

static int up_change(struct host *h, const struct mode *m, const struct network *is, struct network *want,
		     struct up_result *ret)
{
	bool published = false;
	int r;

	if (memcmp(&is->gateway, &want->gateway, sizeof(is->gateway))) {
		r = m->net_del(h, is->name); /* another subnet is another network */
		return r ? r : up_new(h, m, want, ret);
	}
	r = up_remove_ports(h, m, is, want, ret);
	if (!r && (!up_same_net(is, want) || !up_same_net6(is, want))) {
		r = m->net_change(h, want);
		ret->changed |= !r;
	}
	if (!r)
		r = up_ports6(h, m, is, want, ret);
	if (!r)
		r = up_import(h, m, is, want, ret);
	if (!r)
		r = up_add_ports(h, m, is, want, ret);
	if (!r)
		r = up_interrupted();
	if (!r)
		r = m->publish_set(h, want, &published);
	ret->changed |= published;
	return r;
}

static int up_steps(struct host *h, const struct mode *m, const struct network *is, struct network *want,
		    struct up_result *ret)
{
	int r;

	h->keep = want;
	r = up_change(h, m, is, want, ret);
	h->keep = NULL;
	return r;
}

static void up_back_publishes(struct network *want, const struct network *was)
{
	size_t i;

	want->publishes = NULL;
	want->n_publishes = 0;
	for (i = 0; i < was->n_publishes; i++) {
		bool there = network_port(want, was->publishes[i].port);
		struct publish *p = there ? network_add_publish(want) : NULL;

		if (p)
			*p = was->publishes[i];
	}
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
	up_back_publishes(&want, was);
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
	if (is)
		want->id = is->id;
	r = is ? up_steps(h, m, is, want, ret) : up_new(h, m, want, ret);
	if (r && is)
		up_back(h, m, is);
	if (!r && ret->imported)
		m->import_end(h, want);
	return r;
}
