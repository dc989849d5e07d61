/* SPDX-License-Identifier: GPL-2.0-only */
/* The end of the host's connections whose publish has gone. */
#pragma once

#include "host.h"

/*
 * Aborts the host's connections, of TCP and of connected UDP sockets, that asked for a published port by a rule that is
 * live no more: the process gets ECONNABORTED, the container a RST. 0, or -errno without a message.
 */
int bpf_sock_end(struct host *h);
