/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own sockets, from the kernel's socket diagnosis: one dump for each protocol and family. */
#include "sockdiag.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <stdio.h>

#include "nl.h"

/* States as the kernel's tcp_states.h numbers them, for all protocols. */
#define SOCKDIAG_CLOSE  7 /* UDP: not connected */
#define SOCKDIAG_LISTEN 10

struct socks {
	struct sockdiag *v;
	size_t n, room;
	__u16 state;
};

/* An IPv4 address within IPv6 is what it stands for. */
static void take_addr(const struct inet_diag_msg *d, struct addr *ret)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	*ret = (struct addr){ .family = d->idiag_family, .plen = d->idiag_family == AF_INET ? 32 : 128 };
	memcpy(ret->bytes, d->id.idiag_src, sizeof(ret->bytes));
	if (d->idiag_family == AF_INET) /* what stands behind it is not said to be zero */
		memset(ret->bytes + 4, 0, sizeof(ret->bytes) - 4);
	else if (!memcmp(ret->bytes, mapped, sizeof(mapped))) {
		*ret = (struct addr){ .family = AF_INET, .plen = 32 };
		memcpy(ret->bytes, (const __u8 *)d->id.idiag_src + 12, 4);
	}
}

static int keep_sock(const struct nlmsghdr *nlh, void *arg)
{
	static const struct addr none;
	const struct inet_diag_msg *d = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	struct socks *ss = arg;
	struct sockdiag *s;
	bool only6 = false;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*d) || d->idiag_state != ss->state)
		return MNL_CB_OK;
	if (ss->n == ss->room) {
		size_t room = 2 * ss->room + 16;

		s = realloc(ss->v, room * sizeof(*s));
		if (!s) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		ss->v = s;
		ss->room = room;
	}
	mnl_attr_for_each(a, nlh, sizeof(*d)) {
		if (mnl_attr_get_type(a) == INET_DIAG_SKV6ONLY && mnl_attr_get_payload_len(a) >= 1)
			only6 = mnl_attr_get_u8(a);
	}
	s = &ss->v[ss->n++];
	*s = (struct sockdiag){ .port = ntohs(d->id.idiag_sport), .inode = d->idiag_inode };
	take_addr(d, &s->addr);
	s->both = s->addr.family == AF_INET6 && !only6 && !memcmp(s->addr.bytes, none.bytes, sizeof(none.bytes));
	return MNL_CB_OK;
}

static int dump(struct nl *nl, __u8 family, __u8 proto, struct socks *ss)
{
	struct nlmsghdr *nlh = nl_msg(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));

	req->sdiag_family = family;
	req->sdiag_protocol = proto;
	req->idiag_states = 1U << ss->state;
	return nl_query(nl, keep_sock, NULL, ss);
}

int sockdiag_list(__u8 proto, int (*cb)(const struct sockdiag *s, void *arg), void *arg)
{
	struct socks ss = { .state = proto == IPPROTO_UDP ? SOCKDIAG_CLOSE : SOCKDIAG_LISTEN };
	autonl struct nl *nl = NULL;
	int r = nl_open_to(NETLINK_SOCK_DIAG, &nl);

	if (r)
		return r;
	r = dump(nl, AF_INET, proto, &ss);
	/* -ENOENT is the word of a kernel without the module for the protocol, or for the family */
	if (r == -ENOENT)
		r = -EOPNOTSUPP;
	if (!r)
		r = dump(nl, AF_INET6, proto, &ss);
	if (r == -ENOENT)
		r = 0;
	for (size_t i = 0; i < ss.n && !r; i++)
		r = cb(&ss.v[i], arg);
	free(ss.v);
	return r;
}

/* True if the process has the socket among its files. */
static bool has_socket(const char *pid, const char *want)
{
	char path[PATH_MAX], text[64];
	struct dirent *e;
	bool found = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	d = opendir(path);
	while (d && !found && (e = readdir(d))) {
		n = readlinkat(dirfd(d), e->d_name, text, sizeof(text) - 1);
		text[n > 0 ? n : 0] = '\0';
		found = streq(text, want);
	}
	if (d)
		closedir(d);
	return found;
}

static void read_name(const char *pid, char ret[32])
{
	char path[64];
	autoclose int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, ret, 31) : 0;
	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
}

const char *sockdiag_holder(__u32 inode, char buf[SOCKDIAG_HOLDER])
{
	DIR *proc = inode ? opendir("/proc") : NULL;
	char want[32], name[32];
	struct dirent *e;
	bool found = false;

	snprintf(want, sizeof(want), "socket:[%u]", inode);
	while (proc && !found && (e = readdir(proc))) {
		found = e->d_name[0] >= '0' && e->d_name[0] <= '9' && has_socket(e->d_name, want);
		if (found) {
			read_name(e->d_name, name);
			snprintf(buf, SOCKDIAG_HOLDER, "process '%s', pid %.20s", name, e->d_name);
		}
	}
	if (proc)
		closedir(proc);
	if (!found)
		snprintf(buf, SOCKDIAG_HOLDER, "a socket of the kernel, or of a process that is not seen from here");
	return buf;
}
