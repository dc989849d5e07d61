/* SPDX-License-Identifier: GPL-2.0-only */
/* What Debian 12's headers lack, each with the version that has it. */
#pragma once

#define BPF_TCX_INGRESS 46 /* enum bpf_attach_type, Linux 6.6 */
#define BPF_TCX_EGRESS  47 /* enum bpf_attach_type, Linux 6.6 */

#define IFLA_GSO_IPV4_MAX_SIZE 63 /* <linux/if_link.h>, Linux 6.3 */

/* <linux/netdev.h>, Linux 6.3 */
#define NETDEV_FAMILY_NAME        "netdev"
#define NETDEV_FAMILY_VERSION     1
#define NETDEV_CMD_DEV_GET        1
#define NETDEV_A_DEV_IFINDEX      1
#define NETDEV_A_DEV_XDP_FEATURES 3
#define NETDEV_XDP_ACT_REDIRECT   2 /* sends away what comes in */
#define NETDEV_XDP_ACT_NDO_XMIT   4 /* takes frames that came in elsewhere */
