# SPDX-License-Identifier: GPL-2.0-only
# ICMP errors about conversations, as sent and as they should arrive. For the tests of NAT, beside wire.py.
import struct

from scapy.utils import checksum
from wire import IP, ROUTER, Flow, crosses, expected, header_sum, ids, out, q

KINDS = (3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (11, 0), (11, 1), (12, 0)


def conversations(inner=q):
    """One of each protocol."""
    for proto in "udp", "icmp", "tcp":
        yield Flow(proto, inner, 5000)


def about_up(f):
    """What a container sent, as the outside saw it, which is what errors from there quote."""
    return f.up_seen(f.up(load=b"some more bytes than eight"))


def with_options(p, options):
    """The packet with options in its header; expected() changes it as it does any other."""
    b = bytearray(bytes(p))
    b[0] += len(options) // 4
    b[2:4] = struct.pack("!H", len(b) + len(options))
    return IP(header_sum(bytes(b[:20] + options + b[20:])))


def error(src, dst, quote, kind=3, code=3, size=None, extension=False, **header):
    """size: how many bytes of the quoted packet behind its header, all if None."""
    b = bytes(quote)
    if size is not None:
        b = b[: max(0, (b[0] & 15) * 4 + size)]
    length = 0
    if extension:  # RFC 4884: the quote is padded, and what follows has a sum of its own
        b, length = b.ljust(128, b"\0"), 32
        b += b"\x20\0" + struct.pack("!H", checksum(b"\x20\0\0\0\0\x08\x01\x01\0\0\x10\xff")) + b"\0\x08\x01\x01\0\0\x10\xff"
    b = struct.pack("!BBHBBH", kind, code, 0, 0, length, 1400 if (kind, code) == (3, 4) else 0) + b
    b = b[:2] + struct.pack("!H", checksum(b)) + b[4:]
    return IP(bytes(IP(src=src, dst=dst, proto=1, **{"flags": "DF", "id": next(ids), **header}) / b))


def arrives(f, quote, kind=3, code=3, source=ROUTER, check=True, **more):
    """An error from outside comes to f's container, and quotes what that had sent."""
    p = error(source, f.ext, quote, kind, code, **more)
    known = expected(quote, hops=0, src=f.inner.addr, sport=f.inner_port)
    crosses(out, p, f.inner, expected(error(source, f.inner.addr, known, kind, code, id=p.id, **more)))
    if check:
        f.works()


def said(f, down, kind=3, code=3, **more):
    """An error of f's container about what the peer sent comes to the peer, and quotes what that had sent."""
    heard = f.down_seen(down)
    p = error(f.inner.addr, f.peer, heard, kind, code, **more)
    known = expected(heard, hops=0, dst=f.ext, dport=f.port)
    crosses(f.inner, p, out, expected(error(f.ext, f.peer, known, kind, code, id=p.id, **more)))
