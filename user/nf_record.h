/* SPDX-License-Identifier: GPL-2.0-only */
/* What a network in netfilter mode should be: a file of configuration for each, which no flush of rules takes away. */
#pragma once

#include "host.h"
#include "net.h"

/* The network as it was chosen; -ENOENT without a message if there is none, or none that was made to its end. */
int nf_record_read(struct host *h, const char *name, struct network *ret);
/* The same of one that is being made; -ENOENT if nothing was written yet. */
int nf_record_saved(struct host *h, const char *name, struct network *ret);
int nf_record_write(struct host *h, const struct network *n);
int nf_record_remove(struct host *h, const char *name);
/* Calls cb with each name; a non-zero return ends the walk and is returned. */
int nf_record_list(struct host *h, int (*cb)(const char *name, void *arg), void *arg);

/*
 * From before the first step of making until after the last: who is killed in between leaves this note. Removing begins
 * with it too, and ends by nf_record_remove().
 */
int nf_record_begin(struct host *h, const char *name);
int nf_record_end(struct host *h, const char *name);
/* A network that was begun and not ended, into ret; false if there is none. */
bool nf_record_begun(struct host *h, char ret[NET_NAME_LEN]);
/* True if a port lives in the namespace of that name. */
bool nf_record_lives(struct host *h, const char *netns);
