/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses: on interfaces, and as text; MACs as text. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <time.h>

#include "link.h"

struct held {
	int ifindex;
	__u32 flags; /* IFA_F_* */
	__u8 scope;  /* RT_SCOPE_* */
	struct addr a;
};

struct addrs {
	struct held *v;
	size_t n, room;
};

unsigned addr_size(__u8 family)
{
	return family == AF_INET ? 4 : 16;
}

bool addr_same_prefix(const struct addr *a, const struct addr *b, unsigned plen)
{
	__u8 rest = 0xff00 >> plen % 8;

	return !memcmp(a->bytes, b->bytes, plen / 8) && (!rest || !((a->bytes[plen / 8] ^ b->bytes[plen / 8]) & rest));
}

struct addr addr_link_local(const __u8 mac[6])
{
	return (struct addr){
		.family = AF_INET6,
		.plen = 64,
		.bytes = { 0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4],
			   mac[5] },
	};
}

static void put_addr(struct nlmsghdr *nlh, int ifindex, const struct addr *a)
{
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

	ifa->ifa_family = a->family;
	ifa->ifa_prefixlen = a->plen;
	ifa->ifa_index = (__u32)ifindex;
	ifa->ifa_scope = RT_SCOPE_UNIVERSE;
	if (a->family == AF_INET6) {
		ifa->ifa_flags = IFA_F_NODAD;
		if (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80)
			ifa->ifa_scope = RT_SCOPE_LINK;
	}
	mnl_attr_put(nlh, IFA_LOCAL, addr_size(a->family), a->bytes);
	mnl_attr_put(nlh, IFA_ADDRESS, addr_size(a->family), a->bytes);
}

static bool addr_ok(const struct addr *a)
{
	return (a->family == AF_INET && a->plen <= 32) || (a->family == AF_INET6 && a->plen <= 128);
}

static int is_same(int ifindex, const struct addr *a, void *arg)
{
	const struct addr *b = arg;

	(void)ifindex;
	return a->family == b->family && a->plen == b->plen && memcmp(a->bytes, b->bytes, addr_size(a->family)) == 0;
}

int addr_add(struct nl *nl, int ifindex, const struct addr *a)
{
	struct nlmsghdr *nlh;
	int r;

	if (!addr_ok(a))
		return -EINVAL;
	nlh = nl_msg(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
	put_addr(nlh, ifindex, a);
	if (a->family == AF_INET && a->plen < 31) {
		__be32 host = htonl(UINT32_MAX >> a->plen), bcast;

		memcpy(&bcast, a->bytes, sizeof(bcast));
		bcast |= host;
		mnl_attr_put(nlh, IFA_BROADCAST, sizeof(bcast), &bcast);
	}
	r = nl_send(nl, NULL);
	if (r != -EEXIST)
		return r;
	/* IPv6 says so too when the address is there with another prefix length. */
	r = addr_list(nl, ifindex, is_same, (void *)a);
	return r == 1 ? 0 : r ? r : -EEXIST;
}

struct asked {
	int ifindex;
	__u8 group[16];
	bool joined;
};

static int keep_joined(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	struct asked *q = arg;

	if (nlh->nlmsg_type != RTM_GETMULTICAST || (int)ifa->ifa_index != q->ifindex)
		return MNL_CB_OK;
	mnl_attr_for_each(a, nlh, sizeof(*ifa)) {
		if (mnl_attr_get_type(a) == IFA_MULTICAST && mnl_attr_get_payload_len(a) == sizeof(q->group) &&
		    !memcmp(mnl_attr_get_payload(a), q->group, sizeof(q->group)))
			q->joined = true;
	}
	return MNL_CB_OK;
}

int addr_heard(struct nl *nl, int ifindex, const struct addr *a)
{
	const struct timespec wait = { .tv_nsec = 500000 };
	struct asked q = { ifindex, { 0xff, 2, [11] = 1, 0xff, a->bytes[13], a->bytes[14], a->bytes[15] }, false };
	int tries, r = 0;

	for (tries = 0; !r && tries < 2000; tries++) {
		struct nlmsghdr *nlh = nl_msg(nl, RTM_GETMULTICAST, NLM_F_DUMP);
		struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifa));

		ifa->ifa_family = AF_INET6;
		ifa->ifa_index = (__u32)ifindex;
		r = nl_query(nl, keep_joined, NULL, &q);
		if (q.joined)
			break;
		nanosleep(&wait, NULL);
	}
	return r;
}

int addr_del(struct nl *nl, int ifindex, const struct addr *a)
{
	int r;

	if (!addr_ok(a))
		return -EINVAL;
	put_addr(nl_msg(nl, RTM_DELADDR, 0), ifindex, a);
	r = nl_send(nl, NULL);
	/* ENXIO: an interface without IPv6 */
	return r == -EADDRNOTAVAIL || r == -ENODEV || r == -ENXIO ? 0 : r;
}

static int keep_addr(const struct nlmsghdr *nlh, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a, *local = NULL;
	struct addrs *as = arg;
	struct held *h;
	__u32 flags = ifa->ifa_flags;

	if (nlh->nlmsg_type != RTM_NEWADDR || (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return MNL_CB_OK;
	/* With a peer address IFA_ADDRESS is the peer's; without one IPv6 has no IFA_LOCAL. */
	mnl_attr_for_each(a, nlh, sizeof(*ifa)) {
		if (mnl_attr_get_type(a) == IFA_LOCAL || (mnl_attr_get_type(a) == IFA_ADDRESS && !local))
			local = a;
		if (mnl_attr_get_type(a) == IFA_FLAGS && mnl_attr_get_payload_len(a) >= sizeof(flags))
			flags = mnl_attr_get_u32(a);
	}
	if (!local || mnl_attr_get_payload_len(local) != addr_size(ifa->ifa_family))
		return MNL_CB_OK;
	if (as->n == as->room) {
		size_t room = 2 * as->room + 1;

		h = realloc(as->v, room * sizeof(*h));
		if (!h) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		as->v = h;
		as->room = room;
	}
	h = &as->v[as->n++];
	*h = (struct held){
		.ifindex = (int)ifa->ifa_index,
		.flags = flags,
		.scope = ifa->ifa_scope,
		.a = { .family = ifa->ifa_family, .plen = ifa->ifa_prefixlen },
	};
	memcpy(h->a.bytes, mnl_attr_get_payload(local), addr_size(ifa->ifa_family));
	return MNL_CB_OK;
}

static void forget_addrs(void *arg)
{
	((struct addrs *)arg)->n = 0;
}

static int get_addrs(struct nl *nl, int ifindex, __u8 family, struct addrs *ret)
{
	struct ifaddrmsg *ifa = mnl_nlmsg_put_extra_header(nl_msg(nl, RTM_GETADDR, NLM_F_DUMP), sizeof(*ifa));

	ifa->ifa_family = family;
	ifa->ifa_index = (__u32)ifindex;
	return nl_query(nl, keep_addr, forget_addrs, ret);
}

int addr_list(struct nl *nl, int ifindex, int (*cb)(int ifindex, const struct addr *a, void *arg), void *arg)
{
	struct addrs as = {};
	int r = get_addrs(nl, ifindex, AF_UNSPEC, &as);

	for (size_t i = 0; i < as.n && !r; i++)
		r = cb(as.v[i].ifindex, &as.v[i].a, arg);
	free(as.v);
	return r;
}

int addr_global6(struct nl *nl, int ifindex, struct addr *ret)
{
	struct addrs as = {};
	const struct held *best = NULL;
	int r = get_addrs(nl, ifindex, AF_INET6, &as);

	for (size_t i = 0; i < as.n && !r; i++) {
		const struct held *h = &as.v[i];

		if (h->ifindex != ifindex || h->scope != RT_SCOPE_UNIVERSE ||
		    h->flags & (IFA_F_TEMPORARY | IFA_F_DEPRECATED | IFA_F_TENTATIVE | IFA_F_DADFAILED))
			continue;
		/* the kernel lists the youngest first */
		if (!best || (best->a.bytes[0] & 0xfe) == 0xfc || (h->a.bytes[0] & 0xfe) != 0xfc)
			best = h;
	}
	if (!r && !best)
		r = -ENOENT;
	if (!r) {
		*ret = best->a;
		ret->plen = 128;
	}
	free(as.v);
	return r;
}

/* A decimal number without sign, space or leading zero. */
static int parse_plen(const char *text, int max)
{
	int v = 0;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		v = 10 * v + (*text - '0');
		if (v > max)
			return -EINVAL;
	}
	return v;
}

int addr_parse(const char *text, struct addr *ret)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	char buf[INET6_ADDRSTRLEN];
	struct addr a = {};
	int plen;

	if (n >= sizeof(buf))
		return -EINVAL;
	memcpy(buf, text, n);
	buf[n] = '\0';
	a.family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(a.family, buf, a.bytes) != 1)
		return -EINVAL;
	plen = 8 * (int)addr_size(a.family);
	if (slash)
		plen = parse_plen(slash + 1, plen);
	if (plen < 0)
		return plen;
	a.plen = (__u8)plen;
	*ret = a;
	return 0;
}

const char *addr_format(const struct addr *a, bool with_plen, char buf[ADDR_STRLEN])
{
	size_t n;

	if (!inet_ntop(a->family, a->bytes, buf, ADDR_STRLEN))
		strcpy(buf, "none");
	n = strlen(buf);
	if (with_plen)
		snprintf(buf + n, ADDR_STRLEN - n, "/%u", a->plen);
	return buf;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int mac_parse(const char *text, __u8 ret[6])
{
	static const __u8 zero[6];
	__u8 mac[6];

	if (strlen(text) != MAC_STRLEN - 1)
		return -EINVAL;
	for (int i = 0; i < 6; i++) {
		int hi = hex_digit(text[3 * i]), lo = hex_digit(text[3 * i + 1]);

		if (hi < 0 || lo < 0 || (i < 5 && text[3 * i + 2] != ':'))
			return -EINVAL;
		mac[i] = (__u8)(hi << 4 | lo);
	}
	if (mac[0] & 1 || memcmp(mac, zero, sizeof(mac)) == 0)
		return -EINVAL;
	memcpy(ret, mac, sizeof(mac));
	return 0;
}

const char *mac_format(const __u8 mac[6], char buf[MAC_STRLEN])
{
	snprintf(buf, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return buf;
}
