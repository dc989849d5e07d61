/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets as fields, as bytes and back; every checksum is computed from scratch, by code that the data path has no part in. */
#pragma once

#define WIRE_MAX  1600
#define WIRE_DATA 300

/* An end in host order; IPv4 addresses stand in the first four bytes. ICMP queries: the identifier stands at the asking end. */
struct wire_end {
	__u8 addr[16];
	__u16 port;
};

struct wire {
	struct wire_end src, dst;
	__u8 dmac[6], smac[6];
	__u8 family, proto, ttl, tcp, type, code; /* family: 4 or 6 */
	__u16 n_data, options;                    /* options: bytes of IPv4 options */
	__u16 frag;                               /* IPv4: as the field */
	__u16 id;
	bool no_sum; /* UDP */
	__u8 data[WIRE_DATA];
};

struct bytes {
	__u32 len;
	__u8 b[WIRE_MAX];
};

static __u32 wire_get16(const __u8 *at)
{
	return at[0] << 8 | at[1];
}

static void wire_put16(__u8 *at, __u32 v)
{
	at[0] = (__u8)(v >> 8);
	at[1] = (__u8)v;
}

static __u32 wire_words(__u32 sum, const __u8 *b, __u32 n)
{
	for (__u32 i = 0; i < n; i++)
		sum += i & 1 ? b[i] : b[i] << 8;
	return sum;
}

static __u16 wire_fold(__u32 sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (__u16)sum;
}

/* Where things are in bytes that hold an IP packet; false if they hold none that is whole. */
struct wire_at {
	__u8 family, proto, alen;
	bool later;                    /* a fragment without transport header */
	__u32 src, dst, ttl, l4, end;  /* offsets */
	__u32 sum, sport, dport, echo; /* offsets, 0: none; echo: of an identifier */
};

/* What is in the transport header; `room` bytes of it are there. */
static void wire_find_l4(const __u8 *b, struct wire_at *w, __u32 room)
{
	__u8 type;

	switch (w->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
		if (room < 4)
			return;
		w->sport = w->l4;
		w->dport = w->l4 + 2;
		w->sum = w->l4 + (w->proto == IPPROTO_TCP ? 16 : w->proto == IPPROTO_SCTP ? 8 : 6);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (w->proto != (w->family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP) || room < 8)
			return;
		type = b[w->l4];
		w->sum = w->l4 + 2;
		if (w->family == 6 ? type == 128 || type == 129 : type == 8 || type == 0)
			w->echo = w->l4 + 4;
		break;
	}
	if (w->sum && w->sum + (w->proto == IPPROTO_SCTP ? 4 : 2) > w->l4 + room)
		w->sum = 0;
}

/* The packet that begins at `at`, of which n bytes are there: less than it has, if cut. */
static bool wire_find(const __u8 *b, __u32 at, __u32 n, bool cut, struct wire_at *w)
{
	*w = (struct wire_at){ .family = n ? b[at] >> 4 : 0 };
	if (w->family == 4 && n >= 20) {
		__u32 head = (b[at] & 15) * 4, total = wire_get16(b + at + 2);

		if (head < 20 || head > n || total < head || (total > n && !cut))
			return false;
		w->proto = b[at + 9];
		w->alen = 4;
		w->src = at + 12;
		w->dst = at + 16;
		w->ttl = at + 8;
		w->l4 = at + head;
		w->later = wire_get16(b + at + 6) & 0x1fff;
		w->end = at + (total < n ? total : n);
	} else if (w->family == 6 && n >= 40) {
		__u32 total = 40 + wire_get16(b + at + 4);

		if (total > n && !cut)
			return false;
		w->proto = b[at + 6];
		w->alen = 16;
		w->src = at + 8;
		w->dst = at + 24;
		w->ttl = at + 7;
		w->l4 = at + 40;
		w->end = at + (total < n ? total : n);
	} else {
		return false;
	}
	if (!w->later)
		wire_find_l4(b, w, w->end - w->l4);
	return true;
}

/* RFC 9260 appendix A: bit by bit. */
static __u32 wire_crc(const __u8 *b, __u32 n)
{
	__u32 crc = ~0u;

	for (__u32 i = 0; i < n; i++) {
		crc ^= b[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static __u32 wire_pseudo(const __u8 *b, const struct wire_at *w)
{
	__u32 sum = wire_words(w->proto, b + w->src, 2 * w->alen);

	return wire_fold(sum + w->end - w->l4);
}

static void wire_head_sum(__u8 *b, __u32 at)
{
	wire_put16(b + at + 10, 0);
	wire_put16(b + at + 10, (__u16)~wire_fold(wire_words(0, b + at, (b[at] & 15) * 4)));
}

static void wire_sctp_sum(__u8 *b, const struct wire_at *w)
{
	__u32 crc;

	memset(b + w->sum, 0, 4);
	crc = wire_crc(b + w->l4, w->end - w->l4);
	memcpy(b + w->sum, &crc, sizeof(crc)); /* least significant byte first */
}

/* The sums of a whole packet as they shall be; a UDP packet without stays so. */
static void wire_sums(__u8 *b, __u32 at, const struct wire_at *w)
{
	__u32 sum;

	if (w->family == 4)
		wire_head_sum(b, at);
	if (!w->sum || w->later || (w->family == 4 && wire_get16(b + at + 6) & 0x3fff))
		return;
	if (w->proto == IPPROTO_SCTP) {
		wire_sctp_sum(b, w);
		return;
	}
	if (w->proto == IPPROTO_UDP && w->family == 4 && !wire_get16(b + w->sum))
		return;
	wire_put16(b + w->sum, 0);
	sum = w->proto == IPPROTO_ICMP ? 0 : wire_pseudo(b, w);
	sum = (__u16)~wire_fold(wire_words(sum, b + w->l4, w->end - w->l4));
	if (!sum && (w->proto == IPPROTO_UDP || w->proto == IPPROTO_UDPLITE))
		sum = 0xffff;
	wire_put16(b + w->sum, sum);
}

/* True if the transport sum of a whole packet is right. */
static bool wire_right(const struct bytes *f)
{
	static struct bytes own;
	struct wire_at w;

	if (!wire_find(f->b, ETH_HLEN, f->len - ETH_HLEN, false, &w))
		return false;
	own = *f;
	wire_sums(own.b, ETH_HLEN, &w);
	if (w.sum && w.proto != IPPROTO_SCTP && wire_get16(own.b + w.sum) % 0xffff == wire_get16(f->b + w.sum) % 0xffff)
		memcpy(own.b + w.sum, f->b + w.sum, 2); /* 0 and 0xffff are one */
	return !memcmp(own.b, f->b, f->len);
}

static __u32 wire_l4(__u8 *at, const struct wire *k)
{
	__u32 head = 0;

	switch (k->proto) {
	case IPPROTO_TCP:
		memset(at, 0, 20);
		at[7] = 1;
		at[12] = 0x50;
		at[13] = k->tcp;
		head = 20;
		break;
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
		wire_put16(at + 4, 8 + k->n_data);
		wire_put16(at + 6, k->no_sum ? 0 : 1);
		head = 8;
		break;
	case IPPROTO_SCTP:
		memset(at, 0, 16);
		at[12] = k->type;
		wire_put16(at + 14, 4);
		head = 16;
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		memset(at, 0, 8);
		at[0] = k->type;
		at[1] = k->code;
		wire_put16(at + 4, k->src.port ? k->src.port : k->dst.port);
		head = 8;
		break;
	}
	if (k->proto != IPPROTO_ICMP && k->proto != IPPROTO_ICMPV6 && head) {
		wire_put16(at, k->src.port);
		wire_put16(at + 2, k->dst.port);
	}
	memcpy(at + head, k->data, k->n_data);
	return head + k->n_data;
}

static struct bytes wire_make(const struct wire *k)
{
	struct bytes f = {};
	__u8 *ip = f.b + ETH_HLEN;
	__u32 head = k->family == 6 ? 40 : 20 + k->options, n;
	struct wire_at w;

	memcpy(f.b, k->dmac, 6);
	memcpy(f.b + 6, k->smac, 6);
	wire_put16(f.b + 12, k->family == 6 ? ETH_P_IPV6 : ETH_P_IP);
	n = wire_l4(ip + head, k);
	if (k->family == 6) {
		ip[0] = 0x60;
		wire_put16(ip + 4, n);
		ip[6] = k->proto;
		ip[7] = k->ttl;
		memcpy(ip + 8, k->src.addr, 16);
		memcpy(ip + 24, k->dst.addr, 16);
	} else {
		ip[0] = (__u8)(0x40 | head / 4);
		wire_put16(ip + 2, head + n);
		wire_put16(ip + 4, k->id);
		wire_put16(ip + 6, k->frag);
		ip[8] = k->ttl;
		ip[9] = k->proto;
		memcpy(ip + 12, k->src.addr, 4);
		memcpy(ip + 16, k->dst.addr, 4);
		memset(ip + 20, 1, k->options); /* no operation */
	}
	f.len = ETH_HLEN + head + n;
	wire_find(f.b, ETH_HLEN, f.len - ETH_HLEN, false, &w);
	wire_sums(f.b, ETH_HLEN, &w);
	return f;
}
