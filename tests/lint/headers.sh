#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every header compiles alone; the shared ones have the same layout, without invisible bytes, for every compiler.
cd "$(dirname "$0")/../.." || exit 1
shopt -s nullglob
bad=0
arch=/usr/include/$(gcc -print-multiarch)
flags=(-x c -fsyntax-only -std=gnu11 -Wall -Wextra -Werror -Wno-unused-parameter
	-Wno-unused-function -Iinclude)

# alone HEADER COMPILER...: compiles a file that includes only the header
alone() {
	local header=$1
	shift
	echo "#include \"$header\"" | "$@" "${flags[@]}" - || { echo "    ^ $header alone: $*"; bad=1; }
}

for h in include/nsfast/*.h; do
	alone "${h#include/}" gcc -Wpadded
	alone "${h#include/}" gcc -Wpadded -m32 -ffreestanding -idirafter "$arch"
	alone "${h#include/}" clang -Wpadded -target bpf -idirafter "$arch"
done
for h in bpf/*.h; do
	alone "$h" clang -O2 -target bpf -mcpu=v3 -fms-extensions -Wno-microsoft-anon-tag -I. -idirafter "$arch"
done
for h in user/*.h; do
	alone "${h#user/}" gcc -D_GNU_SOURCE -Iuser "-I${B:-.build}"
done
exit $bad
