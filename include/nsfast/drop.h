/* SPDX-License-Identifier: GPL-2.0-only */
/* Every reason for which a packet is discarded, with the sentence that users read. */
#pragma once

#include "abi.h"

#define NSF_DROPS(X) \
	X(NONE, "not dropped") \
	/* parse */ \
	X(SHORT_ETH, "Ethernet header past the end of the frame") \
	X(SHORT_ARP, "ARP message past the end of the frame") \
	X(SHORT_IP4, "IPv4 header past the end of the frame") \
	X(SHORT_IP6, "IPv6 header past the end of the frame") \
	X(SHORT_L4, "transport header past the end of the packet, or shorter than it can be") \
	X(BAD_IP4, "IPv4 version, header length or total length is wrong") \
	X(BAD_IP4_SUM, "IPv4 header checksum is wrong") \
	X(BAD_IP6, "IPv6 version, length or order of headers is wrong") \
	X(EXT_HEADERS, "more IPv6 extension headers than anyone needs") \
	/* port */ \
	X(NO_PORT, "interface is no port of a network, or no longer") \
	X(SRC_MULTICAST, "source MAC is a group or broadcast address") \
	X(SRC_ZERO, "source MAC is zero") \
	X(SRC_GATEWAY, "source MAC is the gateway's") \
	X(SPOOF_MAC, "source MAC is not the port's, or is another port's for good") \
	X(SPOOF_IP4, "IPv4 source is not the port's, not of its network, or another's for good") \
	X(SPOOF_ARP, "ARP sender is not the port's") \
	X(SPOOF_IP6, "IPv6 source is not the port's, not of its network, or another's for good") \
	X(SPOOF_ND, "neighbour discovery claims what is not the port's, or comes from no router") \
	X(VLAN, "VLAN tag that may not be there, or in another VLAN than its destination") \
	X(DHCP_SERVER, "DHCP server's message from a port that may not serve") \
	X(QUERIER, "multicast router's query from a port that may not serve") \
	/* bridge */ \
	X(RESERVED_MAC, "link-local group address 01:80:c2:00:00:0x is never forwarded") \
	X(SAME_PORT, "destination is where the frame came from") \
	X(TOO_BIG, "longer than the MTU of the way out") \
	X(ISOLATED, "from an isolated port to another one, or back into the network by way of the gateway") \
	X(STORM, "more frames to all of the network than the port may send") \
	/* addresses */ \
	X(MARTIAN_SRC, "source can be nobody's (loopback, multicast, broadcast)") \
	X(MARTIAN_DST, "destination is never routed (loopback, multicast, broadcast, reserved)") \
	X(LINK_LOCAL, "link-local address, never routed") \
	X(SUM_ELSEWHERE, "sender asks for a checksum outside of the transport header's field") \
	X(SOURCE_ROUTE, "IPv4 source route option or IPv6 routing header") \
	X(IP6_ROUTE, "network has no IPv6 subnet, and nothing beyond its link") \
	X(ICMP6_LINK, "ICMPv6 message that does not leave its link (RFC 4890)") \
	X(NOT_IP, "sent to the gateway and neither IP nor ARP") \
	X(TTL, "TTL ran out at the gateway") \
	X(HOST_ACCESS, "for the host itself, which the network's containers may not reach") \
	/* route */ \
	X(NO_ROUTE, "host has no route to the destination") \
	X(UNREACHABLE, "host's route says unreachable") \
	X(PROHIBITED, "host's route says prohibited") \
	X(BLACKHOLE, "host's route says blackhole") \
	X(FORWARD_OFF, \
	  "route lookups are switched off: forwarding on the gateway's far end was cleared; run 'nsfast up' again") \
	X(NOT_UPLINK, "host's route leads to an interface that is not the network's uplink") \
	X(OTHER_NET, "destination is in another network of this host") \
	X(NOT_FORWARDED, "from an uplink to elsewhere than a network, and the host forwards for networks only") \
	X(NO_UPLINK, "network has no uplink, or it is being changed") \
	/* flow and NAT */ \
	X(FRAGMENT, "fragment that would need translation") \
	X(FRAGMENT_LOST, "later fragment of a packet whose first one was not seen") \
	X(FRAGMENT_QUOTA, "port's share of waiting fragments is used up; from outside: its source's") \
	X(PROTOCOL, "protocol that cannot be translated") \
	X(TCP_NO_FLOW, "TCP or SCTP packet of no known flow that opens none") \
	X(ICMP_NO_FLOW, "ICMP message of no known flow that opens none") \
	X(ICMP_SUM, "ICMP error with a wrong checksum") \
	X(ICMP_QUOTE, "ICMP error whose quoted packet is cut, wrong, or another port's") \
	X(UNSOLICITED, "from outside to an external port, of no flow and no publish") \
	X(PORTS_FULL, "no external port is free") \
	X(PORTS_QUOTA, "port's share of external ports is used up") \
	X(FLOWS_FULL, "flow table is full") \
	X(FLOWS_QUOTA, "port's share of flows is used up") \
	X(HALF_QUOTA, "port's share of half-open flows is used up") \
	X(TUPLE_TAKEN, "another flow has the same two ends outside") \
	X(FLOW_RACE, "flow was made and removed at the same moment") \
	X(PORT_GONE, "flow's port is gone") \
	/* edit and leave */ \
	X(EDIT, "kernel refused to change the packet")

#define NSF_DROP_ENUM(name, text) NSF_DROP_##name,
enum nsf_drop { NSF_DROPS(NSF_DROP_ENUM) NSF_DROP_MAX };

/* Map nsf_drops: per-CPU array by network id * NSF_DROP_STRIDE + reason, packets (__u64); network 0: not known. */
#define NSF_DROP_STRIDE 128
_Static_assert(NSF_DROP_MAX <= NSF_DROP_STRIDE, "nsf_drops");
