#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What passes through the host: packets a second from uplink to uplink with XdpForward beside without, and beside no XDP at all.
#
#   out ── up0  host, a router without any rule  up1 ── aside, which counts and drops      all on one CPU
#
# Each round measures both in an order that is its own mirror image; told are medians of the rounds' ratios.
set -e
cd "$(dirname "$0")/../.."
B=${B:-.build} ROUNDS=${ROUNDS:-9} MS=${MS:-400} CPU=${CPU:-$(($(nproc) - 1))}

if [ "${1-}" != --inside ]; then
	[ "$(id -u)" = 0 ] || { echo "through.sh: must be root" >&2; exit 4; }
	exec unshare --net --mount --pid --fork --mount-proc --kill-child --propagation private "$0" --inside
fi
mount -t tmpfs -o mode=0755 tmpfs /run

nsf() { "$B/nsfast" -q -n host "$@" >/dev/null; }

inside() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

topology() {
	local i
	for i in host out aside; do
		ip netns add "$i"
		ip -n "$i" link set lo up
	done
	ip -n host link add up0 type veth peer name eth0 netns out
	ip -n host link add up1 type veth peer name eth0 netns aside
	ip -n host addr add 198.51.100.1/24 dev up0
	ip -n host addr add 192.0.2.1/24 dev up1
	ip -n out addr add 198.51.100.2/24 dev eth0
	ip -n aside addr add 192.0.2.2/24 dev eth0
	for i in 0 1; do
		ip -n host link set "up$i" up
		inside host ethtool -K "up$i" gro on # what is injected needs an end that polls, with XDP and without
	done
	for i in out aside; do
		ip -n "$i" link set eth0 up
		inside "$i" ethtool -K eth0 gro on
	done
	ip -n host route add default via 198.51.100.2
	inside host sysctl -qw net.ipv4.ip_forward=1
	for i in 0 1; do
		nsf up "t$i" --mode bpf --subnet "10.7$i.0.1/24" --ns "c$i" --uplink "up$i" --xdp native
	done
	inside aside nft 'table netdev sink {
		counter got { }
		chain in { type filter hook ingress device eth0 priority 0; udp dport 9 counter name got drop; }
	}'
	inside host ping -q -c 1 192.0.2.2 >/dev/null
}

got() { inside aside nft -j list counter netdev sink got | jq '.nftables[] | select(.counter).counter.packets'; }

# one OPTIONS: packets a second into $rate
one() {
	local before i sent seconds
	for i in 0 1; do
		# shellcheck disable=SC2086 # options
		nsf up "t$i" $1
	done
	inside out taskset -c "$CPU" "$B/tests/bench/through" eth0 "$mac" 203.0.113.10 192.0.2.2 20 >/dev/null
	before=$(got)
	read -r sent seconds < <(inside out taskset -c "$CPU" "$B/tests/bench/through" eth0 "$mac" 203.0.113.10 192.0.2.2 "$MS")
	rate=$((($(got) - before) * 1000000 / (10#${seconds/./})))
	[ "$rate" -gt 0 ] || { echo "through.sh: nothing came through of $sent" >&2; exit 1; }
}

# spread: median, least and greatest of the numbers that come in
spread() { sort -g | awk '{ v[NR] = $1 } END { printf "%.2f (%.2f to %.2f)\n", v[(NR + 1) / 2], v[1], v[NR] }'; }

# beside NAME OPTIONS-A OPTIONS-B
beside() {
	local i a b ratios=() as=() bs=()
	for ((i = 0; i < ROUNDS; i++)); do
		one "$2" && a=$rate
		one "$3" && b=$rate
		one "$3" && b=$((b + rate))
		one "$2" && a=$((a + rate))
		as+=("$((a / 2000))") bs+=("$((b / 2000))")
		ratios+=("$(jq -n "$b / $a")")
	done
	printf '%-44s %s thousand a second\n' "$1" "$(printf '%s\n' "${as[@]}" | spread)"
	printf '%-44s %s thousand a second\n' "  with XdpForward=yes" "$(printf '%s\n' "${bs[@]}" | spread)"
	printf '%-44s %s times\n' "" "$(printf '%s\n' "${ratios[@]}" | spread)"
}

topology
mac=$(ip -n host -j link show up0 | jq -r '.[].address')
beside "--xdp native, XdpForward=no" "--xdp native --xdp-forward no" "--xdp native --xdp-forward yes"
beside "--xdp off" "--xdp off --xdp-forward no" "--xdp native --xdp-forward yes"
nsf down --all
