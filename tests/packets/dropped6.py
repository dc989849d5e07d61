#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# dropped6.py managed|adopted|none GATEWAY-MAC: sends IPv6 frames that may not pass from eth0, a port of fd00:77::1/64
# with a way to the outside, or of a network without IPv6 (none).
"""Prints how many of each drop reason they are, as JSON."""
import json
import sys

from scapy.arch import get_if_hwaddr, in6_getifaddr
from scapy.config import conf
from scapy.layers.inet import TCP, UDP
from scapy.layers.inet6 import ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6MLReport2, ICMPv6ND_NA
from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS, ICMPv6NDOptDstLLAddr
from scapy.layers.inet6 import ICMPv6NDOptSrcLLAddr, ICMPv6NIQueryName, ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6
from scapy.layers.inet6 import IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting
from scapy.layers.inet6 import IPv6ExtHdrSegmentRouting, Jumbo, PadN
from scapy.layers.l2 import Ether
from scapy.packet import Raw

OUTSIDE, GATEWAY, NEIGHBOUR = "2001:db8:ff::10", "fd00:77::1", "fd00:77::3"
OTHER_MAC = "02:00:00:00:99:99"
mac = get_if_hwaddr("eth0")
mine = [addr for addr, _, interface in in6_getifaddr() if interface == "eth0"]
link_local = next(a for a in mine if a.startswith("fe80:"))
addr = next((a for a in mine if a.startswith("fd00:77:")), link_local)
eth = Ether(src=mac, dst=sys.argv[2])
to_all = Ether(src=mac, dst="33:33:00:00:00:01")
out = IPv6(src=addr, dst=OUTSIDE)
udp = UDP(sport=4000, dport=4000) / Raw(b"word")


def source(*sources):
    return [eth / IPv6(src=a, dst=OUTSIDE) / udp for a in sources]


def to(*destinations):
    return [eth / IPv6(src=addr, dst=a) / udp for a in destinations]


def says(message, src=addr, dst="ff02::1"):
    return to_all / IPv6(src=src, dst=dst, hlim=255) / message


def unreach(quoted):
    return eth / out / ICMPv6DestUnreach(code=4) / quoted


def fragments(message):
    data = bytes(IPv6(bytes(out / message)).payload)
    return [
        eth / out / IPv6ExtHdrFragment(nh=58, id=7, offset=at // 8, m=int(at + 64 < len(data))) / Raw(data[at : at + 64])
        for at in range(0, len(data), 64)
    ]


# what holds for every port
every = {
    "SHORT_IP6": [Ether(src=mac, dst=sys.argv[2], type=0x86DD) / Raw(bytes(out)[:n]) for n in (0, 1, 20, 39)],
    "BAD_IP6": [
        eth / IPv6(version=4, src=addr, dst=OUTSIDE) / udp,
        eth / IPv6(src=addr, dst=OUTSIDE, plen=900) / udp,
        eth / out / IPv6ExtHdrDestOpt() / IPv6ExtHdrHopByHop() / udp,
        eth / out / IPv6ExtHdrHopByHop(options=[Jumbo(jumboplen=70000)]) / udp,
    ],
    "EXT_HEADERS": [
        eth / IPv6(src=addr, dst=OUTSIDE, nh=60) / Raw(bytes(IPv6ExtHdrDestOpt(nh=60)) * 8) / IPv6ExtHdrDestOpt() / udp,
        eth / out / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(250))] * 3) / udp,
    ],
    "SHORT_L4": [
        eth / IPv6(src=addr, dst=OUTSIDE, nh=17) / Raw(b"four"),
        eth / IPv6(src=addr, dst=OUTSIDE, nh=6) / Raw(bytes(19)),
        eth / IPv6(src=addr, dst=OUTSIDE, nh=58) / Raw(bytes(7)),
        eth / out / IPv6ExtHdrDestOpt(nh=17, len=9),
        eth / out / IPv6ExtHdrDestOpt(nh=17) / Raw(b"four"),
    ],
    "SOURCE_ROUTE": [
        eth / out / IPv6ExtHdrRouting(type=0, addresses=["2001:db8:ff::11"]) / udp,
        eth / out / IPv6ExtHdrRouting(type=0, segleft=0) / udp,
        eth / out / IPv6ExtHdrSegmentRouting(addresses=["2001:db8:ff::11", OUTSIDE], segleft=1) / udp,
    ],
    "SPOOF_ND": [
        says(ICMPv6ND_NA(tgt=GATEWAY, R=0) / ICMPv6NDOptDstLLAddr(lladdr=mac)),
    ],
    "MARTIAN_DST": to("::", "::1", "::127.0.0.1", "::ffff:203.0.113.10", "ff02::1", "ff05::2", "ff0e::1"),
    "LINK_LOCAL": [*source(link_local), *to("fe80::1234"), eth / IPv6(src=link_local, dst=NEIGHBOUR) / udp],
    "ICMP6_LINK": [
        eth / out / ICMPv6ND_RS(),
        eth / out / ICMPv6ND_NS(tgt=OUTSIDE),
        eth / out / ICMPv6MLReport2(),
        eth / out / ICMPv6NIQueryName(),
    ],
    "TTL": [eth / IPv6(src=addr, dst=OUTSIDE, hlim=n) / udp for n in (0, 1)],
    # an error in two pieces: its checksum is over both, and what it quotes in the first
    "FRAGMENT": fragments(ICMPv6DestUnreach(code=4) / IPv6(src=OUTSIDE, dst=addr) / udp / Raw(bytes(64))),
    "PROTOCOL": [eth / IPv6(src=addr, dst=OUTSIDE, nh=n) / Raw(b"nobody's") for n in (2, 255)],
    "TCP_NO_FLOW": [eth / out / TCP(sport=4000, dport=80, flags=flags) for flags in ("A", "SA", "R", "FA", "")],
    "ICMP_NO_FLOW": [
        eth / out / ICMPv6EchoReply(id=7),
        eth / out / ICMPv6EchoRequest(id=7, code=1),
        unreach(IPv6(src=OUTSIDE, dst=addr) / UDP(sport=7, dport=7)),
        eth / out / ICMPv6TimeExceeded() / IPv6(src=OUTSIDE, dst=addr) / UDP(sport=7, dport=7),
        eth / out / ICMPv6PacketTooBig(mtu=1280) / IPv6(src=OUTSIDE, dst=addr) / UDP(sport=7, dport=7),
    ],
    "ICMP_QUOTE": [unreach(Raw(bytes(IPv6(src=OUTSIDE, dst=addr) / UDP())[:n])) for n in (0, 39, 47)],
}

# what only a port says that was given its MAC and address
managed = {
    "SPOOF_IP6": [
        *source(NEIGHBOUR, GATEWAY, OUTSIDE, "fd00::2", "fe80::1234", "::", "::1", "ff02::1", "::ffff:10.77.0.2"),
        Ether(src=mac, dst=OTHER_MAC) / IPv6(src=NEIGHBOUR, dst="fd00:77::4") / udp,
        to_all / IPv6(src="::", dst="ff02::1") / udp,
        says(ICMPv6ND_NA(tgt=NEIGHBOUR), GATEWAY),
    ],
    "SPOOF_ND": [
        says(ICMPv6ND_RA(), link_local),
        says(ICMPv6ND_Redirect(tgt=addr, dst=OUTSIDE), link_local),
        says(ICMPv6ND_NA(tgt=NEIGHBOUR) / ICMPv6NDOptDstLLAddr(lladdr=mac)),
        says(ICMPv6ND_NA(tgt=addr) / ICMPv6NDOptDstLLAddr(lladdr=OTHER_MAC)),
        says(ICMPv6ND_NS(tgt=NEIGHBOUR) / ICMPv6NDOptSrcLLAddr(lladdr=OTHER_MAC)),
        says(ICMPv6ND_NS(tgt=NEIGHBOUR), "::"),
        to_all / IPv6(src=link_local, dst="ff02::1", hlim=255) / IPv6ExtHdrHopByHop() / ICMPv6ND_RA(),
        to_all / IPv6(src=link_local, dst="ff02::1", hlim=255) / IPv6ExtHdrFragment(m=1) / ICMPv6ND_RA(),
    ],
}

adopted = {
    "MARTIAN_SRC": source("::", "::1", "::127.0.0.1", "::ffff:10.77.0.2", "ff02::1", "ff0e::1"),
    "SPOOF_IP6": source(NEIGHBOUR, GATEWAY, "fd00:77::2"),
    "LINK_LOCAL": source("fe80::1234"),
    "SPOOF_ND": [says(ICMPv6ND_NA(tgt=NEIGHBOUR), GATEWAY)],
}

# of a network without IPv6, where nobody was given an address
none = {
    "IP6_ROUTE": [*source(link_local), *to(OUTSIDE, NEIGHBOUR, "fe80::1234")],
    "MARTIAN_DST": to("::1", "ff02::1"),
}

tables = {"managed": [every, managed], "adopted": [every, adopted], "none": [none]}
socket = conf.L2socket(iface="eth0")
sent = {}
for table in tables[sys.argv[1]]:
    for reason, frames in table.items():
        for frame in frames:
            socket.send(frame)
        sent[reason] = sent.get(reason, 0) + len(frames)
print(json.dumps(sent))
