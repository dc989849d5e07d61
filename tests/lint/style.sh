#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Rules of form that no formatter knows: first lines, lengths, folders, words and calls that have no place here.
cd "$(dirname "$0")/../.." || exit 1
bad=0

# complain WHAT: shows what comes in; no lines, no complaint
complain() {
	local found
	found=$(cat)
	[ -n "$found" ] || return 0
	printf '%s\n    ^ %s\n' "$found" "$1"
	bad=1
}

# complain() must not run in a subshell, so pipes become redirections
mapfile -t code < <(find bpf user include tests .ci Makefile -type f \
	\( -name '*.[ch]' -o -name '*.sh' -o -name '*.bash' -o -name '*.bats' -o -name '*.py' -o -name run -o -name Makefile \) | sort)
mapfile -t tests < <(printf '%s\n' "${code[@]}" | grep -e '^tests/' -e '^\.ci/' | grep -v '^tests/lint/')

complain "these make the top level: bpf user include tests Makefile README.md LICENSE" < <(
	diff <(printf '%s\n' LICENSE Makefile README.md bpf include tests user) <(LC_ALL=C ls) | grep '^[<>]' |
		sed 's/^</missing:/; s/^>/too many:/')

complain "line 1 (after #!) names the licence, the next one the file's one job" < <(
	awk 'FNR == 1 { spdx = /^#!/ ? 2 : 1 }
		FNR == spdx && !/SPDX-License-Identifier: GPL-2\.0-only/ { print FILENAME ":" FNR ": " $0 }
		FNR == spdx + 1 && !/^(\/\*|#) [^ ].*[^ ]/ { print FILENAME ":" FNR ": " $0 }' "${code[@]}")

complain "too long: more than 500 lines" < <(wc -l "${code[@]}" | awk '$1 > 500 && $2 != "total"')
complain "white space at the end of a line" < <(grep -nE '[[:space:]]+$' "${code[@]}")
complain "work not done has an issue, not a remark" < <(grep -nE '\b(TO[D]O|FIX[M]E|X[X]X)\b' "${code[@]}")
# 'nsfast exec' becomes the command that its user named: the one call that may
complain "no shells in user/" < <(grep -nE '\b(system|popen|execl?p|execvp)[[:space:]]*\(' user/*.[ch] |
	grep -vE '^user/cmd_exec\.c:[0-9]+:[[:space:]]execvp\(argv\[optind \+ 1\], argv \+ optind \+ 1\);$')
complain "tests wait for conditions" < <(
	grep -nE '\b(u|nano|clock_nano)?sleep\b' "${tests[@]}" | grep -vE '^[^:]+:[0-9]+:[[:space:]]*(#|/?\*)')
complain "headers begin with #pragma once" < <(grep -L '^#pragma once$' {bpf,user,include/nsfast,tests/*}/*.h 2>/dev/null)
exit $bad
