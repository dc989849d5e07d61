#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# strays.py DESTINATION: what a container may send and no NAT can make a flow of, each packet three times by eth0.
import sys

from scapy.config import conf
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.l2 import Ether, getmacbyip
from scapy.packet import Raw
from scapy.sendrecv import sendp

conf.verb = 0
conf.iface = "eth0"
gateway = conf.route.route(sys.argv[1])[2]
ip = IP(dst=sys.argv[1])
quote = IP(src=sys.argv[1], dst=ip.src) / UDP(sport=53, dport=5353)
packets = [
    ip / TCP(sport=1234, dport=80, flags="A", seq=1, ack=1) / b"middle",
    ip / TCP(sport=1234, dport=80, flags="SA"),
    ip / TCP(sport=1234, dport=80, flags="FA"),
    ip / TCP(sport=1234, dport=80, flags="R"),
    ip / TCP(sport=1234, dport=80, flags=""),
    ip / TCP(sport=1234, dport=80, flags="SF"),
    ip / ICMP(type=0, id=9),
    ip / ICMP(type=3, code=3) / quote,
    ip / ICMP(type=13),
    ip.copy() / Raw(b"x" * 20),
    IP(dst=sys.argv[1], proto=2) / Raw(b"igmp" * 4),
    IP(dst=sys.argv[1], proto=0) / Raw(b"none" * 4),
    IP(dst=sys.argv[1], proto=255) / Raw(b"raw" * 4),
]
mac = getmacbyip(gateway)
sendp([Ether(dst=mac) / p for p in packets] * 3)
print(3 * len(packets))
