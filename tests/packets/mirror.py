#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# Tells who came from where, by UDP and TCP.
"""
mirror.py serve PORT ADDRESS...             answers each message to these addresses with "ADDRESS PORT" of its sender
mirror.py ask PROTOCOL SPORT ADDRESS PORT   asks from a source port, prints the answer
mirror.py many PROTOCOL N ADDRESS PORT      N short conversations, each from another source port; prints how many were answered
mirror.py hold SPORT ADDRESS PORT HOW       a TCP connection that asks again for each line on stdin, and at its end is
                                            closed (HOW: fin) or reset (rst)
mirror.py tell PORT                         says each line of stdin to all who have connected, who never say anything
mirror.py hear SPORT ADDRESS PORT           connects, and prints "connected" and what is said from there
"""
import socket
import socketserver
import struct
import sys
import threading

LINGER_RST = struct.pack("ii", 1, 0)


def who(address):
    return "{} {}\n".format(address[0].removeprefix("::ffff:"), address[1]).encode()


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Udp(socketserver.DatagramRequestHandler):
    def handle(self):
        self.wfile.write(who(self.client_address))


class Tcp(socketserver.StreamRequestHandler):
    def handle(self):
        for _ in self.rfile:
            self.wfile.write(who(self.client_address))


class Server(socketserver.ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024


def ask(s):
    s.sendall(b"who\n")
    answer = s.recv(100).decode().strip()
    if not answer:
        raise OSError("closed by the peer")
    return answer


def connect(protocol, sport, peer):
    s = socket.socket(family(peer[0]), socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.settimeout(3)
    s.bind(("", sport))
    s.connect(peer)
    return s


def serve(port, addresses):
    for a in addresses:  # a socket each: the answer comes from where the question went
        server = type("UdpServer", (socketserver.UDPServer,), {"address_family": family(a)})
        udp = server((a, port), Udp)
        threading.Thread(target=udp.serve_forever, daemon=True).start()
    Server(("", port), Tcp).serve_forever()


def many(protocol, n, peer):
    answered = 0
    for sport in range(20000, 20000 + n):
        s = connect(protocol, sport, peer)
        answered += ask(s).split()[1] != ""
        if protocol == "tcp":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST) if sport % 2 else s.shutdown(socket.SHUT_WR)
            if sport % 2 == 0:
                s.recv(1)
        s.close()
    print(answered)


def hold(sport, peer, how):
    s = connect("tcp", sport, peer)
    print(ask(s), flush=True)
    for _ in sys.stdin:
        print(ask(s), flush=True)
    if how == "rst":
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RST)
    else:
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
    s.close()


def tell(port):
    listener = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    hearers = []
    threading.Thread(target=lambda: [hearers.append(listener.accept()[0]) for _ in iter(int, 1)], daemon=True).start()
    for line in sys.stdin:
        for s in hearers:
            s.sendall(line.encode())


def hear(sport, peer):
    s = connect("tcp", sport, peer)
    s.settimeout(None)
    print("connected", flush=True)
    for line in s.makefile():
        print(line, end="", flush=True)


def main(verb, *args):
    if verb == "serve":
        serve(int(args[0]), args[1:])
    elif verb == "ask":
        print(ask(connect(args[0], int(args[1]), (args[2], int(args[3])))))
    elif verb == "many":
        many(args[0], int(args[1]), (args[2], int(args[3])))
    elif verb == "hold":
        hold(int(args[0]), (args[1], int(args[2])), args[3])
    elif verb == "tell":
        tell(int(args[0]))
    elif verb == "hear":
        hear(int(args[0]), (args[1], int(args[2])))


main(*sys.argv[1:])
