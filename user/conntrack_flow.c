/* SPDX-License-Identifier: GPL-2.0-only */
/* A connection that the kernel tracks, as a flow of a network's. */
#include "conntrack_flow.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_sctp.h>
#include <linux/netfilter/nf_conntrack_tcp.h>

bool conntrack_within(const struct addr *a, const struct addr *net)
{
	return net->family && a->family == net->family && addr_same_prefix(a, net, net->plen);
}

const char *conntrack_port(const struct network *n, const struct addr *a)
{
	size_t i;

	for (i = 0; i < n->n_ports; i++) {
		const struct addr *p = a->family == AF_INET6 ? &n->ports[i].addr6 : &n->ports[i].addr;

		if (p->family && !memcmp(p->bytes, a->bytes, addr_size(a->family)))
			return n->ports[i].name;
	}
	return NULL;
}

static enum flow_state state_of(const struct conntrack *c)
{
	if (c->orig.proto == IPPROTO_TCP) {
		switch (c->tcp_state) {
		case TCP_CONNTRACK_ESTABLISHED:
			return FLOW_ESTABLISHED;
		case TCP_CONNTRACK_FIN_WAIT:
		case TCP_CONNTRACK_CLOSE_WAIT:
			return FLOW_HALF_CLOSED;
		case TCP_CONNTRACK_LAST_ACK:
		case TCP_CONNTRACK_TIME_WAIT:
			return FLOW_CLOSED;
		case TCP_CONNTRACK_CLOSE:
			return FLOW_RESET;
		}
		return FLOW_OPENING;
	}
	if (c->orig.proto == IPPROTO_SCTP) {
		switch (c->tcp_state) {
		case SCTP_CONNTRACK_ESTABLISHED:
			return FLOW_ESTABLISHED;
		case SCTP_CONNTRACK_SHUTDOWN_SENT:
		case SCTP_CONNTRACK_SHUTDOWN_RECD:
			return FLOW_HALF_CLOSED;
		case SCTP_CONNTRACK_SHUTDOWN_ACK_SENT:
			return FLOW_CLOSED;
		}
		return FLOW_OPENING;
	}
	return FLOW_ACTIVE;
}

bool conntrack_icmp(__u8 proto)
{
	return proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6;
}

void conntrack_flow(const struct network *n, const struct conntrack *c, bool in, struct mode_flow *ret)
{
	*ret = (struct mode_flow){
		.proto = c->orig.proto,
		.state = state_of(c),
		.inner = in ? c->reply.src : c->orig.src,
		.ext = in ? c->orig.dst : c->reply.dst,
		.peer = in ? c->orig.src : c->orig.dst,
		.inner_port = in ? c->reply.sport : c->orig.sport,
		.ext_port = in ? c->orig.dport : c->reply.dport,
		.peer_port = in ? c->orig.sport : c->orig.dport,
		.net = n->name,
		.left = c->left,
		.inbound = in,
		.translated = true,
		.out_packets = in ? c->reply_packets : c->orig_packets,
		.out_bytes = in ? c->reply_bytes : c->orig_bytes,
		.in_packets = in ? c->orig_packets : c->reply_packets,
		.in_bytes = in ? c->orig_bytes : c->reply_bytes,
	};
	/* as everywhere else frames are counted, and not packets */
	ret->out_bytes += ret->out_packets * ETH_HLEN;
	ret->in_bytes += ret->in_packets * ETH_HLEN;
	if (conntrack_icmp(ret->proto)) {
		ret->inner_port = c->orig.icmp_id;
		ret->ext_port = c->reply.icmp_id;
	}
	ret->port = conntrack_port(n, &ret->inner);
}

static struct conntrack_tuple tuple(__u8 proto, const struct addr *src, __u16 sport, const struct addr *dst,
				    __u16 dport)
{
	return (struct conntrack_tuple){ .src = *src, .dst = *dst, .proto = proto, .sport = sport, .dport = dport };
}

void conntrack_tuples(const struct mode_flow *m, const struct mode_flow *far, struct conntrack *c)
{
	if (m->inbound) {
		c->orig = tuple(m->proto, &m->peer, m->peer_port, &m->ext, m->ext_port);
		c->reply = tuple(m->proto, &m->inner, m->inner_port, &m->peer, m->peer_port);
		c->status = IPS_DST_NAT;
		return;
	}
	c->orig = tuple(m->proto, &m->inner, m->inner_port, &m->peer, m->peer_port);
	c->reply = tuple(m->proto, &m->peer, m->peer_port, &m->ext, m->ext_port);
	c->status = IPS_SRC_NAT;
	if (far) {
		c->reply.src = far->inner;
		c->reply.sport = far->inner_port;
		c->status |= IPS_DST_NAT;
	}
	if (!conntrack_icmp(m->proto))
		return;
	c->orig.sport = c->orig.dport = c->reply.sport = c->reply.dport = 0;
	c->orig.icmp_type = m->proto == IPPROTO_ICMP ? ICMP_ECHO : ICMPV6_ECHO_REQUEST;
	c->orig.icmp_id = m->inner_port;
	c->reply.icmp_id = m->ext_port;
}
