/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of the host's connections whose publish has gone: found and ended by the kernel's socket diagnosis. */
#include "bpf_sock_end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>

#include "nsfast/sock.h"

/* States as the kernel's tcp_states.h numbers them: established, opening, closing, but nothing that waits. UDP: 1. */
#define END_STATES (1U << 1 | 1U << 2 | 1U << 4 | 1U << 5 | 1U << 8 | 1U << 9 | 1U << 11)

struct ends {
	struct dp *dp;
	__u8 proto;
	struct inet_diag_req_v2 *v; /* to be ended */
	size_t n;
};

static void ends_free(struct ends *e)
{
	free(e->v);
}
#define autoends __attribute__((cleanup(ends_free)))

/* In a socket of IPv6, IPv4 addresses stand as in struct nsf_asked_end already. */
static struct nsf_asked_end end_got(const struct inet_diag_msg *d)
{
	struct nsf_asked_end e = { .addr = { 0, 0, htonl(0xffff) }, .port = d->id.idiag_dport };

	if (d->idiag_family == AF_INET)
		e.addr[3] = d->id.idiag_dst[0];
	else
		memcpy(e.addr, d->id.idiag_dst, sizeof(e.addr));
	return e;
}

/* True if the rule leads from the one to the other. */
static bool end_by(const struct dp *dp, const struct nsf_publish *r, __u8 proto, const struct nsf_asked_pair *p)
{
	static const __u8 any[16];
	const struct nsf_local mapped = { .addr = { 0, 0, htonl(0xffff), p->asked.addr[3] } };
	bool six = memcmp(&mapped, p->asked.addr, sizeof(mapped)) != 0;
	__u16 port = ntohs(p->asked.port);

	if (r->family != (six ? 6 : 4) || r->proto != proto || port < r->first || port > r->last ||
	    ntohs(p->got.port) != (__u16)(r->to_first + (port - r->first)) ||
	    dp->ports[r->slot % NSF_SLOTS_MAX].gen != r->port_gen)
		return false;
	if (!six)
		return (!r->addr || r->addr == p->asked.addr[3]) && r->to == p->got.addr[3];
	return (!memcmp(r->addr6, any, sizeof(any)) || !memcmp(r->addr6, p->asked.addr, sizeof(any))) &&
	       !memcmp(r->to6, p->got.addr, sizeof(any));
}

static bool end_ruled(const struct dp *dp, __u8 proto, const struct nsf_asked_pair *p)
{
	__u32 live = *dp->publish_live, n = live & ((1U << NSF_PUBLISH_HALF) - 1), i;
	const struct nsf_publish *rows = dp->publish + (live >> NSF_PUBLISH_HALF) * NSF_PUBLISH_MAX;

	for (i = 0; i < n; i++)
		if (end_by(dp, &rows[i], proto, p))
			return true;
	return false;
}

/* What the programs noted in the socket, or NULL: an attribute in one in one. */
static const struct nsf_asked *end_asked(const struct nlmsghdr *nlh)
{
	static const __u16 path[] = { INET_DIAG_SK_BPF_STORAGES, SK_DIAG_BPF_STORAGE, SK_DIAG_BPF_STORAGE_MAP_VALUE };
	const char *at = mnl_nlmsg_get_payload_offset(nlh, sizeof(struct inet_diag_msg));
	const char *end = mnl_nlmsg_get_payload_tail(nlh);
	const struct nlattr *a = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(path); i++) {
		for (a = (const void *)at; mnl_attr_ok(a, (int)(end - (const char *)a)); a = mnl_attr_next(a))
			if (mnl_attr_get_type(a) == path[i])
				break;
		if (!mnl_attr_ok(a, (int)(end - (const char *)a)))
			return NULL;
		at = mnl_attr_get_payload(a);
		end = at + mnl_attr_get_payload_len(a);
	}
	return mnl_attr_get_payload_len(a) >= sizeof(struct nsf_asked) ? (const void *)at : NULL;
}

static int end_look(const struct nlmsghdr *nlh, void *arg)
{
	const struct inet_diag_msg *d = mnl_nlmsg_get_payload(nlh);
	struct inet_diag_req_v2 *more;
	struct nsf_asked asked;
	struct nsf_asked_end got;
	struct ends *e = arg;
	size_t i;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*d) || !end_asked(nlh))
		return MNL_CB_OK;
	memcpy(&asked, end_asked(nlh), sizeof(asked)); /* it may not be aligned */
	got = end_got(d);
	for (i = 0; i < NSF_ASKED_MAX; i++)
		if (!memcmp(&asked.v[i].got, &got, sizeof(got)))
			break;
	if (i == NSF_ASKED_MAX || end_ruled(e->dp, e->proto, &asked.v[i]))
		return MNL_CB_OK;
	more = realloc(e->v, (e->n + 1) * sizeof(*e->v));
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	e->v = more;
	e->v[e->n++] = (struct inet_diag_req_v2){
		.sdiag_family = d->idiag_family, .sdiag_protocol = e->proto, .idiag_states = END_STATES, .id = d->id
	};
	return MNL_CB_OK;
}

static int end_find(struct nl *nl, __u8 family, struct ends *e)
{
	struct nlmsghdr *nlh = nl_msg(nl, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP);
	struct inet_diag_req_v2 *req = mnl_nlmsg_put_extra_header(nlh, sizeof(*req));
	struct nlattr *nest;

	req->sdiag_family = family;
	req->sdiag_protocol = e->proto;
	req->idiag_states = END_STATES;
	nest = mnl_attr_nest_start(nlh, INET_DIAG_REQ_SK_BPF_STORAGES);
	mnl_attr_put_u32(nlh, SK_DIAG_BPF_STORAGE_REQ_MAP_FD, (__u32)e->dp->map[DP_ASKED]);
	mnl_attr_nest_end(nlh, nest);
	return nl_query(nl, end_look, NULL, e);
}

/* One by one: a socket that has ended by itself meanwhile stops no other. */
static int end_found(struct nl *nl, const struct ends *e)
{
	int first = 0, r;
	size_t i;

	for (i = 0; i < e->n; i++) {
		struct nlmsghdr *nlh = nl_msg(nl, SOCK_DESTROY, 0);

		*(struct inet_diag_req_v2 *)mnl_nlmsg_put_extra_header(nlh, sizeof(*e->v)) = e->v[i];
		r = nl_send(nl, NULL);
		first = first || r == -ENOENT ? first : r;
	}
	return first;
}

int bpf_sock_end(struct host *h)
{
	static const __u8 protos[] = { IPPROTO_TCP, IPPROTO_UDP }, families[] = { AF_INET, AF_INET6 };
	autonl struct nl *nl = NULL;
	int first = 0, r = nl_open_to(NETLINK_SOCK_DIAG, &nl);
	size_t i, k;

	if (r)
		return r;
	for (i = 0; i < ARRAY_SIZE(protos); i++) {
		autoends struct ends e = { .dp = &h->dp, .proto = protos[i] };

		for (k = 0; k < ARRAY_SIZE(families); k++) {
			r = end_find(nl, families[k], &e);
			/* the family may have been left out of the kernel */
			first = first || (r == -ENOENT && k) ? first : r;
		}
		r = end_found(nl, &e);
		first = first ? first : r;
	}
	return first;
}
