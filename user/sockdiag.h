/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own sockets: which of them would take what comes to a port. */
#pragma once

#include "link.h"

struct sockdiag {
	struct addr addr; /* zero: any address of its family */
	bool both;        /* any IPv6 address, and any IPv4 address too */
	__u16 port;       /* host order */
	__u32 inode;      /* names it in /proc/PID/fd */
};

/*
 * Calls cb for each socket of the current namespace that waits for peers: listening, or for UDP bound and not connected.
 * A non-zero return of cb ends the walk and is returned. -EOPNOTSUPP if the kernel cannot tell of this protocol. Prints
 * nothing.
 */
int sockdiag_list(__u8 proto, int (*cb)(const struct sockdiag *s, void *arg), void *arg);

/* Who has a socket: "process 'nginx', pid 812". Into buf, which is returned. */
#define SOCKDIAG_HOLDER 80
const char *sockdiag_holder(__u32 inode, char buf[SOCKDIAG_HOLDER]);
