/* SPDX-License-Identifier: GPL-2.0-only */
/* The host: the namespace in which a command acts. */
#pragma once

#include "dp.h"
#include "net.h"
#include "nl.h"

struct host {
	int netns;     /* descriptor of the namespace; the caller is in it */
	__u64 cookie;  /* its identity until the next boot */
	struct nl *nl; /* a socket in it */
	struct dp dp;  /* bpf mode's data path, if dp.loaded */
	bool handing; /* a network changes its mode: its ports are there already, and hooks come later; see handover.h */
	/* while a network is changed, what it will be (else NULL): namespaces of its ports keep their names, whatever goes */
	const struct network *keep;
	bool no_bpf; /* the kernel, or what it lets us do, allowed none to be loaded */
};

/* Opens the current namespace and what is loaded for it. 0, or -errno with a message. */
int host_open(struct host *ret);
/* Accepts a zeroed one. */
void host_close(struct host *h);
#define autohost  __attribute__((cleanup(host_close)))
#define HOST_NONE ((struct host){ .netns = -1 })

/* Makes and binds a namespace and notes that it is ours, for a port of a network; uses one that is there. *ret_fd is its
 * descriptor. Prints. */
int host_netns_get(struct host *h, const char *net, const char *name, int *ret_fd);
/* True if we made the namespace of that name, and it still is that one. Prints nothing. */
bool host_netns_ours(struct host *h, const char *name);
/* Takes the name away if it is ours; one that is not is left alone. Prints. */
int host_netns_put(struct host *h, const char *name);
/* The same for all namespaces that were made for a network, but those in use, if that is asked. */
int host_netns_put_all(struct host *h, const char *net, bool (*used)(struct host *h, const char *name));

/* Removes what hosts that are gone have left: names of namespaces that we made for them, notes, pins. Before host_open(),
 * with the lock held. */
void host_collect(void);

/* SIGINT and SIGTERM set a flag instead of ending the process; `up` looks at it between steps. */
void host_catch_signals(void);
bool host_interrupted(void);
/* The signals that came are answered, further ones are ignored: while undoing. */
void host_forget_signals(void);
