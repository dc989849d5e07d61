/* SPDX-License-Identifier: GPL-2.0-only */
/* The model to text: the INI file that conf_read() makes the same network of. */
#pragma once

#include <stdio.h>

#include "net.h"

/* A network whose fields are all chosen. The caller asks the stream for errors. */
void conf_write(FILE *f, const struct network *n, const char *mode);
