#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Shares: what one container can use up, what it cannot, and that the host's own conversations are kept apart.
load lib
load nat

setup_file() { nat_host_up; }
teardown_file() { host_down; }
teardown() { nat_down; }

@test "6888-4: MaxFlows bounds a container's flows; what is over it is refused and told, others are not touched" {
	only bpf
	nat_up MaxFlows=50
	wire <<-'END'
	mark_end(q)
	mark_end(r)
	mine = [Flow("udp", q, 5000 + i) for i in range(49)]
	told(crosses(q, packet("udp", q.addr, 6000, PEER, 80), q), "refused")
	assert not before_mark(q, out)
	for f in mine:
	    f.works()
	for i in range(49):
	    Flow("udp", r, 7000 + i).works()
	END
	[ "$(dropped FLOWS_QUOTA)" = 1 ]
}

@test "6888-4: what both sides have closed is not counted" {
	only bpf
	nat_up MaxFlows=10
	wire <<-'END'
	mark_end(q)
	for i in range(60):
	    f = Flow("tcp", q, 5000 + i)
	    f.sends(flags="FA")
	    f.hears(flags="FA")
	    f.sends(flags="A", load=b"")
	END
	[ "$(dropped FLOWS_QUOTA)" = 0 ]
}

@test "MaxHalfOpen bounds what nobody answered; an answer makes room" {
	only bpf
	nat_up MaxHalfOpen=10
	wire <<-'END'
	half = [Flow("tcp", q, 5000 + i, shake=False) for i in range(10)]
	syn = {"flags": "S", "ack": 0, "load": b""}
	told(crosses(q, packet("tcp", q.addr, 6000, PEER, 80, **syn), q), "refused")
	assert not before_mark(q, out)
	half[0].hears(flags="SA", load=b"")
	Flow("tcp", q, 6000, shake=False)
	told(crosses(q, packet("tcp", q.addr, 6001, PEER, 80, **syn), q), "refused")
	Flow("udp", q, 5000).works()
	Flow("tcp", r, 5000).works()
	END
	[ "$(dropped HALF_QUOTA)" = 2 ]
}

# As wire, with what is said at q's publishes, and how what the outside began there stands.
knock_wire() {
	{ knocks && cat; } | wire
}

knocks() {
	cat <<-'END'
	def knock(port, **more):
	    return packet("tcp", PEER, port, EXT, 8080, **{"flags": "S", "ack": 0, "load": b"", **more})
	def answer(port, **more):
	    return packet("tcp", q.addr, 80, PEER, port, answer=True, **{"flags": "SA", "load": b"", **more})
	def ask(port):
	    return packet("udp", PEER, port, EXT, 5353)
	def tell(port):
	    return packet("udp", q.addr, 53, PEER, port, answer=True)
	def inbound(**which):
	    return {f["peer"]["port"]: f["state"] for f in flows(**which) if f["direction"] == "in"}
	END
}

@test "MaxHalfOpen bounds what others begin at a container's publishes: the oldest of it makes room; its own has its own" {
	only bpf
	nat_up MaxHalfOpen=10
	nsf publish add t0 8080:q:80/tcp
	knock_wire <<-'END'
	own = [Flow("tcp", q, 6000 + i, shake=False) for i in range(10)]
	for port in range(5000, 5030):
	    crosses(out, knock(port), q)
	assert sorted(inbound(protocol="tcp")) == list(range(5020, 5030)), sorted(inbound(protocol="tcp"))
	crosses(q, answer(5020), out)
	crosses(out, knock(5020, flags="A", ack=2001), q)
	for port in range(5030, 5060):
	    crosses(out, knock(port), q)
	assert inbound(protocol="tcp") == {5020: "established", **{port: "opening" for port in range(5050, 5060)}}
	crosses(q, answer(5020, flags="PA", load=b"data"), out)
	mark_end(q)
	told(crosses(q, packet("tcp", q.addr, 7000, PEER, 80, flags="S", ack=0, load=b""), q), "refused")
	own[0].hears(flags="SA", load=b"")
	Flow("tcp", q, 7000, shake=False)
	END
	[ "$(dropped HALF_QUOTA)" = 1 ]
}

@test "who acknowledges what he has not heard is not believed" {
	only bpf
	nat_up MaxHalfOpen=10
	nsf publish add t0 8080:q:80/tcp
	knock_wire <<-'END'
	for ack in 0, 0x10000, 0x20001, 0x80010000, 0xfffff000:
	    crosses(out, knock(5000), q)
	    crosses(q, answer(5000, seq=0x7ffffff0), out)
	    crosses(out, knock(5000, flags="PA", ack=ack, load=b"word"), q)
	    assert inbound(protocol="tcp") == {5000: "opening"}, ack
	crosses(out, knock(5001), q)
	crosses(q, answer(5001, seq=0xffffffff, load=b"early"), out)
	crosses(out, knock(5001, flags="A", ack=5), q)
	crosses(out, knock(5000, flags="A", ack=0x7ffffff1), q)
	assert inbound(protocol="tcp") == {5000: "established", 5001: "established"}
	END
}

@test "a flood of UDP at a publish leaves the container its own flows, and those of who talks with it" {
	only bpf
	nat_up MaxFlows=20
	nsf publish add t0 5353:q:53/udp
	knock_wire <<-'END'
	own = [Flow("udp", q, 6000 + i) for i in range(5)]
	for p, frm, to in (ask(5000), out, q), (tell(5000), q, out), (ask(5000), out, q):
	    crosses(frm, p, to)
	for port in range(5001, 5100):
	    crosses(out, ask(port), q)
	own += [Flow("udp", q, 7000 + i) for i in range(5)]
	for f in own:
	    f.works()
	assert port_of(crosses(q, tell(5000), out)) == 5353
	assert port_of(crosses(q, tell(5099), out)) == 5353
	assert sorted(inbound(protocol="udp")) == [5000, *range(5091, 5100)]
	own += [Flow("udp", q, 8000 + i) for i in range(8)]
	mark_end(q)
	told(crosses(q, packet("udp", q.addr, 9000, PEER, 80), q), "refused")
	END
	[ "$(dropped FLOWS_QUOTA)" = 1 ]
}

@test "a flood of UDP at a mapping with Filter=endpoint-independent leaves the container its own flows" {
	only bpf
	nat_up Filter=endpoint-independent MaxFlows=20 MaxHalfOpen=5
	wire <<-'END'
	f = Flow("udp", q, 5000)
	t = Flow("tcp", q, 5000)
	for port in range(2000, 2100):
	    crosses(out, packet("udp", STRANGER, port, EXT, f.port), q)
	    crosses(out, packet("tcp", STRANGER, port, EXT, t.port, flags="S", ack=0, load=b""), q)
	f.works()
	t.works()
	for i in range(5):
	    Flow("udp", q, 6000 + i).works()
	    Flow("tcp", q, 6000 + i).works()
	END
	[ "$(dropped FLOWS_QUOTA)" = 0 ]
	[ "$(dropped HALF_QUOTA)" = 0 ]
}

@test "6888-5: MaxPorts bounds external ports; more flows of a port that is held are no new ones" {
	only bpf
	nat_up MaxPorts=10
	wire <<-'END'
	mark_end(q)
	for i in range(9):
	    Flow("udp", q, 5000 + i)
	told(crosses(q, packet("udp", q.addr, 6000, PEER, 80), q), "refused")
	for peer in PEERS[1:50]:
	    Flow("udp", q, 5000, peer=peer).works()
	Flow("udp", r, 5000).works()
	END
	[ "$(dropped PORTS_QUOTA)" = 1 ]
}

# hping3 knows IPv4 only
flood() {
	if [ "$FAMILY" = 4 ]; then
		start nsenter --net=/run/netns/a -- timeout 4 hping3 -q "$1" --flood -s 1024 -p ++1 "${NOBODY}1" >/dev/null 2>&1
	else
		start nsenter --net=/run/netns/a -- timeout 4 "$PYTHON" tests/packets/flood.py "${NOBODY}1" 4 >/dev/null 2>&1
	fi
}

@test "a flood of flows by one container: of another's connections none fails, and an idle one is still there" {
	nat_up
	mirror "$OUT" 7 "$FAR"
	hold b 9000 fin "$ROOM/idle"
	for how in -S --udp; do
		flood $how
	done
	[ "$(in_ns b "$PYTHON" tests/packets/mirror.py many tcp 200 "$FAR" 7)" = 200 ]
	[ "$(in_ns b "$PYTHON" tests/packets/mirror.py many udp 200 "$FAR" 7)" = 200 ]
	[ "$(in_ns "$H" "$PYTHON" tests/packets/mirror.py many tcp 50 "$FAR" 7)" = 50 ]
	again "$ROOM/idle"
	let_go
}

@test "host collision: the host calls the peer of a container's flow from the number that the flow holds; both work" {
	nat_up
	mirror "$OUT" 7 "$FAR" "$OUTSIDE"
	hold a 9000 fin "$ROOM/held"
	[ "$(ask a udp 9000)" = "$EXT 9000" ]
	for protocol in udp tcp; do
		host=$(ask "$H" $protocol 9000)
		[[ $host == "$EXT "* ]]
		[ "$host" != "$EXT 9000" ]
		# and a peer that the container never asked
		[[ $(ask "$H" $protocol 9000 "$OUTSIDE") == "$EXT "* ]]
	done
	again "$ROOM/held"
	run ! grep -vx "$EXT 9000" "$ROOM/held"
	[ "$(ask a udp 9000)" = "$EXT 9000" ]
	let_go
}

@test "host collision: the host was first, and its conversation goes on beside a container's from the same number" {
	nat_up
	mirror "$OUT" 7 "$FAR"
	hold "$H" 9500 fin "$ROOM/host"
	for ns in a b; do
		other=$(ask $ns tcp 9500)
		[[ $other == "$EXT "* ]]
		[ "$other" != "$EXT 9500" ]
	done
	again "$ROOM/host"
	run ! grep -vx "$EXT 9500" "$ROOM/host"
	let_go
}

@test "host collision: pings of host and container with one identifier to one peer" {
	nat_up
	for ns in a "$H" b "$H" a; do
		in_ns "$ns" ping -c 2 -i 0.01 -W 1 -e 77 "$FAR"
	done
}

@test "port shadow: a container that binds a service's number inside steals nothing of it" {
	only bpf "Linux maps the number as it is, CVE-2021-3773"
	nat_up
	mirror "$H" 5353 "$EXT"
	mirror "$OUT" 7 "$FAR"
	for protocol in udp tcp; do
		[[ $(ask a $protocol 5353) == "$EXT "* ]]
		[ "$(ask a $protocol 5353)" != "$EXT 5353" ]
	done
	# whom the container spoke to uses the service, from the very port it was spoken to at
	wire <<-'END'
	f = Flow("udp", q, 5353)
	assert f.port != 5353
	p = packet("udp", PEER, 80, EXT, 5353, load=b"who\n")
	out.send(p)
	answer = out.heard()
	assert answer and (answer.src, answer.sport, bytes(answer[UDP].payload)) == (EXT, 5353, b"%s 80\n" % PEER.encode()), answer
	assert not before_mark(r, q)
	END
}
