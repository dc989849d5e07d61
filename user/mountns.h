/* SPDX-License-Identifier: GPL-2.0-only */
/* The machine's mount namespace (/proc/1/ns/mnt): a mount that is to outlive us and be seen by all is made there. */
#pragma once

#include "util.h"

/* True if our mount namespace is another, although the directory is the machine's: as inside `ip netns exec`. */
bool mountns_away(const char *dir);
/* Runs the work there, in a thread that has our descriptors; its result, or -errno. Prints nothing. */
int mountns_run(int (*work)(void *arg), void *arg);
