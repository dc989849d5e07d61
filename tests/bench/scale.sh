#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs the flow table at a million flows, in namespaces of its own, and fails if a promised number is missed.
#
#   empty, full: hosts, each with a network t0 (ports HOST-fill and HOST-probe) and an uplink whose next hop is known
set -e
cd "$(dirname "$0")/../.."
B=${B:-.build} FLOWS=1000000

if [ "${1-}" != --inside ]; then
	[ "$(id -u)" = 0 ] || { echo "scale.sh: must be root" >&2; exit 4; }
	exec unshare --net --mount --propagation private "$0" --inside
fi
mount -t tmpfs -o mode=0755 tmpfs /run

host() {
	ip netns add "$1"
	ip -n "$1" link set lo up
	ip -n "$1" link add up0 type veth peer name far
	ip -n "$1" link set far up
	ip -n "$1" link set up0 up
	ip -n "$1" addr add 198.51.100.1/24 dev up0
	ip -n "$1" neigh add 198.51.100.2 lladdr 02:00:00:00:00:02 dev up0
	ip -n "$1" route add default via 198.51.100.2
	"$B/nsfast" -q -n "$1" up t0 --mode bpf --subnet 10.77.0.1/24 --ns "$1-fill" --ns "$1-probe" --uplink up0 \
		--flows "$FLOWS" >/dev/null
}

# timed MOST VERB...: nsfast on the full host, its output counted in lines; milliseconds of CPU time, both ends of the pipe
timed() {
	local most=$1 user sys ms TIMEFORMAT='%3U %3S'
	shift
	read -r user sys < <({ time "$B/nsfast" -n full "$@" | wc -l >/run/lines; } 2>&1)
	ms=$((10#${user/./} + 10#${sys/./}))
	printf '%-23s %8d ms of a CPU (promised %d)\n' "nsfast $*" "$ms" "$most"
	((ms <= most)) || missed=1
}

missed=0
host empty
host full
"$B/tests/bench/scale" empty full || missed=1
timed 3000 flows
[ "$(</run/lines)" = "$FLOWS" ] || missed=1
timed 3000 -j flows
timed 1000 flows --count
timed 3000 flows flush
for h in empty full; do
	"$B/nsfast" -n "$h" down --all >/dev/null
	ip netns del "$h"
done
exit "$missed"
