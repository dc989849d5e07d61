#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# gso_max.py INTERFACE BYTES: ip link set INTERFACE gso_max_size BYTES gso_ipv4_max_size BYTES, as iproute2 does since 6.3.
import socket
import struct
import sys

RTM_NEWLINK, REQUEST, ACK = 16, 1, 4
GSO_MAX_SIZE, GSO_IPV4_MAX_SIZE = 41, 63  # IFLA_*

ifindex, size = socket.if_nametoindex(sys.argv[1]), int(sys.argv[2])
body = struct.pack("BxHiII", socket.AF_UNSPEC, 0, ifindex, 0, 0)
for attribute in GSO_MAX_SIZE, GSO_IPV4_MAX_SIZE:
    body += struct.pack("HHI", 8, attribute, size)
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)
s.send(struct.pack("IHHII", 16 + len(body), RTM_NEWLINK, REQUEST | ACK, 1, 0) + body)
error = struct.unpack_from("i", s.recv(4096), 16)[0]
sys.exit(f"{sys.argv[1]}: errno {-error}" if error else 0)
