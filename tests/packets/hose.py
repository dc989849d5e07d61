#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# hose.py SOURCE DESTINATION MAC...: UDP packets to these MACs by eth0, whenever there is one, until it is ended.
import itertools
import socket
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

src, dst, *macs = sys.argv[1:]


def frames(own):
    for sport in range(1024, 1024 + 4096):
        for mac in macs:
            ip = (IPv6 if ":" in src else IP)(src=src, dst=dst)
            yield bytes(Ether(src=own, dst=mac) / ip / UDP(sport=sport, dport=7) / b"word")


ready = {}
while True:
    try:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        s.bind(("eth0", 0))
        own = s.getsockname()[4].hex(":")
        if not own:
            continue  # gone between the two calls
        if own not in ready:
            ready[own] = list(frames(own))
            print("ready", flush=True)
        for f in itertools.cycle(ready[own]):
            s.send(f)
    except OSError:
        pass  # it is gone, or not up yet
    finally:
        s.close()
