/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own sockets in bpf mode: hooks at the root of cgroup2, and the table of the host's addresses. */
#include "bpf_sock.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>

#include "nsfast/sock.h"

#include "bpf_sock_end.h"
#include "cgroup.h"
#include "link.h"
#include "log.h"

/* In this order, and away in the other one: no socket is redirected that would not hear the name it asked for. */
static const struct {
	const char *name; /* the program is nsf_NAME, its link is pinned as sock-NAME */
	enum bpf_attach_type type;
} hooks[] = {
	{ "recvmsg4", BPF_CGROUP_UDP4_RECVMSG },          { "recvmsg6", BPF_CGROUP_UDP6_RECVMSG },
	{ "getpeername4", BPF_CGROUP_INET4_GETPEERNAME }, { "getpeername6", BPF_CGROUP_INET6_GETPEERNAME },
	{ "sendmsg4", BPF_CGROUP_UDP4_SENDMSG },          { "sendmsg6", BPF_CGROUP_UDP6_SENDMSG },
	{ "connect4", BPF_CGROUP_INET4_CONNECT },         { "connect6", BPF_CGROUP_INET6_CONNECT },
};

static bool sock_wanted(const struct dp *dp)
{
	return dp->loaded && __atomic_load_n(dp->publish_live, __ATOMIC_ACQUIRE);
}

static const char *sock_path(const struct dp *dp, const char *prefix, size_t hook, char path[PATH_MAX])
{
	char name[32];

	snprintf(name, sizeof(name), "%s%s", prefix, hooks[hook].name);
	return dp_path(dp, name, path);
}

/* Somebody else may have detached a link; its pin stays then, and its cgroup is 0. */
static bool sock_attached(const struct dp *dp, size_t hook)
{
	char path[PATH_MAX];
	autoclose int link = bpf_obj_get(sock_path(dp, "sock-", hook, path));
	struct bpf_link_info info = {};
	__u32 len = sizeof(info);

	return link >= 0 && !bpf_obj_get_info_by_fd(link, &info, &len) && info.cgroup.cgroup_id;
}

static int sock_attach(const struct dp *dp, size_t hook, int cgroup)
{
	char path[PATH_MAX];
	autoclose int prog = -1, link = -1;

	if (sock_attached(dp, hook))
		return 0;
	prog = bpf_obj_get(sock_path(dp, "nsf_", hook, path));
	if (prog < 0)
		return errno == ENOENT ? -EOPNOTSUPP : -errno;
	link = bpf_link_create(prog, cgroup, hooks[hook].type, NULL);
	if (link < 0)
		return -errno;
	sock_path(dp, "sock-", hook, path);
	unlink(path);
	return bpf_obj_pin(link, path) ? -errno : 0;
}

static int sock_attach_all(const struct dp *dp, int cgroup)
{
	size_t i;
	int r = 0;

	for (i = 0; !r && i < ARRAY_SIZE(hooks); i++)
		r = sock_attach(dp, i, cgroup);
	return r;
}

static int sock_detach_all(const struct dp *dp)
{
	char path[PATH_MAX];
	size_t i;

	for (i = ARRAY_SIZE(hooks); i--;)
		if (unlink(sock_path(dp, "sock-", i, path)) && errno != ENOENT)
			return fail(-errno, "cannot remove '%s'", path);
	return 0;
}

/* The host's addresses: collected from the kernel, compared with the table, which follows. */
struct locals {
	int map;
	struct nsf_local *v;
	size_t n;
	bool differs;
};

static void locals_free(struct locals *l)
{
	free(l->v);
}
#define autolocals __attribute__((cleanup(locals_free)))

static int locals_add(int ifindex, const struct addr *a, void *arg)
{
	struct locals *l = arg;
	struct nsf_local k = { .addr = { 0, 0, htonl(0xffff) } };
	void *more = realloc(l->v, (l->n + 1) * sizeof(*l->v));

	(void)ifindex;
	if (!more)
		return -ENOMEM;
	l->v = more;
	if (a->family == AF_INET)
		memcpy(&k.addr[3], a->bytes, 4);
	else
		memcpy(k.addr, a->bytes, sizeof(k.addr));
	l->v[l->n++] = k;
	return 0;
}

static int local_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct nsf_local));
}

static int locals_read(struct host *h, struct locals *ret)
{
	int r;

	ret->map = h->dp.map[DP_LOCALS];
	r = addr_list(h->nl, 0, locals_add, ret);
	if (!r && ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), local_compare);
	return r;
}

/* Takes what is the host's no more out of the table, or only says whether there is such. */
static void locals_trim(struct locals *l, bool change)
{
	struct nsf_local k, next;
	bool more = !bpf_map_get_next_key(l->map, NULL, &next);

	while (more) {
		k = next;
		more = !bpf_map_get_next_key(l->map, &k, &next);
		if (l->n && bsearch(&k, l->v, l->n, sizeof(k), local_compare))
			continue;
		l->differs = true;
		if (change)
			bpf_map_delete_elem(l->map, &k);
	}
}

static int locals_fill(struct locals *l, bool change)
{
	__u32 one = 1;
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (!bpf_map_lookup_elem(l->map, &l->v[i], &one))
			continue;
		l->differs = true;
		if (change && bpf_map_update_elem(l->map, &l->v[i], &one, BPF_ANY))
			return fail(-errno, "cannot note the host's addresses");
	}
	return 0;
}

static int locals_sync(struct host *h)
{
	autolocals struct locals l = {};
	int r = locals_read(h, &l);

	if (r)
		return fail(r, "cannot read the host's addresses");
	locals_trim(&l, true);
	return locals_fill(&l, true);
}

/* Only what was redirected can have lost its rule. */
static void sock_end(struct host *h)
{
	char path[PATH_MAX];
	int r;

	if (access(sock_path(&h->dp, "sock-", 0, path), F_OK))
		return;
	r = bpf_sock_end(h);
	if (r)
		warn("this host's own connections to what was published before may go on: %s", strerror(-r));
}

static void sock_warn(int err)
{
	static bool told;

	if (told)
		return;
	told = true;
	if (err == -ENOENT)
		warn("this host itself does not reach its published ports: no cgroup2 is mounted");
	else
		warn("this host itself does not reach its published ports: programs cannot be attached to cgroup2: %s",
		     strerror(-err));
}

int bpf_sock_sync(struct host *h)
{
	char path[PATH_MAX];
	autoclose int cgroup = -1;
	int r;

	if (!h->dp.loaded)
		return 0;
	sock_end(h);
	if (!sock_wanted(&h->dp))
		return sock_detach_all(&h->dp);
	r = locals_sync(h);
	if (r)
		return r;
	cgroup = cgroup_root(path);
	r = cgroup < 0 ? cgroup : sock_attach_all(&h->dp, cgroup);
	if (!r)
		return 0;
	sock_warn(r);
	return sock_detach_all(&h->dp);
}

const char *bpf_sock_trouble(struct host *h, const char **ret_cure)
{
	autolocals struct locals l = {};
	char path[PATH_MAX];
	autoclose int cgroup = cgroup_root(path);
	size_t i;

	*ret_cure = "mount it: mount -t cgroup2 none /sys/fs/cgroup";
	if (cgroup < 0)
		return "this host itself does not reach its published ports: no cgroup2 is mounted";
	if (!sock_wanted(&h->dp))
		return NULL;
	*ret_cure = "run 'nsfast up' for a network again";
	for (i = 0; i < ARRAY_SIZE(hooks); i++)
		if (!sock_attached(&h->dp, i))
			return "this host itself does not reach its published ports: programs are not attached to cgroup2";
	if (locals_read(h, &l))
		return NULL;
	locals_trim(&l, false);
	locals_fill(&l, false);
	return l.differs ? "addresses of this host have changed since: it may not reach its published ports by them"
			 : NULL;
}
