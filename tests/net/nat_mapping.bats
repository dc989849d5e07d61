#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Mapping and filtering, RFC 4787 by requirement: which external port an endpoint gets, and who reaches it there.
load lib
load nat

setup_file() { nat_host_up; }
teardown_file() { host_down; }
teardown() { nat_down; }

@test "4787-1, 5382-1, 5508-1: an endpoint has one external port for every destination" {
	nat_up
	wire <<-'END'
	for proto in "udp", "tcp", "icmp":
	    first = [Flow(proto, q, 5000, peer=p, peer_port=port) for p in PEERS[1:9] for port in (80, 81)]
	    assert {(f.ext, f.port) for f in first} == {(EXT, 5000)}
	    for f in first:
	        f.works()
	END
}

@test "4787-1 after a clash: the second endpoint has one external port for every destination too" {
	only bpf "Linux chooses by destination"
	nat_up
	wire <<-'END'
	for proto in "udp", "tcp", "icmp":
	    Flow(proto, q, 5000)
	    second = [Flow(proto, r, 5000, peer=p) for p in PEERS[1:9]]
	    assert len({(f.ext, f.port) for f in second}) == 1, [f.port for f in second]
	    assert second[0].port != 5000
	    for f in second:
	        f.works()
	END
}

@test "4787-1 by sockets: two containers, one source port, two destinations" {
	nat_up
	mirror "$OUT" 7 "$FAR" "$OUTSIDE"
	for protocol in udp tcp; do
		[ "$(ask a $protocol 6000)" = "$EXT 6000" ]
		second=$(ask b $protocol 6000)
		[ "$second" != "$EXT 6000" ]
		if [ "$(mode)" = bpf ]; then
			[ "$(ask b $protocol 6000 "$OUTSIDE")" = "$second" ]
		fi
		[ "$(ask a $protocol 6000 "$OUTSIDE")" = "$EXT 6000" ]
	done
}

@test "4787-2, 6888-2: of several SNAT addresses an inner host keeps one, for every protocol and destination" {
	nat_up "$SNAT=$EXT,$EXT2"
	wire <<-'END'
	for c in q, r:
	    seen = {Flow(proto, c, port, peer=p).ext for proto in ("udp", "tcp", "icmp")
	            for port in (700, 5000, 5001, 40000) for p in PEERS[1:4]}
	    assert len(seen) == 1 and seen < {EXT, EXT2}, seen
	END
}

@test "6888-6: inner hosts are spread over the SNAT addresses" {
	nat_up "$SNAT=$EXT,$EXT2"
	mirror "$OUT" 7 "$FAR"
	for n in $(seq 20); do
		nsf add t0 "n$n" >/dev/null
		ask "n$n" udp 5000
	done | cut -d ' ' -f 1 | sort | uniq -c >"$ROOM/spread"
	cat "$ROOM/spread"
	[ "$(awk '$1 >= 2' "$ROOM/spread" | wc -l)" = 2 ]
}

@test "4787-3, 5382-7: an external port is never two inner hosts' at once" {
	only bpf "Linux shares external ports towards different destinations"
	nat_up
	wire <<-'END'
	for proto in "udp", "tcp", "icmp":
	    mine = {Flow(proto, q, port, peer=PEERS[1], shake=False).port for port in range(5000, 5200)}
	    yours = {Flow(proto, r, port, peer=PEERS[2], shake=False).port for port in range(5000, 5200)}
	    assert len(mine) == len(yours) == 200
	    assert not mine & yours, mine & yours
	END
}

@test "4787-3a: numbers below 1024 get numbers below 1024, others others" {
	nat_up
	wire <<-'END'
	for proto in "udp", "tcp":
	    ports = 1, 22, 700, 1023, 1024, 1025, 33000, 65534, 65535
	    for port in ports:  # all of them before any is taken by chance
	        assert Flow(proto, q, port, shake=False).port == port
	    for port in ports:
	        clash = Flow(proto, r, port, shake=False).port
	        assert clash != port and (clash < 1024) == (port < 1024), (port, clash)
	END
}

@test "4787-4: on a clash odd stays odd and even stays even" {
	only bpf "Linux keeps no parity"
	nat_up
	wire <<-'END'
	for proto in "udp", "tcp":
	    for port in range(5000, 5032):
	        Flow(proto, q, port, shake=False)
	        clash = Flow(proto, r, port, shake=False).port
	        assert clash != port and clash % 2 == port % 2, (port, clash)
	END
}

@test "4787-5, 5382-5, 5508-2: the defaults are 300 s, 7440 and 240 s, 60 s" {
	only bpf "timeouts of the kernel's own"
	nat_up
	wire <<-'END'
	def left(f, seconds):
	    assert seconds - 3 <= f.shown()["expires_seconds"] <= seconds + 1, f.shown()
	left(Flow("udp", q, 5000), 300)
	left(Flow("icmp", q, 5000), 60)
	left(Flow("tcp", q, 5000, shake=False), 240)
	f = Flow("tcp", q, 5001)
	left(f, 7440)
	f.sends(flags="FA")
	left(f, 7440)
	f.hears(flags="FA")
	left(f, 240)
	f = Flow("tcp", q, 5002)
	f.hears(flags="RA")
	left(f, 240)
	END
}

@test "4787-5: timeouts are configurable; below the RFC's floor a message says so" {
	nat_up TimeoutUdp=119 TimeoutIcmp=61 TimeoutTcpOpening=241 TimeoutTcpEstablished=7440
	grep -q "TimeoutUdp.*119" "$ROOM/t0.err"
	run ! grep -e TimeoutIcmp -e TimeoutTcp "$ROOM/t0.err"
	only bpf "timeouts of the kernel's own"
	wire <<-'END'
	assert 115 <= Flow("udp", q, 5000).shown()["expires_seconds"] <= 120
	assert Flow("icmp", q, 5000).shown()["expires_seconds"] >= 58
	assert Flow("tcp", q, 5000, shake=False).shown()["expires_seconds"] >= 238
	END
}

@test "4787-6: outbound packets refresh, so do those of the peer that are let in; nothing else does" {
	nat_up TimeoutUdp=5
	wire <<-'END'
	sent, heard, idle, called = (Flow("udp", q, port) for port in (5000, 5001, 5002, 5003))
	end = time.monotonic() + 20
	while idle.shown() or called.shown():
	    sent.sends()
	    heard.hears()
	    out.send(packet("udp", STRANGER, 9, EXT, called.port), packet("udp", PEER, 81, EXT, called.port))
	    before_mark(q, out)  # Linux says that nobody is there
	    assert time.monotonic() < end, "an idle mapping goes on"
	    select.select([], [], [], 0.2)
	assert sent.shown() and heard.shown()
	sent.works()
	heard.works()
	END
}

@test "4787-7: an inner subnet that overlaps the uplink's is refused by name" {
	local subnet over=(198.51.100.129/25 198.51.0.1/16)
	[ "$FAMILY" = 4 ] || over=(2001:db8:51::129/80 2001:db8:51::1/64)
	for subnet in "${over[@]}"; do
		run -1 nsf up t0 --mode "$(mode)" --subnet "$subnet" --uplink up0
		[[ $output == *${EXT%1}* ]]
	done
	[ "$(nsf -j show | jq length)" = 0 ]
}

@test "4787-8: only who was sent to gets in, address and port number" {
	nat_up
	wire <<-'END'
	for proto in "udp", "tcp":
	    f = Flow(proto, q, 5000)
	    for peer, port in (PEER, 81), (STRANGER, 80), (STRANGER, 9), (ROUTER, 80):
	        lost(out, packet(proto, peer, port, f.ext, f.port), q, silent=not NETFILTER)
	    f.works()
	f = Flow("icmp", q, 5000)
	lost(out, packet("icmp", STRANGER, 0, f.ext, f.port, answer=True), q)
	f.works()
	END
	[ "$(flows ".peer.address | IN(\"${NOBODY}150\", \"${NOBODY}100\")")" = 0 ]
	only bpf
	[ "$(dropped UNSOLICITED)" -ge 8 ]
}

@test "4787-8 by choice: with Filter=endpoint-independent anyone reaches a mapping, and no more than the mapping" {
	only bpf "Linux filters by address and port"
	nat_up Filter=endpoint-independent
	wire <<-'END'
	for proto in "udp", "tcp":
	    f = Flow(proto, q, 5000)
	    for peer, port in (PEER, 81), (STRANGER, 80):
	        p = packet(proto, peer, port, f.ext, f.port, flags="S", ack=0) if proto == "tcp" else \
	            packet(proto, peer, port, f.ext, f.port)
	        crosses(out, p, q, expected(p, dst=q.addr, dport=5000))
	        answer = packet(proto, q.addr, 5000, peer, port, **({"flags": "SA"} if proto == "tcp" else {}))
	        crosses(q, answer, out, expected(answer, src=EXT, sport=f.port))
	    f.works()
	    lost(out, packet(proto, STRANGER, 80, EXT, 5001, **({"flags": "S"} if proto == "tcp" else {})), q, silent=False)
	    before_mark(q, out)  # the host may say that nobody is there
	END
}

@test "7857-7: what only the open filter lets in does not keep a mapping alive" {
	only bpf "Linux filters by address and port"
	nat_up Filter=endpoint-independent TimeoutUdp=5
	wire <<-'END'
	f, kept = Flow("udp", q, 5000), Flow("udp", q, 5001)
	end = time.monotonic() + 20
	while f.shown():
	    kept.sends()
	    out.send(packet("udp", STRANGER, 9, EXT, f.port))
	    assert time.monotonic() < end, "strangers keep a mapping alive"
	    select.select([], [], [], 0.2)
	while q.heard(0.1) or out.heard(0.1):  # to the last one the host may have said that nobody is there
	    assert time.monotonic() < end
	lost(out, packet("udp", STRANGER, 10, EXT, f.port), q, silent=False)
	END
}

@test "7857-8: a RST that answers what the open filter let in does not keep a mapping alive" {
	only bpf "Linux filters by address and port"
	nat_up Filter=endpoint-independent TimeoutTcpOpening=5 TimeoutTcpClosing=5
	wire <<-'END'
	f, port = Flow("tcp", q, 5000), 9
	f.sends(flags="R")
	end, gone = time.monotonic() + 30, None
	while not gone or time.monotonic() < gone + 2:
	    port += 1
	    out.send(packet("tcp", STRANGER, port, EXT, f.port, flags="S", ack=0))
	    if q.heard(0.2):
	        q.send(packet("tcp", q.addr, 5000, STRANGER, port, flags="R"))
	    gone = gone or (not f.shown() and time.monotonic())
	    select.select([], [], [], 0.3)
	    assert time.monotonic() < end, "the mapping's own flow does not end"
	while out.heard(0.1) or q.heard(0.1):
	    assert time.monotonic() < end
	lost(out, packet("tcp", STRANGER, 8, EXT, f.port, flags="S", ack=0), q, silent=False)
	END
}

@test "4787-9, 9a, 5382-8: two containers meet at their external ports, and each sees the other's" {
	only bpf "Linux has no hairpin"
	nat_up
	wire <<-'END'
	def meet(proto, a, b, **kw):
	    """A packet of a's to b's external port, as b sees it"""
	    p = packet(proto, a.inner.addr, a.inner_port, EXT, b.port, **kw)
	    return a.inner, p, b.inner, expected(p, src=EXT, sport=a.port, dst=b.inner.addr, dport=b.inner_port)
	for proto in "udp", "tcp":
	    syn = {"flags": "S", "ack": 0} if proto == "tcp" else {}
	    a, b = Flow(proto, q, 5000), Flow(proto, r, 5000)
	    lost(*meet(proto, a, b, **syn)[:3], silent=False)  # b has not asked for a yet
	    crosses(*meet(proto, b, a, **syn))
	    crosses(*meet(proto, a, b, **({"flags": "SA"} if syn else {})))
	    crosses(*meet(proto, b, a, **({"flags": "A"} if syn else {})))
	    crosses(*meet(proto, a, b))
	    crosses(*meet(proto, b, a))
	    a.works()
	    b.works()
	END
}

@test "4787-9 with the open filter: the first packet arrives, and an endpoint reaches itself" {
	only bpf "Linux has no hairpin"
	nat_up Filter=endpoint-independent
	wire <<-'END'
	a, b = Flow("udp", q, 5000), Flow("udp", r, 6000)
	p = packet("udp", q.addr, 5000, EXT, b.port)
	crosses(q, p, r, expected(p, src=EXT, sport=a.port, dst=r.addr, dport=6000))
	p = packet("udp", r.addr, 6000, EXT, a.port)
	crosses(r, p, q, expected(p, src=EXT, sport=b.port, dst=q.addr, dport=5000))
	c = Flow("udp", q, 7000)
	p = packet("udp", q.addr, 5000, EXT, c.port)
	crosses(q, p, q, expected(p, src=EXT, sport=a.port, dst=q.addr, dport=7000))
	END
}

@test "4787-10, 5382-6: no application gateway: what FTP and SIP say of addresses stays as it is" {
	nat_up
	wire <<-'END'
	f = Flow("tcp", q, 5000, peer_port=21)
	f.sends(load=b"PORT 10,77,0,4,19,136\r\n")
	f.hears(load=b"227 Entering Passive Mode (198,51,100,1,19,136)\r\n")
	f = Flow("udp", q, 5060, peer_port=5060)
	f.sends(load=b"INVITE sip:x SIP/2.0\r\nVia: SIP/2.0/UDP 10.77.0.4:5060\r\nContact: <sip:q@10.77.0.4:5060>\r\n\r\n")
	f.hears(load=b"SIP/2.0 200 OK\r\nContact: <sip:x@198.51.100.1:5060>\r\n\r\n")
	END
}

@test "4787-13: a packet too long for the way out is fragmented, in order, unless it forbids that" {
	ipv4 "what may be fragmented on its way is IPv4 only"
	nat_up
	ip -n "$H" link set up0 mtu 1400
	nsf up t0
	wire <<-'END'
	load = bytes(range(256)) * 5 + bytes(192)
	p = packet("udp", q.addr, 5000, PEER, 80, load=load, ip={"flags": 0})
	assert len(p) == 1500
	q.send(p)
	first, second = out.heard(), out.heard()
	assert first and second, "lost"
	assert (first.flags.MF, first.frag) == (1, 0), first
	assert (second.flags.MF, second.frag * 8) == (0, first.len - 20), second
	assert first.id == second.id and len(first) <= 1400 and first.src == second.src == EXT
	whole = IP(bytes(IP(src=EXT, dst=PEER, proto=17) / Raw(bytes(first.payload) + bytes(second.payload))))
	assert bytes(whole[UDP].payload) == load and whole[UDP].sport == 5000
	sums(whole)
	q.send(packet("udp", q.addr, 5000, PEER, 80, load=load))
	told = q.heard()
	assert told[ICMP].type == 3 and told[ICMP].code == 4 and told[ICMP].nexthopmtu == 1400, told
	END
	ip -n "$H" link set up0 mtu 1500
}

@test "7857-10: the number that replaces a taken one cannot be guessed" {
	only bpf
	nat_up
	wire <<-'END'
	got = []
	for port in range(5000, 5040):
	    Flow("udp", q, port)
	    got.append(Flow("udp", r, port).port)
	assert len(set(got)) == 40
	steps = {b - a for a, b in zip(got, got[1:])}
	assert len(steps) > 30, got
	assert max(got) - min(got) > 20000, got
	END
}

@test "1.1 overloading: where the range is exhausted external ports are shared, towards other peers, and shown" {
	only bpf "Linux shares before"
	nat_up SnatPorts=40000-40063
	wire <<-'END'
	mine = [Flow("udp", q, port) for port in range(5000, 5080)]
	moved = [Flow("udp", r, port, peer=PEERS[port - 4990]) for port in range(5000, 5080)]
	assert {f.port for f in moved} <= {*range(40000, 40064), *range(5000, 5080)}, [f.port for f in moved]
	ends = [(f.ext, f.port, f.peer, f.peer_port) for f in mine + moved]
	assert len(set(ends)) == len(ends)
	for f in mine + moved:
	    f.works()
	END
	[ "$(dropped PORTS_FULL)" = 0 ]
	[ "$(nsf -j show t0 | jq '.[0].flows.overloaded')" = 16 ]
}

@test "1.1 overloading: two endpoints never share towards one peer; when that is exhausted too it is told by 3/13" {
	only bpf "Linux is silent"
	nat_up SnatPorts=40000-40063
	wire <<-'END'
	mark_end(q)
	mark_end(r)
	mine = [Flow("udp", q, port) for port in range(5000, 5100)]
	yours, refused = [], []
	for port in range(5000, 5100):
	    r.send(packet("udp", r.addr, port, PEER, 80))
	    came = before_mark(r, out)
	    if came:
	        assert came[0].sport not in [f.port for f in mine] + yours, came[0].summary()
	        yours.append(came[0].sport)
	    else:
	        refused.append(r.heard())
	assert len(yours) >= 64 and refused, yours
	for p in refused:
	    told(p, "refused")
	for f in mine:
	    f.works()
	END
	[ "$(dropped PORTS_FULL)" -gt 0 ]
}

@test "1.1 SnatOverload=no: where the range is exhausted the new is refused, and the old goes on" {
	only bpf "Linux shares"
	nat_up SnatPorts=40000-40063 SnatOverload=no
	wire <<-'END'
	mark_end(r)
	mine = [Flow("udp", q, port) for port in range(5000, 5066)]
	yours = [Flow("udp", r, port, peer=STRANGER) for port in range(5000, 5064)]
	assert {f.port for f in yours} == set(range(40000, 40064)), [f.port for f in yours]
	for port in 5064, 5065:
	    told(crosses(r, packet("udp", r.addr, port, PEERS[7], 80), r), "refused")
	assert not before_mark(r, out)
	for f in mine + yours:
	    f.works()
	# another destination of an endpoint that has its number is nothing new
	Flow("udp", r, 5000, peer=PEERS[7]).works()
	END
	[ "$(dropped PORTS_FULL)" = 2 ]
}

@test "1.1: before sharing, the external ports of flows that both sides have closed are used again" {
	only bpf "Linux shares"
	nat_up SnatPorts=40000-40063
	wire <<-'END'
	mine = [Flow("tcp", q, port, shake=False) for port in range(5000, 5070)]
	first = [Flow("tcp", r, port) for port in range(5000, 5064)]
	assert {f.port for f in first} == set(range(40000, 40064))
	for f in first[3], first[9]:
	    f.sends(flags="FA")
	    f.hears(flags="FA")
	    f.sends(flags="A", load=b"")
	again = [Flow("tcp", r, port) for port in (5064, 5065)]
	assert {f.port for f in again} == {first[3].port, first[9].port}
	for f in again + first[:3]:
	    f.works()
	END
	[ "$(dropped PORTS_FULL)" = 0 ]
	[ "$(nsf -j show t0 | jq '.[0].flows.overloaded')" = 0 ]
}

@test "6888-15: a range is fully usable" {
	only bpf
	nat_up SnatPorts=40000-40199 SnatOverload=no
	wire <<-'END'
	for proto in "udp", "tcp":
	    for port in range(5000, 5200):
	        Flow(proto, q, port, shake=False)
	    got = {Flow(proto, r, port, peer=STRANGER, shake=False).port for port in range(5000, 5200)}
	    assert got == set(range(40000, 40200)), len(got)
	END
}

@test "6888-8: an external port that was freed rests while there are others" {
	only bpf "Linux uses it at once"
	nat_up SnatPorts=40000-40063 TimeoutUdp=2
	wire <<-'END'
	used = {Flow("udp", q, port).port + Flow("udp", r, port).port - port for port in range(5000, 5020)}
	assert used < set(range(40000, 40064))
	end = time.monotonic() + 15
	while flows(port="r"):
	    assert time.monotonic() < end
	    select.select([], [], [], 0.2)
	for port in range(5000, 5012):
	    Flow("udp", q, port)
	    assert Flow("udp", r, port, peer=STRANGER).port not in used
	END
}

@test "7857-5: an external port is held for each protocol apart" {
	nat_up
	wire <<-'END'
	for c, port in (q, 5000), (r, 6000):
	    assert {Flow(proto, c, port).port for proto in ("udp", "tcp", "icmp")} == {port}
	assert Flow("udp", q, 7000).port == 7000
	assert Flow("tcp", r, 7000).port == 7000
	END
}

@test "6888-7: destinations that are exempt see the container's own address, all others the external one" {
	nat_up "SnatExcept=$EXEMPT"
	wire <<-'END'
	near = "2001:db8:fe::7" if SIX else "100.64.1.7"
	for proto in "udp", "tcp", "icmp":
	    p = packet(proto, q.addr, 5000, near, 80, **({"flags": "S", "ack": 0} if proto == "tcp" else {}))
	    crosses(q, p, out, expected(p))
	    p = packet(proto, near, 80, q.addr, 5000, answer=True, **({"flags": "SA"} if proto == "tcp" else {}))
	    crosses(out, p, q, expected(p))
	    Flow(proto, q, 5000).works()
	END
}
