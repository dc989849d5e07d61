/* SPDX-License-Identifier: GPL-2.0-only */
/* What every command begins with that shows a table of one network, or of all. */
#pragma once

#include "host.h"

/* Reads "[NET]" behind the verb, which has no options; *ret_net: NULL for all. Prints. */
int table_begin(int argc, char **argv, const char *usage, struct host *h, const char **ret_net);
/* The same after options were read. */
int table_words(int argc, char **argv, const char *usage, struct host *h, const char **ret_net);
