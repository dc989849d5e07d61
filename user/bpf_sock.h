/* SPDX-License-Identifier: GPL-2.0-only */
/* How the host itself reaches published ports in bpf mode: programs on the sockets of its processes (bpf/sock.h). */
#pragma once

#include "host.h"

/*
 * Brings them in line with the rules that are live: attached while there is one, and the host's addresses are known. To
 * be called after each change of the rules, and of the host's networks. Where they cannot be attached the rules still
 * serve everybody but the host: that is a warning, printed once, and 0.
 */
int bpf_sock_sync(struct host *h);

/* NULL if all of it is as it should be, or what is not, for `doctor`; ret_cure what helps. Prints nothing. */
const char *bpf_sock_trouble(struct host *h, const char **ret_cure);
