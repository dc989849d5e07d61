/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own struct of a packet, lent as it is. */
#pragma once

#define bpf_core_enum_value_exists(type, value) 1
#define bpf_core_field_exists(...)              1

void *bpf_cast_to_kern_ctx(void *ctx);

#define BPF_CORE_READ(s, field)                 ((s)->field)
#define BPF_CORE_READ_BITFIELD(s, field)        BPF_CORE_READ(s, field)
#define BPF_CORE_READ_BITFIELD_PROBED(s, field) BPF_CORE_READ(s, field)
