#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# punch.py SPORT PEER PORT: datagrams to a peer that sends some too, until both have heard each other; prints what was heard.
import socket
import sys
import time

sport, peer = int(sys.argv[1]), (sys.argv[2], int(sys.argv[3]))
with socket.socket(socket.AF_INET6 if ":" in peer[0] else socket.AF_INET, socket.SOCK_DGRAM) as s:
    s.settimeout(0.1)
    s.bind(("", sport))
    s.connect(peer)
    end, heard = time.monotonic() + 60, b"nothing"
    while heard != b"heard" and time.monotonic() < end:
        try:
            s.send(b"heard" if heard != b"nothing" else b"word")
            heard = s.recv(100)
        except OSError:
            pass  # nobody yet; or the peer's host says that nobody is there
    s.send(b"heard")
    print(heard.decode())
