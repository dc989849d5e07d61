#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# A router advertisement: advertise.py INTERFACE PREFIX (a /64); the sender is fe80::1.
import sys

from scapy.config import conf
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import Ether
from scapy.sendrecv import sendp

conf.verb = 0
sendp(
    Ether(dst="33:33:00:00:00:01")
    / IPv6(src="fe80::1", dst="ff02::1", hlim=255)
    / ICMPv6ND_RA(routerlifetime=1800)
    / ICMPv6NDOptPrefixInfo(prefix=sys.argv[2], prefixlen=64),
    iface=sys.argv[1],
)
