/* SPDX-License-Identifier: GPL-2.0-only */
/* Scope clean-up and the smallest common things. */
#pragma once

#include <linux/membarrier.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline void autoclose_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void autofree_ptr(void *p)
{
	free(*(void **)p);
}

#define autoclose __attribute__((cleanup(autoclose_fd)))
#define autofree  __attribute__((cleanup(autofree_ptr)))

/* Hands a descriptor over: the variable forgets it, so that its scope does not close it. */
static inline int take(int *fd)
{
	int r = *fd;

	*fd = -1;
	return r;
}

/* Returns when no packet is on the way any more that was when it was called: the kernel waits for all readers (RCU). */
static inline void packets_wait(void)
{
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
}

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}
