#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# What a socket of the host's is told: "own.py serve PORT" answers by UDP and TCP with the sender's address; "own.py
# tcp|udp|sendto ADDRESS PORT [SOURCE]" asks it and prints "by NAME of the answerer, seen as SENDER"; udp is connected.
import socket
import sys
import threading

DUAL = ("::", int(sys.argv[2])) if sys.argv[1] == "serve" else None


def text(name):
    return name[0].removeprefix("::ffff:") + " " + str(name[1])


def serve_tcp(s, name):
    with s:
        s.settimeout(20)
        s.sendall(text(name).encode())
        s.shutdown(socket.SHUT_WR)
        while s.recv(4096):  # to close with something unread is to reset, and the answer may be lost
            pass


def serve_udp(s):
    while True:
        _, name = s.recvfrom(100)
        s.sendto(text(name).encode(), name)


def serve():
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind(DUAL)
    threading.Thread(target=serve_udp, args=(udp,), daemon=True).start()
    tcp = socket.create_server(DUAL, family=socket.AF_INET6, dualstack_ipv6=True)
    while True:
        threading.Thread(target=serve_tcp, args=tcp.accept(), daemon=True).start()


def ask(how, address, port, *source):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if how == "tcp" else socket.SOCK_DGRAM) as s:
        s.settimeout(20)
        if source:
            s.bind((source[0], 0))
        if how == "sendto":
            s.sendto(b"who", (address, int(port)))
            answer, name = s.recvfrom(100)
        else:
            s.connect((address, int(port)))
            if how == "udp":
                s.send(b"who")
            answer, name = s.recv(100), s.getpeername()
    return "by {}, seen as {}".format(" ".join(map(str, name[:2])), answer.decode().split()[0])


if sys.argv[1] == "serve":
    serve()
try:
    print(ask(*sys.argv[1:]))
except OSError as e:
    sys.exit(e.strerror or str(e))
