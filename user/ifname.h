/* SPDX-License-Identifier: GPL-2.0-only */
/* Names and MACs that nsfast chooses: the same ones for the same network and port every time. */
#pragma once

#include <linux/types.h>
#include <net/if.h>
#include <stdbool.h>

/* Host-side interface of a port: "nsf" and eight hexadecimal digits. */
void ifname_port(const char *net, const char *port, char ret[IFNAMSIZ]);
bool ifname_is_port(const char *ifname);
/* The gateway's far end: NET-far. */
void ifname_far(const char *net, char ret[IFNAMSIZ]);
/* The gateway of bpf mode while a bridge has its name: NET-gw. */
void ifname_aside(const char *net, char ret[IFNAMSIZ]);
/* The host's leg to its defragmenter; too long for a network's name. */
#define IFNAME_FRAG "nsf-fragments"
/* 02, three bytes of machine and network, and the number: 0 for the gateway, a port's slot. */
void ifname_mac(const char *net, __u16 number, __u8 ret[6]);
