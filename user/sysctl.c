/* SPDX-License-Identifier: GPL-2.0-only */
/* Settings below /proc/sys/net. */
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "util.h"

int sysctl_get(const char *key, char *ret, size_t size)
{
	char path[128];
	autoclose int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", key);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, ret, size - 1);
	if (n < 0)
		return -errno;
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}

int sysctl_set(const char *key, const char *value)
{
	char path[128];
	autoclose int fd = -1;

	snprintf(path, sizeof(path), "/proc/sys/net/%s", key);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -errno : 0;
}
