/* SPDX-License-Identifier: GPL-2.0-only */
/* Measured traffic between two namespaces: a client and a server, forked, pinned, bounded in time. */
#pragma once

#include <sys/socket.h>

#include "link.h"

#define LOAD_STREAMS_MAX 64

enum load_kind {
	LOAD_RR,     /* TCP, 1 byte there and back, one connection: transactions/s */
	LOAD_CRR,    /* TCP, connect, 1 byte there and back, close: connections/s */
	LOAD_UDP,    /* 64-byte datagrams in bursts of 32: packets/s that were received */
	LOAD_STREAM, /* TCP, writes of 128 KiB over one connection or several: bytes/s that were received */
	LOAD_MAX,
};

struct load_side {
	int netns;
	int cpu; /* -1: not pinned */
};

struct load {
	enum load_kind kind;
	struct load_side client, server;
	struct addr to;       /* the server's address as the client reaches it */
	__u16 port;           /* of the server, host order; 0: a free one */
	unsigned streams;     /* LOAD_STREAM: connections at once; 0 is one */
	unsigned warm_ms, ms; /* not counted, counted */
};

struct load_result {
	double rate;                    /* in load_unit()s */
	double loss;                    /* LOAD_UDP: share of the datagrams sent that never arrived; else 0 */
	double p50_us, p99_us, p999_us; /* LOAD_RR: percentiles of a transaction's time; else 0 */
};

/* Runs it to its end. 0, -EINTR without a message after a signal, or -errno with one. */
int load_run(const struct load *l, struct load_result *ret);
const char *load_name(enum load_kind kind);
const char *load_unit(enum load_kind kind);

/* An address and port in host order as the socket calls want it; the length, 0 for an unknown family. */
socklen_t load_sockaddr(const struct addr *a, __u16 port, struct sockaddr_storage *ret);
