/* SPDX-License-Identifier: GPL-2.0-only */
/* Options: those that every verb knows, and the host that they name. */
#pragma once

#include <getopt.h>

#include "host.h"

#define OPT_LONG 256 /* values of options without a letter start here */

/*
 * getopt_long() for a verb: letters and words are the verb's own (words ends with a zeroed row), the common ones are
 * handled here. Returns the verb's option, -1 at the end, or -EINVAL after an error that was printed ('?' never).
 */
int opt_next(int argc, char **argv, const char *letters, const struct option *words);
/* Sets by how many words a verb can be followed; the first one is argv[optind]. 0 or -EINVAL with a message. */
int opt_words(int argc, char **argv, int least, int most, const char *usage);

/* Before the verb: only the common options. */
int opt_common(int argc, char **argv);

/* Checks that we are root, enters the namespace of -n. Prints. Who changes something then takes the lock and only after
 * that opens the host: what is loaded may be removed or replaced until the lock is held. */
int opt_enter(void);
/* The same, and opens the host. */
int opt_host(struct host *ret);
/* The same for a verb that needs root and has its own hosts: this one is left at once. */
int opt_may_run(void);
/* Asked for -d and -s. */
extern bool opt_details, opt_help;
