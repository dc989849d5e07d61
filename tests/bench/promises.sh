#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What NAT promises under load and in bulk, too long for the test suite; fails if a promise is not kept.
#
#   a, b (MTU 9000) ── t0 ── host up0 (MTU 1500) ── out, which says that it takes segments of 8960 bytes
set -e
cd "$(dirname "$0")/../.."
B=${B:-.build} BYTES=${BYTES:-$((1 << 30))} SECONDS_OF_FLOOD=20

if [ "${1-}" != --inside ]; then
	[ "$(id -u)" = 0 ] || { echo "promises.sh: must be root" >&2; exit 4; }
	exec unshare --net --mount --pid --fork --mount-proc --kill-child --propagation private "$0" --inside
fi
mount -t tmpfs -o mode=0755 tmpfs /run
missed=0

inside() {
	nsenter --net="/run/netns/$1" -- "${@:2}"
}

# serve NS PORT: returns when it listens
serve() {
	local ready
	exec {ready}< <(inside "$1" /usr/bin/python3 tests/packets/bulk.py serve "$2")
	read -r -u "$ready"
}

# kept WHAT COMMAND...: says whether it was
kept() {
	local start=${EPOCHREALTIME/./} what=$1 word=kept
	shift
	"$@" || { word=MISSED missed=1; }
	printf '%-77s %-6s %6d ms\n' "$what" $word $(((${EPOCHREALTIME/./} - start) / 1000))
}

ip netns add host
ip netns add out
ip -n host link set lo up
ip -n out link set lo up
ip -n host link add up0 type veth peer name eth0 netns out
ip -n out link set eth0 mtu 9000 up
ip -n host link set up0 up
ip -n host addr add 198.51.100.1/24 dev up0
ip -n out addr add 198.51.100.2/24 dev eth0
ip -n host addr add 2001:db8::1/64 dev up0 nodad
ip -n out addr add 2001:db8::2/64 dev eth0 nodad
ip -n out route replace 198.51.100.0/24 dev eth0 mtu 1500 advmss 8960
ip -n out -6 route replace 2001:db8::/64 dev eth0 mtu 1500 advmss 8940
ip -n host route add default via 198.51.100.2
ip -n host -6 route add default via 2001:db8::2
"$B/nsfast" -q -n host up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --ns b --uplink up0 --mtu 9000 \
	--publish 8080:a:8080/tcp >/dev/null # both families
serve out 9000
serve a 8080

for discovery in 0 1; do
	inside a sysctl -qw net.ipv4.ip_no_pmtu_disc=$discovery
	with=$([ $discovery = 0 ] && echo with || echo without)
	for way in send fetch; do
		kept "$BYTES bytes through SNAT, IPv4, $with PMTU discovery, $way" \
			inside a /usr/bin/python3 tests/packets/bulk.py $way 198.51.100.2 9000 "$BYTES"
		kept "$BYTES bytes through publish, IPv4, $with PMTU discovery, $way" \
			inside out /usr/bin/python3 tests/packets/bulk.py $way 198.51.100.1 8080 "$BYTES"
	done
	inside a ip route flush cache
done
for way in send fetch; do
	kept "$BYTES bytes through SNAT, IPv6, $way" \
		inside a /usr/bin/python3 tests/packets/bulk.py $way 2001:db8::2 9000 "$BYTES"
	kept "$BYTES bytes through publish, IPv6, $way" \
		inside out /usr/bin/python3 tests/packets/bulk.py $way 2001:db8::1 8080 "$BYTES"
done

# one idle connection from before, and thousands of another container's, while a opens flows as fast as it can
# shellcheck disable=SC2317 # kept() calls it
thousands() {
	while kill -0 "$flood" 2>/dev/null; do
		inside b /usr/bin/python3 tests/packets/bulk.py fetch 198.51.100.2 9000 100 1000 || return 1
	done
}

# shellcheck disable=SC2317 # kept() calls it
idle_lives() {
	printf 's\0\0\0\0\0\0\0\0' >&"$idle_in" && [ "$(head -c 1 <&"$idle_out")" = y ]
}

coproc IDLE { inside b /usr/bin/python3 -c 'import socket, sys
s = socket.create_connection(("198.51.100.2", 9000))
print("up", flush=True)
s.sendall(sys.stdin.buffer.read(9))
sys.stdout.buffer.write(s.recv(1))'; }
idle_in=${IDLE[1]} idle_out=${IDLE[0]}
read -r -u "$idle_out"
inside a /usr/bin/python3 tests/packets/flood.py 198.51.100.2 $SECONDS_OF_FLOOD >/run/sent &
flood=$!
kept "each of thousands of connections of another container beside a flood of flows" thousands
wait $flood
kept "an idle connection from before the flood" idle_lives
printf 'packets of the flood, each of a flow of its own: %d; flows now: %s\n' "$(</run/sent)" \
	"$("$B/nsfast" -n host flows --count | tr '\n' ' ')"
"$B/nsfast" -q -n host down --all >/dev/null
exit "$missed"
