#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# Runs a command for which bpf(2) fails, as on a kernel without it.
"""
nobpf.py ERRNO[:CMD] COMMAND...    ERRNO by name: ENOSYS, EPERM; CMD the one bpf(2) command that fails, by number
"""
import ctypes
import errno
import os
import platform
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
RET_ALLOW, RET_ERRNO = 0x7FFF0000, 0x00050000
BPF = {"x86_64": 321, "aarch64": 280}[platform.machine()]


def deny(code, command):
    rules = [
        (0x20, 0, 0, 0),  # the number of the system call
        (0x15, 0, 1 if command is None else 3, BPF),
        *([] if command is None else [(0x20, 0, 0, 16), (0x15, 0, 1, command)]),  # its first argument
        (0x06, 0, 0, RET_ERRNO | code),
        (0x06, 0, 0, RET_ALLOW),
    ]
    buf = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    prog = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(rules), ctypes.addressof(buf)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, prog, 0, 0):
        sys.exit(f"cannot filter system calls: {os.strerror(ctypes.get_errno())}")


name, _, number = sys.argv[1].partition(":")
deny(getattr(errno, name), int(number) if number else None)
os.execvp(sys.argv[2], sys.argv[2:])
