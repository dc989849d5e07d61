#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# nsfast bench, and whether it keeps what is promised: least medians of the rounds' ratios. What not even a forwarder reaches that
# does the least, and checks, counts and forgets nothing, is out of reach. More words go to nsfast bench.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-.build}
paths=wire,relay,relay-peer,least-peer,least-nat,bridge,iptables-nft,nsfast-bpf
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$B/nsfast" -j bench --only "rr,crr,udp,stream,hose,within,out,back,$paths" --time 400 "$@" >"$out"

# ratio TRAFFIC WAY PATH TO: of the path's to another one's
ratio() {
	jq -r --arg traffic "$1" --arg way "$2" --arg path "$3" --arg to "of_$4" \
		'.results[] | select(.traffic == $traffic and .way == $way and .path == $path)[$to] | "\(.median) \(.min) \(.max)"' "$out"
}

below() {
	awk "BEGIN { exit !($1 < $2) }"
}

missed=0
while read -r traffic way to least; do
	case $traffic-$way in
	hose-within) bound='relay-peer' ;;
	hose-*) bound=relay ;;
	*-within) bound='least-peer' ;;
	*) bound='least-nat' ;;
	esac
	read -r median min max < <(ratio "$traffic" "$way" nsfast-bpf "$to")
	read -r limit _ < <(ratio "$traffic" "$way" "$bound" "$to")
	kept=kept
	if below "$median" "$least"; then
		kept=MISSED
		below "$limit" "$least" && kept='out of reach' || missed=1
	fi
	printf '%-8s %-7s nsfast-bpf is %5.2f of %-13s (%.2f to %.2f), %-10s %5.2f, promised %.2f  %s\n' "$traffic" "$way" "$median" "$to" \
		"$min" "$max" "$bound" "$limit" "$least" "$kept"
done <<'END'
rr within wire 0.95
crr within wire 0.95
udp within wire 0.95
stream within wire 0.95
rr out wire 0.90
crr out wire 0.90
udp out wire 0.90
stream out wire 0.90
rr within iptables_nft 1.35
crr within iptables_nft 1.5
udp within iptables_nft 1.65
stream within iptables_nft 1.1
rr out iptables_nft 1.35
crr out iptables_nft 1.5
udp out iptables_nft 1.65
stream out iptables_nft 1.1
hose within bridge 1.25
hose within iptables_nft 2.2
hose out iptables_nft 2.3
hose back iptables_nft 2.1
END
jq -r '"\(.rounds) rounds, samples of \(.sample_ms) ms; \(.taken_again) taken again, \(.disturbed) disturbed to the last; Linux \(.kernel)"' "$out"
exit $missed
