#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# ICMP through translation, RFC 5508 by requirement and every case of a quoted packet, in both directions.
load lib
load nat

setup_file() { nat_host_up; }
teardown_file() { host_down; }
teardown() { nat_down; }

@test "5508-1, 2, 3: an echo's identifier is one for every destination, also where it had to change" {
	nat_up
	wire <<-'END'
	for ident in 0, 1, 5000, 65535:
	    one = [Flow("icmp", q, ident, peer=p) for p in PEERS[1:5]]
	    assert {f.port for f in one} == {ident}, [f.port for f in one]
	    two = [Flow("icmp", r, ident, peer=p) for p in PEERS[1:5]]
	    assert ident not in {f.port for f in two} and len({f.port for f in two}) == 1, [f.port for f in two]
	    for f in one + two:
	        f.works()
	        f.sends(seq=7)
	        f.hears(seq=7, load=b"x" * 1400)
	END
}

@test "5508-1: other queries are translated like echo or dropped by a name" {
	nat_up
	wire <<-'END'
	mark_end(q)
	for kind in () if SIX else (13, 15, 17, 37):
	    q.send(error(q.addr, PEER, bytes(12), kind, 0))
	for p in before_mark(q, out):
	    assert p.src == EXT and message(p)[0] in (13, 15, 17), p.summary()
	for kind in (129, 144, 145, 146, 147, 139, 140) if SIX else (14, 16, 18, 38, 0):
	    lost(q, error(q.addr, PEER, bytes(12), kind, 0), out)
	END
	only bpf
	[ "$(dropped ICMP_NO_FLOW)" -ge 5 ]
}

@test "5508-3: an error with a bad ICMP checksum is dropped" {
	nat_up
	wire <<-'END'
	for f in conversations():
	    for bad in 1, 0x100, 0xffff:
	        lost(out, spoilt(error(ROUTER, f.ext, about_up(f)), bad), q, silent=False)
	    f.works()
	END
	only bpf
	[ "$(dropped ICMP_SUM)" = 9 ]
}

@test "5508-3a: an error whose quoted header has a bad checksum is dropped" {
	ipv4 "there is no such checksum"
	only bpf "Linux delivers it"
	nat_up
	wire <<-'END'
	for f in conversations():
	    quote = about_up(f)
	    quote.chksum ^= 1
	    lost(out, error(ROUTER, f.ext, quote), q, silent=False)
	    f.works()
	END
	[ "$(dropped ICMP_QUOTE)" = 3 ]
}

@test "5508-3b: options in the quoted header are skipped" {
	nat_up
	wire <<-'END'
	for f in conversations():
	    for options in OPTIONS:
	        arrives(f, with_options(about_up(f), options))
	        arrives(f, with_options(about_up(f), options), size=8)
	END
}

@test "5508-3c: the quoted packet's own transport checksum is not verified, and stays as wrong as it was" {
	nat_up
	wire <<-'END'
	for f in conversations():
	    quote = about_up(f)
	    quote = spoilt(quote, 0x1234, SUM_AT[upper(quote)[1]])
	    have = crosses(out, error(ROUTER, f.ext, quote), q)
	    inner = parsed(message(have)[2])
	    assert inner.src == q.addr and have.dst == q.addr
	    f.works()
	END
}

@test "5508-3d: the extensions of RFC 4884 survive" {
	nat_up
	wire <<-'END'
	for f in conversations():
	    for kind in UNREACHABLE, EXCEEDED:
	        arrives(f, about_up(f), *kind, size=100, extension=True)
	END
}

@test "5508-4: each type, about each protocol, from destination, router and stranger, is delivered with right sums" {
	nat_up
	wire <<-'END'
	for f in conversations():
	    for kind in KINDS:
	        for source in f.peer, ROUTER, STRANGER:
	            arrives(f, about_up(f), *kind, source=source)
	END
}

@test "1.7.1: the same where the external port is not the container's own" {
	nat_up
	wire <<-'END'
	mine = list(conversations())
	for f in conversations(r):
	    assert f.port != f.inner_port
	    for kind in KINDS:
	        arrives(f, about_up(f), *kind)
	        arrives(f, about_up(f), *kind, size=8)
	for f in mine:
	    f.works()
	END
}

@test "1.7.2: quotes of 8 bytes and longer are delivered, all that are cut shorter are dropped" {
	nat_up
	wire <<-'END'
	for f in conversations():
	    whole = about_up(f)
	    for size in range(8, len(whole) - upper(whole)[0] + 1):
	        # half of the quoted sum is no sum; to Linux less than a whole header has none
	        if f.proto != "tcp" or not 17 <= size < (20 if NETFILTER else 18):
	            arrives(f, whole, size=size)
	    for size in range(-upper(whole)[0], 8):
	        lost(out, error(ROUTER, f.ext, whole, size=size), q, silent=False)
	    f.works()
	END
	only bpf
	[ "$(dropped ICMP_QUOTE)" = $((FAMILY == 4 ? 3 * 28 : 3 * 48)) ]
}

@test "1.7.3: a UDP checksum of none stays none, outside and in a quote" {
	nat_up
	wire <<-'END'
	f = Flow("udp", q, 5000)
	f.sends(chksum=0)
	f.hears(chksum=0)
	g = Flow("udp", r, 5000)
	g.sends(chksum=0)
	g.hears(chksum=0)
	for f in f, g:
	    quote = f.up_seen(f.up(chksum=0))
	    arrives(f, quote)
	    arrives(f, quote, size=8)
	END
}

@test "a UDP checksum that comes to nothing is sent as 0xffff" {
	nat_up
	wire <<-'END'
	f = Flow("udp", q, 5000)
	seen = set()
	for high in range(256):
	    p = f.up(load=struct.pack("!H", high * 257))
	    rest = expected(p, src=f.ext, sport=f.port)[UDP].chksum
	    # what must be added to the load so that the sum outside becomes zero
	    p = f.up(load=struct.pack("!H", (high * 257 + rest) % 0xffff))
	    have = crosses(q, p, out)
	    assert have[UDP].chksum != 0
	    seen.add(have[UDP].chksum)
	    equal(have, f.up_seen(p))
	assert 0xffff in seen, seen
	END
}

@test "1.7.4: a quote that matches no flow is the host's at the uplink, and is dropped on its way out" {
	nat_up
	wire <<-'END'
	f = Flow("udp", q, 5000)
	for quote in packet("udp", EXT, 5001, PEER, 80), packet("udp", EXT, 5000, PEER, 81), \
	        packet("udp", EXT, 5000, STRANGER, 80), packet("tcp", EXT, 5000, PEER, 80), packet("icmp", EXT, 5000, PEER, 0):
	    lost(out, error(ROUTER, f.ext, quote), q)
	for quote in packet("udp", PEER, 80, q.addr, 5001), packet("udp", PEER, 81, q.addr, 5000), \
	        packet("tcp", PEER, 80, q.addr, 5000):
	    lost(q, error(q.addr, quote.src, quote), out)
	f.works()
	END
	only bpf
	[ "$(dropped ICMP_NO_FLOW)" = 3 ]
}

@test "1.7.5: an error from inside about the peer's packet leaves with the external address, quoting what the peer sent" {
	nat_up
	wire <<-'END'
	for inner in q, r:
	    for f in conversations(inner):
	        for kind in KINDS:
	            for size in 8, None:
	                said(f, f.down(), *kind, size=size)
	        f.works()
	END
}

@test "1.7.5: an error from inside that quotes another container's flow is dropped" {
	nat_up
	wire <<-'END'
	for f in conversations():
	    seen = f.down_seen(f.down())
	    lost(r, error(r.addr, f.peer, seen), out)
	    forged = expected(seen, hops=0, dst=r.addr)
	    lost(r, error(r.addr, f.peer, forged), out)
	    lost(r, error(q.addr, f.peer, seen), out)
	    f.works()
	END
}

@test "1.7.5: an error that quotes an error is dropped, both ways" {
	nat_up
	wire <<-'END'
	for f in conversations():
	    lost(out, error(ROUTER, f.ext, error(ROUTER, f.ext, about_up(f))), q, silent=False)
	    lost(q, error(q.addr, f.peer, error(ROUTER, f.ext, about_up(f))), out)
	    inside = f.down_seen(f.down())
	    lost(q, error(q.addr, f.peer, error(q.addr, f.peer, inside)), out)
	    f.works()
	END
}

@test "1.7.6, 5508-7: an error about a hairpinned packet comes back with both translations undone" {
	only bpf "Linux has no hairpin"
	nat_up
	wire <<-'END'
	a, b = Flow("udp", q, 5000), Flow("udp", r, 5000)
	p = packet("udp", r.addr, 5000, EXT, a.port)
	r.send(p)
	q.heard(0.1)
	p = packet("udp", q.addr, 5000, EXT, b.port)
	seen = crosses(q, p, r, expected(p, src=EXT, sport=a.port, dst=r.addr, dport=5000))
	for size in None, 8:
	    wrong = error(r.addr, EXT, seen, size=size)
	    crosses(r, wrong, q, expected(error(EXT, q.addr, expected(p), size=size, id=ident(wrong))))
	END
}

@test "1.7.7, 5508-6: no error refreshes or ends a mapping, and the mapping answers after each" {
	nat_up
	wire <<-'END'
	for f in conversations():
	    before = f.shown()
	    end = time.monotonic() + 10
	    while f.shown()["expires_seconds"] >= before["expires_seconds"] - 2:
	        for kind in KINDS:
	            arrives(f, about_up(f), *kind, check=False)
	            said(f, f.down(), *kind)
	        assert time.monotonic() < end, "an error refreshes"
	        select.select([], [], [], 0.2)
	    after = f.shown()
	    assert after["state"] == before["state"], (before, after)
	    f.works()
	    after = f.shown()
	    assert after["expires_seconds"] >= before["expires_seconds"] - 1, (before, after)
	END
}

@test "1.7.7: own errors are never about errors, broadcasts, multicasts or later fragments, and are limited" {
	only bpf "the stack's own"
	nat_up
	wire <<-'END'
	low = {"ttl": 1}
	told(crosses(q, packet("udp", q.addr, 5000, PEER, 80, ip=low), q), "ttl")
	f = Flow("udp", q, 5000)
	for p in (error(q.addr, f.peer, f.down_seen(f.down()), ttl=1),
	          fragment(packet("udp", q.addr, 1, PEER, 2, ip={"ttl": 1, "flags": 0}), 9),
	          *(packet("udp", q.addr, 1, many, 2, ip=low) for many in
	            (("ff05::5", "ff0e::1") if SIX else ("224.0.0.5", "255.255.255.255")))):
	    lost(q, p, out)
	before_mark(r, q)
	for i in range(1000):
	    q.send(packet("udp", q.addr, 5000, PEER, 80, ip=low))
	came = before_mark(r, q)
	assert 0 < len(came) < 500, len(came)
	for p in came:
	    told(p, "ttl")
	END
}

@test "5508-8: the ports are exhausted: the packet is dropped and its sender told, 3/13 from the gateway" {
	only bpf "Linux is silent"
	nat_up SnatPorts=40000-40063 SnatOverload=no
	wire <<-'END'
	mark_end(r)
	mine = [Flow("udp", q, port) for port in range(5000, 5065)]
	yours = [Flow("udp", r, port, peer=STRANGER) for port in range(5000, 5064)]
	p = packet("udp", r.addr, 5064, STRANGER, 80)
	came = crosses(r, p, r)
	told(came, "refused")
	assert message(came)[2] == bytes(p)
	assert not before_mark(r, out)
	for f in mine + yours:
	    f.works()
	END
	[ "$(dropped PORTS_FULL)" = 1 ]
}

@test "5508-9, 10: own errors come from the gateway's inner address" {
	nat_up
	wire <<-'END'
	for proto in "udp", "tcp", "icmp":
	    for ttl in 0, 1:
	        p = packet(proto, q.addr, 5000, PEER, 80, ip={"ttl": ttl}, **({"flags": "S"} if proto == "tcp" else {}))
	        told(crosses(q, p, q), "ttl")
	END
	ip -n "$H" route add unreachable "${NOBODY}100"
	until_ok 10 no_way # Linux says it once a second, and has said something lately
	ip -n "$H" route del unreachable "${NOBODY}100"
}

no_way() {
	wire <<-'END'
	told(crosses(q, packet("udp", q.addr, 5000, ROUTER, 80), q), "host")
	END
}

@test "5508-11: redirects, router messages, source quench and unknown types do not leave a container" {
	nat_up
	wire <<-'END'
	f = Flow("udp", q, 5000)
	inside = f.down_seen(f.down())
	for kind in [(kind, 0) for kind in (0, 5, 100, 127, 130, 133, 134, 135, 137, 143, 148, 200, 255)] if SIX else \
	        ((5, 0), (5, 1), (4, 0), (9, 0), (10, 0), (1, 0), (7, 0), (19, 0), (40, 0), (42, 0), (255, 255)):
	    lost(q, error(q.addr, PEER, inside, *kind), out)
	f.works()
	END
}

@test "an error about a fragment: the first one has ports, later ones have none and are not misread" {
	nat_up
	wire <<-'END'
	f = Flow("udp", q, 5000)
	arrives(f, fragment(about_up(f), 0, more=True))
	lost(out, error(ROUTER, f.ext, fragment(about_up(f), 100)), q, silent=False)
	f.works()
	END
}

@test "N3, F7: the host's own errors stay the host's: traceroute and tracepath beside a container's" {
	nat_up
	in_ns "$OUT" sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv6.icmp.ratelimit=0
	for ns in "$H" a; do
		run -0 in_ns "$ns" tracepath -n -m 4 "$FAR"
		[[ $output == *"$FAR"*"reached"* ]]
	done
	[[ $output == *"1:  ${INNER}1"* ]]
}

@test "F6: path MTU discovery by tracepath finds a smaller MTU behind the uplink" {
	nat_up
	ip -n "$H" link set up0 mtu 1400
	run -0 in_ns a tracepath -n -m 4 "$FAR"
	ip -n "$H" link set up0 mtu 1500
	[[ $output == *"pmtu 1400"* ]]
	[[ $output == *reached* ]]
}
