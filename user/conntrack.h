/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's connection tracking, by ctnetlink. Functions return 0 or -errno and print nothing. */
#pragma once

#include "link.h"

/* One direction of a connection, as its packets are in that direction. */
struct conntrack_tuple {
	struct addr src, dst;
	__u8 proto;
	__u16 sport, dport;        /* host order; 0 for protocols without ports */
	__u8 icmp_type, icmp_code; /* ICMP and ICMPv6 */
	__u16 icmp_id;             /* host order */
};

struct conntrack {
	struct conntrack_tuple orig, reply;
	__u32 status;   /* IPS_* */
	__u8 tcp_state; /* enum tcp_conntrack, or SCTP's */
	__u32 left;     /* seconds until it ends without another packet */
	/* 0 where net.netfilter.nf_conntrack_acct is off */
	__u64 orig_packets, orig_bytes, reply_packets, reply_bytes;
};

/* True if the kernel tracks connections; being asked, it loads the modules. */
bool conntrack_there(void);
/* Calls cb for each of both families; a non-zero return ends the walk and is returned. */
int conntrack_list(int (*cb)(const struct conntrack *c, void *arg), void *arg);
/* Makes one: its two tuples say how it is translated. TCP is not held to windows that nobody has seen. -EEXIST if there is one
 * with either tuple. */
int conntrack_add(struct nl *nl, const struct conntrack *c);
/* Ends one, named by its original direction. 0 also if it is not there. */
int conntrack_del(struct nl *nl, const struct conntrack_tuple *orig);
