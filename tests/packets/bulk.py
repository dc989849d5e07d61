#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# bulk.py serve PORT | send|fetch ADDRESS PORT BYTES [CONNECTIONS]: both know what the bytes must be, and whoever gets them compares.
"""serve prints "ready"; send and fetch end with 0 if each byte was right. Sent in pieces that carry their number."""
import itertools
import random
import socket
import struct
import sys
import threading

PIECE = random.Random(1).randbytes(1 << 20)


def piece(i):
    return struct.pack("!Q", i) + PIECE[8:]


def give(s, size):
    for i in itertools.count():
        s.sendall(piece(i)[: max(0, size - i * len(PIECE))])
        if (i + 1) * len(PIECE) >= size:
            return


def take(s, size):
    """True if these very bytes came."""
    f = s.makefile("rb", 1 << 20)
    for i in range(-(-size // len(PIECE))):
        want = piece(i)[: size - i * len(PIECE)]
        if f.read(len(want)) != want:
            return False
    return True


def answer(s):
    with s:
        way, size = struct.unpack("!cQ", s.recv(9, socket.MSG_WAITALL))
        if way == b"f":
            give(s, size)
        else:
            s.sendall(b"y" if take(s, size) else b"n")


if sys.argv[1] == "serve":
    server = socket.create_server(("::", int(sys.argv[2])), family=socket.AF_INET6, dualstack_ipv6=True)
    print("ready", flush=True)
    while True:
        threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()


def once(way, size):
    with socket.create_connection((sys.argv[2], int(sys.argv[3])), timeout=60) as s:
        s.sendall(struct.pack("!cQ", way[:1].encode(), size))
        if way == "fetch":
            return take(s, size)
        give(s, size)
        return s.recv(1) == b"y"


times = int(sys.argv[5]) if len(sys.argv) > 5 else 1
sys.exit(not all(once(sys.argv[1], int(sys.argv[4])) for _ in range(times)))
