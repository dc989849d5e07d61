/* SPDX-License-Identifier: GPL-2.0-only */
/* Publishes: which rules can be, and how they are written. */
#pragma once

#include "host.h"
#include "net.h"

/* "tcp 198.51.100.1:8080-8089", what it takes of the host; any address of both families is '*'. */
#define PUBLISH_STRLEN 80
const char *publish_format(const struct publish *p, char buf[PUBLISH_STRLEN]);
/* A rule that stands: "tcp 198.51.100.1:8080 > blue/web 10.77.0.2:80", or the members of a JSON object. */
void publish_print(const char *net, const struct publish *p);

/* True if some packet would be for both. A rule for any address meets each for one address. */
bool publish_overlap(const struct publish *a, const struct publish *b);
/* True if the rule `is`, which stands, is one of those that `want` means: a wanted one may mean both families. */
bool publish_means(const struct publish *want, const struct publish *is);

/*
 * Chooses the rules of a network whose ports are chosen: if none were listed, those that stay (is: the network as it
 * stands, or NULL). Refuses, with the holder's name, what another rule or a socket of the host has, what is no
 * address of the host, and what has nowhere to lead to. Nothing has changed until then. Prints.
 */
int publish_resolve(struct host *h, const struct network *is, struct network *want);
