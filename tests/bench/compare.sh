#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# nsfast bench, and whether it keeps what is promised: least medians of the rounds' ratios. More words go to nsfast bench.
set -eu
cd "$(dirname "$0")/../.."
B=${B:-.build}
out=$(mktemp)
trap 'rm -f "$out"' EXIT
"$B/nsfast" -j bench --only rr,crr,udp,stream,hose,within,out,back --time 400 "$@" >"$out"

# ratio TRAFFIC WAY TO: median of nsfast-bpf's
ratio() {
	jq -r --arg traffic "$1" --arg way "$2" --arg to "of_$3" \
		'.results[] | select(.traffic == $traffic and .way == $way and .path == "nsfast-bpf")[$to] | "\(.median) \(.min) \(.max)"' "$out"
}

missed=0
while read -r traffic way to least; do
	read -r median min max < <(ratio "$traffic" "$way" "$to")
	kept=kept
	awk "BEGIN { exit !($median < $least) }" && kept=MISSED missed=1
	printf '%-8s %-7s nsfast-bpf is %5.2f of %-16s (%.2f to %.2f), promised %.2f  %s\n' "$traffic" "$way" "$median" "$to" "$min" "$max" \
		"$least" "$kept"
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
