#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# race.py N GATEWAY-MAC DESTINATION SOURCE: two processes, a CPU each, send the first packet of N conversations at one moment.
import mmap
import multiprocessing
import os
import socket
import struct
import sys

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether

n, gateway, dst = int(sys.argv[1]), sys.argv[2], sys.argv[3]
turns = mmap.mmap(-1, 16)


def run(me):
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cpus[me % len(cpus)]})
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("eth0", 0))
    addr = sys.argv[4]
    ip, at = (IPv6(src=addr, dst=dst, fl=me), 54) if ":" in addr else (IP(src=addr, dst=dst, id=me), 34)
    frame = bytearray(bytes(Ether(src=s.getsockname()[4].hex(":"), dst=gateway) / ip / UDP(sport=1, dport=9, chksum=0)))
    both, other = memoryview(turns).cast("Q"), 1 - me
    for i in range(n):
        frame[at : at + 2] = struct.pack("!H", 10000 + i % 50000)
        frame[at + 2 : at + 4] = struct.pack("!H", 7000 + i // 50000)
        both[me] = i + 1
        spins = 0
        while both[other] < i + 1:
            spins += 1
            if spins > 2000:
                os.sched_yield()
        for _ in range((7 * i + 13 * me) % 11 if me == i & 1 else 0):
            pass
        s.send(frame)


both = [multiprocessing.Process(target=run, args=(me,)) for me in (0, 1)]
for p in both:
    p.start()
for p in both:
    p.join()
sys.exit(any(p.exitcode for p in both))
