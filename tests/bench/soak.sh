#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Ten million short flows of several containers at once; fails if anything of them is left, or the kernel's memory grew.
#
#   a, b, c: a UDP flow with each packet    d: TCP connections    all ── t0 ── host up0 ── out
set -e
cd "$(dirname "$0")/../.."
B=${B:-.build} FLOWS=${FLOWS:-10000000}
GROWTH_KB=32768 # that the rest of a machine may take meanwhile; the flows' records are 1.2 GB in all

if [ "${1-}" != --inside ]; then
	[ "$(id -u)" = 0 ] || { echo "soak.sh: must be root" >&2; exit 4; }
	exec unshare --net --mount --pid --fork --mount-proc --kill-child --propagation private "$0" --inside
fi
mount -t tmpfs -o mode=0755 tmpfs /run
missed=0
exec {nothing}<> <(:) # reading from it with a timeout waits

inside() {
	nsenter --net="/run/netns/$1" -- "${@:2}"
}

nsf() {
	"$B/nsfast" -n host "$@"
}

# until COMMAND...: once it is true; false after a minute and a half
until_true() {
	local end=$((SECONDS + 90))
	until "$@"; do
		((SECONDS < end)) || return 1
		read -rt 0.5 -u "$nothing" || :
	done
}

says() {
	printf '%-58s %s\n' "$@"
}

# Datagrams of the floods that came out of the uplink, each of a flow of its own
# shellcheck disable=SC2016 # of awk
arrived() {
	inside out awk '/^Udp: [0-9]/ { print $2 + $3 }' /proc/net/snmp
}

# KB of the kernel's own: slabs that it cannot give back, per-CPU memory and vmalloc
kernel_kb() {
	awk '/^(SUnreclaim|Percpu|VmallocUsed):/ { n += $2 } END { print n }' /proc/meminfo
}

# Bytes of the maps of the programs on the host's interfaces, "ENTRIES BYTES" in a line
maps() {
	local pins=(/run/nsfast/bpf/*/*) pin
	for pin in "${pins[0]}"/*; do
		bpftool -j map show pinned "$pin" 2>/dev/null || true # not all pins are maps
	done | jq -s 'map(select(.bytes_memlock)) | "\(length) \(map(.bytes_memlock) | add)"'
}

# Records, keys and external ports in the data path's tables, read without nsfast
held() {
	local pins=(/run/nsfast/bpf/*/*) keys used moved unguessed places
	keys=$(bpftool -j map dump pinned "${pins[0]}/nsf_flow_keys" | jq length)
	used=$(bpftool -j map dump pinned "${pins[0]}/nsf_used" | jq '[.[].formatted.value] | add')
	moved=$(bpftool -j map dump pinned "${pins[0]}/nsf_moved" | jq length)
	unguessed=$(bpftool -j map dump pinned "${pins[0]}/nsf_unguessed" | jq '[.[].formatted.value] | add')
	places=$(bpftool -j map dump pinned "${pins[0]}/nsf_hints" | jq '[.[].formatted.value.at[] | select(. > 16777215)] | length')
	echo $((keys + used + moved + unguessed + places))
}

# shellcheck disable=SC2317 # until_true() calls it
nothing_held() {
	[ -z "$(nsf flows --count)" ] && [ "$(held)" = 0 ]
}

ip netns add host
ip netns add out
ip -n host link set lo up
ip -n out link set lo up
ip -n host link add up0 type veth peer name eth0 netns out
ip -n out link set eth0 up
ip -n host link set up0 up
ip -n host addr add 198.51.100.1/24 dev up0
ip -n out addr add 198.51.100.2/24 dev eth0
ip -n host route add default via 198.51.100.2
cat >/run/t0.conf <<'END'
[Network]
Name=t0
Mode=bpf
Address=10.77.0.1/24
Uplink=up0
MaxFlows=350000
MaxHalfOpen=350000
TimeoutTcpOpening=1
TimeoutTcpClosing=1
TimeoutUdp=1
TimeoutIcmp=1
[Port a]
[Port b]
[Port c]
[Port d]
END
nsf -q up -f /run/t0.conf --flows 1500000 >/dev/null 2>&1 # the timeouts are warned of

# flooded FLOWS: floods until so many more have arrived outside
flooded() {
	local until=$(($(arrived) + $1)) ns pids=()
	for ns in a b c; do
		nsenter --net="/run/netns/$ns" -- /usr/bin/python3 tests/packets/flood.py 198.51.100.2 600 >/dev/null &
		pids+=($!)
	done
	while (($(arrived) < until)) && kill -0 "${pids[@]}"; do
		inside d /usr/bin/python3 tests/packets/bulk.py fetch 198.51.100.2 9000 100 200 || return 1
	done
	kill "${pids[@]}"
	wait "${pids[@]}" || true # it says that they were killed
	(($(arrived) >= until))
}

exec {ready}< <(inside out /usr/bin/python3 tests/packets/bulk.py serve 9000)
read -r -u "$ready"
# the first million makes what the kernel keeps for later
{ flooded 1000000 && until_true nothing_held; } || { echo "soak.sh: the first million did not pass" >&2; exit 1; }
before=$(kernel_kb) maps_before=$(maps) start=$SECONDS
flooded "$FLOWS" || missed=1
says "UDP flows of three containers beside TCP connections of one" "$(($(arrived) - 1000000))"
says "seconds that took" $((SECONDS - start))
says "at that moment" "$(nsf flows --count | tr '\n' ' ')"
until_true nothing_held || missed=1
says "keys, external ports and notes of moved ones left" "$(held)"
after=$(kernel_kb) maps_after=$(maps)
says "maps and their bytes, before and after" "$maps_before, $maps_after"
[ "$maps_before" = "$maps_after" ] || missed=1
says "kernel memory before and after, KB" "$before, $after"
((after - before < GROWTH_KB)) || missed=1
nsf -q down --all >/dev/null
exit "$missed"
