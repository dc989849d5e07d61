#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# Published ports: reached from everywhere they should be, by nobody else, and gone at once when the rule goes.
load lib
load nat

setup_file() { nat_host_up; }
teardown_file() { host_down; }

setup() { nat_up; }
teardown() { nat_down; }

publish() {
	nsf publish add t0 "$@"
}

# asks NS PROTOCOL ADDRESS PORT [SPORT]: as which NS was seen there
asks() {
	ask "$1" "$2" "${5:-0}" "$3" "$4"
}

@test "publish from outside: TCP and UDP arrive, and the client's address and port are kept" {
	mirror a 80 0.0.0.0
	publish 8080:a:80/tcp
	publish 8080:a:80/udp
	for protocol in tcp udp; do
		[ "$(asks "$OUT" $protocol 198.51.100.1 8080 4444)" = "198.51.100.2 4444" ]
		# any address of the host's
		[ "$(asks "$OUT" $protocol 198.51.100.77 8080 4445)" = "198.51.100.2 4445" ]
	done
}

@test "publish at one address: not at the others" {
	mirror a 80 0.0.0.0
	publish 198.51.100.77:8080:a:80
	[ "$(asks "$OUT" tcp 198.51.100.77 8080 4444)" = "198.51.100.2 4444" ]
	run ! in_ns "$OUT" curl -s -m 0.5 http://198.51.100.1:8080/
}

@test "publish from another container: by the host's address, by the gateway's, and by another of the host's" {
	mirror a 80 0.0.0.0
	publish 8080:a:80/tcp
	publish 8080:a:80/udp
	for protocol in tcp udp; do
		for address in 198.51.100.1 198.51.100.77 10.77.0.1; do
			run -0 asks b $protocol "$address" 8080
			[[ $output =~ ^[0-9.]+\ [0-9]+$ ]]
		done
	done
}

@test "4787-9a: who comes by hairpin to a publish is seen with an external address and port, or its own" {
	mirror a 80 0.0.0.0
	publish 8080:a:80/tcp
	[[ $(asks b tcp 198.51.100.1 8080 4444) == @("198.51.100.1 4444"|"10.77.0.3 4444") ]]
}

@test "publish from the publishing container itself" {
	mirror a 80 0.0.0.0
	publish 8080:a:80/tcp
	publish 8080:a:80/udp
	for protocol in tcp udp; do
		for address in 198.51.100.1 10.77.0.1; do
			run -0 asks a $protocol "$address" 8080
			[[ $output =~ ^[0-9.]+\ [0-9]+$ ]]
		done
	done
}

@test "publish from the host: by its own addresses and by 127.0.0.1" {
	mirror a 80 0.0.0.0
	publish 8080:a:80/tcp
	publish 8080:a:80/udp
	for protocol in tcp udp; do
		for address in 198.51.100.1 198.51.100.77 10.77.0.1 127.0.0.1; do
			run -0 asks "$H" $protocol "$address" 8080
			[[ $output =~ ^[0-9.]+\ [0-9]+$ ]]
		done
	done
}

@test "publish from another network of the host" {
	mirror a 80 0.0.0.0
	publish 8080:a:80/tcp
	nsf up t1 --mode "$(mode)" --subnet 10.78.0.1/24 --ns c --uplink up0 --snat 198.51.100.1
	run -0 asks c tcp 198.51.100.1 8080
	[[ $output =~ ^[0-9.]+\ [0-9]+$ ]]
	run ! in_ns c curl -s -m 0.5 http://10.77.0.2/
}

@test "publish of a range: each port leads to its own" {
	for port in 81 85 90; do
		mirror a $port 0.0.0.0
	done
	publish 20081-20090:a:81-90/tcp
	publish 20081-20090:a:81-90/udp
	[ "$(nsf -j publish show t0 | jq 'map(select(.address == "0.0.0.0")) | length')" = 2 ]
	for port in 81 85 90; do
		[ "$(asks "$OUT" tcp 198.51.100.1 $((20000 + port)) 4444)" = "198.51.100.2 4444" ]
		[ "$(asks "$OUT" udp 198.51.100.1 $((20000 + port)) 4444)" = "198.51.100.2 4444" ]
	done
	for port in 20080 20091; do
		run ! in_ns "$OUT" curl -s -m 0.5 http://198.51.100.1:$port/
	done
	wire <<-'END'
	for port in range(20081, 20091):
	    p = packet("udp", PEER, 5000, EXT, port)
	    out.send(p)
	END
}

@test "publish by hand: packets differ in what must change only, both ways, by TCP, UDP and SCTP" {
	publish 8080:q:80/tcp
	publish 8080:q:80/udp
	publish 8080:q:80/sctp
	wire <<-'END'
	def talk(proto, address, first={}, then={}):
	    port = 5000 if address == EXT else 5001
	    p = packet(proto, PEER, port, address, 8080, **first)
	    crosses(out, p, q, expected(p, dst=q.addr, dport=80))
	    p = packet(proto, q.addr, 80, PEER, port, answer=True, **then)
	    crosses(q, p, out, expected(p, src=address, sport=8080))
	for address in EXT, EXT2:
	    talk("tcp", address, first={"flags": "S", "ack": 0}, then={"flags": "SA"})
	    talk("tcp", address)
	    talk("udp", address)
	    talk("sctp", address, first={"chunk": SCTPChunkInit(init_tag=1)},
	         then={"chunk": SCTPChunkInitAck(init_tag=2)})
	    talk("sctp", address)
	END
}

@test "publish: nothing but an opening opens, and no other protocol gets in" {
	publish 8080:q:80/tcp
	wire <<-'END'
	for flags in "A", "PA", "SA", "FA", "R", "", "SF", "SR":
	    lost(out, packet("tcp", PEER, 5000, EXT, 8080, flags=flags), q, silent=False)
	lost(out, packet("udp", PEER, 5000, EXT, 8080), q, silent=False)
	lost(out, packet("sctp", PEER, 5000, EXT, 8080, chunk=SCTPChunkInit()), q, silent=False)
	END
	only bpf
	[ "$(flows '.protocol != "udp"')" = 0 ]
}

@test "publish: a container's own number stays its own where it calls from the published port" {
	publish 8080:q:80/udp
	wire <<-'END'
	# from the inner port, which a publish uses, to a peer that never called
	f = Flow("udp", q, 80)
	f.works()
	# and a peer that called is answered from the published port
	p = packet("udp", STRANGER, 5000, EXT, 8080)
	crosses(out, p, q, expected(p, dst=q.addr, dport=80))
	p = packet("udp", q.addr, 80, STRANGER, 5000)
	crosses(q, p, out, expected(p, src=EXT, sport=8080))
	f.works()
	END
}

@test "publish and ledger: a published port is nobody's external port, N6" {
	only bpf "Linux does not know"
	publish 8080:a:80/udp
	publish 30000-39999:a:30000-39999/tcp
	wire <<-'END'
	assert Flow("udp", q, 8080).port != 8080
	for port in range(30000, 30020):
	    f = Flow("tcp", q, port)
	    assert not 30000 <= f.port < 40000, f.port
	    f.works()
	END
}

@test "publish: a port that a flow holds as external port is published all the same, or refused by the holder's name" {
	wire <<-'END'
	f = Flow("udp", r, 8080)
	assert f.port == 8080
	END
	if publish 8080:q:80/udp >"$ROOM/said" 2>&1; then
		wire <<-'END'
		p = packet("udp", STRANGER, 5000, EXT, 8080)
		crosses(out, p, q, expected(p, dst=q.addr, dport=80))
		END
	else
		cat "$ROOM/said"
		grep -q -e 8080 "$ROOM/said"
	fi
}

@test "publish: a collision with a socket of the host or another rule is refused, and the holder named" {
	serve "$H" 8080 "$PYTHON" tests/net/web.py "$ROOM" 8080
	run -1 publish 8080:a:80/tcp
	[[ $output == *8080* ]]
	publish 9090:a:80/tcp
	run -1 publish 9090:b:80/tcp
	[[ $output == *9090* ]]
	[[ $output == *a* ]]
	run -1 publish 9000-9100:b:9000-9100/tcp
	[[ $output == *9090* ]]
	[ "$(nsf -j publish show t0 | jq 'map(select(.address == "0.0.0.0")) | length')" = 1 ]
}

# conversation FILE: holds a TCP connection from outside through 8080 to a, a byte in FILE for each answer
conversation() {
	serve a 80 "$PYTHON" tests/net/talk.py 80
	publish 8080:a:80/tcp
	: >"$1"
	start nsenter --net="/run/netns/$OUT" -- "$PYTHON" tests/net/talk.py 198.51.100.1 8080 "$1" 2>"$1.err"
	TALK=$STARTED
	until_ok 5 goes_on "$1" 0
}

goes_on() {
	[ "$(stat -c %s "$1")" -gt "$2" ]
}

@test "N19: removal of a publish ends its flows at once, and those of others go on" {
	wire <<-'END'
	Flow("tcp", q, 5000)
	END
	conversation "$ROOM/talk"
	nsf publish del t0 8080:a:80/tcp
	[ "$(flows '.port == "a"')" = 0 ]
	[ "$(flows '.port == "q" and .protocol == "tcp"')" = 1 ]
	size=$(stat -c %s "$ROOM/talk")
	run ! in_ns "$OUT" curl -s -m 0.5 http://198.51.100.1:8080/
	[ "$(stat -c %s "$ROOM/talk")" -le $((size + 1)) ]
	run nsf -j publish show t0
	[ "$(jq length <<<"$output")" = 0 ]
	stop "$TALK"
}

@test "N19: a publish that leads elsewhere now ends the old flows, and the new ones come to the new place" {
	publish 8080:q:80/udp
	wire <<-'END'
	p = packet("udp", PEER, 5000, EXT, 8080)
	crosses(out, p, q, expected(p, dst=q.addr, dport=80))
	END
	nsf publish del t0 8080:q:80/udp
	publish 8080:r:81/udp
	wire <<-'END'
	p = packet("udp", PEER, 5000, EXT, 8080)
	crosses(out, p, r, expected(p, dst=r.addr, dport=81))
	p = packet("udp", r.addr, 81, PEER, 5000)
	crosses(r, p, out, expected(p, src=EXT, sport=8080))
	END
}

@test "a change of other publishes leaves a publish's connections alone" {
	conversation "$ROOM/talk"
	for port in $(seq 9000 9010); do
		publish "$port:b:80/tcp"
	done
	nsf publish del t0 9005:b:80/tcp
	until_ok 5 goes_on "$ROOM/talk" "$(stat -c %s "$ROOM/talk")"
	kill -0 "$TALK"
	[ ! -s "$ROOM/talk.err" ]
	stop "$TALK"
}

@test "1.7.5: errors about a published flow, both ways, with the published address" {
	publish 8080:q:80/udp
	publish 8080:q:80/tcp
	wire <<-'END'
	for proto, first in ("udp", {}), ("tcp", {"flags": "S", "ack": 0}):
	    came = packet(proto, PEER, 5000, EXT, 8080, **first)
	    seen = crosses(out, came, q, expected(came, dst=q.addr, dport=80))
	    for kind in KINDS:
	        for size in 8, None:
	            p = error(q.addr, PEER, seen, *kind, size=size)
	            want = expected(error(EXT, PEER, expected(came), *kind, size=size, id=p.id))
	            crosses(q, p, out, want)
	    lost(r, error(r.addr, PEER, seen), out)
	    then = {"flags": "SA"} if proto == "tcp" else {}
	    said = packet(proto, q.addr, 80, PEER, 5000, answer=True, **then)
	    seen = crosses(q, said, out, expected(said, src=EXT, sport=8080))
	    for kind in KINDS:
	        for source in PEER, ROUTER:
	            for size in 8, None:
	                p = error(source, EXT, seen, *kind, size=size)
	                want = expected(error(source, q.addr, expected(said), *kind, size=size, id=p.id))
	                crosses(out, p, q, want)
	    p = packet(proto, PEER, 5000, EXT, 8080)
	    crosses(out, p, q, expected(p, dst=q.addr, dport=80))
	END
}

@test "1.7.5 by sockets: a client hears that nobody is at the container's port" {
	publish 8080:a:80/udp
	publish 8080:a:80/tcp
	for protocol in udp tcp; do
		run in_ns "$OUT" "$PYTHON" tests/packets/mirror.py ask $protocol 0 198.51.100.1 8080
		[[ $output == *"ConnectionRefusedError"* ]]
	done
	run in_ns "$H" "$PYTHON" tests/packets/mirror.py ask tcp 0 198.51.100.1 8080
	[[ $output == *"ConnectionRefusedError"* ]]
}

@test "N10: a client that comes back from the same port while the old connection is closing gets a new one" {
	publish 8080:q:80/tcp
	wire <<-'END'
	def from_peer(flags):
	    p = packet("tcp", PEER, 5000, EXT, 8080, flags=flags, load=b"")
	    crosses(out, p, q, expected(p, dst=q.addr, dport=80))
	def from_q(flags):
	    p = packet("tcp", q.addr, 80, PEER, 5000, answer=True, flags=flags, load=b"")
	    crosses(q, p, out, expected(p, src=EXT, sport=8080))
	for ending in (("FA", "FA"), ("R",)) * 2:
	    from_peer("S")
	    from_q("SA")
	    from_peer("A")
	    from_q("PA")
	    for flags, send in zip(ending, (from_q, from_peer)):
	        send(flags)
	END
}

@test "a SYN flood at one publish leaves other publishes and the container's own connections alone" {
	mirror a 80 0.0.0.0
	mirror b 80 0.0.0.0
	mirror "$OUT" 7 "$FAR"
	publish 8080:a:80/tcp
	publish 9090:b:80/tcp
	in_ns "$OUT" timeout 3 hping3 -q -S --flood --rand-source -p 8080 198.51.100.1 >"$ROOM/flood" 2>&1 &
	flood=$!
	for _ in $(seq 50); do
		[ "$(asks "$OUT" tcp 198.51.100.1 9090)" != "" ]
		[ "$(ask a tcp 0)" != "" ]
	done
	wait $flood || :
	[ "$(ask a tcp 0)" != "" ]
	in_ns "$OUT" ping -c 1 -W 1 198.51.100.1
	[ "$(asks "$OUT" tcp 198.51.100.1 9090 4444)" = "198.51.100.2 4444" ]
}

@test "section 3: a publish at 127.0.0.1 is reached by the host alone, and inner sources from a wire are refused" {
	mirror a 80 0.0.0.0
	publish 127.0.0.1:8080:a:80/tcp
	[[ $(asks "$H" tcp 127.0.0.1 8080) =~ ^[0-9.]+\ [0-9]+$ ]]
	run ! in_ns "$OUT" curl -s -m 0.5 http://198.51.100.1:8080/
	nsf publish del t0 127.0.0.1:8080:a:80/tcp
	publish 8080:q:80/udp
	wire <<-'END'
	lost(out, packet("udp", PEER, 5000, "127.0.0.1", 8080), q, silent=False)
	for source in "10.77.0.5", GATEWAY, "127.0.0.1", "0.0.0.0", "224.0.0.1", "255.255.255.255":
	    lost(out, packet("udp", source, 5000, EXT, 8080), q, silent=False)
	END
}

@test "publish over a smaller MTU outside: an upload and a download of 2 MB are whole, PMTU errors find the container" {
	serve a 80 "$PYTHON" tests/net/web.py "$ROOM" 80
	publish 8080:a:80/tcp
	head -c 2M /dev/urandom >"$ROOM/page"
	ip -n "$H" link set up0 mtu 1300
	in_ns "$OUT" curl -sf --max-time "$TRANSFER" -o "$ROOM/got" http://198.51.100.1:8080/page
	in_ns "$OUT" curl -sf --max-time "$TRANSFER" -T "$ROOM/page" http://198.51.100.1:8080/back
	ip -n "$H" link set up0 mtu 1500
	cmp "$ROOM/page" "$ROOM/got"
	cmp "$ROOM/page" "$ROOM/back"
}

@test "iperf3 through a publish, both directions" {
	serve a 5201 iperf3 -s
	publish 5201:a:5201/tcp
	publish 5201:a:5201/udp
	iperf "$OUT" -c 198.51.100.1 -t 1
	iperf "$OUT" -c 198.51.100.1 -t 1 -R
	run -0 iperf "$OUT" -J -c 198.51.100.1 -u -b 5M -t 1
	[ "$(jq '.end.sum.lost_packets' <<<"$output")" = 0 ]
}
