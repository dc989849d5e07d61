/* SPDX-License-Identifier: GPL-2.0-only */
/* What the parts of `nsfast demo` share: how it looks, what it found, and the comparison. */
#pragma once

#include "lab.h"
#include "load.h"

#define DEMO_ROWS 5

/* Escape sequences; empty strings where the output is no terminal that shows colours. */
struct demo_look {
	const char *head, *dim, *kernel, *nsfast, *off;
};

/* One proof of a path: an echo, and a web page that tells whom its server saw. */
struct demo_check {
	double ms;
	char seen[ADDR_STRLEN];
	unsigned port;
};

struct demo_row {
	double kernel, bpf; /* rates, medians of the rounds */
	double ratio;       /* median of the rounds' ratios */
};

/* Proves that a server sees the client by the address want. -EINTR without a message, or -errno with one. */
int demo_check(const struct lab *l, enum lab_node from, enum lab_node server, const char *to, const char *want,
	       struct demo_check *ret);

/* Before each step: shows what was printed so far. -EINTR after a signal, -EPIPE if nobody reads; without a message. */
int demo_pause(void);

/* The same traffic over bridge + iptables, if that is possible here, and over nsfast; a line for each when it is known.
 * -EINTR and -EPIPE without a message, or -errno with one. */
int demo_compare(const struct lab *bpf, const struct demo_look *look, struct demo_row rows[DEMO_ROWS]);
/* The rows as JSON, under the key "comparison". */
void demo_compare_json(const struct demo_row rows[DEMO_ROWS]);
