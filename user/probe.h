/* SPDX-License-Identifier: GPL-2.0-only */
/* Small proofs that a path works: a web server that tells whom it saw, a fetch, an echo request. */
#pragma once

#include "link.h"
#include "worker.h"

/*
 * An HTTP server on all IPv4 addresses of a namespace, one request at a time, until the worker is stopped. "GET /" answers
 * one line with the client's address and port as the server saw them; "GET /N" answers N bytes of probe_byte(). It
 * listens when this returns 0; else -errno with a message.
 */
int probe_serve(struct worker *ret, int netns, __u16 port);
/* Body of a page, at most size bytes, fetched from within a namespace. 0, -EINTR without a message, or -errno with one;
 * an answer other than 200 or a body of another length than announced is -EPROTO. */
int probe_fetch(int netns, const struct addr *to, __u16 port, const char *path, void *buf, size_t size,
		size_t *ret_len);
/* One ICMP echo from within a namespace. The round trip in milliseconds; -ETIMEDOUT without a message, any other errno
 * with one. IPv4. */
int probe_ping(int netns, const struct addr *to, int timeout_ms, double *ret_ms);

/* The byte at an offset of the page "/N": 251 is prime, so a shifted or repeated piece shows. */
static inline unsigned char probe_byte(size_t offset)
{
	return (unsigned char)(offset % 251);
}
