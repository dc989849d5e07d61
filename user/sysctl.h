/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings below /proc/sys/net, of the namespace that the caller is in. 0 or -errno; print nothing. */
#pragma once

#include <stddef.h>

/* key: "ipv4/ip_forward". ret gets the value without its line end. */
int sysctl_get(const char *key, char *ret, size_t size);
int sysctl_set(const char *key, const char *value);
