#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# noise.py SEED N SOURCE MAC DESTINATION...: N frames by eth0 that are wrong in every way; the same seed sends the same.
"""Good packets with bits turned over, cut, lengthened, with odd headers; random bytes behind each ethertype. MAC is where
frames go, SOURCE and DESTINATION what most of the packets say; they are all of one family."""
import random
import socket
import struct
import sys

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6Unknown, IPv6
from scapy.layers.l2 import GRE, Dot1Q, Ether
from scapy.layers.sctp import SCTP, SCTPChunkInit
from scapy.packet import Raw
from scapy.utils import checksum

TYPES = [0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8, 0x8847, 0x8863, 0x88CC, 0x0100, 0x05DC, 0xFFFF]
TCP_FLAGS = ["", "S", "A", "F", "R", "SF", "SR", "SA", "FPU", "SFRPAUEC", "P", "RA"]


ICMP6_TYPES = [0, 1, 2, 3, 4, 5, 100, 127, 128, 129, 130, 133, 134, 135, 136, 137, 139, 143, 144, 255]
HEADERS = [0, 43, 44, 51, 60, 60, 135, 139, 140, 59]


def header(rnd, src, dst):
    hops, tos = rnd.choice([0, 1, 2, 64, 255]), rnd.randrange(256)
    if ":" in src:
        return IPv6(src=src, dst=dst, hlim=hops, tc=tos, fl=rnd.randrange(1 << 20))
    ip = IP(src=src, dst=dst, ttl=hops, tos=tos, id=rnd.randrange(65536))
    if rnd.random() < 0.2:
        ip.flags, ip.frag = rnd.choice(["MF", "DF", 0, "evil", "MF+DF"]), rnd.choice([0, 0, 1, 2, 100, 8189])
    return ip


def icmp(rnd, six, ident, quote):
    if six:
        kind, code = rnd.choice(ICMP6_TYPES), rnd.choice([0, 0, 0, 1, 4, rnd.randrange(256)])
        return ICMPv6Unknown(type=kind, code=code, msgbody=struct.pack("!HH", ident, 1) + bytes(quote))
    return ICMP(type=rnd.choice([0, 3, 4, 5, 8, 9, 10, 11, 12, 13, 17, rnd.randrange(256)]),
                code=rnd.choice([0, 0, 3, 4, rnd.randrange(256)]), id=ident) / quote


def packet(rnd, src, dst):
    ip, six = header(rnd, src, dst), ":" in src
    port = lambda: rnd.choice([0, 1, 7, 53, 80, 1023, 1024, 5000, 65535, rnd.randrange(65536)])
    quote = (IPv6 if six else IP)(src=rnd.choice([src, dst]), dst=rnd.choice([src, dst])) / UDP(sport=port(), dport=port()) / b"quote"
    inner = rnd.choice([
        lambda: TCP(sport=port(), dport=port(), flags=rnd.choice(TCP_FLAGS), dataofs=rnd.choice([None, 0, 4, 5, 15])),
        lambda: UDP(sport=port(), dport=port(), len=rnd.choice([None, None, 0, 7, 8, 65535])),
        lambda: icmp(rnd, six, port(), rnd.choice([Raw(b""), quote])),
        lambda: SCTP(sport=port(), dport=port()) / SCTPChunkInit(),
        lambda: GRE() / (IPv6() if six else IP()) / UDP(),
        lambda: Raw(rnd.randbytes(rnd.randrange(64))),
    ])()
    if isinstance(inner, Raw):
        setattr(ip, "nh" if six else "proto", rnd.randrange(256))
    return bytes(ip / inner / Raw(rnd.randbytes(rnd.choice([0, 0, 4, 100, 1300]))))


def with_headers(rnd, b):
    """IPv6: with extension headers that are whole, nearly always."""
    chain, following = b"", b[6]
    for _ in range(rnd.choice([1, 1, 2, 3, 7, 8, 9])):
        kind, n = rnd.choice(HEADERS), rnd.choice([0, 0, 0, 1, 2, 20])
        h = rnd.choice([bytes, rnd.randbytes])(8 * n + 6)
        chain = bytes([following, n if rnd.random() < 0.9 else rnd.randrange(256)]) + h + chain
        following = kind
    return b[:4] + struct.pack("!HB", min(len(b) - 40 + len(chain), 65535), following) + b[7:40] + chain + b[40:]


def with_options(rnd, b):
    if b[0] >> 4 == 6:
        return with_headers(rnd, b)
    options = rnd.randbytes(4 * rnd.randrange(1, 11))
    b = bytearray(b[:20] + options + b[20:])
    b[0] += len(options) // 4
    b[2:4] = struct.pack("!H", min(len(b), 65535))
    b[10:12] = b"\0\0"
    b[10:12] = struct.pack("!H", checksum(bytes(b[: (b[0] & 15) * 4])))
    return bytes(b)


def spoil(rnd, b):
    six, b = b[0] >> 4 == 6, bytearray(b)
    for _ in range(rnd.randrange(1, 6)):
        b[rnd.randrange(len(b))] ^= 1 << rnd.randrange(8)
    if six:
        if rnd.random() < 0.7:
            b[0] = b[0] & 15 | 0x60
    elif rnd.random() < 0.7:  # all else wrong, but the sum of the header is right
        n = (b[0] & 15) * 4
        if 20 <= n <= len(b):
            b[10:12] = b"\0\0"
            b[10:12] = struct.pack("!H", checksum(bytes(b[:n])))
    return bytes(b)


def frame(rnd, mac, gateway, src, targets):
    many, kind_of = ("33:33:00:00:00:05", 0x86DD) if ":" in src else ("01:00:5e:00:00:05", 0x800)
    head = Ether(src=mac, dst=rnd.choice([gateway] * 8 + ["ff:ff:ff:ff:ff:ff", many]), type=kind_of)
    kind = rnd.random()
    if kind < 0.1:
        head.type = rnd.choice(TYPES)
        return bytes(head) + rnd.randbytes(rnd.randrange(0, 200))
    b = packet(rnd, src if rnd.random() < 0.9 else rnd.choice(targets), rnd.choice(targets))
    if kind < 0.3:
        b = with_options(rnd, b)
    elif kind < 0.6:
        b = spoil(rnd, b)
    elif kind < 0.7:
        b = b[: rnd.randrange(len(b))]
    elif kind < 0.75:
        b += rnd.randbytes(rnd.randrange(60))
    elif kind < 0.8:
        return bytes(head / Dot1Q(vlan=rnd.randrange(4096), type=kind_of)) + b
    return bytes(head) + b


def main(seed, n, src, to, *targets):
    rnd = random.Random(int(seed))
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind(("eth0", 0))
    mac = s.getsockname()[4].hex(":")
    for _ in range(int(n)):
        try:
            s.send(frame(rnd, mac, to, src, targets)[:1514].ljust(15, b"\0"))
        except OSError:
            pass  # too short or too long for the interface
    print("sent", n, "with seed", seed)


main(*sys.argv[1:])
