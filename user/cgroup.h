/* SPDX-License-Identifier: GPL-2.0-only */
/* The root of the cgroup2 tree, in which all processes are. */
#pragma once

#include <limits.h>

/* Opens it where it is mounted, here or in the machine's mount namespace: a descriptor, and its path. -ENOENT if it is
 * mounted nowhere. Prints nothing. */
int cgroup_root(char ret_path[PATH_MAX]);
