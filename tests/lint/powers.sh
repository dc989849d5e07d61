#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# What only one file of bpf/ may do is done in no other: verdicts, packet writes, maps, conditional compilation.
cd "$(dirname "$0")/../.." || exit 1
shopt -s nullglob
bad=0

# The file without its comments, line numbers kept.
code() {
	awk '{
		out = ""
		while (length($0)) {
			if (inside) {
				if (!(i = index($0, "*/"))) break
				$0 = substr($0, i + 2); inside = 0
			} else {
				if (!(i = index($0, "/*"))) { out = out $0; break }
				out = out substr($0, 1, i - 1); $0 = substr($0, i + 2); inside = 1
			}
		}
		sub(/\/\/.*/, "", out)
		print FILENAME ":" FNR ": " out
	}' "$1"
}

# only "FILE GLOB..." PATTERN WHAT
only() {
	local f g hits globs
	read -ra globs <<<"$1"
	for f in bpf/*.[ch]; do
		for g in "${globs[@]}"; do
			# shellcheck disable=SC2053 # a pattern is meant
			[[ ${f#bpf/} == $g ]] && continue 2
		done
		hits=$(code "$f" | grep -E "$2") || continue
		printf '%s\n    ^ %s only in: %s\n' "$hits" "$3" "$1"
		bad=1
	done
}

# what bench injects and measures beside it is no part of the data path
only "leave.h hose.bpf.c least.bpf.c" '\b(TC_ACT_|TCX_|XDP_(ABORTED|DROP|PASS|TX|REDIRECT)|bpf_redirect|bpf_clone_redirect)' "verdicts and redirects"
only "edit*.h" '\bbpf_((skb|xdp)_store_bytes|l[34]_csum_replace|csum_update|skb_change_(head|tail|proto)|(skb|xdp)_adjust_|skb_vlan_)' "packet writes"
only "edit*.h leave.h" '\bbpf_skb_change_type' "the packet's type"
only "maps.h" 'SEC\("\.maps"\)' "maps"
only "ctx.h" '[[:space:]]#[[:space:]]*(if|ifdef|ifndef|elif)\b' "conditional compilation"
only "ctx.h" '#[[:space:]]*include[[:space:]]*<(linux/bpf|bpf/)' "the kernel's and libbpf's own headers"
exit $bad
