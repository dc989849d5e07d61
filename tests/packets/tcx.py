#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# tcx.py INTERFACE in|out LENGTH: somebody else's tcx program, which drops frames of that length; there until it is ended.
"""Prints "attached" when the program is in place."""
import ctypes
import signal
import socket
import struct
import sys

SYS_BPF = 321  # x86-64
PROG_LOAD, LINK_CREATE = 5, 28
SCHED_CLS = 3
ATTACH = {"in": 46, "out": 47}  # BPF_TCX_INGRESS, BPF_TCX_EGRESS
SHOT, NEXT = 2, -1


def bpf(cmd, attr):
    buf = ctypes.create_string_buffer(attr, 160)
    fd = ctypes.CDLL(None, use_errno=True).syscall(SYS_BPF, cmd, buf, len(buf))
    if fd < 0:
        sys.exit(f"bpf({cmd}): errno {ctypes.get_errno()}")
    return fd


def insn(code, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", code, src << 4 | dst, off, imm)


def main():
    ifindex, where, length = socket.if_nametoindex(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    code = ctypes.create_string_buffer(
        insn(0x61, 2, 1)  # r2 = skb->len
        + insn(0xB7, 0, imm=SHOT)
        + insn(0x15, 2, off=1, imm=length)  # if r2 == length: out
        + insn(0xB7, 0, imm=NEXT)
        + insn(0x95)
    )
    license_ = ctypes.create_string_buffer(b"GPL")
    prog = bpf(PROG_LOAD, struct.pack("<IIQQ", SCHED_CLS, 5, ctypes.addressof(code), ctypes.addressof(license_)))
    bpf(LINK_CREATE, struct.pack("<IIII", prog, ifindex, ATTACH[where], 0))
    print("attached", flush=True)
    signal.pause()


main()
