# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server on loopback that breaks off, lies and redirects as it is told."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Server(ThreadingHTTPServer):
    """Its knobs may be turned at any time."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body = b""
        self.headers: dict[str, str] = {}
        """Of each answer, besides the length; there is no Date of itself."""
        self.status = 200
        self.length: int | None = None
        """What it says that the body has; None: the truth. -1: nothing."""
        self.breaks: list[int] = []
        """After how many bytes of the body each of the next answers ends."""
        self.ranges = True
        self.redirects = 0
        self.hold = threading.Event()
        """Answers that break wait for it before they do."""
        self.hold.set()
        self.requests: list[tuple[str | None, str | None]] = []
        """Range and If-Range of each."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/film.ts"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is none."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        server = self.server
        if server.redirects:
            server.redirects -= 1
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        server.requests.append((self.headers["Range"], self.headers["If-Range"]))
        body, start = server.body, 0
        condition = self.headers["If-Range"]
        if server.ranges and condition and condition in server.headers.values():
            start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        self.send_response_only(206 if start else server.status)
        for name, value in server.headers.items():
            self.send_header(name, value)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        length = len(body) - start if server.length is None else server.length
        if length >= 0:
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if not server.breaks:
            self.wfile.write(body[start:])
            return
        self.wfile.write(body[start : start + server.breaks.pop(0)])
        self.wfile.flush()
        server.hold.wait(30)

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        pass
