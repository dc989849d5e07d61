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

#include "mountns.h"
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

/* A descriptor that is a network namespace's. */
static int checked(int r)
{
	autoclose int fd = r;

	if (fd == -ENOTDIR)
		return -ENOENT;
	if (fd == -ELOOP || fd == -ENXIO || (fd >= 0 && !is_netns(fd)))
		return -EINVAL;
	return take(&fd);
}

static int look(void *arg)
{
	return checked(open_name(arg));
}

int netns_open(const char *name)
{
	int r = strchr(name, '/') ? checked(open_path(name)) : look((char *)name);

	/* an empty file may be the name of a namespace that is mounted in the machine's mount namespace and not in ours */
	if (r == -EINVAL && !strchr(name, '/') && mountns_away(NETNS_DIR))
		r = mountns_run(look, (char *)name);
	return r;
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

struct errand {
	int fd;
	int (*work)(void *arg);
	void *arg;
	int r;
};

static void *errand_away(void *arg)
{
	struct errand *e = arg;

	e->r = netns_enter(e->fd);
	if (!e->r)
		e->r = e->work(e->arg);
	return NULL;
}

int netns_run(int fd, int (*work)(void *arg), void *arg)
{
	struct errand e = { .fd = fd, .work = work, .arg = arg };
	pthread_t t;
	int r = pthread_create(&t, NULL, errand_away, &e);

	if (r)
		return -r;
	pthread_join(t, NULL);
	return e.r;
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
	autoclose int dir = open(NETNS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool bound = false;

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

/* The name of a namespace as a file, below the directory or elsewhere. */
struct name {
	char path[sizeof(NETNS_DIR) + NSF_NAME_LEN];
	int fd;
};

static int name_set(struct name *n, const char *name, int fd)
{
	if (!netns_name_ok(name))
		return -EINVAL;
	n->fd = fd;
	snprintf(n->path, sizeof(n->path), "%s/%s", NETNS_DIR, name);
	return 0;
}

static int name_mount(const struct name *n)
{
	char from[32];

	snprintf(from, sizeof(from), "/proc/self/fd/%d", n->fd);
	return mount(from, n->path, "none", MS_BIND, NULL) ? -errno : 0;
}

static int name_hold(void *arg)
{
	const struct name *n = arg;
	int file = open(n->path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0), r;

	if (file < 0)
		return -errno;
	close(file);
	r = name_mount(n);
	if (r)
		unlink(n->path);
	return r;
}

static int name_bind(void *arg)
{
	int r = prepare_dir();

	return r ? r : name_hold(arg);
}

/* unlink() takes the mounts of other mount namespaces away too. */
static int name_unbind(void *arg)
{
	const struct name *n = arg;
	struct stat st;

	while (umount2(n->path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		;
	if (errno != EINVAL)
		return errno == ENOENT ? 0 : -errno;
	/* No mount, or no more: what lies below is removed only if it is such a file as we make. */
	if (lstat(n->path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode) || st.st_size)
		return -EINVAL;
	return unlink(n->path) && errno != ENOENT ? -errno : 0;
}

int netns_bind(int fd, const char *name)
{
	struct name n;
	int r = name_set(&n, name, fd);

	if (r)
		return r;
	if (!is_netns(fd))
		return -EINVAL;
	if (mkdir(NETNS_DIR, 0755) && errno != EEXIST)
		return -errno;
	if (!mountns_away(NETNS_DIR))
		return name_bind(&n);
	r = mountns_run(name_bind, &n);
	if (!r) {
		autoclose int here = checked(open_path(n.path));

		if (here < 0) /* the machine's mounts do not come here; without it, netns_open() looks there */
			name_mount(&n);
	}
	return r;
}

int netns_unbind(const char *name)
{
	struct name n;
	int r = name_set(&n, name, -1);

	if (r)
		return r;
	return mountns_away(NETNS_DIR) ? mountns_run(name_unbind, &n) : name_unbind(&n);
}

static int path_set(struct name *n, const char *dir, const char *file, int fd)
{
	n->fd = fd;
	return snprintf(n->path, sizeof(n->path), "%s/%s", dir, file) < (int)sizeof(n->path) ? 0 : -ENAMETOOLONG;
}

int netns_hold(int fd, const char *dir, const char *file)
{
	struct name n;
	int r = path_set(&n, dir, file, fd);

	if (r)
		return r;
	return mountns_away(dir) ? mountns_run(name_hold, &n) : name_hold(&n);
}

static int look_path(void *arg)
{
	return checked(open_path(((struct name *)arg)->path));
}

int netns_held(const char *dir, const char *file)
{
	struct name n;
	int r = path_set(&n, dir, file, -1);

	if (r)
		return r;
	return mountns_away(dir) ? mountns_run(look_path, &n) : look_path(&n);
}

int netns_release(const char *dir, const char *file)
{
	struct name n;
	int r = path_set(&n, dir, file, -1);

	if (r)
		return r;
	return mountns_away(dir) ? mountns_run(name_unbind, &n) : name_unbind(&n);
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
