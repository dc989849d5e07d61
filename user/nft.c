/* SPDX-License-Identifier: GPL-2.0-only */
/* nftables: rules go in as text by nft, in one transaction; what stands is read by netlink. */
#include "nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "log.h"
#include "nl.h"

#define NFT_ERROR 512
#define NFT_NAME  64

/* As sudo and cron see it, whatever PATH is. */
static const char *nft_path(void)
{
	static const char *const paths[] = { "/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft", "/usr/bin/nft" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(paths); i++)
		if (!access(paths[i], X_OK))
			return paths[i];
	return NULL;
}

bool nft_there(void)
{
	return nft_path();
}

static int nft_become(const char *path, int script, int errors)
{
	char *const argv[] = { (char *)path, (char *)"-f", (char *)"-", NULL };
	char *const envp[] = { NULL };

	/* Ctrl-C is for us: we undo what we did, by nft again */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	if (dup2(script, STDIN_FILENO) < 0 || dup2(errors, STDERR_FILENO) < 0 || dup2(errors, STDOUT_FILENO) < 0)
		return 126;
	execve(path, argv, envp);
	return 127;
}

/* The first line of what nft said, without its "FILE:LINE:COLUMN: Error: ". */
static void nft_said(int fd, char ret[NFT_ERROR])
{
	ssize_t n = pread(fd, ret, NFT_ERROR - 1, 0);
	char *text;

	ret[n > 0 ? n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	text = strstr(ret, "Error: ");
	if (text)
		memmove(ret, text + 7, strlen(text + 7) + 1);
}

int nft_run(const char *script, size_t len)
{
	autoclose int in = memfd_create("rules", MFD_CLOEXEC), err = memfd_create("errors", MFD_CLOEXEC);
	const char *path = nft_path();
	char said[NFT_ERROR];
	int status;
	pid_t pid;

	if (!path) {
		hint("apt-get install nftables");
		return fail_feature("netfilter mode needs the program 'nft'");
	}
	if (in < 0 || err < 0 || write(in, script, len) != (ssize_t)len || lseek(in, 0, SEEK_SET))
		return fail(-errno, "cannot hand the rules to nft");
	pid = fork();
	if (pid < 0)
		return fail(-errno, "cannot start nft");
	if (!pid)
		_exit(nft_become(path, in, err));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	if (WIFSIGNALED(status))
		return fail(-EINTR, "nft was ended by a signal (%s)", strsignal(WTERMSIG(status)));
	nft_said(err, said);
	debug("%.*s", (int)len, script);
	return fail(-EIO, "nft refused the rules: %s", said[0] ? said : "it said nothing");
}

struct table {
	char *comment;
	size_t size;
	unsigned rules;
	const char *name;
	__u8 family;
};

/* User data is a list of records: type, length, bytes. Type 0 of a table is its comment. */
static void table_comment(const struct nlattr *a, struct table *t)
{
	const __u8 *at = mnl_attr_get_payload(a), *end = at + mnl_attr_get_payload_len(a);

	while (end - at >= 2 && end - at >= 2 + at[1]) {
		if (at[0] == 0)
			snprintf(t->comment, t->size, "%.*s", at[1], at + 2);
		at += 2 + at[1];
	}
}

static int table_read(const struct nlmsghdr *nlh, void *arg)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) == NFTA_TABLE_USERDATA)
			table_comment(a, arg);
	}
	return MNL_CB_OK;
}

/* A dump gives the rules of all tables where the kernel does not filter. */
static int rule_count(const struct nlmsghdr *nlh, void *arg)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	struct table *t = arg;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(*nfg)) {
		if (mnl_attr_get_type(a) == NFTA_RULE_TABLE && nfg->nfgen_family == t->family &&
		    streq(mnl_attr_get_str(a), t->name))
			t->rules++;
	}
	return MNL_CB_OK;
}

static void rule_restart(void *arg)
{
	((struct table *)arg)->rules = 0;
}

int nft_table(__u8 family, const char *table, char *ret_comment, size_t size, unsigned *ret_rules)
{
	struct table t = { .comment = ret_comment, .size = size, .name = table, .family = family };
	autonl struct nl *nl = NULL;
	int r = nl_open_to(NETLINK_NETFILTER, &nl);

	if (r)
		return r;
	ret_comment[0] = '\0';
	mnl_attr_put_strz(nl_nf_msg(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0, family), NFTA_TABLE_NAME,
			  table);
	r = nl_query(nl, table_read, NULL, &t);
	if (r)
		return r;
	mnl_attr_put_strz(nl_nf_msg(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP, family),
			  NFTA_RULE_TABLE, table);
	r = nl_query(nl, rule_count, rule_restart, &t);
	*ret_rules = t.rules;
	return r;
}

struct chains {
	const char *own;
	struct nft_chain *v;
	size_t n;
};

static const char *family_name(__u8 family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	}
	return NULL;
}

static bool chain_forwards(const struct nlattr *hook)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, hook) {
		if (mnl_attr_get_type(a) == NFTA_HOOK_HOOKNUM)
			return ntohl(mnl_attr_get_u32(a)) == NF_INET_FORWARD;
	}
	return false;
}

static int chain_read(const struct nlmsghdr *nlh, void *arg)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const char *family = family_name(nfg->nfgen_family);
	struct chains *all = arg;
	bool forwards = false, drops = false;
	struct nft_chain c = {}, *more;
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(*nfg)) {
		switch (mnl_attr_get_type(a)) {
		case NFTA_CHAIN_TABLE:
			snprintf(c.table, sizeof(c.table), "%s", mnl_attr_get_str(a));
			break;
		case NFTA_CHAIN_NAME:
			snprintf(c.name, sizeof(c.name), "%s", mnl_attr_get_str(a));
			break;
		case NFTA_CHAIN_HOOK:
			forwards = chain_forwards(a);
			break;
		case NFTA_CHAIN_POLICY:
			drops = ntohl(mnl_attr_get_u32(a)) == NF_DROP;
			break;
		}
	}
	if (!family || !forwards || !drops || streq(c.table, all->own))
		return MNL_CB_OK;
	snprintf(c.family, sizeof(c.family), "%s", family);
	more = realloc(all->v, (all->n + 1) * sizeof(*more));
	if (!more) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	all->v = more;
	all->v[all->n++] = c;
	return MNL_CB_OK;
}

static void chains_restart(void *arg)
{
	((struct chains *)arg)->n = 0;
}

int nft_forward_drops(const char *own, int (*cb)(const struct nft_chain *c, void *arg), void *arg)
{
	struct chains all = { .own = own };
	autonl struct nl *nl = NULL;
	int r = nl_open_to(NETLINK_NETFILTER, &nl);
	size_t i;

	if (r)
		return r;
	nl_nf_msg(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, NFPROTO_UNSPEC);
	r = nl_query(nl, chain_read, chains_restart, &all);
	for (i = 0; !r && i < all.n; i++)
		r = cb(&all.v[i], arg);
	free(all.v);
	return r;
}

struct counter {
	char name[NFT_NAME];
	__u64 packets, bytes;
};

struct counters {
	struct counter *v;
	size_t n, room;
};

static void counter_data(const struct nlattr *data, struct counter *c)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, data) {
		if (mnl_attr_get_type(a) == NFTA_COUNTER_PACKETS)
			c->packets = be64toh(mnl_attr_get_u64(a));
		else if (mnl_attr_get_type(a) == NFTA_COUNTER_BYTES)
			c->bytes = be64toh(mnl_attr_get_u64(a));
	}
}

static int counter_read(const struct nlmsghdr *nlh, void *arg)
{
	struct counters *all = arg;
	struct counter c = {};
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(a) == NFTA_OBJ_NAME)
			snprintf(c.name, sizeof(c.name), "%s", mnl_attr_get_str(a));
		else if (mnl_attr_get_type(a) == NFTA_OBJ_DATA)
			counter_data(a, &c);
	}
	if (all->n == all->room) {
		size_t room = 2 * all->room + 64;
		void *more = realloc(all->v, room * sizeof(*all->v));

		if (!more) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		all->v = more;
		all->room = room;
	}
	all->v[all->n++] = c;
	return MNL_CB_OK;
}

static void counters_restart(void *arg)
{
	((struct counters *)arg)->n = 0;
}

int nft_counters(__u8 family, const char *table, int (*cb)(const char *name, __u64 packets, __u64 bytes, void *arg),
		 void *arg)
{
	struct counters all = {};
	autonl struct nl *nl = NULL;
	struct nlmsghdr *nlh;
	int r = nl_open_to(NETLINK_NETFILTER, &nl);
	size_t i;

	if (r)
		return r;
	nlh = nl_nf_msg(nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETOBJ, NLM_F_DUMP, family);
	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, table);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
	r = nl_query(nl, counter_read, counters_restart, &all);
	for (i = 0; !r && i < all.n; i++)
		r = cb(all.v[i].name, all.v[i].packets, all.v[i].bytes, arg);
	free(all.v);
	return r;
}
