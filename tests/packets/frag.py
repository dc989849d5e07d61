#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# Fragments as no kernel sends them, and who gets what of them whole.
"""
frag.py sink PORT ADDRESS...                   prints "ADDRESS PORT LENGTH DIGEST" of each UDP datagram that comes whole
frag.py echo PORT ADDRESS...                   and sends it back
frag.py open SPORT ADDRESS PORT                sends one byte, then is a sink at SPORT
frag.py ask SPORT ADDRESS PORT SIZE            sends SIZE bytes without DF and waits for them to come back
frag.py send SRC SPORT DST DPORT HOW SIZE ID   one datagram in fragments of 1480 bytes; prints LENGTH and DIGEST. HOW:
        order, reversed, shuffled; nofirst, nolast; overlap (the second one begins 8 bytes early, with other bytes);
        tiny (the first one ends within the UDP header's neighbour, 8 bytes; TCP: within its header)
frag.py mix DST DPORT SIZE ID NS SRC SPORT NS SRC SPORT   two in turns, from two namespaces, fragment by fragment
frag.py flood SRC DST SECONDS                  later fragments without a first one, as fast as they go
"""
import ctypes
import hashlib
import random
import socket
import sys
import time

from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.packet import Raw


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def digest(data):
    return hashlib.md5(data).hexdigest()


def pattern(size, seed):
    return bytes((seed * 31 + i * 7 + i // 251) % 256 for i in range(size))


def tell(peer, data):
    print(*peer[:2], len(data), digest(data), flush=True)


def sink(port, addresses, back):
    import threading

    def serve(a):
        s = socket.socket(family(a), socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.bind((a, port))
        while True:
            data, peer = s.recvfrom(65536)
            tell(peer, data)
            if back:
                s.sendto(data, peer)

    threads = [threading.Thread(target=serve, args=(a,)) for a in addresses]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


def bound(sport, peer):
    s = socket.socket(family(peer[0]), socket.SOCK_DGRAM)
    if s.family == socket.AF_INET:
        s.setsockopt(socket.IPPROTO_IP, 10, 0)  # IP_MTU_DISCOVER, IP_PMTUDISC_DONT
    s.bind(("", sport))
    return s


def keep_open(sport, peer):
    s = bound(sport, peer)
    s.sendto(b"o", peer)
    while True:
        data, peer = s.recvfrom(65536)
        tell(peer, data)


def ask(sport, peer, size):
    s = bound(sport, peer)
    s.settimeout(3)
    data = pattern(size, size)
    s.sendto(data, peer)
    while True:
        answer, _ = s.recvfrom(65536)
        if answer == data:
            print(len(data))
            return


def fragment6(packet, ident, size):
    """As fragment() does, of pieces of that many bytes; scapy's own keeps no identification."""
    data = bytes(packet.payload)
    return [
        IPv6(src=packet.src, dst=packet.dst, hlim=64)
        / IPv6ExtHdrFragment(nh=packet.nh, id=ident, offset=at // 8, m=int(at + size < len(data)))
        / Raw(data[at : at + size])
        for at in range(0, len(data), size)
    ]


def pieces6(ip, sport, dport, how, data, ident):
    upper = TCP(sport=sport, dport=dport, flags="S") if how == "tcptiny" else UDP(sport=sport, dport=dport)
    whole = IPv6(bytes(ip / upper / Raw(data)))
    return fragment6(whole, ident, 8 if how in ("tcptiny", "tiny") else 1448)


def overlapping(p, ident):
    """The fragment begins eight bytes early, with other bytes."""
    if p.version == 6:
        f = p[IPv6ExtHdrFragment]
        early = IPv6ExtHdrFragment(nh=f.nh, id=ident, offset=f.offset - 1, m=f.m)
        return IPv6(bytes(IPv6(src=p.src, dst=p.dst) / early / Raw(b"overlaps" + bytes(f.payload)[:-8])))
    bad = IP(src=p.src, dst=p.dst, id=ident, proto=p.proto, flags=p.flags, frag=p.frag - 1)
    return IP(bytes(bad / Raw(b"overlaps" + bytes(p.payload)[:-8])))


def pieces(src, sport, dst, dport, how, size, ident):
    ip = IPv6(src=src, dst=dst) if ":" in src else IP(src=src, dst=dst, id=ident)
    data = pattern(size, ident)
    if ip.version == 6:
        parts = pieces6(ip, sport, dport, how, data, ident)
    elif how == "tcptiny":
        parts = fragment(ip / TCP(sport=sport, dport=dport, flags="S") / Raw(data), 8)
    elif how == "tiny":
        parts = fragment(ip / UDP(sport=sport, dport=dport) / Raw(data), 8)
    else:
        parts = fragment(ip / UDP(sport=sport, dport=dport) / Raw(data), 1480)
    parts = [ip.__class__(bytes(p)) for p in parts]
    if how == "reversed":
        parts.reverse()
    elif how == "shuffled":
        random.Random(ident).shuffle(parts)
    elif how == "nofirst":
        parts = parts[1:]
    elif how == "nolast":
        parts = parts[:-1]
    elif how == "overlap":
        parts[1] = overlapping(parts[1], ident)
    return data, [bytes(p) for p in parts]


def put(parts, dst):
    s = socket.socket(family(dst), socket.SOCK_RAW, socket.IPPROTO_RAW)
    for p in parts:
        s.sendto(p, (dst, 0))


def send(src, sport, dst, dport, how, size, ident):
    data, parts = pieces(src, int(sport), dst, int(dport), how, int(size), int(ident))
    put(parts, dst)
    print(len(data), digest(data))


def mix(dst, dport, size, ident, *who):
    senders = []
    for ns, src, sport in zip(who[::3], who[1::3], who[2::3]):
        with open("/run/netns/" + ns) as f:
            ctypes.CDLL(None).setns(f.fileno(), 0)
        s = socket.socket(family(dst), socket.SOCK_RAW, socket.IPPROTO_RAW)
        senders.append((s, pieces(src, int(sport), dst, int(dport), "reversed", int(size), int(ident))))
    for i in range(len(senders[0][1][1])):
        for s, (_, parts) in senders:
            s.sendto(parts[i], (dst, 0))
    print(len(senders[0][1][0]), digest(senders[0][1][0]))


def flood(src, dst, seconds):
    s = socket.socket(family(dst), socket.SOCK_RAW, socket.IPPROTO_RAW)
    if ":" in dst:
        later = lambda i: IPv6ExtHdrFragment(nh=17, id=i, offset=185 + i % 7, m=1)
        frames = [bytes(IPv6(src=src, dst=dst) / later(i) / Raw(bytes(1448))) for i in range(4096)]
    else:
        later = lambda i: IP(src=src, dst=dst, id=i, proto=17, flags="MF", frag=185 + i % 7)
        frames = [bytes(later(i) / Raw(bytes(1480))) for i in range(4096)]
    end = time.monotonic() + seconds
    n = 0
    while time.monotonic() < end:
        for f in frames:
            try:
                s.sendto(f, (dst, 0))
                n += 1
            except OSError:
                pass
    print(n)


def main(verb, *args):
    if verb in ("sink", "echo"):
        sink(int(args[0]), args[1:], verb == "echo")
    elif verb == "open":
        keep_open(int(args[0]), (args[1], int(args[2])))
    elif verb == "ask":
        ask(int(args[0]), (args[1], int(args[2])), int(args[3]))
    elif verb == "send":
        send(*args)
    elif verb == "mix":
        mix(*args)
    elif verb == "flood":
        flood(args[0], args[1], float(args[2]))


main(*sys.argv[1:])
