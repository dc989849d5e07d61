/* SPDX-License-Identifier: GPL-2.0-only */
/* The loaded data path of one host: loading, pins, hooks. */
#include "dp.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>

#include "nsfast/cfg.h"

#include "nsfast.skel.h"

#include "compat.h"
#include "log.h"
#include "state.h"

#define DP_ROOT_OF(abi)  STATE_BPFFS "/" #abi
#define DP_ROOT_NOW(abi) DP_ROOT_OF(abi)
#define DP_ROOT          DP_ROOT_NOW(NSF_ABI)

#define DP_NAME(id, name) name,
static const char *const map_names[] = { DP_MAPS(DP_NAME) };
static const char *const prog_names[] = { DP_PROGS(DP_NAME) };

static const char *dp_dir(__u64 host, char buf[PATH_MAX])
{
	snprintf(buf, PATH_MAX, DP_ROOT "/%llu", (unsigned long long)host);
	return buf;
}

/* libbpf's own messages: shown at -vv only, since the function that failed says what the user needs. */
static int dp_print(enum libbpf_print_level level, const char *fmt, va_list args)
{
	if (log_level < 2 && !(log_level == 1 && level == LIBBPF_WARN))
		return 0;
	return vfprintf(stderr, fmt, args);
}

void dp_hush(void)
{
	libbpf_set_print(dp_print);
}

/* Pins have no subfolders: one level is all there is to remove. */
static void dp_remove(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	rmdir(dir);
}

static void *dp_map_rows(const struct dp *dp, enum dp_map map, size_t size)
{
	void *rows = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, dp->map[map], 0);

	return rows == MAP_FAILED ? NULL : rows;
}

static int dp_map_tables(struct dp *dp)
{
	struct bpf_map_info info = {};
	__u32 len = sizeof(info);

	if (bpf_obj_get_info_by_fd(dp->map[DP_FLOWS], &info, &len))
		return -errno;
	dp->n_flows = info.max_entries;
#define DP_TABLE_MAP(field, map, n) \
	dp->field = dp_map_rows(dp, DP_##map, (n) * sizeof(*dp->field)); \
	if (!dp->field) \
		return -errno;
	DP_TABLES(DP_TABLE_MAP)
	return 0;
}

int dp_open(__u64 host, struct dp *ret)
{
	char dir[PATH_MAX], path[PATH_MAX + 32];
	int i, r;

	dp_hush();
	*ret = (struct dp){ .host = host };
	memset(ret->map, -1, sizeof(ret->map));
	dp_dir(host, dir);
	if (access(dir, F_OK))
		return errno == ENOENT ? -ENOENT : fail(-errno, "cannot read '%s'", dir);
	for (i = 0; i < DP_MAP_MAX; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, map_names[i]);
		ret->map[i] = bpf_obj_get(path);
		if (ret->map[i] < 0) {
			r = fail(-errno, "cannot open pinned map '%s'", path);
			dp_close(ret);
			return r;
		}
	}
	r = dp_map_tables(ret);
	if (r) {
		dp_close(ret);
		return fail(r, "cannot map the tables pinned in '%s'", dir);
	}
	ret->loaded = true;
	return 0;
}

static void dp_unmap(void *rows, size_t size)
{
	if (rows)
		munmap(rows, size);
}

void dp_close(struct dp *dp)
{
	int i;

#define DP_TABLE_UNMAP(field, map, n) dp_unmap(dp->field, (n) * sizeof(*dp->field));
	DP_TABLES(DP_TABLE_UNMAP)
	for (i = 0; i < DP_MAP_MAX; i++)
		if (dp->map[i] > 0)
			close(dp->map[i]);
	*dp = (struct dp){ .host = dp->host };
	memset(dp->map, -1, sizeof(dp->map));
}

/* From 6.15 on bpf_redirect_peer() scrubs the packet by itself; nothing but the version tells. */
static bool dp_peer_scrubs(void)
{
	struct utsname u;
	unsigned major, minor;

	return !uname(&u) && sscanf(u.release, "%u.%u", &major, &minor) == 2 &&
	       (major > 6 || (major == 6 && minor >= 15));
}

static void autoskel_destroy(struct nsfast_bpf **s)
{
	nsfast_bpf__destroy(*s);
}
#define autoskel __attribute__((cleanup(autoskel_destroy)))

void dp_size(struct nsfast_bpf *s, __u32 flows)
{
	s->rodata->cfg.flows_max = flows;
	bpf_map__set_max_entries(s->maps.nsf_flows, flows);
	bpf_map__set_max_entries(s->maps.nsf_flow_counts, flows);
	bpf_map__set_max_entries(s->maps.nsf_flow_free, flows);
	bpf_map__set_max_entries(s->maps.nsf_flow_closed, flows);
	bpf_map__set_max_entries(s->maps.nsf_flow_keys, NSF_KEYS(flows));
	bpf_map__set_max_entries(s->maps.nsf_hints, NSF_HINTS(flows));
}

void dp_fit(struct nsfast_bpf *s)
{
	struct bpf_program *prog;
	struct timespec jiffy;
	bool socks = libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, NULL) == 1;

	clock_getres(CLOCK_MONOTONIC_COARSE, &jiffy);
	s->rodata->cfg.jiffy_ns = (__u32)jiffy.tv_nsec;
	bpf_object__for_each_program(prog, s->obj)
	{
		if (bpf_program__type(prog) == BPF_PROG_TYPE_CGROUP_SOCK_ADDR)
			bpf_program__set_autoload(prog, socks);
	}
}

static int dp_load_object(__u64 host, __u32 flows, struct nsfast_bpf **ret)
{
	autoskel struct nsfast_bpf *s = nsfast_bpf__open();
	int r;

	if (!s)
		return fail(-errno, "cannot open the BPF object");
	s->rodata->cfg.host = host;
	s->rodata->cfg.scrubs = dp_peer_scrubs();
	dp_fit(s);
	dp_size(s, flows);
	r = nsfast_bpf__load(s);
	if (r == -EPERM)
		return fail_privilege("cannot load BPF programs: CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON are needed");
	if (r == -ENOMEM) {
		hint("a smaller flow table needs less: up --flows N");
		return fail(r, "cannot load the BPF programs and maps, with room for %u flows", flows);
	}
	if (r) {
		hint("run it again with -v for the kernel's own words");
		return fail_feature("kernel refused the BPF programs: %s", strerror(-r));
	}
	*ret = s;
	s = NULL;
	return 0;
}

static int dp_pin(struct nsfast_bpf *s, const char *dir)
{
	char path[PATH_MAX + 64];
	struct bpf_program *prog;
	struct bpf_map *map;
	int r;

	bpf_object__for_each_map(map, s->obj)
	{
		if (bpf_map__is_internal(map))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map));
		r = bpf_map__pin(map, path);
		if (r)
			return fail(r, "cannot pin map '%s'", path);
	}
	bpf_object__for_each_program(prog, s->obj)
	{
		if (!bpf_program__autoload(prog))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, bpf_program__name(prog));
		r = bpf_program__pin(prog, path);
		if (r)
			return fail(r, "cannot pin program '%s'", path);
	}
	return 0;
}

/* The key by which IPv6 addresses become handles, before any packet or any row needs one. */
static int dp_key(struct nsfast_bpf *s)
{
	struct nsf_flow_state st = {};
	__u32 zero = 0;

	if (getrandom(st.handle_key, sizeof(st.handle_key), 0) != (ssize_t)sizeof(st.handle_key) ||
	    bpf_map__update_elem(s->maps.nsf_flow_state, &zero, sizeof(zero), &st, sizeof(st), BPF_ANY))
		return fail(-errno, "cannot make the key of IPv6 addresses");
	return 0;
}

static int dp_run_fd(int prog)
{
	__u8 frame[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame));
	int tries;

	for (tries = 0; tries < 10000; tries++) {
		if (bpf_prog_test_run_opts(prog, &opts))
			return -errno;
		if (opts.retval != 2)
			return opts.retval ? -EIO : 0;
		sched_yield(); /* the timer's sweep is under way for some microseconds, or the timer had no memory */
	}
	return -EBUSY;
}

/* A frame on an interface that is none of ours goes on as it came: so little shows that programs do here what they say. */
static int dp_try(struct nsfast_bpf *s)
{
	__u8 frame[64] = { [12] = 8, [14] = 0x45, [17] = 50, [22] = 64, [23] = IPPROTO_UDP }, out[64];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .data_out = out,
		    .data_size_out = sizeof(out));

	if (bpf_prog_test_run_opts(bpf_program__fd(s->progs.nsf_from_uplink), &opts))
		return fail_feature("kernel does not run a packet through the BPF programs: %s", strerror(errno));
	if ((int)opts.retval != TC_ACT_UNSPEC || memcmp(frame, out, sizeof(frame)))
		return fail_feature("kernel runs a packet through the BPF programs, and not as they say");
	return 0;
}

/* Everything is made in a folder of another name: what has the host's name is complete. */
int dp_load(__u64 host, __u32 flows, struct dp *ret)
{
	char dir[PATH_MAX], fresh[PATH_MAX];
	autoskel struct nsfast_bpf *s = NULL;
	int r;

	dp_hush();
	dp_dir(host, dir);
	snprintf(fresh, sizeof(fresh), DP_ROOT "/new-%llu", (unsigned long long)host);
	if (mkdir(DP_ROOT, 0700) && errno != EEXIST)
		return fail(-errno, "cannot make folder '%s'", DP_ROOT);
	dp_remove(fresh);
	r = dp_load_object(host, flows, &s);
	if (!r)
		r = dp_try(s);
	if (!r && mkdir(fresh, 0700))
		r = fail(-errno, "cannot make folder '%s'", fresh);
	if (!r)
		r = dp_key(s);
	if (!r)
		r = dp_pin(s, fresh);
	if (!r) {
		r = dp_run_fd(bpf_program__fd(s->progs.nsf_start));
		if (r)
			fail(r, "cannot start the timer that ends idle flows");
	}
	if (!r && rename(fresh, dir))
		r = fail(-errno, "cannot rename '%s'", fresh);
	if (!r)
		r = dp_open(host, ret);
	if (r) {
		dp_remove(fresh);
		dp_unload(host);
	}
	return r;
}

int dp_unload(__u64 host)
{
	char dir[PATH_MAX];

	dp_remove(dp_dir(host, dir));
	if (!access(dir, F_OK))
		return fail(-EBUSY, "cannot remove all pins in '%s'", dir);
	rmdir(DP_ROOT);
	state_drop_bpffs();
	return 0;
}

bool dp_pinned(__u64 host)
{
	char dir[PATH_MAX];

	return !access(dp_dir(host, dir), F_OK);
}

const char *dp_path(const struct dp *dp, const char *name, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, DP_ROOT "/%llu/%s", (unsigned long long)dp->host, name);
	return path;
}

int dp_prog(const struct dp *dp, enum dp_prog prog)
{
	char dir[PATH_MAX], path[PATH_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dp_dir(dp->host, dir), prog_names[prog]);
	fd = bpf_obj_get(path);
	return fd < 0 ? fail(-errno, "cannot open pinned program '%s'", path) : fd;
}

int dp_run(struct dp *dp, enum dp_prog prog)
{
	autoclose int fd = dp_prog(dp, prog);
	int r;

	if (fd < 0)
		return fd;
	r = dp_run_fd(fd);
	return r ? fail(r, "cannot run program '%s'", prog_names[prog]) : 0;
}

/* True if no link in the folder is on an interface any more. A folder without links is in the making, or was left. Links
 * of the host's sockets have other names: they outlive the host, whose end shall end them. */
static bool dp_dead(int dir)
{
	autoclose int fd = dup(dir);
	DIR *d = fdopendir(fd);
	struct dirent *e;
	bool alive = false;

	if (!d)
		return false;
	take(&fd);
	while (!alive && (e = readdir(d))) {
		char path[PATH_MAX];
		autoclose int link = -1;

		if (strncmp(e->d_name, "link-", 5))
			continue;
		snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, e->d_name);
		link = bpf_obj_get(path);
		alive = link >= 0 && dp_link_target(link);
	}
	closedir(d);
	return !alive;
}

static void dp_each_dead_dir(void (*cb)(const char *name, void *arg), void *arg)
{
	DIR *root = opendir(DP_ROOT);
	struct dirent *e;

	if (!root)
		return;
	while ((e = readdir(root))) {
		autoclose int dir = -1;

		if (e->d_name[0] == '.')
			continue;
		dir = openat(dirfd(root), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir >= 0 && dp_dead(dir))
			cb(e->d_name, arg);
	}
	closedir(root);
}

struct dp_dead_hosts {
	void (*cb)(__u64 host, void *arg);
	void *arg;
};

/* "new-COOKIE" is what a killed dp_load() left; it says nothing of its host. */
static void dp_dead_host(const char *name, void *arg)
{
	struct dp_dead_hosts *d = arg;
	char *end;
	__u64 host = strtoull(name, &end, 10);

	if (!*end)
		d->cb(host, d->arg);
}

void dp_each_dead(void (*cb)(__u64 host, void *arg), void *arg)
{
	dp_each_dead_dir(dp_dead_host, &(struct dp_dead_hosts){ cb, arg });
}

static void dp_remove_dead(const char *name, void *arg)
{
	char path[PATH_MAX];

	(void)arg;
	snprintf(path, sizeof(path), DP_ROOT "/%s", name);
	dp_remove(path);
}

void dp_collect(void)
{
	dp_each_dead_dir(dp_remove_dead, NULL);
	rmdir(DP_ROOT);
}
