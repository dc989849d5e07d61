#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs tests on Debian's own kernels, each booted by qemu on this machine's files: correctness only, for it emulates.
#
# The guest sees the machine's root read-only, below a layer in memory: tools and the built nsfast are there unchanged,
# and what it writes is gone with it. What counts is the line of status it prints, inside a limit of time.
# The build folder lies in the tree. Arguments: a command for the guest in the place of the tests. Environment: KERNELS
# which of "6.1 6.12", SHORT=1 for few tests, ALL=1 for those too that take hours, GUEST_TIMEOUT seconds for each kernel,
# CMDLINE more for the kernel's command line; B, T, MODE, SUITES as for tests/run.
set -u
cd "$(dirname "$0")/../.." || exit 1
export LC_ALL=C.UTF-8
B=$(realpath "${B:-.build}")
HERE=$PWD/tests/kernels
ROOM=$B/kernels
MODULES=(virtio_pci 9pnet_virtio 9p overlay)
declare -A PACKAGE=([6.1]=linux-image-amd64 [6.12]=linux-image-6.12-amd64)

die() {
	echo "check-kernels: $*" >&2
	exit 1
}

# get VERSION: downloads and unpacks the current Debian kernel of that line, or finds it unpacked; sets release
get() {
	local deb package=${PACKAGE[$1]}
	package=$(apt-cache depends --important "$package" | awk '$1 == "Depends:" && /linux-image/ { print $2; exit }')
	release=${package#linux-image-}
	[ -n "$release" ] || return 1
	[ ! -e "$ROOM/$release/ready" ] || return 0
	rm -rf "${ROOM:?}/$release"
	mkdir -p "$ROOM/$release" && (cd "$ROOM/$release" && apt-get -qq download "$package" 2>download.log) || return 1
	deb=$(echo "$ROOM/$release"/*.deb)
	dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$ROOM/$release" --exclude='*/drivers/gpu' --exclude='*/sound' ./boot ./lib &&
		rm "$deb" && depmod -b "$ROOM/$release" "$release" && touch "$ROOM/$release/ready"
}

# initramfs RELEASE: busybox, what mounting the machine's root takes, and init
initramfs() {
	local dir=$ROOM/$1/initramfs n=0 ko
	rm -rf "$dir"
	mkdir -p "$dir"/{bin,modules,proc,sys,dev,lower,memory,root}
	cp /bin/busybox "$dir/bin/busybox"
	cp "$HERE/init" "$dir/init"
	while read -r _ ko; do
		n=$((n + 1))
		# busybox knows no compression of modules
		case $ko in
		*.xz) xz -dc "$ko" ;;
		*) cat "$ko" ;;
		esac >"$dir/modules/$(printf %03d $n).ko"
	done < <(for m in "${MODULES[@]}"; do
		modprobe -d "$ROOM/$1" -S "$1" --show-depends "$m" || echo missing "$m" >&2
	done | awk '$1 == "insmod" && !seen[$2]++')
	printf '%s\n' "$2" >"$dir/command"
	echo "$PWD" >"$dir/tree"
	(cd "$dir" && find . | cpio --quiet -o -H newc) | zstd -q -1 >"$ROOM/$1/initramfs.zst"
}

# boot RELEASE COMMAND: runs it as root of the guest; fails if it fails, or does not end in time. What makes emulation
# fast: one CPU (two wait for each other's caches, it is half the work), none of those whose copies are 'rep movsb', which
# is done by the byte (the verifier's time halves), and programs at the same address each time, so that their code is
# translated once (a third of the time).
boot() {
	local log=$ROOM/$1/console
	initramfs "$1" "$2" || return 1
	timeout --foreground --kill-after=5 "${GUEST_TIMEOUT:-36000}" \
		qemu-system-x86_64 -M pc -accel tcg -cpu Nehalem -smp 1 -m 4096 -nodefaults -no-user-config \
		-no-reboot -nographic -serial stdio -kernel "$ROOM/$1/boot/vmlinuz-$1" -initrd "$ROOM/$1/initramfs.zst" \
		-append "console=ttyS0 panic=-1 quiet mitigations=off norandmaps apparmor=0 init_on_alloc=0 ${CMDLINE-}" \
		-virtfs local,path=/,mount_tag=machine,security_model=none,readonly=on,multidevs=remap \
		-virtfs "local,path=$PWD,mount_tag=sources,security_model=none,readonly=on,multidevs=remap" \
		</dev/null 2>&1 | sed -u 's/\r//g; s/\x1bc//g; s/\x1b[][?0-9]*[a-zA-Z]//g; s/^Booting from ROM\.*//; /SeaBIOS/d; /Power [Od]/d' |
		tee "$log" | sed -u '/^status /d'
	grep -qx 'status 0' "$log" || { echo "FAIL  kernel $1: $(grep -x 'status .*' "$log" || echo 'did not come to its end')"; return 1; }
}

command=$(printf '%q ' env B="$B" T="${T-}" MODE="${MODE-}" SUITES="${SUITES-}" SHORT="${SHORT-}" ALL="${ALL-}" "$HERE/guest.sh" "$@")
failed=0 guests=()
set -m # each guest with all of its pipe is a process group
trap 'kill -- "${guests[@]/#/-}" 2>/dev/null; exit 130' INT TERM
for k in ${KERNELS:-6.1 6.12}; do
	get "$k" || die "cannot get Debian's kernel $k: see $ROOM; is 'apt-get update' done?"
	echo "$k: kernel $release"
	(set -o pipefail && boot "$release" "$command" | sed -u "s/^/$k: /") &
	guests+=($!)
done
for k in "${guests[@]}"; do
	wait "$k" || failed=1
done
exit $failed
