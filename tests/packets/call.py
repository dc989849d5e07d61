#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# call.py ADDRESS PORT PEER PORT: connects from a given port to a given port, tells who it is and prints what it is told.
import socket
import sys

address, port, peer, peer_port = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
with socket.socket(socket.AF_INET6 if ":" in peer else socket.AF_INET) as s:
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(10)
    s.bind((address, port))
    s.connect((peer, peer_port))
    s.sendall(b"word from %d\n" % port)
    print(s.makefile().readline().strip(), flush=True)
