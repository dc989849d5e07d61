/* SPDX-License-Identifier: GPL-2.0-only */
/* /run/nsfast: the lock, the bpffs, and per host what the kernel cannot tell. All functions print on failure. */
#pragma once

#include <linux/types.h>
#include <stdio.h>

#include "util.h"

#define STATE_DIR   "/run/nsfast"
#define STATE_BPFFS STATE_DIR "/bpf"

/*
 * Makes /run/nsfast (0700, owner root, no symlink, else refused) and takes the lock that serialises all writers of the
 * machine; waits for a holder. The descriptor is the lock: close it to let go. -errno with a message.
 */
int state_lock(void);
/* Takes the lock only if /run/nsfast is there; -ENOENT without a message if not. */
int state_lock_if_present(void);

/*
 * Sees to a bpffs at STATE_BPFFS (0700). Where this process's mount namespace is not the machine's but shares its /run
 * (as inside `ip netns exec`), the mount is made in the machine's (/proc/1/ns/mnt), or it would die with this process.
 * 0, or -errno with a message (exit 5 if the kernel has no bpffs).
 */
int state_bpffs(void);
/* True if a bpffs is mounted there. Prints nothing. */
bool state_has_bpffs(void);
/* Undoes state_lock's and state_bpffs' doing where nothing is left inside: bpffs, lock file, directory. Call it with the lock held, last of all. */
void state_tidy(void);
/* Takes away the bpffs where nothing is pinned any more. The lock is held. */
void state_drop_bpffs(void);

/*
 * Facts of one host (by its namespace's cookie), kept as lines "KIND KEY VALUE" in STATE_DIR/host-COOKIE, rewritten
 * whole (temporary file, fsync, rename); an empty file is removed. Kinds: "netns NAME COOKIE": a namespace that we made.
 * "down IFNAME IFINDEX": an adopted interface that was down before. Keys and values hold no white space.
 */
int state_set(__u64 host, const char *kind, const char *key, const char *value);
int state_unset(__u64 host, const char *kind, const char *key);
/* 0 and the value, or -ENOENT without a message. */
int state_get(__u64 host, const char *kind, const char *key, char *ret, size_t size);
/* Calls cb for each fact of a kind; a non-zero return ends the walk and is returned. */
int state_each(__u64 host, const char *kind, int (*cb)(const char *key, const char *value, void *arg), void *arg);
/* A file of its own for what is more than a word: written by the function, whole or not at all. */
int state_write(const char *file, void (*write)(FILE *f, const void *arg), const void *arg);
int state_remove(const char *file); /* 0 also if it is not there */
/* Calls cb for each file whose name begins so, with the rest of its name; a non-zero return ends the walk and is returned. */
int state_files(const char *prefix, int (*cb)(const char *rest, void *arg), void *arg);
/* Forgets all facts of a host. */
int state_forget(__u64 host);
