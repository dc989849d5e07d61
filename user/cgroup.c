/* SPDX-License-Identifier: GPL-2.0-only */
/* The root of the cgroup2 tree: found among the mounts. */
#include "cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/vfs.h>

#include "mountns.h"

/* One line of mountinfo: "ID PARENT MAJOR:MINOR ROOT PATH OPTIONS... - TYPE SOURCE OPTIONS". Another mount may lie over
 * it, so what is opened is looked at again. */
static int cgroup_open(const char *line, char ret_path[PATH_MAX])
{
	autoclose int fd = -1;
	char root[PATH_MAX], path[PATH_MAX];
	struct statfs fs;

	_Static_assert(PATH_MAX == 4096, "the widths below");
	if (!strstr(line, " - cgroup2 ") || sscanf(line, "%*s %*s %*s %4095s %4095s", root, path) != 2)
		return -ENOENT;
	if (!streq(root, "/"))
		return -ENOENT;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) || fs.f_type != CGROUP2_SUPER_MAGIC)
		return -ENOENT;
	strcpy(ret_path, path);
	return take(&fd);
}

/* Not a mount of our own: one without the options that the machine has chosen takes them from the whole tree. */
static int cgroup_find(void *ret_path)
{
	FILE *f = fopen("/proc/thread-self/mountinfo", "re");
	autofree char *line = NULL;
	size_t size = 0;
	int fd = -ENOENT;

	while (f && fd < 0 && getline(&line, &size, f) > 0)
		fd = cgroup_open(line, ret_path);
	if (f)
		fclose(f);
	return fd;
}

int cgroup_root(char ret_path[PATH_MAX])
{
	int fd = cgroup_find(ret_path);

	if (fd < 0)
		fd = mountns_run(cgroup_find, ret_path);
	return fd < 0 ? -ENOENT : fd;
}
