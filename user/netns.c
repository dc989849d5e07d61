/* SPDX-License-Identifier: GPL-2.0-only */
/* Network namespaces: find, enter, make, name, list. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <nsfast/abi.h>

#include "netns.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* Linux 5.14 */
#endif

#define SELF "/proc/thread-self/ns/net"

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool netns_name_ok(const char *name)
{
	size_t n = 0;

	for (; name[n]; n++)
		if (n + 1 >= NSF_NAME_LEN || (!is_alnum(name[n]) && (n == 0 || !strchr("_.-", name[n]))))
			return false;
	return n > 0;
}

static bool is_netns(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 && fs.f_type == NSFS_MAGIC && ioctl(fd, NS_GET_NSTYPE) == CLONE_NEWNET;
}

/* A name is one entry of the directory and no link out of it. O_NONBLOCK: a FIFO there must not hold us up. */
static int open_name(const char *name)
{
	autoclose int dir = -1;

	if (!*name || streq(name, ".") || streq(name, ".."))
		return -ENOENT;
	dir = open(NETNS_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	/* links are followed: /run/netns/NAME -> /proc/PID/ns/net is how containers of others are given a name */
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

static int open_path(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int netns_open(const char *name)
{
	autoclose int fd = strchr(name, '/') ? open_path(name) : open_name(name);

	if (fd == -ENOTDIR)
		return -ENOENT;
	if (fd == -ELOOP || fd == -ENXIO)
		return -EINVAL;
	if (fd >= 0 && !is_netns(fd))
		return -EINVAL;
	return take(&fd);
}

int netns_self(void)
{
	int fd = open(SELF, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int netns_enter(int fd)
{
	return setns(fd, CLONE_NEWNET) ? -errno : 0;
}

/* Work that is done in another namespace: by a thread that ends there, so that nobody has to find the way back. */
struct away {
	int fd;
	__u64 cookie;
	int r;
};

static void *cookie_away(void *arg)
{
	struct away *w = arg;
	socklen_t len = sizeof(w->cookie);
	autoclose int s = -1;

	w->r = netns_enter(w->fd);
	if (w->r)
		return NULL;
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0 || getsockopt(s, SOL_SOCKET, SO_NETNS_COOKIE, &w->cookie, &len))
		w->r = -errno;
	return NULL;
}

static void *make_away(void *arg)
{
	struct away *w = arg;

	if (unshare(CLONE_NEWNET)) {
		w->r = -errno;
		return NULL;
	}
	w->fd = netns_self();
	w->r = w->fd < 0 ? w->fd : 0;
	return NULL;
}

static int run_away(void *(*work)(void *arg), struct away *w)
{
	pthread_t t;
	int r = pthread_create(&t, NULL, work, w);

	if (r)
		return -r;
	pthread_join(t, NULL);
	return w->r;
}

int netns_cookie(int fd, __u64 *ret)
{
	struct away w = { .fd = fd };
	int r = run_away(cookie_away, &w);

	if (!r)
		*ret = w.cookie;
	return r;
}

int netns_make(void)
{
	struct away w = { .fd = -1 };
	int r = run_away(make_away, &w);

	return r ? r : w.fd;
}

/*
 * The directory is a shared mount: then a name that is given or taken in one mount namespace is so in those made from
 * it too, and a namespace is not held by copies of its name. Locked, or two programs could bind the directory twice.
 */
static int prepare_dir(void)
{
	autoclose int dir = -1;
	bool bound = false;

	if (mkdir(NETNS_DIR, 0755) && errno != EEXIST)
		return -errno;
	dir = open(NETNS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || flock(dir, LOCK_EX))
		return -errno;
	while (mount("", NETNS_DIR, "none", MS_SHARED | MS_REC, NULL)) {
		if (errno != EINVAL || bound)
			return -errno;
		if (mount(NETNS_DIR, NETNS_DIR, "none", MS_BIND | MS_REC, NULL))
			return -errno;
		bound = true;
	}
	return 0;
}

static int name_path(const char *name, char *buf, size_t size)
{
	if (!netns_name_ok(name))
		return -EINVAL;
	snprintf(buf, size, "%s/%s", NETNS_DIR, name);
	return 0;
}

int netns_bind(int fd, const char *name)
{
	char path[sizeof(NETNS_DIR) + NSF_NAME_LEN], from[32];
	int r = name_path(name, path, sizeof(path));

	if (r)
		return r;
	if (!is_netns(fd))
		return -EINVAL;
	r = prepare_dir();
	if (r)
		return r;
	int file = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);

	if (file < 0)
		return -errno;
	close(file);
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fd);
	if (mount(from, path, "none", MS_BIND, NULL)) {
		r = -errno;
		unlink(path);
	}
	return r;
}

int netns_unbind(const char *name)
{
	char path[sizeof(NETNS_DIR) + NSF_NAME_LEN];
	int r = name_path(name, path, sizeof(path));
	struct stat st;

	if (r)
		return r;
	while (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (errno != EINVAL)
		return errno == ENOENT ? 0 : -errno;
	/* No mount, or no more: what lies below is removed only if it is such a file as we make. */
	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode) || st.st_size)
		return -EINVAL;
	return unlink(path) && errno != ENOENT ? -errno : 0;
}

int netns_list(int (*cb)(const char *name, void *arg), void *arg)
{
	DIR *dir = opendir(NETNS_DIR);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!r && (e = readdir(dir))) {
		if (!streq(e->d_name, ".") && !streq(e->d_name, ".."))
			r = cb(e->d_name, arg);
	}
	closedir(dir);
	return r;
}
