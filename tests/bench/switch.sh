#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Ten changes of mode under load: pings lost, connections that did not come to their end, requests not answered rightly.
#
#   a ── t0 ── host up0 ── out      iperf3 both ways at once, fping every 10 ms, and requests without a pause: from a to the
#   b ──┘                           outside, and from the outside to what b published
set -e
cd "$(dirname "$0")/../.."
B=${B:-.build} SECONDS_EACH=${SECONDS_EACH:-60} SWITCHES=10

if [ "${1-}" != --inside ]; then
	[ "$(id -u)" = 0 ] || { echo "switch.sh: must be root" >&2; exit 4; }
	exec unshare --net --mount --pid --fork --mount-proc --kill-child --propagation private "$0" --inside
fi
mount -t tmpfs -o mode=0755 tmpfs /run
exec {nothing}<> <(:) # reading from it with a timeout waits
room=$(mktemp -d /run/switch.XXXXXX)

inside() {
	nsenter --net="/run/netns/$1" -- "${@:2}"
}

nsf() {
	"$B/nsfast" -n host "$@"
}

wait_for() {
	until [ -n "$(inside "$1" ss -Hlnt "sport = :$2")" ]; do
		read -rt 0.05 -u "$nothing" || :
	done
}

says() {
	printf '%-58s %s\n' "$@"
}

topology() {
	local ns
	mkdir -p /run/netns
	for ns in host out; do
		ip netns add "$ns"
		ip -n "$ns" link set lo up
	done
	ip -n host link add up0 type veth peer name eth0 netns out
	ip -n host addr add 198.51.100.1/24 dev up0
	ip -n out addr add 198.51.100.2/24 dev eth0
	ip -n host link set up0 up
	ip -n out link set eth0 up
	nsf up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --snat 198.51.100.1 \
		--publish 8080:b:80 --publish 5201:b:5201 >/dev/null
}

# requests NAME NS ADDRESS PORT: one connection, each answer compared with the first; says how many were right
requests() {
	inside "$2" /usr/bin/python3 - "$3" "$4" "$SECONDS_EACH" >"$room/$1" <<-'PYTHON' &
		import socket, sys, time
		s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=20)
		end, n, f = time.monotonic() + int(sys.argv[3]), 0, s.makefile()
		s.sendall(b"who\n")
		first = f.readline()
		while time.monotonic() < end:
		    s.sendall(b"who\n")
		    assert f.readline() == first
		    n += 1
		print(n, "answered, all the same")
	PYTHON
}

load() {
	inside out iperf3 -s >/dev/null &
	inside b iperf3 -s >/dev/null &
	inside out /usr/bin/python3 tests/packets/mirror.py serve 7 198.51.100.2 &
	inside b /usr/bin/python3 tests/packets/mirror.py serve 80 10.77.0.3 &
	wait_for out 5201
	wait_for b 5201
	wait_for out 7
	wait_for b 80
	inside a iperf3 -c 198.51.100.2 -t "$SECONDS_EACH" -b 1G -J >"$room/out.json" &
	loads=$!
	inside out iperf3 -c 198.51.100.1 -t "$SECONDS_EACH" -b 1G -J >"$room/in.json" &
	loads+=" $!"
	requests asked a 198.51.100.2 7
	loads+=" $!"
	requests published out 198.51.100.1 8080
	loads+=" $!"
	inside a fping -q -p 10 -c "$((SECONDS_EACH * 100))" 198.51.100.2 >"$room/pings" 2>&1 &
	pings=$!
}

transferred() {
	if jq -e .error "$room/$1.json" >/dev/null; then
		says "$2" "broken: $(jq -r .error "$room/$1.json")"
		failed=1
	else
		says "$2" "$(jq -r '.end.sum_received | "\(.bytes / 1e6 | floor) MB in \(.seconds | floor) s, whole"' "$room/$1.json")"
	fi
}

failed=0
topology
load
for ((i = 0; i < SWITCHES; i++)); do
	read -rt "$((SECONDS_EACH / (SWITCHES + 2)))" -u "$nothing" || :
	nsf mode t0 "$([ $((i % 2)) = 0 ] && echo netfilter || echo bpf)"
done
for pid in $loads; do
	wait "$pid" || failed=1
done
wait "$pings" || : # some may be lost
transferred out "iperf3 to the outside, one connection"
transferred in "iperf3 to what is published, one connection"
says "requests to the outside, one connection" "$(<"$room/asked")"
says "requests to what is published, one connection" "$(<"$room/published")"
says "pings each 10 ms through $SWITCHES changes" "$(grep -o 'xmt.*' "$room/pings" | tail -1)"
nsf down t0 >/dev/null
exit "$failed"
