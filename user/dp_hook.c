/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs on the hooks of interfaces: by tcx links, or by clsact where the kernel has none. */
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>

#include "clsact.h"
#include "compat.h"
#include "dp.h"
#include "log.h"
#include "netns.h"

__u32 dp_link_target(int link)
{
	__u32 info[16] = {}, len = sizeof(info);

	return bpf_obj_get_info_by_fd(link, info, &len) ? 0 : info[4];
}

/* Where a hook is pinned: a tcx link as "link-IFINDEX-in", a program in clsact as "tc-IFINDEX-in". */
static const char *dp_hook_path(const struct dp *dp, const char *kind, int ifindex, enum dp_hook hook,
				char path[PATH_MAX])
{
	static const char *const ends[] = { [DP_INGRESS] = "in", [DP_EGRESS] = "out", [DP_WIRE] = "xdp" };
	char name[48];

	snprintf(name, sizeof(name), "%s-%d-%s", kind, ifindex, ends[hook]);
	return dp_path(dp, name, path);
}

/* The pin that says that the clsact qdisc of an interface is our making. */
static const char *dp_qdisc_path(const struct dp *dp, int ifindex, char path[PATH_MAX])
{
	char name[48];

	snprintf(name, sizeof(name), "qdisc-%d", ifindex);
	return dp_path(dp, name, path);
}

/* The id of a pinned program, 0 if there is none. */
static __u32 dp_prog_id(const char *path)
{
	autoclose int fd = bpf_obj_get(path);
	struct bpf_prog_info info = {};
	__u32 len = sizeof(info);

	return fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &len) ? 0 : info.id;
}

static bool dp_attached_clsact(const struct dp *dp, int ifindex, enum dp_hook hook)
{
	char path[PATH_MAX];
	__u32 id = dp_prog_id(dp_hook_path(dp, "tc", ifindex, hook, path));

	return id && clsact_prog(ifindex, hook == DP_EGRESS) == id;
}

bool dp_attached(const struct dp *dp, int ifindex, enum dp_hook hook)
{
	char path[PATH_MAX];
	autoclose int link = bpf_obj_get(dp_hook_path(dp, "link", ifindex, hook, path));

	if (link >= 0)
		return dp_link_target(link) == (__u32)ifindex;
	return hook != DP_WIRE && dp_attached_clsact(dp, ifindex, hook);
}

static int dp_attach_tcx(const struct dp *dp, int prog, int ifindex, enum dp_hook hook)
{
	char path[PATH_MAX];
	autoclose int link = -1;

	unlink(dp_hook_path(dp, "link", ifindex, hook, path)); /* a dead link: its interface is gone */
	link = bpf_link_create(prog, ifindex, hook == DP_INGRESS ? BPF_TCX_INGRESS : BPF_TCX_EGRESS, NULL);
	return link < 0 || bpf_obj_pin(link, path) ? -errno : 0;
}

/*
 * A filter in clsact says nothing of its host when the host is gone, as the link of a tcx program does. The link of a
 * program on the namespace itself does, see dp_dead(). Its pin also tells that this kernel has no tcx links.
 */
static int dp_attach_life(const struct dp *dp)
{
	char path[PATH_MAX];
	autoclose int netns = -1, prog = -1, link = -1;

	if (dp_clsact(dp))
		return 0;
	netns = netns_self();
	prog = dp_prog(dp, DP_PROG_ALIVE);
	if (netns < 0 || prog < 0)
		return -EIO;
	link = bpf_link_create(prog, netns, BPF_SK_LOOKUP, NULL);
	if (link < 0 || bpf_obj_pin(link, dp_path(dp, "link-netns", path)))
		return -errno;
	info("tcx is not available on this kernel, using clsact");
	return 0;
}

/* Each deed is noted by a pin before it is done: who is killed in between leaves nothing that is not known. */
static int dp_attach_clsact(const struct dp *dp, int prog, int ifindex, enum dp_hook hook)
{
	char path[PATH_MAX];
	int r = dp_attach_life(dp);
	bool made, noted;

	if (r)
		return r;
	unlink(dp_hook_path(dp, "tc", ifindex, hook, path));
	if (bpf_obj_pin(prog, path))
		return -errno;
	noted = !bpf_obj_pin(prog, dp_qdisc_path(dp, ifindex, path));
	r = clsact_attach(ifindex, hook == DP_EGRESS, prog, &made);
	if (noted && !made)
		unlink(path);
	return r;
}

int dp_attach(struct dp *dp, enum dp_prog prog, int ifindex, const char *ifname, enum dp_hook hook)
{
	autoclose int fd = dp_prog(dp, prog);
	int r;

	if (fd < 0)
		return fd;
	if (dp_attached(dp, ifindex, hook))
		return 0;
	r = dp_attach_tcx(dp, fd, ifindex, hook);
	if (r == -EINVAL) {
		r = dp_attach_clsact(dp, fd, ifindex, hook);
		if (r == -EINVAL)
			hint("'tc filter show dev %s %s' tells whose filters have priority 1", ifname,
			     hook == DP_INGRESS ? "ingress" : "egress");
	}
	return r ? fail(r, "cannot attach a program to '%s'", ifname) : 0;
}

int dp_attach_wire(const struct dp *dp, int ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, o, .flags = XDP_FLAGS_DRV_MODE);
	autoclose int prog = dp_prog(dp, DP_PROG_FROM_WIRE);
	autoclose int link = -1;
	char path[PATH_MAX];

	if (prog < 0)
		return prog;
	if (dp_attached(dp, ifindex, DP_WIRE))
		return 0;
	unlink(dp_hook_path(dp, "link", ifindex, DP_WIRE, path));
	link = bpf_link_create(prog, ifindex, BPF_XDP, &o);
	return link < 0 || bpf_obj_pin(link, path) ? -errno : 0;
}

static int dp_detach_clsact(struct dp *dp, int ifindex, enum dp_hook hook)
{
	enum dp_hook other = hook == DP_INGRESS ? DP_EGRESS : DP_INGRESS;
	char path[PATH_MAX];
	int r = 0;

	if (access(dp_hook_path(dp, "tc", ifindex, hook, path), F_OK))
		return 0;
	r = clsact_detach(ifindex, hook == DP_EGRESS);
	if (r)
		return fail(r, "cannot take a program off interface %d", ifindex);
	if (unlink(path))
		return fail(-errno, "cannot remove '%s'", path);
	if (!access(dp_hook_path(dp, "tc", ifindex, other, path), F_OK) ||
	    access(dp_qdisc_path(dp, ifindex, path), F_OK))
		return 0;
	r = clsact_remove(ifindex);
	if (r)
		return fail(r, "cannot remove the clsact qdisc of interface %d", ifindex);
	unlink(path);
	return 0;
}

int dp_detach(struct dp *dp, int ifindex, enum dp_hook hook)
{
	char path[PATH_MAX];
	autoclose int link = bpf_obj_get(dp_hook_path(dp, "link", ifindex, hook, path));

	/* the kernel lets go of a link without a name when it finds the time; until then its program cannot be attached */
	if (link >= 0)
		bpf_link_detach(link);
	if (unlink(path) && errno != ENOENT)
		return fail(-errno, "cannot remove '%s'", path);
	return hook == DP_WIRE ? 0 : dp_detach_clsact(dp, ifindex, hook);
}

bool dp_clsact(const struct dp *dp)
{
	char path[PATH_MAX];

	return !access(dp_path(dp, "link-netns", path), F_OK);
}
