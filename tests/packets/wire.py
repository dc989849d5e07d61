# SPDX-License-Identifier: GPL-2.0-only
# Packets by hand: sent in one namespace, awaited in another, compared byte by byte. A module for the tests of NAT.
"""
q and r are containers whose own stack says nothing, out is the outside; see tests/net/nat.bash. Peers are addresses
behind the outside's router that nobody has, so that only what a test sends comes from them. All of it is IPv4, or IPv6
where FAMILY=6 in the environment says so; fields of a header go by IPv4's names.

    f = Flow("udp", q, 5000)     a conversation of q's: it is open, and f.ext, f.port are what the outside saw
    f.sends(), f.hears()         one more packet out, in: arrives, and only what must change has changed
    crosses(q, packet, out)      the packet as it arrives
    lost(q, packet, out)         it does not
"""
import ctypes
import functools
import itertools
import json
import os
import select
import socket
import struct
import subprocess
import time

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment
from scapy.layers.inet6 import IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, PadN, RouterAlert
from scapy.layers.l2 import ARP, GRE, Ether
from scapy.layers.sctp import SCTP, SCTPChunkAbort, SCTPChunkCookieAck, SCTPChunkCookieEcho, SCTPChunkData, SCTPChunkInit
from scapy.layers.sctp import SCTPChunkInitAck, SCTPChunkShutdown, SCTPChunkShutdownAck, SCTPChunkShutdownComplete, crc32c
from scapy.packet import Raw
from scapy.utils import checksum

SIX = os.environ["FAMILY"] == "6"
NETFILTER = os.environ.get("MODE") == "netfilter"  # the kernel's own connection tracking translates
GATEWAY4, EXT4 = "10.77.0.1", "198.51.100.1"
if SIX:
    GATEWAY, EXT, EXT2 = "fd00:77::1", "2001:db8:51::1", "2001:db8:51::77"
    PEERS = ["2001:db8:2::%d" % i for i in range(200)]
else:
    GATEWAY, EXT, EXT2 = GATEWAY4, EXT4, "198.51.100.77"
    PEERS = ["192.0.2.%d" % i for i in range(200)]
PEER, ROUTER, STRANGER = PEERS[1], PEERS[100], PEERS[150]
ETHERTYPE, ICMP_PROTO = (0x86DD, 58) if SIX else (0x800, 1)
LINK = {*range(130, 138), 143}  # ICMPv6 of the link: group members, routers, neighbours
PACKET_OUTGOING = 4
ids = itertools.count(1000)
marks = itertools.count()


def enter(ns):
    fd = os.open("/run/netns/" + ns, os.O_RDONLY)
    if ctypes.CDLL(None).setns(fd, 0x40000000):  # CLONE_NEWNET
        raise OSError("setns " + ns)
    os.close(fd)


class Wire:
    """eth0 of a namespace: what it sends and hears, its own stack aside. gateway: whose MAC to ask for, by IPv4."""

    def __init__(self, ns, gateway):
        enter(ns)
        self.ns = ns
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self.socket.bind(("eth0", 0))
        self.mac = self.socket.getsockname()[4].hex(":")
        self.addr = self.address("-6" if SIX else "-4")
        asks = ARP(hwsrc=self.mac, psrc=self.address("-4"), pdst=gateway)
        self.socket.send(bytes(Ether(src=self.mac, dst="ff:ff:ff:ff:ff:ff") / asks))
        self.gateway_mac = self.frame(lambda f: f.type == 0x806 and f[ARP].psrc == gateway).src

    def address(self, family):
        how = ["ip", "-j", family, "addr", "show", "eth0", "scope", "global"]
        return json.loads(subprocess.run(how, check=True, capture_output=True).stdout)[0]["addr_info"][0]["local"]

    def frame(self, wanted, seconds=3):
        """The next frame from elsewhere that is wanted, or None."""
        end = time.monotonic() + seconds
        while select.select([self.socket], [], [], max(0, end - time.monotonic()))[0]:
            data, sender = self.socket.recvfrom(70000)
            if sender[2] != PACKET_OUTGOING and wanted(f := Ether(data)):
                return f
        return None

    def heard(self, seconds=3):
        """The next IP packet, or None; the link's own affairs are none."""
        f = self.frame(lambda f: f.type == ETHERTYPE and not of_link(bytes(f)[14:]), seconds)
        return parsed(bytes(f)[14 : 14 + (40 + f[IPv6].plen if SIX else f[IP].len)]) if f else None

    def send(self, *packets, dst=None):
        for p in packets:
            self.socket.send(bytes(Ether(src=self.mac, dst=dst or self.gateway_mac, type=ETHERTYPE)) + bytes(p))


q, r, out = Wire("q", GATEWAY4), Wire("r", GATEWAY4), Wire(os.environ["OUT"], EXT4)


def flows(**want):
    """What 'nsfast flows' lists, with these values."""
    shown = subprocess.run([os.environ["NSFAST"], "-n", os.environ["H"], "-j", "flows"], check=True, capture_output=True)
    return [f for f in json.loads(shown.stdout) if all(f[k] == v for k, v in want.items())]


def parsed(b):
    return IPv6(bytes(b)) if SIX else IP(bytes(b))


def inet(addr):
    return socket.inet_pton(socket.AF_INET6 if SIX else socket.AF_INET, addr)


def header(src, dst, **fields):
    if not SIX:
        return IP(src=src, dst=dst, **{"flags": "DF", "id": next(ids), **fields})
    names = {"ttl": "hlim", "proto": "nh", "tos": "tc", "id": "fl"}
    return IPv6(src=src, dst=dst, **{"fl": next(ids), **{names[k]: v for k, v in fields.items() if k in names}})


def ident(p):
    """What tells packets apart, as header() takes it."""
    return p.fl if SIX else p.id


def upper(p):
    """Offset and protocol of what stands behind all headers of IP."""
    b = bytes(p)
    if not SIX:
        return (b[0] & 15) * 4, b[9]
    at, proto = 40, b[6]
    while proto in (0, 43, 44, 51, 60):
        n = 8 if proto == 44 else (b[at + 1] + 2) * 4 if proto == 51 else (b[at + 1] + 1) * 8
        proto, at = b[at], at + n
    return at, proto


def of_link(b):
    """Neighbour discovery, and what a bridge that overhears groups says to all of them."""
    if not SIX:
        return b[DST_AT : DST_AT + 3] == bytes((224, 0, 0))
    at, proto = upper(b)
    return proto == 58 and b[at] in LINK


def plain(src, dst, proto, load=b"", **fields):
    """A packet with a load of any protocol."""
    return parsed(header(src, dst, proto=proto, **fields) / Raw(load))


def echo(answer, **fields):
    if SIX:
        return (ICMPv6EchoReply if answer else ICMPv6EchoRequest)(**fields)
    return ICMP(type=0 if answer else 8, **fields)


def numbers(answer, flags="PA", **_):
    """Of a TCP segment: who begins counts from 1000, who answers from 2000, and each says the same again and again."""
    mine, other = (2000, 1000) if answer else (1000, 2000)
    return {"flags": flags, "seq": mine + ("S" not in flags), "ack": other + 1}


def packet(proto, src, sport, dst, dport, answer=False, ip=None, load=b"word", **fields):
    """A packet; echo has its identifier in place of sport, or of dport in an answer. ip: more of the header's fields."""
    p = header(src, dst, **(ip or {}))
    if proto == "udp":
        p /= UDP(sport=sport, dport=dport, **fields) / Raw(load)
    elif proto == "tcp":
        p /= TCP(sport=sport, dport=dport, **{**numbers(answer, **fields), **fields}) / Raw(load)
    elif proto == "icmp":
        p /= echo(answer, id=dport if answer else sport, **fields) / Raw(load)
    elif proto == "udplite":
        p = plain(src, dst, 136, udplite(src, sport, dst, dport, load, **fields), **(ip or {}))
    else:
        chunk = fields.get("chunk", SCTPChunkData(data=load))
        # RFC 9260, section 8.5: the tag is what the other one has chosen, and none is known to who begins
        tag = 0 if type(chunk) is SCTPChunkInit else 1 if answer else 2
        p /= SCTP(sport=sport, dport=dport, tag=tag) / chunk
    return parsed(p)


def pseudo(src, dst, proto, n):
    """The header that sums begin with; n bytes follow."""
    return inet(src) + inet(dst) + (struct.pack("!II", n, proto) if SIX else struct.pack("!HH", proto, n))


def udplite(src, sport, dst, dport, load, coverage=0):
    """RFC 3828: the sum is of so many bytes, 0 for all."""
    b = struct.pack("!HHHH", sport, dport, coverage, 0) + load
    return b[:6] + struct.pack("!H", checksum(pseudo(src, dst, 136, len(b)) + b[: coverage or len(b)])) + b[8:]


def header_sum(b):
    """Bytes of a packet with the sum of its IP header as it must be; IPv6 has none."""
    n = (b[0] & 15) * 4
    return b if SIX else b[:10] + struct.pack("!H", checksum(b[:10] + b"\0\0" + b[12:n])) + b[12:]


def amend(old, *changes):
    """A sum after changes, pairs of bytes before and after them, RFC 1624."""
    total = ~old & 0xFFFF
    for was, now in changes:
        for (m,), (n,) in zip(struct.iter_unpack("!H", was), struct.iter_unpack("!H", now)):
            total += (~m & 0xFFFF) + n
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


SUM_AT = {1: 2, 6: 16, 17: 6, 58: 2, 136: 6}  # by protocol, in the transport header
HOPS_AT, SRC_AT, DST_AT, ADDRS_END = (7, 8, 24, 40) if SIX else (8, 12, 16, 20)


def expected(p, hops=1, src=None, dst=None, sport=None, dport=None):
    """The packet as it should arrive: these changed (echo: either port is its identifier), and of the sums as much."""
    b = bytearray(bytes(p))
    was, (l4, proto) = bytes(b), upper(p)
    b[HOPS_AT] -= hops
    for at, addr in (SRC_AT, src), (DST_AT, dst):
        if addr:
            b[at : at + len(inet(addr))] = inet(addr)
    for at, port in (l4, sport), (l4 + 2, dport):
        if port is not None:
            at = l4 + 4 if proto == ICMP_PROTO else at
            b[at : at + 2] = struct.pack("!H", port)
    at = l4 + SUM_AT.get(proto, 0)
    if proto in SUM_AT and len(b) >= at + 2 and not (proto == 17 and was[at : at + 2] == b"\0\0"):
        addrs = slice(SRC_AT, SRC_AT if proto == 1 else ADDRS_END)
        ports = slice(l4 + 4, l4 + 6) if proto == ICMP_PROTO else slice(l4, l4 + 4)
        new = amend(struct.unpack_from("!H", was, at)[0], (was[addrs], b[addrs]), (was[ports], b[ports]))
        b[at : at + 2] = struct.pack("!H", new or 0xFFFF if proto == 17 else new)
    if proto == 132:
        struct.pack_into("!I", b, l4 + 8, crc32c(bytes(b[l4 : l4 + 8] + bytes(4) + b[l4 + 12 :])))
    return parsed(header_sum(bytes(b)))


def port_of(p):
    """Source port, or the identifier of an echo."""
    l4, proto = upper(p)
    return struct.unpack_from("!H", bytes(p), l4 + (4 if proto == ICMP_PROTO else 0))[0]


def sums(p):
    """Fails unless the sums of a whole packet are right."""
    b, (n, proto) = bytes(p), upper(p)
    assert SIX or checksum(b[:n]) == 0, "IP sum of " + p.summary()
    if proto in SUM_AT and not (proto == 17 and b[n + 6 : n + 8] == b"\0\0"):
        first = b"" if proto == 1 else pseudo(p.src, p.dst, proto, len(b) - n)
        assert checksum(first + b[n:]) == 0, "sum of " + p.summary()


def message(p):
    """Type and code of an ICMP message, and what stands behind its first eight bytes."""
    b, (n, proto) = bytes(p), upper(p)
    assert proto == ICMP_PROTO, p.summary()
    return b[n], b[n + 1], b[n + 8 :]


ERRORS = {"ttl": (3, 0), "no route": (1, 0), "host": (1, 0 if NETFILTER else 3), "refused": (1, 1)} if SIX else \
    {"ttl": (11, 0), "no route": (3, 0), "host": (3, 1), "refused": (3, 13)}


def told(p, what):
    """Fails unless the gateway says this."""
    assert p and p.src == GATEWAY and message(p)[:2] == ERRORS[what], p and p.summary()
    sums(p)


def equal(have, want):
    if bytes(have) != bytes(want):
        raise AssertionError("other bytes\nwanted %s\n%s\nhave   %s\n%s" % (
            parsed(want).summary(), bytes(want).hex(" ", 4), parsed(have).summary(), bytes(have).hex(" ", 4)))


def crosses(src, p, dst, want=None):
    """Sends, and returns the packet as it arrived, which is the next one there."""
    src.send(p)
    have = dst.heard()
    assert have, "lost from %s to %s: %s" % (src.ns, dst.ns, p.summary())
    if want:
        equal(have, want)
    return have


@functools.lru_cache(maxsize=None)
def mark_end(inner):
    """What the outside sees of the conversation in which marks travel."""
    p = crosses(inner, packet("udp", inner.addr, 65000, PEERS[199], 65000), out)
    return p.src, port_of(p)


def before_mark(src, dst):
    """Sends what is sure to arrive, and returns what arrived before it."""
    word = b"mark %d." % next(marks)
    if src is out:
        out.send(packet("udp", PEERS[199], 65000, *mark_end(dst), load=word))
    elif dst is out:
        mark_end(src)
        src.send(packet("udp", src.addr, 65000, PEERS[199], 65000, load=word))
    else:
        src.send(packet("udp", src.addr, 9, dst.addr, 9, load=word), dst=dst.mac)
    came = []
    while (p := dst.heard()) and word not in bytes(p):
        came.append(p)
    assert p, "the mark is lost"
    return came


def lost(src, p, dst, silent=True):
    """Sends, and makes sure that nothing of it arrives; silent: nor anything back."""
    if out in (src, dst):
        mark_end(dst if src is out else src)
    src.send(p)
    came = before_mark(src, dst)
    assert not came, "not lost from %s to %s: %s -> %s" % (src.ns, dst.ns, p.summary(), [c.summary() for c in came])
    if silent:
        came = before_mark(dst, src)
        assert not came, "not silent to %s: %s -> %s" % (src.ns, p.summary(), [c.summary() for c in came])
    elif src is out:
        before_mark(dst, src)  # what the host says to it is not taken for what comes next


class Flow:
    """A conversation that a container begins with a peer outside."""

    def __init__(self, proto, inner, port, peer=PEER, peer_port=80, shake=True, **fields):
        self.proto, self.inner, self.inner_port, self.peer, self.peer_port = proto, inner, port, peer, peer_port
        if proto == "icmp":
            self.peer_port = 0
        if proto == "tcp":
            fields = {"flags": "S", "ack": 0, "load": b"", **fields}
        if proto == "sctp":
            fields = {"chunk": SCTPChunkInit(init_tag=1), **fields}
        p = self.up(**fields)
        seen = crosses(inner, p, out)
        self.ext, self.port = seen.src, port_of(seen)
        equal(seen, expected(p, src=self.ext, sport=self.port))
        if shake and proto == "tcp":
            self.hears(flags="SA", load=b"")
            self.sends(flags="A", load=b"")
        if shake and proto == "sctp":
            self.hears(chunk=SCTPChunkInitAck(init_tag=2))

    def up(self, **fields):
        """A packet as the container sends it."""
        return packet(self.proto, self.inner.addr, self.inner_port, self.peer, self.peer_port, **fields)

    def up_seen(self, p):
        """And as the outside should see it."""
        return expected(p, src=self.ext, sport=self.port)

    def down(self, **fields):
        """A packet as the peer sends it."""
        return packet(self.proto, self.peer, self.peer_port, self.ext, self.port, answer=True, **fields)

    def down_seen(self, p):
        """And as the container should see it."""
        return expected(p, dst=self.inner.addr, dport=self.inner_port)

    def sends(self, **fields):
        p = self.up(**fields)
        return crosses(self.inner, p, out, self.up_seen(p))

    def hears(self, **fields):
        p = self.down(**fields)
        return crosses(out, p, self.inner, self.down_seen(p))

    def works(self):
        self.sends()
        self.hears()

    def shown(self):
        """Its line in 'nsfast flows', or None."""
        inner = {"address": self.inner.addr, "port": self.inner_port}
        proto = "icmpv6" if SIX and self.proto == "icmp" else self.proto
        found = [f for f in flows(protocol=proto, inner=inner) if f["peer"]["address"] == self.peer and
                 f["peer"]["port"] == self.peer_port]
        assert len(found) <= 1, found
        return found[0] if found else None

    def state(self):
        return self.shown()["state"]
