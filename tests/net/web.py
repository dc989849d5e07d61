#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
# A web server of one folder: GET reads a file, PUT writes one. Usage: web.py FOLDER PORT
import functools
import http.server
import os
import shutil
import socket
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_PUT(self):
        left = int(self.headers["Content-Length"])
        with open(self.translate_path(self.path), "wb") as f:
            while left:
                part = self.rfile.read(min(left, 1 << 20))
                if not part:
                    self.close_connection = True
                    return
                f.write(part)
                left -= len(part)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    # in large parts, so that the sender's TCP has something to segment
    def copyfile(self, source, outputfile):
        shutil.copyfileobj(source, outputfile, 1 << 20)

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    # no question to a name server who we are
    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "test", self.server_address[1]


os.umask(0o077)
Server(("", int(sys.argv[2])), functools.partial(Handler, directory=sys.argv[1])).serve_forever()
