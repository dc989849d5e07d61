/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet on its way through the stages, the verdicts, and the one way to drop. */
#pragma once

#include "ctx.h"

/* Of plain packets, behind Ethernet: IPv4 without options. TCP and UDP have their ports at the same place. */
struct headers {
	struct iphdr ip;
	union {
		struct udphdr udp;
		struct tcphdr tcp;
	};
};

/* What a stage says. It knows no hook; what goes with it is in struct pkt. */
enum verdict {
	NEXT,    /* no opinion: the next stage decides */
	PASS,    /* not ours: on to the kernel's stack and to other programs, untouched */
	DROP,    /* p->reason */
	SEND,    /* out of p->out, by its driver */
	NEIGH,   /* out of p->out, the kernel finds the neighbour p->hop */
	HAND,    /* into the namespace at the other end of p->out */
	HOST,    /* up to the host's stack through the gateway */
	FLOOD,   /* to all ports of the network and the host, but not back */
	REPLY,   /* back where it came from; p->reason counts if it is set */
	ON,      /* on where it was going, changed */
	DETOUR,  /* through the defragmenter, whose leg is p->out */
	UP,      /* from there to the host's stack, as if it had just come in through the uplink p->out */
	OPEN,    /* of no flow: on to the program that makes one from inside */
	ENTER,   /* on to the program that makes one from outside */
	HAIRPIN, /* on to the program that makes one from another container, by way of a flow of its own */
	SLOW,    /* not for the fast path: on to the one that looks at everything */
};

/* How the packet's bytes are changed before it leaves. */
enum edit {
	EDIT_NONE,
	EDIT_ARP,   /* into the ARP reply of who has the MAC p->out_smac */
	EDIT_ND,    /* into its neighbour advertisement */
	EDIT_VLAN,  /* the tag alone, to what it is at p->out_slot */
	EDIT_MACS,  /* MACs alone */
	EDIT_TTL,   /* TTL or hop limit alone, and MACs if known */
	EDIT_NAT,   /* what p->nat says, TTL, and MACs if known */
	EDIT_QUOTE, /* ICMP error: what p->nat says, in the quoted packet too; TTL, and MACs if known */
	EDIT_ICMP,  /* into an ICMP error about itself */
};

/* Ends that are translated: bits of pkt.nat. */
enum nat_end {
	NAT_SRC = 1,
	NAT_DST = 2,
};

/* One end as it shall be. IPv6: addr is the handle, the address stands in the record nsf_flows[six], see six_end(). */
struct end {
	__be32 addr;
	__be16 port;
	__u8 inner; /* which one of the record: the inner address, or the external one */
	__u8 pad;
	__u32 six; /* 0: none */
};

enum frag { FRAG_NONE, FRAG_FIRST, FRAG_LATER };

/*
 * What is known of the packet in plain numbers. A function that gets these alone and is not static is verified once, by
 * itself, with any numbers; and for its caller, any numbers may stand here afterwards: all ways through it are one way
 * again. Of a static one the verifier walks on from each way, and that of Linux 6.1 keeps them apart by every number that
 * it knows, needed or not, for at calls it loses track of which are.
 */
struct facts {
	__u32 net_id;
	__u32 slot; /* of the attachment it came from; 0 on the uplink until a flow tells */
	__u32 len;  /* of the frame as it came */

	/* parse */
	__u8 dmac[6] __attribute__((aligned(2))), smac[6]; /* mac_copy() goes by halfwords */
	__be16 ethertype;
	__u8 tagged;         /* a VLAN tag in the metadata or in the frame */
	__u8 bad;            /* enum nsf_drop: what is wrong with the headers above Ethernet, for those who need them */
	__be32 saddr, daddr; /* IPv6: handles, see nsfast/addr.h */
	__u16 l4;            /* offset of the transport header */
	__u8 proto, ttl, tos;
	__u8 frag; /* enum frag */
	__u8 hops; /* what the TTL goes down by: 1, or 0 if the defragmenter has done it */
	__be32 id; /* fragments: identification, or the one to get with translation; IPv4: in the lower half */
	__be16 sport, dport; /* ICMP queries: as in struct nsf_flow_key */
	__u8 tcp;            /* flag byte; SCTP: chunks as flags */
	__u8 icmp_type, icmp_code;
	__u8 df;    /* nobody on the way may cut it into fragments; IPv6: always */
	__u32 wire; /* bytes from the IP header on, of the longest packet this one becomes on a wire */

	/* the plan */
	__u32 flow_slot; /* in nsf_flows */
	__u32 out;       /* ifindex */
	__u32 out_slot;  /* attachment it leaves by, for counting; 0 for none */
	__u8 hop_family; /* NEIGH: 4, 6, or 0 if the kernel must find the next hop itself */
	__u16 via;       /* the detour's tc_index, see nsfast/frag.h */
	__be32 hop[4];   /* its address; IPv4 in the first */
	__u32 mtu;       /* of the way out; EDIT_ICMP: the MTU told to the sender */
	__u8 macs;       /* out_dmac and out_smac are known */
	__u16 routes;    /* hop_routes() before route() was asked */
	__u16 hop_row;   /* in nsf_hops, if route_known() told the way; else 0 */
	__u32 hop_way;   /* that row's */
	__u8 edit;       /* enum edit */
	__u8 reason;     /* enum nsf_drop */
	__u8 nat;        /* enum nat_end */
	__u8 back;       /* it came back from the detour */
	__u8 frag_row;   /* in nsf_frags, for fragments that did */
	__u8 made;       /* the flow is this packet's own doing */
	__u8 out_dmac[6] __attribute__((aligned(2))), out_smac[6];
	struct end src,
		dst; /* NAT_SRC, NAT_DST; in a quoted packet, which went the other way, src is its destination */
	__u8 error_type, error_code; /* EDIT_ICMP */
	__be32 error_src;
	__u8 quote_proto; /* EDIT_QUOTE: protocol of the quoted packet */
	__u16 quote_l4;   /* EDIT_QUOTE: offset of the quoted transport header */
	__u16 quote_len;  /* EDIT_QUOTE: bytes of it that are there */
};

struct pkt {
	union {
		struct __sk_buff *ctx;
		struct xdp_md *xdp; /* if frame is set */
	};
	/* of the program; a whole word is what the verifier knows at every test of it */
	__u64 family; /* 4 or 6 */
	__u64 frame;  /* at XDP */

	/* not among the facts: the verifier would lose them */
	const struct nsf_port *port; /* where it came from; NULL: from outside */
	const struct nsf_net *net;
	struct nsf_flow *flow;
	union {
		struct facts;
		struct facts facts;
	};
};

/* Goes on only if a stage has no opinion; the only control macro. */
#define TRY(stage) \
	do { \
		enum verdict try_ = (stage); \
		if (try_ != NEXT) \
			return try_; \
	} while (0)

static __always_inline enum verdict drop(struct pkt *p, enum nsf_drop reason)
{
	p->reason = reason;
	return DROP;
}

/* Copies by halfwords: addresses in packets and maps are aligned to no more. */
static __always_inline void mac_copy(void *to, const void *from)
{
	__u16 *t = to;
	const __u16 *f = from;

	t[0] = f[0];
	t[1] = f[1];
	t[2] = f[2];
}

static __always_inline bool mac_equal(const void *a, const void *b)
{
	const __u16 *x = a, *y = b;

	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]));
}

static __always_inline bool mac_zero(const void *a)
{
	const __u16 *x = a;

	return !(x[0] | x[1] | x[2]);
}

/* IPv6 addresses; aligned to four bytes where they stand. */
static __always_inline void addr6_copy(__u32 *to, const __u32 *from)
{
	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	to[3] = from[3];
}

/* 0 if they are equal: for comparing more with them at once, which is one branch to the verifier. */
static __always_inline __u32 addr6_differ(const void *a, const void *b)
{
	const __u32 *x = a, *y = b;

	return (x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]);
}

static __always_inline bool addr6_equal(const void *a, const void *b)
{
	return !addr6_differ(a, b);
}

/* The protocol of a family's control messages. */
static __always_inline __u8 icmp_proto(__u32 family)
{
	return family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
}
