#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Every protocol is translated: SCTP and UDP-Lite by ports, all others by address; options of the IP header are no bar.
load lib
load nat

setup_file() { nat_host_up; }
teardown_file() { host_down; }
teardown() { nat_down; }

@test "SCTP: an association is translated, from INIT to SHUTDOWN, and its CRC32c stays right" {
	nat_up
	wire <<-'END'
	f = Flow("sctp", q, 5000)
	assert (f.ext, f.port) == (EXT, 5000)
	f.sends(chunk=SCTPChunkCookieEcho(cookie=b"cookie12"))
	f.hears(chunk=SCTPChunkCookieAck())
	for n in range(1, 39):
	    f.sends(load=b"x" * n)
	    f.hears(load=b"y" * 37 * n)
	f.sends(chunk=SCTPChunkShutdown(cumul_tsn_ack=9))
	f.hears(chunk=SCTPChunkShutdownAck())
	f.sends(chunk=SCTPChunkShutdownComplete())
	END
	only bpf
	[ "$(flows '.protocol == "sctp" and .state == "closed"')" = 1 ]
}

@test "SCTP: the CRC32c is right also where the port must change, for both ends" {
	nat_up
	wire <<-'END'
	f, g = Flow("sctp", q, 5000), Flow("sctp", r, 5000)
	assert g.port != 5000
	for n in range(1, 1200, 31):
	    g.sends(load=bytes(i & 255 for i in range(n)))
	    g.hears(load=bytes(255 - i & 255 for i in range(n)))
	f.works()
	END
}

@test "SCTP: a wrong CRC32c is not made right" {
	nat_up
	wire <<-'END'
	mark_end(q)
	mark_end(r)
	f, g = Flow("sctp", q, 5000), Flow("sctp", r, 5000)
	for c in f, g:
	    for src, p, dst in (c.inner, c.up(), out), (out, c.down(), c.inner):
	        b = bytes(p)
	        src.send(parsed(b[:-1] + bytes([b[-1] ^ 1])))
	        for came in before_mark(src, dst):
	            have = came[SCTP].chksum
	            del came[SCTP].chksum
	            assert parsed(came)[SCTP].chksum != have, "damage is hidden"
	    before_mark(c.inner, out)  # Linux says that it knows no such protocol
	    c.works()
	END
}

@test "SCTP: an ABORT is delivered, and the next INIT from the same port starts afresh" {
	nat_up
	wire <<-'END'
	f = Flow("sctp", q, 5000)
	f.hears(chunk=SCTPChunkAbort())
	g = Flow("sctp", q, 5000)
	assert f.port == g.port
	g.works()
	END
}

@test "SCTP: what opens nothing leaves nothing, and an unsolicited INIT is not let in" {
	nat_up
	wire <<-'END'
	for chunk in SCTPChunkData(data=b"word"), SCTPChunkAbort(), SCTPChunkShutdownAck(), SCTPChunkCookieAck():
	    lost(q, packet("sctp", q.addr, 5000, PEER, 80, chunk=chunk), out)
	f = Flow("sctp", q, 5000)
	lost(out, packet("sctp", STRANGER, 80, EXT, 5000, chunk=SCTPChunkInit()), q, silent=False)
	f.works()
	END
	only bpf
	[ "$(dropped TCP_NO_FLOW)" = 4 ]
}

@test "SCTP: an external port is one container's, and the same towards every destination" {
	only bpf "Linux chooses by destination"
	nat_up
	wire <<-'END'
	mine = [Flow("sctp", q, 5000, peer=p) for p in PEERS[1:5]]
	yours = [Flow("sctp", r, 5000, peer=p) for p in PEERS[1:5]]
	assert {f.port for f in mine} == {5000}
	assert len({f.port for f in yours}) == 1 and yours[0].port != 5000
	END
}

@test "UDP-Lite: translated by port, whatever its checksum covers" {
	only bpf "Linux tracks none: it reckons the sum as if it were UDP's"
	nat_up
	wire <<-'END'
	for c in q, r:
	    f = Flow("udplite", c, 5000)
	    for coverage in 0, 8, 9, 12, 1008:
	        f.sends(coverage=coverage, load=b"abcd" * 250)
	        f.hears(coverage=coverage, load=b"efgh" * 250)
	assert f.port != 5000
	END
}

@test "GRE, ESP, AH, IPIP, OSPF and unknown protocols are translated by address, both ways" {
	nat_up
	wire <<-'END'
	inside = bytes(IP(src="192.168.1.1", dst="192.168.1.2") / b"inside")
	loads = (47, bytes(GRE()) + inside), (50, b"\0\0\1\0" * 9), (4, inside), (41, bytes(IPv6()) + inside), \
	    (89, b"\2\1\0\x2c" * 11), (253, b""), (253, b"x"), (254, b"y" * 1400)
	if not SIX:  # where AH is an extension header
	    loads += (51, b"\x11\4\0\0" * 8),
	for proto, load in loads:
	    p = plain(q.addr, PEER, proto, load)
	    crosses(q, p, out, expected(p, src=EXT))
	    p = plain(PEER, EXT, proto, load)
	    crosses(out, p, q, expected(p, dst=q.addr))
	    lost(out, plain(STRANGER, EXT, proto, load), q, silent=False)
	    before_mark(q, out)  # the host may say that it knows no such protocol
	END
}

@test "GRE: a second container towards the same peer is refused by name, towards another it is not" {
	only bpf "Linux lets both go by one address, and mixes up the answers"
	nat_up
	wire <<-'END'
	def gre(src, dst):
	    return plain(src, dst, 47, b"\0\0\x08\0" * 5)
	p = gre(q.addr, PEER)
	crosses(q, p, out, expected(p, src=EXT))
	mark_end(r)
	told(crosses(r, gre(r.addr, PEER), r), "refused")
	assert not before_mark(r, out)
	p = gre(r.addr, STRANGER)
	crosses(r, p, out, expected(p, src=EXT))
	for c, peer in (q, PEER), (r, STRANGER):
	    p = gre(peer, EXT)
	    crosses(out, p, c, expected(p, dst=c.addr))
	END
	[ "$(dropped TUPLE_TAKEN)" = 1 ]
}

@test "options of the IP header stay, extension headers too, and what stands behind them is translated" {
	nat_up
	wire <<-'END'
	def same(have, want, options):
	    """But for what routers write into options of IPv4."""
	    assert (have.src, have.dst, upper(have)) == (want.src, want.dst, upper(want)), have.summary()
	    n = 0 if SIX else have.ihl * 4
	    assert bytes(have)[n:] == bytes(want)[n:], have.summary()
	    sums(have)
	for proto in ("udp", "tcp", "icmp", "sctp", "udplite")[: 4 if NETFILTER else 5]:
	    for c in q, r:
	        f = Flow(proto, c, 5000)
	        for options in (*OPTIONS, *LONG_OPTIONS):
	            if NETFILTER and options == [(44, bytes(8))]:
	                continue  # a fragment of all there is: the kernel puts it together
	            p = with_options(f.up(), options)
	            same(crosses(c, p, out), f.up_seen(p), options)
	            p = with_options(f.down(), options)
	            same(crosses(out, p, c), f.down_seen(p), options)
	END
}

@test "a source route is dropped, loose or strict, wherever it stands among the options" {
	nat_up
	wire <<-'END'
	f = Flow("udp", q, 5000)
	for options in ROUTES:
	    lost(q, with_options(f.up(), options), out, silent=False)
	f.works()
	END
	only bpf
	[ "$(dropped SOURCE_ROUTE)" = 8 ]
}

@test "a bad option list is no way around: a length of 0, 1 or past the end" {
	nat_up
	wire <<-'END'
	f = Flow("udp", q, 5000)
	if SIX:  # headers of any length, chains that end nowhere, fragments of nothing
	    bad = [[(60, b"\0\x40" + bytes(6))], [(60, b"\0\1" + bytes(6))] * 8, [(60, b"\0" + bytes([n]) + bytes(6)) for n in (0, 9)],
	           [(60, bytes(8)), (0, bytes(8))], [(51, b"\0\xff" + bytes(6))], [(43, b"\0\xff\4" + bytes(5))], [(60, bytes(8))] * 9]
	else:
	    bad = b"\x07\0\0\0", b"\x07\1\0\0", b"\x07\x09\4\0", b"\x83\x40\4\0", b"\x44\0\0\0", b"\1\1\1\x83"
	for options in bad:
	    q.send(with_options(f.up(), options))
	    for p in before_mark(q, out):
	        assert p.src == EXT, p.summary()
	before_mark(r, q)
	f.works()
	END
}

@test "a trailer behind the packet is not part of it" {
	nat_up
	wire <<-'END'
	for proto in "udp", "tcp", "icmp":
	    f = Flow(proto, q, 5000)
	    p = f.up()
	    q.socket.send(bytes(Ether(src=q.mac, dst=q.gateway_mac, type=ETHERTYPE)) + bytes(p) + b"trailer" * 3)
	    equal(out.heard(), f.up_seen(p))
	END
}
