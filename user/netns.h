/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces, made exactly as iproute2 makes them (ip-netns(8)), so that `ip netns` sees them. */
#pragma once

#include <linux/types.h>

#include "util.h"

#define NETNS_DIR "/run/netns"

/* A name for a namespace or a port: [A-Za-z0-9][A-Za-z0-9_.-]*, shorter than NSF_NAME_LEN. */
bool netns_name_ok(const char *name);

/* Descriptor of a namespace by name under /run/netns, or by path if it contains '/'. -ENOENT if there is none, -EINVAL
 * if what is there is no network namespace. Prints nothing. */
int netns_open(const char *name);
/* Descriptor of the current namespace. */
int netns_self(void);
/* Moves the calling thread. 0 or -errno, prints nothing. */
int netns_enter(int fd);
/* SO_NETNS_COOKIE of a namespace: unique until the next boot. 0 or -errno; the caller stays where it is. */
int netns_cookie(int fd, __u64 *ret);

/* Runs the work in a namespace, in a thread that ends there: the caller stays where it is. Its result, or -errno. */
int netns_run(int fd, int (*work)(void *arg), void *arg);

/*
 * Makes a namespace without a name (unshare in a child or a thread; the caller stays where it is). A descriptor, or
 * -errno. It lives as long as the descriptor, until netns_bind() gives it a name.
 */
int netns_make(void);
/* Gives a namespace a name: /run/netns/NAME, a bind mount as `ip netns add` makes it. -EEXIST if the name is taken. Where
 * we are in another mount namespace than the machine but share its /run, the name is given in both. */
int netns_bind(int fd, const char *name);
/* Takes a name away, as `ip netns del` does: unmount and unlink. 0 also if it is not there; an empty file that is no
 * mount is removed too. */
int netns_unbind(const char *name);
/*
 * The same without a name that others see: a file elsewhere holds the namespace, in the machine's mount namespace where
 * that is another and the folder is the same. hold: -EEXIST if the file is there. held: a descriptor; -ENOENT, or -EINVAL if
 * the file holds nothing. release: 0 also if it is not there.
 */
int netns_hold(int fd, const char *dir, const char *file);
int netns_held(const char *dir, const char *file);
int netns_release(const char *dir, const char *file);
/* Calls cb for each name under /run/netns; a non-zero return ends the walk and is returned. */
int netns_list(int (*cb)(const char *name, void *arg), void *arg);
