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

@test "MaxHalfOpen bounds what others begin at a container's publishes, apart from what it begins itself" {
	only bpf
	nat_up MaxHalfOpen=10
	nsf publish add t0 8080:q:80/tcp
	wire <<-'END'
	syn = {"flags": "S", "ack": 0, "load": b""}
	def knock(port):
	    return packet("tcp", PEER, port, EXT, 8080, **syn)
	for port in range(5000, 5010):
	    crosses(out, knock(port), q)
	lost(out, knock(5010), q)
	own = [Flow("tcp", q, 6000 + i, shake=False) for i in range(10)]
	mark_end(q)
	told(crosses(q, packet("tcp", q.addr, 7000, PEER, 80, **syn), q), "refused")
	crosses(q, packet("tcp", q.addr, 80, PEER, 5000, answer=True, flags="SA", load=b""), out)
	lost(out, knock(5010), q)
	crosses(out, packet("tcp", PEER, 5000, EXT, 8080, flags="A", load=b""), q)
	crosses(out, knock(5010), q)
	lost(out, knock(5011), q)
	own[0].hears(flags="SA", load=b"")
	Flow("tcp", q, 7000, shake=False)
	END
	[ "$(dropped HALF_QUOTA)" = 4 ]
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
