/* SPDX-License-Identifier: GPL-2.0-only */
/* A network in use changes its mode: addresses, namespaces, MACs and names of ports stay, and so do its flows. */
#pragma once

#include "mode.h"

struct handover_result {
	__u64 carried, lost; /* flows that live on, and that do not */
};

/*
 * The mode `to` is made ready beside the one that carries the packets, knows its flows, and then takes the packets, hook by
 * hook; flows that began meanwhile follow. What fails is undone by the same steps the other way. A note tells of it from
 * before the first step until after the last: who is killed in between is finished by the next command. The lock is held,
 * n is as it was read. Prints.
 */
int handover(struct host *h, const struct mode *to, struct network *n, struct handover_result *ret);
/* Finishes what killed runs began. The lock is held. Prints. */
int handover_resume(struct host *h);
/* Gives up what a killed run began: the network is to go. Prints. */
int handover_forget(struct host *h, const char *net);
