# SPDX-License-Identifier: GPL-2.0-only
# ICMP errors about conversations, as sent and as they should arrive. For the tests of NAT, beside wire.py.
import struct

from scapy.utils import checksum
from wire import ICMP_PROTO, ROUTER, SIX, Flow, crosses, expected, header, header_sum, ident, out, parsed, pseudo, q, upper

UNREACHABLE, TOO_BIG, EXCEEDED = ((1, 4), (2, 0), (3, 0)) if SIX else ((3, 3), (3, 4), (11, 0))
if SIX:
    KINDS = (1, 0), (1, 1), (1, 3), (1, 4), (2, 0), (3, 0), (3, 1), (4, 0), (4, 1), (4, 2)
else:
    KINDS = (3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (11, 0), (11, 1), (12, 0)


def conversations(inner=q):
    """One of each protocol."""
    for proto in "udp", "icmp", "tcp":
        yield Flow(proto, inner, 5000)


def about_up(f):
    """What a container sent, as the outside saw it, which is what errors from there quote."""
    return f.up_seen(f.up(load=b"some more bytes than eight"))


def with_options(p, options):
    """The packet with options in its header; expected() changes it as it does any other. IPv6: with extension headers,
    of pairs of kind and bytes, of which the first is filled in."""
    b = bytearray(bytes(p))
    if SIX:
        kinds = [kind for kind, _ in options] + [b[6]]
        chain = b"".join(bytes([following]) + o[1:] for (_, o), following in zip(options, kinds[1:]))
        return parsed(b[:4] + struct.pack("!H", len(b) - 40 + len(chain)) + bytes(kinds[:1]) + b[7:40] + chain + b[40:])
    b[0] += len(options) // 4
    b[2:4] = struct.pack("!H", len(b) + len(options))
    return parsed(header_sum(bytes(b[:20] + options + b[20:])))


# What may stand in a header, as with_options() takes it.
if SIX:
    JUMP, PADDED = (0, b"\0\0\5\2\0\0\1\0"), (60, b"\0\2\1\x14" + bytes(20))
    OPTIONS = [JUMP], [PADDED], [JUMP, PADDED], [(43, b"\0\0\4" + bytes(5))], [JUMP, PADDED, (43, b"\0\0\4" + bytes(5)), PADDED]
    LONG_OPTIONS = [(60, b"\0\x3b" + (b"\1\xec" + bytes(236)) * 2 + bytes(2))], [(44, bytes(8))], [(51, b"\0\4" + bytes(22))], [PADDED] * 8
    ROUTES = [[*before, (43, b"\0\2" + bytes([kind, left]) + bytes(20)), *after] for kind, left in ((0, 0), (0, 1), (2, 1), (4, 1))
              for before, after in (([], []), ([JUMP, PADDED], [PADDED]))]
else:
    OPTIONS = b"\x94\x04\0\0", b"\1" * 8, b"\x44\x0c\5\0" + bytes(8), b"\7\x27\4" + bytes(37)
    LONG_OPTIONS = (bytes(4),)
    ROUTE = b"\7\4\xc6\x33\x64\2"
    ROUTES = [o for kind in (b"\x83", b"\x89") for o in
              (kind + ROUTE + b"\0", b"\1" + kind + ROUTE, b"\x94\4\0\0\1" + kind + ROUTE, kind + ROUTE + b"\1" * 5)]


def fragment(p, offset, more=False):
    """The packet as if it were a fragment, at so many times eight bytes."""
    if SIX:
        return with_options(p, [(44, struct.pack("!BBHI", 0, 0, offset << 3 | more, 7))])
    b = bytes(p)
    return parsed(header_sum(b[:6] + struct.pack("!H", offset | more << 13) + b[8:]))


def spoilt(p, change, at=None):
    """The packet with another checksum: ICMP's, or the one at this offset behind its headers."""
    b, at = bytearray(bytes(p)), upper(p)[0] + (2 if at is None else at)
    struct.pack_into("!H", b, at, struct.unpack_from("!H", b, at)[0] ^ change)
    return parsed(b)


def error(src, dst, quote, kind=UNREACHABLE[0], code=UNREACHABLE[1], size=None, extension=False, **fields):
    """size: how many bytes of the quoted packet behind its headers, all if None."""
    b = bytes(quote)
    if size is not None:
        b = b[: max(0, upper(b)[0] + size)]
    rest = 0
    if extension:  # RFC 4884: the quote is padded, its length is told, and what follows has a sum of its own
        b, rest = b.ljust(128, b"\0"), 16 << 24 if SIX else 32 << 16
        b += b"\x20\0" + struct.pack("!H", checksum(b"\x20\0\0\0\0\x08\x01\x01\0\0\x10\xff")) + b"\0\x08\x01\x01\0\0\x10\xff"
    if (kind, code) == TOO_BIG:
        rest = 1400
    b = struct.pack("!BBHI", kind, code, 0, rest) + b
    sum_of = checksum((pseudo(src, dst, ICMP_PROTO, len(b)) if SIX else b"") + b)
    return parsed(header(src, dst, proto=ICMP_PROTO, **fields) / (b[:2] + struct.pack("!H", sum_of) + b[4:]))


def arrives(f, quote, kind=UNREACHABLE[0], code=UNREACHABLE[1], source=ROUTER, check=True, **more):
    """An error from outside comes to f's container, and quotes what that had sent."""
    p = error(source, f.ext, quote, kind, code, **more)
    known = expected(quote, hops=0, src=f.inner.addr, sport=f.inner_port)
    crosses(out, p, f.inner, expected(error(source, f.inner.addr, known, kind, code, id=ident(p), **more)))
    if check:
        f.works()


def said(f, down, kind=UNREACHABLE[0], code=UNREACHABLE[1], **more):
    """An error of f's container about what the peer sent comes to the peer, and quotes what that had sent."""
    heard = f.down_seen(down)
    p = error(f.inner.addr, f.peer, heard, kind, code, **more)
    known = expected(heard, hops=0, dst=f.ext, dport=f.port)
    crosses(f.inner, p, out, expected(error(f.ext, f.peer, known, kind, code, id=ident(p), **more)))
