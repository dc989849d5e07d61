#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# flood.py ADDRESS SECONDS: opens UDP flows as fast as it can, each to another port of the address; prints how many.
import itertools
import socket
import sys
import time

family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
end, sent = time.monotonic() + float(sys.argv[2]), 0
for sport in itertools.cycle(range(1024, 65536)):
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.bind(("", sport))
        for dport in range(1, 1001):
            try:
                s.sendto(b"", (sys.argv[1], dport))
            except OSError:
                pass  # what is refused is told by ICMP
            sent += 1
    if time.monotonic() > end:
        break
print(sent)
