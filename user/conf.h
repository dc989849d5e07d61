/* SPDX-License-Identifier: GPL-2.0-only */
/* Text to the model: the INI file and the values of options. Prints what is wrong with file, line, column and the offending word. */
#pragma once

#include "net.h"

/*
 * Reads a file ("-": stdin) into a network made by network_init(). [Network] once: Name, Mode, Address, Uplink, SNat,
 * Masquerade (yes: SNat=auto, no: SNat=none), MTU, Timeout<Key> for each NSF_TIMEOUTS key in seconds (below the RFC's
 * floor: a warning). [Port NAME] any number: Netns (default NAME), Device (adopts it; excludes Netns, Address and MAC), Address, MAC.
 * '#' and ';' begin comments, at a line's start or after white space. Keys and sections are as written here, case
 * counts; an unknown one is an error with "did you mean". Ports in the file set NET_HAS_PORTS. 0 or a negative errno.
 */
int conf_read(const char *path, struct network *n);

/* One value, as an option or a key has it; what names it in messages ("--subnet"). All print and return -EINVAL. */
int conf_name(const char *what, const char *text, struct network *n);
int conf_mode(const char *what, const char *text, struct network *n);
int conf_subnet(const char *what, const char *text, struct network *n);
int conf_uplink(const char *what, const char *text, struct network *n); /* "none": no uplink */
int conf_snat(const char *what, const char *text, struct network *n);   /* auto, none or an IPv4 address */
int conf_mtu(const char *what, const char *text, struct network *n);    /* 576 to 65535 */
int conf_ns(const char *what, const char *text, struct network *n); /* NAME[=ADDR]: a port; duplicates are refused */
int conf_timeout(const char *what, const char *text, enum nsf_timeout t, struct network *n); /* seconds */
int conf_port_netns(const char *what, const char *text, struct port *p);
int conf_port_device(const char *what, const char *text, struct port *p); /* adopts: the port has no namespace then */
int conf_port_address(const char *what, const char *text, struct port *p);
int conf_port_mac(const char *what, const char *text, struct port *p);

/* After all is read: addresses inside the subnet (if it is known), no address twice, not the gateway's. Prints. */
int conf_check(const struct network *n);

/* The word of a NULL-terminated list that is nearest to a typo, or NULL if none is near. */
const char *conf_nearest(const char *word, const char *const *list);
