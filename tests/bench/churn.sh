#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Two ports talk while a third one floods with made-up MACs, and while others come and go two thousand times, in namespaces
# of its own. Fails if they lose a packet, a limit does not hold, or something is left.
#
#   a, b: managed, a pings b every 10 ms ── t0 10.77.0.1/24 ── host
#   v: adopted, hostile
set -e
cd "$(dirname "$0")/../.."
B=${B:-.build} FLOOD=${FLOOD:-20} CHURN=${CHURN:-2000}

if [ "${1-}" != --inside ]; then
	[ "$(id -u)" = 0 ] || { echo "churn.sh: must be root" >&2; exit 4; }
	exec unshare --net --mount --pid --fork --kill-child --propagation private "$0" --inside
fi
mount -t proc proc /proc
mount -t tmpfs -o mode=0755 tmpfs /run

nsf() { "$B/nsfast" -n host "$@"; }
entries() { nsf -j fdb show t0 | jq "[.[] | select($1)] | length"; }
missed=0
must() { # WHAT CONDITION...
	"${@:2}" || { echo "missed: $1" >&2 && missed=1; }
}

# pings SECONDS: a to b, in the background; pinged: $lost is how many got no answer
pings() { ip netns exec a ping -q -i 0.01 -c $(($1 * 100)) 10.77.0.3 >/run/pings & ping=$!; }
pinged() {
	wait "$ping" || :
	lost=$(awk '/packets transmitted/ { print $1 - $4 }' /run/pings)
}

# Entries of the maps that ports have rows in, and the kernel's memory in KiB
held() {
	local map
	nsf -q fdb flush t0 >/dev/null
	for map in nsf_fdb nsf_addrs nsf_ifaces nsf_flow_keys; do
		bpftool -j map dump pinned "$(find /run/nsfast/bpf /sys/fs/bpf -path "*/$map" 2>/dev/null | head -1)" | jq length
	done | paste -sd ' '
}
memory() { awk '/^(Slab|Percpu|VmallocUsed|KernelStack|PageTables):/ { n += $2 } END { print n }' /proc/meminfo; }

ip netns add host
ip -n host link set lo up
ip netns add v
ip -n host link add to-v type veth peer name eth0 netns v
ip -n v link set eth0 up
nsf -q up t0 --mode bpf --subnet 10.77.0.1/24 --ns a --ns b --uplink none
nsf -q add t0 v --dev to-v

pings "$FLOOD"
sent=$(ip netns exec v timeout "$((FLOOD + 10))" python3 - "$FLOOD" <<-'END'
	import os, socket, sys, time
	s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
	s.bind(("eth0", 0))
	n, end = 0, time.monotonic() + float(sys.argv[1]) - 1
	while time.monotonic() < end:
	    for _ in range(100):
	        s.send(b"\xff" * 6 + b"\x02" + os.urandom(5) + b"\x88\xb5" + bytes(46))
	    n += 100
	print(n)
END
)
pinged
printf 'made-up MACs: %s frames in %s s, %s learned of v, %s fixed; lost between a and b: %s\n' "$sent" "$FLOOD" \
	"$(entries '.port == "v"')" "$(entries '.state != ""')" "$lost"
must "no packet is lost beside the flood" test "$lost" = 0
must "a port teaches 256 MACs at most" test "$(entries '.port == "v"')" -le 256
must "fixed entries stay" test "$(entries '.state != ""')" = 3
nsf -q fdb flush t0 >/dev/null

# churn N: ports that come and go
churn() {
	local i
	for ((i = 0; i < $1; i++)); do
		nsf -q add t0 c >/dev/null
		nsf -q del t0 c >/dev/null
	done
}
churn 50
before=$(held)
was=$(memory)
pings $((CHURN / 4))
churn "$CHURN"
kill -INT "$ping" 2>/dev/null || :
pinged
printf '%s ports came and went: lost between a and b: %s; map entries %s, before %s; memory %+d KiB\n' "$CHURN" \
	"$lost" "$(held)" "$before" "$(($(memory) - was))"
must "no packet is lost beside the churn" test "$lost" = 0
must "nothing is left in the maps" test "$(held)" = "$before"
nsf -q down --all >/dev/null
exit "$missed"
