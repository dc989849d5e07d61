/* SPDX-License-Identifier: GPL-2.0-only */
/* /run/nsfast: the lock, the bpffs, and per host what the kernel cannot tell. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <linux/magic.h>

#include "log.h"
#include "mountns.h"
#include "state.h"

#define LOCK_FILE "lock"
#define NEW_FILE  "new" /* a host's file while it is written; one is enough, writers hold the lock */
#define HOST_LEN  32

/* The directory, checked by descriptor, so that what was checked is what is used. -ENOENT, if it is not to be made,
 * prints nothing. */
static int open_dir(bool make)
{
	autoclose int fd = -1;
	struct stat st;

	do {
		if (make && mkdir(STATE_DIR, 0700) && errno != EEXIST)
			return fail(-errno, "cannot make '%s'", STATE_DIR);
		fd = open(STATE_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	} while (make && fd < 0 && errno == ENOENT); /* state_tidy() of another process was between the two */
	if (fd < 0 && errno == ENOENT)
		return -ENOENT;
	if (fd < 0) {
		if (errno == ENOTDIR || errno == ELOOP)
			hint("it must be a directory of root's; remove what is there");
		return fail(-errno, "cannot use '%s'", STATE_DIR);
	}
	if (fstat(fd, &st))
		return fail(-errno, "cannot read '%s'", STATE_DIR);
	if (st.st_uid != 0) {
		hint("remove it, it must be root's");
		return fail(-EEXIST, "cannot make '%s', user %u has one", STATE_DIR, st.st_uid);
	}
	if ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700))
		return fail(-errno, "cannot close '%s' to other users", STATE_DIR);
	return take(&fd);
}

/* Waits for the lock file's holder. -EAGAIN: the file was removed meanwhile, the lock is another one now. */
static int lock_file(int dir)
{
	autoclose int fd = -1;
	struct stat held, now;

	fd = openat(dir, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		/* the directory itself may have been removed after we opened it */
		return errno == ENOENT ? -EAGAIN : fail(-errno, "cannot open '%s/%s'", STATE_DIR, LOCK_FILE);
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK)
			return fail(-errno, "cannot lock '%s/%s'", STATE_DIR, LOCK_FILE);
		info("waiting for another nsfast to end");
		if (flock(fd, LOCK_EX))
			return fail(-errno, "cannot lock '%s/%s'", STATE_DIR, LOCK_FILE);
	}
	if (fstat(fd, &held))
		return fail(-errno, "cannot read '%s/%s'", STATE_DIR, LOCK_FILE);
	if (lstat(STATE_DIR "/" LOCK_FILE, &now) || now.st_dev != held.st_dev || now.st_ino != held.st_ino)
		return -EAGAIN;
	return take(&fd);
}

static int lock(bool make)
{
	for (;;) {
		autoclose int dir = open_dir(make);
		int fd;

		if (dir < 0)
			return dir;
		fd = lock_file(dir);
		if (fd != -EAGAIN)
			return fd;
	}
}

int state_lock(void)
{
	return lock(true);
}

int state_lock_if_present(void)
{
	return lock(false);
}

static bool has_here(void)
{
	struct statfs fs;

	return statfs(STATE_BPFFS, &fs) == 0 && (__u32)fs.f_type == (__u32)BPF_FS_MAGIC;
}

static int mount_here(void)
{
	if (has_here())
		return 0;
	if (mkdir(STATE_BPFFS, 0700) && errno != EEXIST)
		return -errno;
	if (mount("bpf", STATE_BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return -errno;
	return 0;
}

static int unmount_here(void)
{
	return umount2(STATE_BPFFS, UMOUNT_NOFOLLOW) ? -errno : 0;
}

/* Work in the machine's mount namespace. */
struct visit {
	enum { VISIT_LOOK, VISIT_MOUNT, VISIT_UNMOUNT } job;
	int tree; /* a second mount of the bpffs that is there then, not yet anywhere; -1 if there is none */
};

static int visit_work(void *arg)
{
	struct visit *v = arg;
	int r = 0;

	if (v->job == VISIT_MOUNT)
		r = mount_here();
	else if (v->job == VISIT_UNMOUNT && has_here())
		r = unmount_here();
	if (r == 0 && has_here()) {
		v->tree = open_tree(AT_FDCWD, STATE_BPFFS, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (v->tree < 0)
			r = -errno;
	}
	return r;
}

/*
 * Does the job there and makes the machine's bpffs, if there is one then, the one seen here: by propagation it may be,
 * else by a mount of its own. To mount another here would not do: each is a file system with pins of its own.
 */
static int visit(int job)
{
	struct visit v = { .job = job, .tree = -1 };
	int r = mountns_run(visit_work, &v);
	autoclose int tree = v.tree;

	if (r || tree < 0 || has_here())
		return r;
	return move_mount(tree, "", AT_FDCWD, STATE_BPFFS, MOVE_MOUNT_F_EMPTY_PATH) ? -errno : 0;
}

bool state_has_bpffs(void)
{
	if (!has_here() && mountns_away(STATE_DIR))
		visit(VISIT_LOOK);
	return has_here();
}

int state_bpffs(void)
{
	autoclose int dir = -1;
	bool away;
	int r;

	if (has_here())
		return 0;
	dir = open_dir(true);
	if (dir < 0)
		return dir;
	away = mountns_away(STATE_DIR);
	r = away ? visit(VISIT_MOUNT) : mount_here();
	if (r && r != -ENODEV && away) {
		debug("cannot use the machine's '%s': %s", STATE_BPFFS, strerror(-r));
		r = mount_here();
	}
	if (r == -ENODEV) {
		hint("the kernel needs CONFIG_BPF_SYSCALL");
		return fail_feature("cannot mount a bpffs at '%s': the kernel has none", STATE_BPFFS);
	}
	return r ? fail(r, "cannot mount a bpffs at '%s'", STATE_BPFFS) : 0;
}

/* True if a directory can be listed and all its entries, "." and ".." aside, are ones that may be there. */
static bool holds_only(const char *path, bool (*may)(const char *name))
{
	DIR *d = opendir(path);
	bool only = d;
	struct dirent *e;

	while (only && (e = readdir(d)))
		only = streq(e->d_name, ".") || streq(e->d_name, "..") || may(e->d_name);
	if (d)
		closedir(d);
	return only;
}

/* The kernel itself puts maps.debug and progs.debug into each new bpffs. */
static bool is_kernels(const char *name)
{
	const char *end = strrchr(name, '.');

	return end && streq(end, ".debug");
}

static bool is_lock(const char *name)
{
	return streq(name, LOCK_FILE);
}

/* True if it is away. */
static bool drop_bpffs(int dir)
{
	bool away = dir >= 0 && mountns_away(STATE_DIR);

	/* rmdir() of what is a mount point only in another namespace takes that mount away: be sure to have seen it */
	if (dir < 0 || (away && visit(VISIT_LOOK)))
		return false;
	if (has_here()) {
		if (!holds_only(STATE_BPFFS, is_kernels))
			return false;
		if (away && visit(VISIT_UNMOUNT))
			return false;
		if (has_here() && unmount_here())
			return false;
	}
	return !rmdir(STATE_BPFFS) || errno == ENOENT;
}

void state_drop_bpffs(void)
{
	autoclose int dir = open_dir(false);

	drop_bpffs(dir);
}

void state_tidy(void)
{
	autoclose int dir = open_dir(false);

	if (!drop_bpffs(dir))
		return;
	unlinkat(dir, NEW_FILE, 0);
	if (!holds_only(STATE_DIR, is_lock))
		return;
	/* the lock goes before its directory: who waits for it finds it gone and begins again */
	unlinkat(dir, LOCK_FILE, 0);
	rmdir(STATE_DIR);
}

static const char *host_file(__u64 host, char buf[HOST_LEN])
{
	snprintf(buf, HOST_LEN, "host-%llu", (unsigned long long)host);
	return buf;
}

static void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

/* A stream over a file of the directory. NULL with errno. */
static FILE *open_stream(int dir, const char *name, int flags)
{
	autoclose int fd = openat(dir, name, flags | O_NOFOLLOW | O_CLOEXEC, 0600);
	FILE *f;

	if (fd < 0)
		return NULL;
	f = fdopen(fd, (flags & O_ACCMODE) == O_RDONLY ? "r" : "w");
	if (f)
		take(&fd);
	return f;
}

/* One line "KIND KEY VALUE" at a time; the strings live until the next call. */
struct reader {
	FILE *f;
	char *line;
	size_t size;
	const char *kind, *key, *value;
};

static void reader_close(struct reader *r)
{
	if (r->f)
		fclose(r->f);
	free(r->line);
}

/* A host without a file has no facts. */
static int reader_open(int dir, const char *name, struct reader *r)
{
	r->f = open_stream(dir, name, O_RDONLY);
	if (!r->f && errno != ENOENT)
		return fail(-errno, "cannot read '%s/%s'", STATE_DIR, name);
	return 0;
}

static bool reader_next(struct reader *r)
{
	while (r->f && getline(&r->line, &r->size, r->f) > 0) {
		char *rest;

		r->kind = strtok_r(r->line, " \n", &rest);
		r->key = strtok_r(NULL, " \n", &rest);
		r->value = strtok_r(NULL, " \n", &rest);
		if (r->kind && r->key && r->value)
			return true;
	}
	return false;
}

static bool is_word(const char *text)
{
	return *text && !text[strcspn(text, " \t\r\n\v\f")];
}

/* Writes the host's file anew without the fact and, with a value, with it at the end. */
static int rewrite(int dir, __u64 host, const char *kind, const char *key, const char *value)
{
	__attribute__((cleanup(reader_close))) struct reader r = { 0 };
	__attribute__((cleanup(close_file))) FILE *out = NULL;
	char name[HOST_LEN];
	size_t n = 0;
	int err;

	err = reader_open(dir, host_file(host, name), &r);
	if (err)
		return err;
	out = open_stream(dir, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC);
	if (!out)
		return fail(-errno, "cannot write '%s/%s'", STATE_DIR, NEW_FILE);
	while (reader_next(&r)) {
		if (streq(r.kind, kind) && streq(r.key, key))
			continue;
		fprintf(out, "%s %s %s\n", r.kind, r.key, r.value);
		n++;
	}
	if (value) {
		fprintf(out, "%s %s %s\n", kind, key, value);
		n++;
	}
	if ((r.f && ferror(r.f)) || fflush(out) || ferror(out) || fsync(fileno(out)))
		return fail(errno ? -errno : -EIO, "cannot write '%s/%s'", STATE_DIR, NEW_FILE);
	if (n) {
		if (renameat(dir, NEW_FILE, dir, name))
			return fail(-errno, "cannot replace '%s/%s'", STATE_DIR, name);
		return 0;
	}
	unlinkat(dir, NEW_FILE, 0);
	if (unlinkat(dir, name, 0) && errno != ENOENT)
		return fail(-errno, "cannot remove '%s/%s'", STATE_DIR, name);
	return 0;
}

int state_set(__u64 host, const char *kind, const char *key, const char *value)
{
	autoclose int dir = -1;

	if (!is_word(kind) || !is_word(key) || !is_word(value))
		return fail(-EINVAL, "cannot keep '%s %s %s'", kind, key, value);
	dir = open_dir(true);
	if (dir < 0)
		return dir;
	return rewrite(dir, host, kind, key, value);
}

int state_unset(__u64 host, const char *kind, const char *key)
{
	autoclose int dir = open_dir(false);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	return rewrite(dir, host, kind, key, NULL);
}

int state_each(__u64 host, const char *kind, int (*cb)(const char *key, const char *value, void *arg), void *arg)
{
	__attribute__((cleanup(reader_close))) struct reader r = { 0 };
	autoclose int dir = open_dir(false);
	char name[HOST_LEN];
	int err;

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	err = reader_open(dir, host_file(host, name), &r);
	while (err == 0 && reader_next(&r))
		if (streq(r.kind, kind))
			err = cb(r.key, r.value, arg);
	return err;
}

struct wanted {
	const char *key;
	char *ret;
	size_t size;
};

static int match(const char *key, const char *value, void *arg)
{
	const struct wanted *w = arg;

	if (!streq(key, w->key))
		return 0;
	snprintf(w->ret, w->size, "%s", value);
	return 1;
}

int state_get(__u64 host, const char *kind, const char *key, char *ret, size_t size)
{
	struct wanted w = { .key = key, .ret = ret, .size = size };
	int r = state_each(host, kind, match, &w);

	if (r < 0)
		return r;
	return r ? 0 : -ENOENT;
}

int state_write(const char *file, void (*write)(FILE *f, const void *arg), const void *arg)
{
	__attribute__((cleanup(close_file))) FILE *out = NULL;
	autoclose int dir = open_dir(true);

	if (dir < 0)
		return dir;
	out = open_stream(dir, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC);
	if (!out)
		return fail(-errno, "cannot write '%s/%s'", STATE_DIR, NEW_FILE);
	write(out, arg);
	if (fflush(out) || ferror(out) || fsync(fileno(out)))
		return fail(errno ? -errno : -EIO, "cannot write '%s/%s'", STATE_DIR, NEW_FILE);
	if (renameat(dir, NEW_FILE, dir, file))
		return fail(-errno, "cannot replace '%s/%s'", STATE_DIR, file);
	return 0;
}

int state_remove(const char *file)
{
	autoclose int dir = open_dir(false);

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (unlinkat(dir, file, 0) && errno != ENOENT)
		return fail(-errno, "cannot remove '%s/%s'", STATE_DIR, file);
	return 0;
}

int state_files(const char *prefix, int (*cb)(const char *rest, void *arg), void *arg)
{
	size_t len = strlen(prefix);
	DIR *d = opendir(STATE_DIR);
	struct dirent *e;
	int r = 0;

	if (!d)
		return errno == ENOENT ? 0 : fail(-errno, "cannot read '%s'", STATE_DIR);
	while (!r && (e = readdir(d)))
		if (!strncmp(e->d_name, prefix, len))
			r = cb(e->d_name + len, arg);
	closedir(d);
	return r;
}

int state_forget(__u64 host)
{
	autoclose int dir = open_dir(false);
	char name[HOST_LEN];

	if (dir < 0)
		return dir == -ENOENT ? 0 : dir;
	if (unlinkat(dir, host_file(host, name), 0) && errno != ENOENT)
		return fail(-errno, "cannot remove '%s/%s'", STATE_DIR, name);
	return 0;
}
