/* SPDX-License-Identifier: GPL-2.0-only */
/* The gateway tells those behind an adopted interface where it is: an ARP announcement (RFC 5227, section 3) and an
 * unsolicited neighbour advertisement (RFC 4861, section 7.2.6). */
#include "announce.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/if_ether.h>
#include <netinet/ip6.h>
#include <sys/socket.h>

struct announce4 {
	struct ether_header eth;
	struct ether_arp arp;
};
_Static_assert(sizeof(struct announce4) == 42, "announce4");

struct announce6 {
	struct ether_header eth;
	struct ip6_hdr ip;
	struct nd_neighbor_advert na;
	struct nd_opt_hdr opt;
	__u8 mac[6];
} __attribute__((packed));
_Static_assert(sizeof(struct announce6) == 86, "announce6");

static void send_frame(int ifindex, const void *frame, size_t len)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = ifindex };
	autoclose int s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (s >= 0)
		(void)sendto(s, frame, len, 0, (const struct sockaddr *)&to, sizeof(to));
}

static void send4(int ifindex, const struct addr *gateway, const __u8 mac[6])
{
	struct announce4 f = {
		.eth = { .ether_dhost = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, .ether_type = htons(ETHERTYPE_ARP) },
		.arp = { .ea_hdr = { .ar_hrd = htons(ARPHRD_ETHER),
				     .ar_pro = htons(ETHERTYPE_IP),
				     .ar_hln = ETH_ALEN,
				     .ar_pln = 4,
				     .ar_op = htons(ARPOP_REQUEST) } },
	};

	memcpy(f.eth.ether_shost, mac, 6);
	memcpy(f.arp.arp_sha, mac, 6);
	memcpy(f.arp.arp_spa, gateway->bytes, 4);
	memcpy(f.arp.arp_tpa, gateway->bytes, 4);
	send_frame(ifindex, &f, sizeof(f));
}

/* Over the addresses, length and next header, and what follows the header (RFC 8200, section 8.1). */
static __u16 sum6(const struct announce6 *f)
{
	const __u8 *at = (const __u8 *)&f->ip.ip6_src, *end = (const __u8 *)(f + 1);
	__u32 sum = ntohs(f->ip.ip6_plen) + IPPROTO_ICMPV6;

	for (; at < end; at += 2)
		sum += at[0] << 8 | at[1];
	sum = (sum & 0xffff) + (sum >> 16);
	return htons(~(sum + (sum >> 16)) & 0xffff);
}

static void send6(int ifindex, const struct addr *gateway, const __u8 mac[6])
{
	struct announce6 f = {
		.eth = { .ether_dhost = { 0x33, 0x33, 0, 0, 0, 1 }, .ether_type = htons(ETHERTYPE_IPV6) },
		.na.nd_na_type = ND_NEIGHBOR_ADVERT,
		.na.nd_na_flags_reserved = ND_NA_FLAG_ROUTER | ND_NA_FLAG_OVERRIDE,
		.opt = { .nd_opt_type = ND_OPT_TARGET_LINKADDR, .nd_opt_len = 1 },
	};

	f.ip.ip6_vfc = 6 << 4;
	f.ip.ip6_plen = htons(sizeof(f.na) + sizeof(f.opt) + sizeof(f.mac));
	f.ip.ip6_nxt = IPPROTO_ICMPV6;
	f.ip.ip6_hlim = 255;
	f.ip.ip6_dst = (struct in6_addr){ .s6_addr = { 0xff, 2, [15] = 1 } };
	memcpy(&f.ip.ip6_src, gateway->bytes, 16);
	memcpy(&f.na.nd_na_target, gateway->bytes, 16);
	memcpy(f.eth.ether_shost, mac, 6);
	memcpy(f.mac, mac, 6);
	f.na.nd_na_cksum = sum6(&f);
	send_frame(ifindex, &f, sizeof(f));
}

void announce(struct host *h, const struct network *n, int ifindex)
{
	struct link gateway, port;

	/* being asked for the port is what makes the kernel use a carrier that has just come up, see link_ready() */
	if (link_get(h->nl, n->name, 0, &gateway) || link_get(h->nl, NULL, ifindex, &port))
		return;
	send4(port.ifindex, &n->gateway, gateway.mac);
	if (n->gateway6.family)
		send6(port.ifindex, &n->gateway6, gateway.mac);
}
