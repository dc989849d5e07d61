/* SPDX-License-Identifier: GPL-2.0-only */
/* What Debian 12's headers lack, each with the version that has it. */
#pragma once

#define BPF_TCX_INGRESS 46 /* enum bpf_attach_type, Linux 6.6 */
#define BPF_TCX_EGRESS  47 /* enum bpf_attach_type, Linux 6.6 */

#define IFLA_GSO_IPV4_MAX_SIZE 63 /* <linux/if_link.h>, Linux 6.3 */
