#!/usr/bin/env python3
"""A web server on loopback that behaves as badly as its paths say; for test_fetch.c.

Prints its port, then serves until its standard input closes. /KIND/NAME serves NAME's
contents, byte i of which is (i * 7 + i // 256 * 13) % 256, as KIND says; /log gives the
requests so far as lines "PATH RANGE" and forgets them.
"""
import http.server
import os
import sys
import threading
import time

SIZE = 200000
BODY = bytes((i * 7 + i // 256 * 13) % 256 for i in range(SIZE))
log, seen, lock = [], {}, threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def head(self, code, length, **headers):
        self.send_response(code)
        self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()

    def empty(self, code, **headers):
        self.head(code, 0, **headers)

    def body(self, body, start=None, total=None, pause=0):
        """All of it, or from the byte that was asked for."""
        if start:
            self.head(206, len(body) - start,
                      Content_Range=f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.head(200, total or len(body))
        for at in range(start or 0, len(body), 20000):
            self.wfile.write(body[at:at + 20000])
            time.sleep(pause)

    def cut(self, start, after):
        """Promises the rest, sends some of it and closes the connection."""
        start = start or 0
        if start:
            self.head(206, SIZE - start, Content_Range=f"bytes {start}-{SIZE - 1}/{SIZE}")
        else:
            self.head(200, SIZE)
        self.wfile.write(BODY[start:start + after])
        self.close_connection = True

    def do_GET(self):
        asked = self.headers.get("Range", "")
        start = int(asked[6:].rstrip("-")) if asked.startswith("bytes=") else 0
        kind = self.path.split("/")[1]
        if kind == "log":
            with lock:
                text = "".join(f"{line}\n" for line in log).encode()
                log.clear()
            return self.body(text)
        with lock:
            log.append(f"{self.path} {asked or '-'}")
            time_seen = seen[self.path] = seen.get(self.path, 0) + 1
        if start >= SIZE:
            return self.empty(416, Content_Range=f"bytes */{SIZE}")
        if kind == "good":
            self.body(BODY, start)
        elif kind == "slow":
            self.body(BODY, start, pause=0.1)
        elif kind == "cut":
            self.cut(start, 70000)
        elif kind == "cutnorange":
            if time_seen == 1:
                self.cut(0, 70000)
            else:
                self.body(BODY)
        elif kind == "long":      # promises more than it has
            self.body(BODY, start, total=None if start else SIZE + 5000)
            self.close_connection = True
        elif kind == "short":     # promises less than it has
            self.body(BODY[:SIZE - 10])
        elif kind == "more":      # sends more than the file has
            self.body(BODY + b"x" * 100)
        elif kind == "flip":      # one wrong byte
            self.body(BODY[:1000] + b"!" + BODY[1001:], start)
        elif kind == "wrongrange":
            if start:
                self.head(206, SIZE, Content_Range=f"bytes 0-{SIZE - 1}/{SIZE}")
                self.wfile.write(BODY)
            else:
                self.body(BODY)
        elif kind == "stall":
            if time_seen == 1:
                self.head(200, SIZE)
                self.wfile.write(BODY[:5000])
                self.wfile.flush()
                time.sleep(8)
                self.close_connection = True
            else:
                self.body(BODY, start)
        elif kind == "busy":      # twice, then well
            if time_seen <= 2:
                self.empty(429 if time_seen == 1 else 503, Retry_After="0")
            else:
                self.body(BODY, start)
        elif kind == "later":     # asks for a pause
            if time_seen == 1:
                self.empty(503, Retry_After="1")
            else:
                self.body(BODY, start)
        elif kind == "down":
            self.empty(503)
        elif kind == "nothing":   # closes without a word
            if time_seen == 1:
                self.close_connection = True
            else:
                self.body(BODY, start)
        elif kind == "empty":
            self.empty(200)
        elif kind == "moved":
            self.empty(302, Location=f"/moved2/{self.path.split('/')[2]}")
        elif kind == "moved2":
            self.empty(307, Location=f"/good/{self.path.split('/')[2]}")
        elif kind == "circle":
            self.empty(302, Location=self.path)
        elif kind == "tofile":
            self.empty(302, Location="file:///etc/passwd")
        elif kind == "forbidden":
            self.empty(403)
        else:
            self.empty(404)


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that went away is what some tests are about."""


server = Server(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
os._exit(0)
