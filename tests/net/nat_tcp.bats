#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# modes: bpf netfilter
# TCP through translation, RFC 5382 and RFC 7857 by requirement: openings, states, resets, and what opens nothing.
load lib
load nat

setup_file() { nat_host_up; }
teardown_file() { host_down; }
teardown() { nat_down; }

# What the data path calls the states is seen in bpf mode only.
states() {
	if [ "$(mode)" = bpf ]; then echo "def state(f, s): assert f.state() == s, f.shown()"; else echo "def state(f, s): pass"; fi
}

# tcp_wire: wire, with state(flow, name)
tcp_wire() {
	{ states; cat; } | wire
}

@test "5382-2: three-way handshake, with data in the SYN, and SYNs that are sent again" {
	nat_up
	tcp_wire <<-'END'
	f = Flow("tcp", q, 5000, shake=False)
	state(f, "opening")
	f.sends(flags="S", ack=0, load=b"")  # again: pitfall N11
	f.hears(flags="SA", load=b"")
	f.hears(flags="SA", load=b"")
	f.sends(flags="A", load=b"")
	state(f, "established")
	f.works()
	f = Flow("tcp", q, 5001, shake=False, load=b"data in the first packet")
	f.hears(flags="SA", load=b"")
	f.sends(flags="A", load=b"")
	f.works()
	END
}

@test "5382-2: simultaneous open" {
	nat_up
	tcp_wire <<-'END'
	f = Flow("tcp", q, 5000, shake=False)
	f.hears(flags="S", ack=0, load=b"")
	f.sends(flags="SA", load=b"")
	f.hears(flags="SA", load=b"")
	f.sends(flags="A", load=b"")
	state(f, "established")
	f.works()
	END
}

@test "5382-2, 5382-4: two stacks that call each other are connected, though the outer one called first" {
	only bpf "Linux answers the first SYN with RST"
	nat_up
	start nsenter --net="/run/netns/$OUT" -- "$PYTHON" tests/packets/call.py "$FAR" 7000 "$EXT" 6000 \
		>"$ROOM/outer"
	outer=$STARTED
	until_ok 5 syn_sent
	in_ns a "$PYTHON" tests/packets/call.py "${INNER}2" 6000 "$FAR" 7000 >"$ROOM/inner"
	until_ok 5 gone "$outer"
	grep -qx 'word from 7000' "$ROOM/inner"
	grep -qx 'word from 6000' "$ROOM/outer"
}

syn_sent() {
	[ -n "$(in_ns "$OUT" ss -Hnt state syn-sent)" ]
}

@test "5382-4: an unsolicited SYN gets silence, and creates nothing" {
	only bpf "Linux answers with RST"
	nat_up
	wire <<-'END'
	f = Flow("tcp", q, 5000)
	for peer in PEER, STRANGER:
	    for port in 5000, 5001, 1024, 40000, 65535:
	        if (peer, port) != (PEER, 5000):
	            lost(out, packet("tcp", peer, 80, EXT, port, flags="S", ack=0, load=b""), q)
	lost(out, packet("tcp", PEER, 81, EXT, 5000, flags="S", ack=0, load=b""), q)
	assert len(flows(protocol="tcp")) == 1
	END
	[ "$(dropped UNSOLICITED)" = 10 ]
}

@test "5382-4: an unsolicited SYN waits in silence, the outbound SYN meanwhile wins" {
	only bpf "Linux answers with RST"
	nat_up
	tcp_wire <<-'END'
	early = packet("tcp", PEER, 80, EXT, 5000, flags="S", ack=0, load=b"")
	lost(out, early, q)
	f = Flow("tcp", q, 5000, shake=False)
	crosses(out, early, q, f.down_seen(early))
	f.sends(flags="SA", load=b"")
	f.hears(flags="A", load=b"")
	state(f, "established")
	f.works()
	END
}

@test "5382-4: nmap from outside finds the range silent, the host's own port open and low ones as the host has them" {
	only bpf "Linux answers with RST"
	nat_up
	mirror "$H" 8080 "$EXT"
	run -0 in_ns "$OUT" "${NMAP[@]}" -sS --max-retries 1 -p 80,8080,9000,50000 "$EXT"
	echo "$output"
	[[ $output == *"80/tcp    closed"* ]]
	[[ $output == *"8080/tcp  open"* ]]
	[[ $output == *"9000/tcp  filtered"* ]]
	[[ $output == *"50000/tcp filtered"* ]]
	stop "$STARTED"
}

@test "7857-2.1: opening, established, half-closed, closed" {
	nat_up
	tcp_wire <<-'END'
	f = Flow("tcp", q, 5000, shake=False)
	state(f, "opening")
	f.sends(flags="S", ack=0)
	state(f, "opening")
	f.hears(flags="SA")
	state(f, "established")
	f.sends(flags="A")
	f.sends(flags="FA")
	state(f, "half-closed")
	f.hears(flags="A")
	f.hears(flags="FA")
	state(f, "closed")
	f.sends(flags="A")
	state(f, "closed")
	f.hears(flags="FA")  # again, and its acknowledgement
	f.sends(flags="A")
	state(f, "closed")
	END
}

@test "N13: after FIN of one side data goes on the other way, and the flow lives as long as an established one" {
	nat_up
	tcp_wire <<-'END'
	f = Flow("tcp", q, 5000)
	f.sends(flags="FA")
	for i in range(5):
	    f.hears()
	    f.sends(flags="A", load=b"")
	state(f, "half-closed")
	assert f.shown()["expires_seconds"] > 7000
	g = Flow("tcp", q, 5001)
	g.hears(flags="FA")
	for i in range(5):
	    g.sends()
	    g.hears(flags="A", load=b"")
	state(g, "half-closed")
	assert g.shown()["expires_seconds"] > 7000
	END
}

@test "N13 by sockets: a client that shuts its side down gets all of a long answer" {
	nat_up
	start nsenter --net="/run/netns/$OUT" -- "$PYTHON" -c '
import socket, sys
s = socket.create_server((sys.argv[1], 7100), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
c, _ = s.accept()
while c.recv(1000):
    pass
c.sendall(b"x" * 3000000)
c.close()' "$FAR"
	until_ok 5 listens "$OUT" 7100
	[ "$(in_ns a timeout 20 "$PYTHON" -c '
import socket, sys
s = socket.create_connection((sys.argv[1], 7100), 5)
s.shutdown(socket.SHUT_WR)
n = 0
while part := s.recv(100000):
    n += len(part)
print(n)' "$FAR")" = 3000000 ]
}

@test "1.8: a RST of either side is delivered and shortens the flow; a packet without RST takes that back" {
	only bpf "Linux tracks windows"
	nat_up
	tcp_wire <<-'END'
	for port, rst in (5000, lambda f: f.hears(flags="R", load=b"")), (5001, lambda f: f.sends(flags="RA", load=b"")):
	    for rescue in Flow.sends, Flow.hears:
	        f = Flow("tcp", q, port, peer=PEERS[port - 4990 + (rescue is Flow.sends)])
	        rst(f)
	        state(f, "reset")
	        assert f.shown()["expires_seconds"] <= 241
	        rst(f)
	        state(f, "reset")
	        rescue(f, flags="A")
	        state(f, "established")
	        assert f.shown()["expires_seconds"] > 7000
	        f.works()
	END
}

@test "1.8: a RST that refuses a connection is delivered, and the next try from the same port works" {
	nat_up
	tcp_wire <<-'END'
	f = Flow("tcp", q, 5000, shake=False)
	f.hears(flags="RA", load=b"")
	state(f, "reset")
	g = Flow("tcp", q, 5000)
	state(g, "established")
	assert (f.ext, f.port) == (g.ext, g.port)
	g.works()
	END
}

@test "1.8: a RST of no flow is dropped from inside, and at a mapping's external port; others are the host's" {
	only bpf "Linux lets it pass"
	nat_up
	wire <<-'END'
	f = Flow("tcp", q, 5000)
	for flags in "R", "RA":
	    lost(q, packet("tcp", q.addr, 5001, PEER, 80, flags=flags), out)
	    lost(q, packet("tcp", q.addr, 5000, PEER, 81, flags=flags), out)
	    lost(out, packet("tcp", STRANGER, 80, EXT, f.port, flags=flags), q)
	    lost(out, packet("tcp", STRANGER, 80, EXT, 22, flags=flags), q)
	f.works()
	assert len(flows(protocol="tcp")) == 1
	END
	[ "$(dropped TCP_NO_FLOW)" = 4 ]
	[ "$(dropped UNSOLICITED)" = 2 ]
}

@test "1.8, N10: a SYN on a closing tuple starts afresh, from inside" {
	nat_up
	tcp_wire <<-'END'
	f = Flow("tcp", q, 5000)
	f.sends(flags="FA")
	f.hears(flags="FA")
	f.sends(flags="A", load=b"")
	state(f, "closed")
	g = Flow("tcp", q, 5000, shake=False)
	assert (f.ext, f.port) == (g.ext, g.port)
	state(g, "opening")
	g.hears(flags="SA")
	g.sends(flags="A")
	state(g, "established")
	g.works()
	END
}

@test "1.8, N10: a SYN on a closing tuple starts afresh, from the peer" {
	only bpf "in Linux it is a new connection to the host"
	nat_up
	tcp_wire <<-'END'
	for ending in ("FA", "FA"), ("R",):
	    f = Flow("tcp", q, 5000 + len(ending))
	    for flags, send in zip(ending, (f.sends, f.hears)):
	        send(flags=flags)
	    state(f, "closed" if len(ending) == 2 else "reset")
	    f.hears(flags="S", ack=0, load=b"")
	    state(f, "opening")
	    f.sends(flags="SA", load=b"")
	    f.hears(flags="A", load=b"")
	    state(f, "established")
	    f.works()
	END
}

@test "mid-stream packets without a flow never create one and never leave" {
	nat_up
	wire <<-'END'
	for flags in "A", "PA", "SA", "FA", "F", "R", "RA", "", "SF", "SR", "FPU", "SFRPAU":
	    lost(q, packet("tcp", q.addr, 5000, PEER, 80, flags=flags), out)
	assert not flows(protocol="tcp")
	END
	only bpf
	[ "$(dropped TCP_NO_FLOW)" = 12 ]
}

@test "N3: late packets from outside create nothing that a later connection stumbles over" {
	nat_up
	tcp_wire <<-'END'
	mark_end(q)
	for flags in "A", "PA", "SA", "FA", "S":
	    out.send(packet("tcp", PEER, 80, EXT, 5000, flags=flags))
	before_mark(out, q)
	before_mark(q, out)
	assert not flows(protocol="tcp")
	f = Flow("tcp", q, 5000)
	assert f.port == 5000
	state(f, "established")
	f.works()
	END
}

@test "sequence numbers, options and urgent data are nobody's business" {
	nat_up
	only bpf "Linux tracks windows"
	wire <<-'END'
	f = Flow("tcp", q, 5000, options=[("MSS", 1460), ("SAckOK", b""), ("Timestamp", (7, 0)), ("NOP", None), ("WScale", 7)])
	f.sends(seq=0xFFFFFFF0, load=b"x" * 1000, flags="PAU", urgptr=7)
	f.sends(seq=5, load=b"")
	f.hears(seq=0x80000000, ack=0, load=b"y" * 1400, options=[("NOP", None), ("NOP", None), ("SAck", (1, 2))])
	f.hears(seq=1, flags="A", load=b"", reserved=7, window=0)
	END
}

# The host would refuse what it cannot tell to be the container's, and the peer would end the connection.
@test "a segment from outside that is far out of the window ends nothing" {
	nat_up
	wire <<-'END'
	f = Flow("tcp", q, 5000)
	f.works()
	out.send(f.down(seq=0x7FFFFFFF))
	while p := out.heard(0.5):
	    assert not (TCP in p and p[TCP].flags.R), p.summary()
	while q.heard(0.1):
	    pass
	f.works()
	END
}
