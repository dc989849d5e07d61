/* SPDX-License-Identifier: GPL-2.0-only */
/* The netlink socket: batches of requests out, acknowledgements and dumps in. */
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "log.h"
#include "nl.h"
#include "util.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

#define NL_ROOM     8192  /* free bytes behind the header that nl_msg() returns */
#define NL_RECV     65536 /* twice the longest piece of a dump that the kernel sends */
#define NL_PIECE    64    /* requests in one sendmsg: the kernel queues their answers at once, and they must fit */
#define NL_RESTARTS 64

struct nl {
	struct mnl_socket *sock;
	__u64 cookie;
	__u32 seq; /* of the last request begun */
	char error[256];
	/* the batch */
	char *batch;
	size_t size;  /* allocated */
	size_t start; /* of the last request begun; its length is known when the next call comes */
	int n;
	bool full; /* no memory for a request: the batch cannot be sent any more */
	_Alignas(struct nlmsghdr) char recv[NL_RECV];
};

static struct nlmsghdr *at(const struct nl *nl, size_t off)
{
	return (struct nlmsghdr *)(nl->batch + off);
}

static int setup(struct nl *nl, int bus)
{
	static const int opts[] = { NETLINK_EXT_ACK, NETLINK_CAP_ACK, NETLINK_GET_STRICT_CHK };
	socklen_t len = sizeof(nl->cookie);
	int on = 1;

	nl->batch = malloc(NL_ROOM);
	if (!nl->batch)
		return -ENOMEM;
	nl->size = NL_ROOM;
	nl->sock = mnl_socket_open2(bus, SOCK_CLOEXEC);
	if (!nl->sock)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(opts); i++)
		if (mnl_socket_setsockopt(nl->sock, opts[i], &on, sizeof(on)))
			return -errno;
	if (mnl_socket_bind(nl->sock, 0, MNL_SOCKET_AUTOPID))
		return -errno;
	if (getsockopt(mnl_socket_get_fd(nl->sock), SOL_SOCKET, SO_NETNS_COOKIE, &nl->cookie, &len))
		return -errno;
	return 0;
}

int nl_open_to(int bus, struct nl **ret)
{
	struct nl *nl = calloc(1, sizeof(*nl));
	int r = nl ? setup(nl, bus) : -ENOMEM;

	if (r) {
		nl_close(nl);
		return fail(r, "cannot open a netlink socket");
	}
	*ret = nl;
	return 0;
}

int nl_open(struct nl **ret)
{
	return nl_open_to(NETLINK_ROUTE, ret);
}

void nl_close(struct nl *nl)
{
	if (!nl)
		return;
	if (nl->sock)
		mnl_socket_close(nl->sock);
	free(nl->batch);
	free(nl);
}

__u64 nl_cookie(const struct nl *nl)
{
	return nl->cookie;
}

const char *nl_error(const struct nl *nl)
{
	return nl->error;
}

/* Bytes in the batch, now that the last request is complete. */
static size_t batch_len(const struct nl *nl)
{
	return nl->n ? nl->start + MNL_ALIGN(at(nl, nl->start)->nlmsg_len) : 0;
}

static void batch_reset(struct nl *nl)
{
	nl->start = 0;
	nl->n = 0;
	nl->full = false;
}

struct nlmsghdr *nl_msg(struct nl *nl, __u16 type, __u16 flags)
{
	size_t off = batch_len(nl);
	struct nlmsghdr *nlh;

	if (off + NL_ROOM > nl->size) {
		char *p = realloc(nl->batch, 2 * nl->size + NL_ROOM);

		if (p) {
			nl->batch = p;
			nl->size = 2 * nl->size + NL_ROOM;
		} else {
			nl->full = true;
			off = 0;
		}
	}
	nl->start = off;
	nl->n++;
	memset(nl->batch + off, 0, NL_ROOM); /* libmnl leaves the bytes between attributes as they are */
	nlh = mnl_nlmsg_put_header(nl->batch + off);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | flags;
	nlh->nlmsg_seq = ++nl->seq;
	return nlh;
}

/* Bytes received, or -errno. */
static int receive(struct nl *nl)
{
	ssize_t n;

	do {
		n = mnl_socket_recvfrom(nl->sock, nl->recv, sizeof(nl->recv));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

/* Keeps the text in the attributes behind off of an acknowledgement, as one line. */
static void keep_error(struct nl *nl, const struct nlmsghdr *nlh, size_t off)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, off) {
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG)
			snprintf(nl->error, sizeof(nl->error), "%.*s", (int)mnl_attr_get_payload_len(a),
				 (const char *)mnl_attr_get_payload(a));
	}
}

/* What an acknowledgement says: 0 or -errno; keep: the kernel's text is wanted. */
static int ack_result(struct nl *nl, const struct nlmsghdr *nlh, bool keep)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t off = sizeof(*e);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return -EBADMSG;
	if (e->error && keep && nlh->nlmsg_flags & NLM_F_ACK_TLVS) {
		if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
			off += MNL_ALIGN(e->msg.nlmsg_len) - MNL_NLMSG_HDRLEN;
		keep_error(nl, nlh, off);
	}
	return e->error;
}

/* Reads the answers to the n requests from number first on. 0, or the first error, its place in *index. */
static int read_acks(struct nl *nl, __u32 first, __u32 n, int *index)
{
	__u32 seen = 0;
	int r = 0;

	while (seen < n) {
		const struct nlmsghdr *nlh = (const void *)nl->recv;
		int len = receive(nl);

		if (len < 0)
			return r ? r : len;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			int err;

			if (nlh->nlmsg_type != NLMSG_ERROR || nlh->nlmsg_seq - first >= n)
				continue;
			seen++;
			err = ack_result(nl, nlh, !r);
			if (err && !r) {
				r = err;
				*index = (int)(nlh->nlmsg_seq - first);
			}
		}
	}
	return r;
}

int nl_send(struct nl *nl, int *ret_index)
{
	size_t off = 0, len = batch_len(nl);
	int done = 0, index = 0, r = nl->full ? -ENOMEM : 0;

	nl->error[0] = '\0';
	while (!r && off < len) {
		__u32 first = at(nl, off)->nlmsg_seq;
		size_t end = off;
		int n = 0;

		do {
			end += MNL_ALIGN(at(nl, end)->nlmsg_len);
			n++;
		} while (end < len && n < NL_PIECE);
		index = 0;
		if (mnl_socket_sendto(nl->sock, nl->batch + off, end - off) < 0)
			r = -errno;
		else
			r = read_acks(nl, first, (__u32)n, &index);
		index += done;
		done += n;
		off = end;
	}
	batch_reset(nl);
	if (r && ret_index)
		*ret_index = index;
	return r;
}

/* Reads the answer to request seq to its end; what is left after a callback's error is read and thrown away. */
static int read_answer(struct nl *nl, __u32 seq, mnl_cb_t cb, void *arg, bool *interrupted)
{
	int r = 0;

	for (;;) {
		const struct nlmsghdr *nlh = (const void *)nl->recv;
		int len = receive(nl);

		if (len < 0)
			return r ? r : len;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			if (nlh->nlmsg_seq != seq)
				continue;
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				*interrupted = true;
			if (nlh->nlmsg_type == NLMSG_ERROR) {
				int err = ack_result(nl, nlh, !r);

				return r ? r : err;
			}
			if (nlh->nlmsg_type == NLMSG_DONE) {
				int err = 0;

				if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
					memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
				if (err < 0 && !r && nlh->nlmsg_flags & NLM_F_ACK_TLVS)
					keep_error(nl, nlh, sizeof(err));
				return r ? r : err;
			}
			if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && !r && cb(nlh, arg) == MNL_CB_ERROR)
				r = -errno;
		}
	}
}

int nl_query(struct nl *nl, mnl_cb_t cb, void (*restart)(void *arg), void *arg)
{
	int r = nl->full ? -ENOMEM : -EAGAIN;

	nl->error[0] = '\0';
	for (int i = 0; i < NL_RESTARTS && r == -EAGAIN; i++) {
		bool interrupted = false;

		if (i && restart)
			restart(arg);
		at(nl, 0)->nlmsg_seq = ++nl->seq;
		if (mnl_socket_sendto(nl->sock, nl->batch, at(nl, 0)->nlmsg_len) < 0)
			r = -errno;
		else
			r = read_answer(nl, nl->seq, cb, arg, &interrupted);
		if (!r && interrupted)
			r = -EAGAIN;
	}
	batch_reset(nl);
	return r;
}

struct nlmsghdr *nl_nf_msg(struct nl *nl, __u16 type, __u16 flags, __u8 family)
{
	struct nlmsghdr *nlh = nl_msg(nl, type, flags);
	struct nfgenmsg *nfg = mnl_nlmsg_put_extra_header(nlh, sizeof(*nfg));

	nfg->nfgen_family = family;
	nfg->version = NFNETLINK_V0;
	return nlh;
}
