/* SPDX-License-Identifier: GPL-2.0-only */
/* The two data paths behind one table of functions. All print on failure unless they say otherwise. */
#pragma once

#include "flow.h"
#include "host.h"
#include "net.h"

struct mode_flow {
	__u8 proto; /* IPPROTO_* */
	enum flow_state state;
	struct addr inner, ext, peer;
	__u16 inner_port, ext_port, peer_port;              /* host order; ICMP: the identifier, and 0 for the peer's */
	const char *net;                                    /* NULL: a flow of the host itself */
	const char *port;                                   /* FLOW_HOST for such a flow; NULL: gone or not known */
	__u64 left;                                         /* seconds until it ends without another packet */
	bool inbound;                                       /* begun by the peer */
	bool translated;                                    /* its external end is another one than the inner end */
	bool overloaded;                                    /* shares its external port with flows to other peers */
	bool hairpin;                                       /* its peer is behind an external end of this host too */
	__u64 out_packets, out_bytes, in_packets, in_bytes; /* out: from the inner end */
	__u8 mac[6];                                        /* for flow_put without a port: the inner end's, or zero */
};

struct mode_mac {
	const char *net, *port; /* port: the network's own name for the gateway */
	__u8 mac[6];
	__u16 vlan;   /* 0: the network has none, or any */
	int ifindex;  /* the port's on the host */
	bool fixed;   /* static: does not age */
	bool user;    /* and set by the user, not with its port */
	bool gateway; /* the gateway's own */
	__u64 idle;   /* seconds since its last frame; 0 for static ones */
};

struct mode_usage {
	__u64 flows, flows_max; /* flows_max 0: there is no table yet */
	bool own;         /* the table is made for the host's networks; else it is the kernel's, and not theirs alone */
	__u64 overloaded; /* flows so far that had to share an external port */
	__u64 reclaimed;  /* closed flows so far that ended early, to make room */
};

/* External ports in use of one SNAT address, by whichever network. */
struct mode_external {
	struct addr addr;
	__u64 used[NSF_LEDGER_MAX];
};

struct mode {
	const char *name;
	/* Refuses where it cannot work at all, before anything changes; what else is missing, net_add says. NULL: none. */
	int (*probe)(void);

	/* What is. read: -ENOENT without a message if there is no such network in this mode. A network whose making was cut
	 * short is not there; one that lost its gateway has ifindex 0, a port that lost its interface likewise. */
	int (*read)(struct host *h, const char *name, struct network *ret);
	/* Calls cb with each network's name; a non-zero return ends the walk and is returned. */
	int (*list)(struct host *h, int (*cb)(const char *name, void *arg), void *arg);

	/* What should be: a network whose fields are all chosen. Undone by net_del and port_del, which are happy with what is
	 * half made and with what is not there. */
	int (*net_add)(struct host *h, struct network *n);
	/* Makes uplink, SNAT, MTU, limits and timeouts what they are in n, and mends what was lost. Ports are not touched. */
	int (*net_change)(struct host *h, struct network *n);
	int (*net_del)(struct host *h, const char *name);
	/* Removes what runs that were killed have left. */
	int (*repair)(struct host *h);
	/* Ports of n are to be added, those that are not there: does once what need not be done for each. NULL: nothing. */
	int (*ports_begin)(struct host *h, const struct network *n);
	int (*port_add)(struct host *h, struct network *n, struct port *p);
	/* Makes the IPv6 address of a port that is there what it is in p. */
	int (*port_six)(struct host *h, const struct network *n, const struct port *p);
	int (*port_del)(struct host *h, const char *net, const char *name);
	/* Makes limits, policy and MTU of a port that is there what they are in n and p. */
	int (*port_change)(struct host *h, const struct network *n, const struct port *p);

	/* Makes the network's publishes those of n, all at once; flows of what is no more end. */
	int (*publish_set)(struct host *h, const struct network *n, bool *ret_changed);

	/*
	 * A network goes over from one mode to another, see handover.h; each of these may be done again. Its ports' interfaces
	 * stay where they are. They print.
	 */
	/* Clears the way for the other mode's gateway, while it still carries the packets; NULL: nothing to do. */
	int (*aside)(struct host *h, const struct network *n);
	/* Makes everything that this mode needs, while the other one still carries the packets. */
	int (*take)(struct host *h, struct network *n);
	/* Takes the packets from below the other mode (on), or leaves them to it; carry takes flows along that began meanwhile,
	 * and is called where they would be missed. NULL: this mode has what nobody takes before it. */
	int (*swap)(struct host *h, const struct network *n, bool on, int (*carry)(void *arg), void *arg);
	/* Removes everything of this mode. */
	int (*leave)(struct host *h, const struct network *n);
	/* The end: the other mode has left. */
	int (*settle)(struct host *h, struct network *n);
	/* Enters a flow; of one between two containers far is the receiver's, else NULL. -EEXIST if it is there, another error if
	 * it cannot be; prints nothing. */
	int (*flow_put)(struct host *h, const struct mode_flow *f, const struct mode_flow *far);
	/*
	 * Adopted ports are to come whose containers have connections already, by the kernel's connection tracking: those that
	 * the network would translate alike become its flows, before any packet comes by the ports. Returns how many. When all
	 * else is done, import_end takes them from the kernel. What fails is warned of. NULL: the tracking is this mode's own.
	 */
	__u64 (*import)(struct host *h, const struct network *n);
	void (*import_end)(struct host *h, const struct network *n);

	/* State for users; net NULL: of all networks. A non-zero return of cb ends the walk and is returned. */
	int (*flows)(struct host *h, const struct flow_filter *f, int (*cb)(const struct mode_flow *f, void *arg),
		     void *arg);
	/* Ends what the filter means, at once; what begins meanwhile may stay. *ret: how many ended, also on failure. */
	int (*flows_end)(struct host *h, const struct flow_filter *f, __u64 *ret);
	int (*fdb)(struct host *h, const char *net, int (*cb)(const struct mode_mac *m, void *arg), void *arg);
	/* A static entry for a port that learns. */
	int (*fdb_add)(struct host *h, const struct network *n, const struct port *p, const __u8 mac[6]);
	/* Removes an entry; prints nothing if it is not there (-ENOENT) or its port's own (-EPERM). */
	int (*fdb_del)(struct host *h, const struct network *n, const __u8 mac[6]);
	/* Forgets what was learned of a port, or with p NULL of all. *ret: how many. */
	int (*fdb_flush)(struct host *h, const struct network *n, const struct port *p, __u64 *ret);
	/* net "" for packets whose network was not known. */
	int (*drops)(struct host *h, const char *net,
		     int (*cb)(const char *net, const char *reason, const char *text, __u64 packets, void *arg),
		     void *arg);
	/* The rules that stand, in the order of their addresses and ports. */
	int (*publishes)(struct host *h, const char *net,
			 int (*cb)(const char *net, const struct publish *p, void *arg), void *arg);
	int (*usage)(struct host *h, struct mode_usage *ret);
	/* Calls cb for each SNAT address of a network. */
	int (*externals)(struct host *h, const char *net, int (*cb)(const struct mode_external *e, void *arg),
			 void *arg);
};

extern const struct mode mode_bpf, mode_netfilter;

/* The mode that a network is in, or NULL if there is no such network; prints nothing. */
const struct mode *mode_of(struct host *h, const char *net);
/* The mode for a new network: what was asked for; auto means bpf. NULL with a message. */
const struct mode *mode_choose(enum net_mode wanted);
/* Removes what killed runs left of a network that is in no mode: half made, or half removed. */
int mode_forget(struct host *h, const char *net);
/* All networks, of all modes; a non-zero return of cb ends the walk and is returned. */
int mode_list(struct host *h, int (*cb)(const char *name, void *arg), void *arg);
/* The publishes of all networks, likewise. */
int mode_publishes(struct host *h, int (*cb)(const char *net, const struct publish *p, void *arg), void *arg);
/* The same as in the table: of one network, by its mode, or with net NULL of all networks of all modes. */
int mode_flows(struct host *h, const struct flow_filter *f, int (*cb)(const struct mode_flow *f, void *arg), void *arg);
int mode_flows_end(struct host *h, const struct flow_filter *f, __u64 *ret);
int mode_fdb(struct host *h, const char *net, int (*cb)(const struct mode_mac *m, void *arg), void *arg);
int mode_drops(struct host *h, const char *net,
	       int (*cb)(const char *net, const char *reason, const char *text, __u64 packets, void *arg), void *arg);
/* The mode of that word, NULL for auto. */
const struct mode *mode_named(enum net_mode which);
/* Removes what killed runs of any mode have left, and ends the changes of mode that they began. The lock is held. */
int mode_repair(struct host *h);
