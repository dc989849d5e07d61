/* SPDX-License-Identifier: GPL-2.0-only */
/* A network namespace that puts fragments together: the kernel's defragmenter on, forwarding on, little memory. */
#pragma once

#define DEFRAG_SECONDS 4 /* that an incomplete packet may wait */

/*
 * Makes the current namespace one, which must be new. 0, or -errno; prints nothing. IPv6: only where the kernel has it.
 */
int defrag_here(void);
