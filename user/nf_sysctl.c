/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings of the host that netfilter mode needs and puts back: forwarding on uplinks. */
#include "nf_sysctl.h"

#include <errno.h>
#include <stdio.h>

#include "log.h"
#include "nf_record.h"
#include "six.h"
#include "state.h"
#include "sysctl.h"

#define SYSCTL_FACT   "sysctl"                      /* what a setting was before */
#define SYSCTL_COUNTS "netfilter/nf_conntrack_acct" /* what `flows` tells of packets and bytes */
#define SYSCTL_ALL4   "ipv4/conf/all/forwarding"
#define SYSCTL_ALONE  "alone" /* in place of "0": that interface did not forward, though the host did */
#define SYSCTL_KEY    64
#define SYSCTL_MAX    64 /* settings of which no record has need any more, in one go */

bool nf_sysctl_one6(void)
{
	char text[8];

	return !sysctl_get("ipv6/conf/lo/force_forwarding", text, sizeof(text));
}

static void key4(const char *ifname, char ret[SYSCTL_KEY])
{
	snprintf(ret, SYSCTL_KEY, "ipv4/conf/%s/forwarding", ifname);
}

static void key6(const char *ifname, char ret[SYSCTL_KEY])
{
	if (nf_sysctl_one6())
		snprintf(ret, SYSCTL_KEY, "ipv6/conf/%s/force_forwarding", ifname);
	else
		snprintf(ret, SYSCTL_KEY, "ipv6/conf/all/forwarding");
}

static bool is_on(const char *key)
{
	char value[16];

	return !sysctl_get(key, value, sizeof(value)) && !streq(value, "0");
}

/* Somebody else has made the host a router since the interface's setting, of IPv4, was noted: it would be on by now. */
static bool is_routers(const char *key, const char *was)
{
	return !strncmp(key, "ipv4/conf/", 10) && streq(was, "0") && is_on(SYSCTL_ALL4);
}

int nf_sysctl_gateway6(const char *ifname)
{
	char key[SYSCTL_KEY];

	key6(ifname, key);
	return nf_sysctl_one6() ? sysctl_set(key, "1") : 0;
}

/* Switching all off again switches each off: those that were on by themselves are noted after it, and put back after it. */
static int note_interface(const struct link *l, void *arg)
{
	struct host *h = arg;
	char key[SYSCTL_KEY];

	snprintf(key, sizeof(key), "ipv6/conf/%s/forwarding", l->name);
	return is_on(key) ? state_set(h->cookie, SYSCTL_FACT, key, "1") : 0;
}

static int switch_on(struct host *h, const char *key)
{
	char was[16], noted[16];
	bool all = strstr(key, "/all/");
	int r = sysctl_get(key, was, sizeof(was));

	if (r)
		return fail(r, "cannot read '/proc/sys/net/%s'", key);
	if (!streq(was, "0"))
		return 0;
	if (state_get(h->cookie, SYSCTL_FACT, key, noted, sizeof(noted)))
		r = state_set(h->cookie, SYSCTL_FACT, key, is_routers(key, was) ? SYSCTL_ALONE : was);
	if (!r && all)
		r = link_list(h->nl, note_interface, h);
	if (r)
		return r;
	r = all ? six_forward(h, "all") : sysctl_set(key, "1");
	if (r)
		hint("sysctl -w net.%s=1", key);
	return r ? fail(r, "cannot set '/proc/sys/net/%s'", key) : 0;
}

bool nf_sysctl_opened(struct host *h, const char *uplink, int family)
{
	char key[SYSCTL_KEY], was[16];

	if (family == AF_INET6 && nf_sysctl_one6() && is_on("ipv6/conf/all/forwarding"))
		return false;
	if (family == AF_INET6)
		key6(uplink, key);
	else
		key4(uplink, key);
	if (state_get(h->cookie, SYSCTL_FACT, key, was, sizeof(was)))
		return !is_on(key);
	return !is_routers(key, was);
}

struct need {
	struct host *h;
	const char *key; /* NULL: switch on what is needed */
	bool found;
};

static int need_net(const struct network *n, struct need *need)
{
	char key[SYSCTL_KEY];
	int r = 0;

	if (need->key)
		need->found |= streq(SYSCTL_COUNTS, need->key);
	else
		r = switch_on(need->h, SYSCTL_COUNTS);
	if (r || !n->uplink[0])
		return r;
	key4(n->uplink, key);
	if (need->key)
		need->found |= streq(key, need->key);
	else
		r = switch_on(need->h, key);
	if (r || !n->gateway6.family || n->snat6 == NET_SNAT_AUTO)
		return r;
	key6(n->uplink, key);
	if (need->key) {
		need->found |=
			streq(key, need->key) || (strstr(key, "/all/") && !strncmp(need->key, "ipv6/conf/", 10) &&
						  strstr(need->key, "/forwarding"));
		return 0;
	}
	return switch_on(need->h, key);
}

static int need_record(const char *name, void *arg)
{
	struct need *need = arg;
	struct network n;
	int r = nf_record_read(need->h, name, &n);

	if (r)
		return r == -ENOENT ? 0 : r;
	r = need_net(&n, need);
	network_free(&n);
	return r;
}

static int need_all(struct need *need, const struct network *making)
{
	int r = making ? need_net(making, need) : 0;

	return r ? r : nf_record_list(need->h, need_record, need);
}

struct over {
	struct host *h;
	const struct network *making;
	char key[SYSCTL_MAX][SYSCTL_KEY];
	size_t n;
};

static int put_back(const char *key, const char *value, void *arg)
{
	struct over *o = arg;
	struct need need = { .h = o->h, .key = key };
	int r = need_all(&need, o->making);

	if (r || need.found || o->n == SYSCTL_MAX)
		return r;
	/* an interface that is gone has nothing to put back */
	if (!is_routers(key, value))
		sysctl_set(key, streq(value, SYSCTL_ALONE) ? "0" : value);
	snprintf(o->key[o->n++], SYSCTL_KEY, "%s", key);
	return 0;
}

int nf_sysctl_sync(struct host *h, const struct network *making)
{
	autofree struct over *o = calloc(1, sizeof(*o));
	struct need need = { .h = h };
	size_t i;
	int r;

	if (!o)
		return fail(-ENOMEM, "cannot read settings");
	o->h = h;
	o->making = making;
	r = need_all(&need, making);
	if (!r)
		r = state_each(h->cookie, SYSCTL_FACT, put_back, o);
	for (i = 0; !r && i < o->n; i++)
		r = state_unset(h->cookie, SYSCTL_FACT, o->key[i]);
	return r;
}

bool nf_sysctl_whole(const struct network *n)
{
	char key[SYSCTL_KEY];

	key4(n->name, key);
	if (!is_on(key))
		return false;
	if (n->uplink[0]) {
		key4(n->uplink, key);
		if (!is_on(key))
			return false;
	}
	if (!n->gateway6.family || n->snat6 == NET_SNAT_AUTO || !n->uplink[0])
		return true;
	key6(n->uplink, key);
	return is_on(key);
}
