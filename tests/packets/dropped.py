#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# dropped.py managed|adopted GATEWAY-MAC: sends frames, but of IPv6, that may not pass from eth0, a port of 10.77.0.1/24.
"""Prints how many of each drop reason they are, as JSON."""
import json
import sys

from scapy.arch import get_if_addr, get_if_hwaddr
from scapy.config import conf
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_LSRR, fragment
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

mac, addr, gateway = get_if_hwaddr("eth0"), get_if_addr("eth0"), sys.argv[2]
OUTSIDE, OTHER_MAC = "203.0.113.10", "02:00:00:00:99:99"
eth = Ether(src=mac, dst=gateway)
to_all = Ether(src=mac, dst="ff:ff:ff:ff:ff:ff")
out = IP(src=addr, dst=OUTSIDE)
udp = UDP(sport=4000, dport=4000) / Raw(b"word")


def to(dst):
    return eth / IP(src=addr, dst=dst) / udp


def source(src, below=eth):
    return below / IP(src=src, dst=OUTSIDE) / udp


def fragments(packet):
    return [eth / p for p in fragment(packet, 64)]


def says(sender_mac, sender, op=1):
    return to_all / ARP(op=op, hwsrc=sender_mac, psrc=sender, pdst="10.77.0.3")


# what holds for every port
every = {
    "SRC_MULTICAST": [
        source(addr, Ether(src="ff:ff:ff:ff:ff:ff", dst=gateway)),
        source(addr, Ether(src="01:00:5e:00:00:01", dst=gateway)),
    ],
    "SRC_ZERO": [source(addr, Ether(src="00:00:00:00:00:00", dst=gateway))],
    "SRC_GATEWAY": [source(addr, Ether(src=gateway, dst=OTHER_MAC))],
    "SPOOF_ARP": [says(mac, "10.77.0.1"), says(mac, "10.77.0.1", 2)],
    "SHORT_ARP": [Ether(src=mac, dst="ff:ff:ff:ff:ff:ff", type=0x806) / Raw(bytes(ARP())[:20])],
    "SHORT_IP4": [Ether(src=mac, dst=gateway, type=0x800) / Raw(bytes(out)[:10])],
    "SHORT_L4": [eth / IP(src=addr, dst=OUTSIDE, proto=17) / Raw(b"four")],
    "BAD_IP4": [eth / IP(src=addr, dst=OUTSIDE, ihl=4) / udp, eth / IP(src=addr, dst=OUTSIDE, len=900) / udp],
    "BAD_IP4_SUM": [eth / IP(src=addr, dst=OUTSIDE, chksum=0x1234) / udp],
    "RESERVED_MAC": [Ether(src=mac, dst="01:80:c2:00:00:00") / Raw(b"spanning tree, it says")],
    "SAME_PORT": [Ether(src=mac, dst=mac) / out / udp],
    "MARTIAN_DST": [to("127.0.0.1"), to("0.0.0.1"), to("240.0.0.1"), to("255.255.255.255"), to("10.77.0.255")],
    "LINK_LOCAL": [to("169.254.169.254")],
    "SOURCE_ROUTE": [eth / IP(src=addr, dst=OUTSIDE, options=[IPOption_LSRR(routers=["198.51.100.2"])]) / udp],
    "NOT_IP": [Ether(src=mac, dst=gateway, type=0x88B5) / Raw(b"an experiment")],
    "TTL": [eth / IP(src=addr, dst=OUTSIDE, ttl=1) / udp, eth / IP(src=addr, dst=OUTSIDE, ttl=0) / udp],
    # an error in two pieces: its checksum is over both, and what it quotes in the first
    "FRAGMENT": fragments(out / ICMP(type="dest-unreach", code=3) / IP(src=OUTSIDE, dst=addr) / udp / Raw(bytes(64))),
    "PROTOCOL": [eth / IP(src=addr, dst=OUTSIDE, proto=255) / Raw(b"reserved")],
    "TCP_NO_FLOW": [eth / out / TCP(sport=4000, dport=80, flags=flags) for flags in ("A", "SA", "R", "FA", "")],
    "ICMP_NO_FLOW": [
        eth / out / ICMP(type="echo-reply", id=7),
        eth / out / ICMP(type="timestamp-request"),
        eth / out / ICMP(type="dest-unreach", code=3) / IP(src=OUTSIDE, dst=addr) / UDP(sport=7, dport=7),
        eth / out / ICMP(type="redirect", code=1, gw=addr) / IP(src=OUTSIDE, dst=addr) / UDP(sport=7, dport=7),
    ],
}

# what only a port says that was given its MAC and address
managed = {
    "SPOOF_MAC": [
        source(addr, Ether(src=OTHER_MAC, dst=gateway)),
        source(addr, Ether(src=OTHER_MAC, dst="ff:ff:ff:ff:ff:ff")),
    ],
    "SPOOF_IP4": [source("10.77.0.3"), source("203.0.113.99"), source("10.77.0.1"), source("127.0.0.1")],
    "SPOOF_ARP": [says(mac, "10.77.0.3"), says(OTHER_MAC, addr)],
    "MARTIAN_SRC": [source("0.0.0.0")],
    "VLAN": [eth / Dot1Q(vlan=5) / out / udp, to_all / Dot1Q(vlan=5) / ARP(pdst="10.77.0.3")],
}

adopted = {
    "MARTIAN_SRC": [source(a) for a in ("127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255")],
    "SPOOF_IP4": [source(a) for a in ("10.77.0.1", "10.77.0.2", "10.77.0.3")],
    "VLAN": [eth / Dot1Q(vlan=5) / out / udp],
}

socket = conf.L2socket(iface="eth0")
sent = {}
for table in every, managed if sys.argv[1] == "managed" else adopted:
    for reason, frames in table.items():
        for frame in frames:
            socket.send(frame)
        sent[reason] = sent.get(reason, 0) + len(frames)
print(json.dumps(sent))
