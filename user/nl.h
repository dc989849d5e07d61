/* SPDX-License-Identifier: GPL-2.0-only */
/* A route netlink socket: one per namespace, opened inside it and kept. Requests go out in batches. */
#pragma once

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

struct nl;

/* Opens a socket in the current namespace. 0, or -errno with a message printed. */
int nl_open(struct nl **ret);
/* The same to another part of the kernel than routing: NETLINK_SOCK_DIAG. */
int nl_open_to(int bus, struct nl **ret);
/* Accepts NULL. */
void nl_close(struct nl *nl);
static inline void nl_closep(struct nl **nl)
{
	nl_close(*nl);
}
#define autonl __attribute__((cleanup(nl_closep)))

/* Identity of the socket's namespace: unique until the next boot (SO_NETNS_COOKIE). */
__u64 nl_cookie(const struct nl *nl);

/* Begins a request in the socket's batch; the caller appends the family header and attributes by libmnl. Flags are
 * added to NLM_F_REQUEST | NLM_F_ACK. The pointer is valid until the next nl_ call. */
struct nlmsghdr *nl_msg(struct nl *nl, __u16 type, __u16 flags);
/* The same to netfilter (a socket to NETLINK_NETFILTER): its header is there already. */
struct nlmsghdr *nl_nf_msg(struct nl *nl, __u16 type, __u16 flags, __u8 family);
/*
 * Sends the batch and waits for all answers. 0, or -errno of the first request that failed; ret_index (may be NULL) gets
 * its number in the batch, nl_error() the kernel's own text for it (extack) or "". Requests after it may have been
 * carried out. Prints nothing. An empty batch is 0.
 */
int nl_send(struct nl *nl, int *ret_index);
const char *nl_error(const struct nl *nl);

/* One request with an answer, or a dump: calls cb for each message; cb returns MNL_CB_OK, or MNL_CB_ERROR with errno.
 * The request was begun by nl_msg and stands alone in the batch. An interrupted dump is done again from the start after
 * calling restart (may be NULL) with arg. Prints nothing. */
int nl_query(struct nl *nl, mnl_cb_t cb, void (*restart)(void *arg), void *arg);
