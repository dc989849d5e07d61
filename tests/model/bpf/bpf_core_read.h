/* SPDX-License-Identifier: GPL-2.0-only */
/* Fields of the kernel's own struct of a packet, by name. */
#pragma once

#include <linux/types.h>

/* head: where the packet's memory begins */
struct kernel_summed {
	__u32 ip_summed, csum_start, csum_offset, mac_header;
};
extern struct kernel_summed kernel_summed;

#define BPF_CORE_READ(s, field)                 ((void)(s), kernel_summed.field)
#define BPF_CORE_READ_BITFIELD_PROBED(s, field) BPF_CORE_READ(s, field)
