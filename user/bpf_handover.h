/* SPDX-License-Identifier: GPL-2.0-only */
/* Bpf mode's part in a change of mode: see struct mode and handover.h. */
#pragma once

#include "host.h"
#include "net.h"

int bpf_handover_aside(struct host *h, const struct network *n);
int bpf_handover_take(struct host *h, struct network *n);
int bpf_handover_swap(struct host *h, const struct network *n, bool on, int (*carry)(void *arg), void *arg);
int bpf_handover_leave(struct host *h, const struct network *n);
int bpf_handover_settle(struct host *h, struct network *n);
