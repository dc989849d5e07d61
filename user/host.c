/* SPDX-License-Identifier: GPL-2.0-only */
/* The host: the namespace in which a command acts, and the namespaces that we made for it. */
#include "host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "bpf_frag.h"
#include "log.h"
#include "netns.h"
#include "state.h"

#define HOST_FACT 96 /* "NETWORK/COOKIE" */

static volatile sig_atomic_t interrupted;

int host_open(struct host *ret)
{
	struct host h = HOST_NONE;
	int r;

	h.netns = netns_self();
	if (h.netns < 0)
		return fail(h.netns, "cannot open the current network namespace");
	r = nl_open(&h.nl);
	if (!r) {
		h.cookie = nl_cookie(h.nl);
		r = state_has_bpffs() ? dp_open(h.cookie, &h.dp) : 0;
	}
	if (r && r != -ENOENT) {
		host_close(&h);
		return r;
	}
	*ret = h;
	return 0;
}

void host_close(struct host *h)
{
	if (h->dp.loaded)
		dp_close(&h->dp);
	nl_close(h->nl);
	if (h->netns >= 0)
		close(h->netns);
	*h = HOST_NONE;
}

/* The fact "netns NAME NETWORK/COOKIE". */
static int host_fact(struct host *h, const char *name, char net[HOST_FACT], __u64 *cookie)
{
	char value[HOST_FACT], *slash;
	int r = state_get(h->cookie, "netns", name, value, sizeof(value));

	if (r)
		return r;
	slash = strchr(value, '/');
	if (!slash)
		return -ENOENT;
	*slash = '\0';
	strcpy(net, value);
	*cookie = strtoull(slash + 1, NULL, 10);
	return 0;
}

bool host_netns_ours(struct host *h, const char *name)
{
	char net[HOST_FACT];
	__u64 noted, is;
	autoclose int fd = -1;

	if (host_fact(h, name, net, &noted))
		return false;
	fd = netns_open(name);
	return fd >= 0 && !netns_cookie(fd, &is) && is == noted;
}

/* The note comes before the name: what has a name and is ours is always noted. */
static int host_netns_make(struct host *h, const char *net, const char *name, int *ret_fd)
{
	autoclose int fd = netns_make();
	char value[HOST_FACT];
	__u64 cookie;
	int r;

	if (fd < 0)
		return fail(fd, "cannot make namespace '%s'", name);
	r = netns_cookie(fd, &cookie);
	if (r)
		return fail(r, "cannot identify namespace '%s'", name);
	snprintf(value, sizeof(value), "%s/%llu", net, (unsigned long long)cookie);
	r = state_set(h->cookie, "netns", name, value);
	if (r)
		return r;
	r = netns_bind(fd, name);
	if (r) {
		state_unset(h->cookie, "netns", name);
		return fail(r, "cannot give namespace '%s' its name", name);
	}
	*ret_fd = take(&fd);
	return 0;
}

int host_netns_get(struct host *h, const char *net, const char *name, int *ret_fd)
{
	char was[HOST_FACT];
	__u64 cookie;
	int fd = netns_open(name);

	if (fd >= 0) {
		*ret_fd = fd;
		return 0;
	}
	/* a file without a namespace is what a killed run of ours leaves between making it and mounting on it */
	if (fd == -EINVAL && !host_fact(h, name, was, &cookie) && !netns_unbind(name))
		fd = -ENOENT;
	if (fd != -ENOENT)
		return fail(fd, "'" NETNS_DIR "/%s' is no network namespace", name);
	return host_netns_make(h, net, name, ret_fd);
}

/* Who lives there stays, if a port will be there again. */
static bool host_netns_kept(const struct host *h, const char *name)
{
	size_t i;

	for (i = 0; h->keep && i < h->keep->n_ports; i++)
		if (streq(h->keep->ports[i].netns, name))
			return true;
	return false;
}

int host_netns_put(struct host *h, const char *name)
{
	char net[HOST_FACT];
	__u64 cookie;
	int r, fd;

	if (host_netns_kept(h, name) || host_fact(h, name, net, &cookie))
		return 0;
	fd = netns_open(name);
	if (fd >= 0)
		close(fd);
	if (fd == -EINVAL || host_netns_ours(h, name)) {
		r = netns_unbind(name);
		if (r)
			return fail(r, "cannot delete namespace '%s'", name);
	}
	return state_unset(h->cookie, "netns", name);
}

struct host_names {
	const char *net; /* NULL: of all networks */
	char (*v)[NSF_NAME_LEN];
	size_t n;
};

static int host_note_name(const char *key, const char *value, void *arg)
{
	struct host_names *names = arg;
	size_t len = names->net ? strlen(names->net) : 0;
	void *more;

	if (names->net && (strncmp(value, names->net, len) || value[len] != '/'))
		return 0;
	if (strlen(key) >= NSF_NAME_LEN)
		return 0;
	more = realloc(names->v, (names->n + 1) * sizeof(*names->v));
	if (!more)
		return -ENOMEM;
	names->v = more;
	strcpy(names->v[names->n++], key);
	return 0;
}

int host_netns_put_all(struct host *h, const char *net, bool (*used)(struct host *h, const char *name))
{
	struct host_names names = { .net = net };
	int r = state_each(h->cookie, "netns", host_note_name, &names), first = 0;
	size_t i;

	for (i = 0; !r && i < names.n; i++) {
		int one = used && used(h, names.v[i]) ? 0 : host_netns_put(h, names.v[i]);

		if (one && !first)
			first = one;
	}
	free(names.v);
	return r ? r : first;
}

/* The names go before the pins: a run that is killed in between leaves the pins for the next to find the host by. */
static void host_forget(__u64 host, void *arg)
{
	const __u64 *here = arg;
	struct host gone = { .netns = -1, .cookie = host };

	if (host != *here && !host_netns_put_all(&gone, NULL, NULL))
		state_forget(host);
}

void host_collect(void)
{
	autoclose int self = netns_self();
	__u64 here;

	/* we are here, so this host is not gone, whatever became of its interfaces: its namespaces keep their names */
	if (self >= 0 && !netns_cookie(self, &here))
		dp_each_dead(host_forget, &here);
	dp_collect();
	bpf_frag_collect();
}

static void host_on_signal(int sig)
{
	interrupted = sig;
}

void host_catch_signals(void)
{
	struct sigaction sa = { .sa_handler = host_on_signal };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}

bool host_interrupted(void)
{
	return interrupted;
}

void host_forget_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	interrupted = 0;
}
