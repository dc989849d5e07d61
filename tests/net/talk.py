#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# A conversation by TCP that lasts until it is ended: "talk.py PORT" answers, "talk.py ADDRESS PORT FILE" asks all the
# time and adds a byte to FILE for each answer. An answer that takes more than five seconds ends it with an error.
import socket
import socketserver
import sys


class Answer(socketserver.BaseRequestHandler):
    def handle(self):
        while word := self.request.recv(4096):
            self.request.sendall(word)


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True


if len(sys.argv) == 2:
    Server(("", int(sys.argv[1])), Answer).serve_forever()

s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 5)
with open(sys.argv[3], "wb", 0) as f:
    while True:
        s.sendall(b"word" * 100)
        left = 400
        while left:
            part = s.recv(left)
            if not part:
                sys.exit("connection closed")
            left -= len(part)
        f.write(b".")
