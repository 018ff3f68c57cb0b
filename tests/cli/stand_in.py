"""A small HTTP service on loopback that plays every plane the command line talks to.

It keeps real state, so that a test sees what a user would: create, then list, then delete. A test may
queue answers to come first (`service.next`, or `service.next_content` for a registry's content), choose
how creation is reported (`service.provisioning`) and read every request that arrived (`service.seen`).
"""

from __future__ import annotations

import json
import re
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TENANT = "11111111-1111-1111-1111-111111111111"
SUBSCRIPTION = "22222222-2222-2222-2222-222222222222"
APP_ID = "33333333-3333-3333-3333-333333333333"
OBJECT_ID = "44444444-4444-4444-4444-444444444444"
SECRET = "not-a-real-secret"

_CONTENT = re.compile(r"/(acr/v1|v2)/.+")

Handler = Callable[["Service", "Request"], "Answer"]
ROUTES: list[tuple[str, re.Pattern[str], Handler]] = []


@dataclass
class Request:
    """What arrived, decoded."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw: bytes
    args: dict[str, str] = field(default_factory=dict)

    @property
    def body(self) -> Any:
        return json.loads(self.raw) if self.raw else None

    @property
    def form(self) -> dict[str, str]:
        return {k: v[0] for k, v in parse_qs(self.raw.decode(), keep_blank_values=True).items()}


@dataclass
class Answer:
    """What goes back."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Service:
    """The state, the journal and the switches of one stand-in."""

    def __init__(self) -> None:
        self.groups: dict[str, dict[str, Any]] = {}
        self.registries: dict[str, dict[str, Any]] = {}
        self.assignments: dict[str, dict[str, Any]] = {}
        self.principals: dict[str, dict[str, Any]] = {}
        self.applications: dict[str, dict[str, Any]] = {}
        self.operations: dict[str, dict[str, Any]] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.children: dict[str, dict[str, Any]] = {}
        self.seen: list[Request] = []
        self.next: deque[Answer] = deque()
        self.next_content: deque[Answer] = deque()
        self.provisioning = "sync"
        self.polls = 2
        self.base = ""
        self.lock = threading.Lock()

    def answer(self, request: Request) -> Answer:
        """Find the route of a request and let it answer, unless an answer is queued."""
        self.seen.append(request)
        with self.lock:
            if self.next:
                return self.next.popleft()
            if self.next_content and _CONTENT.match(request.path):
                return self.next_content.popleft()
            for method, pattern, handler in ROUTES:
                found = pattern.fullmatch(request.path)
                if found and method == request.method:
                    request.args = {k: unquote(v) for k, v in found.groupdict().items()}
                    return handler(self, request)
        return error(404, "InvalidResourceType", f"No route for {request.method} {request.path}")

    def asked(self, method: str, part: str) -> list[Request]:
        """Return the requests of one method whose path contains a text."""
        return [r for r in self.seen if r.method == method and part in r.path]


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Register a handler; `{name}` in the pattern matches one segment, `{name*}` any path."""
    text = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", pattern)
    text = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", text)

    def keep(handler: Handler) -> Handler:
        ROUTES.append((method, re.compile(text, re.IGNORECASE), handler))
        return handler

    return keep


def error(status: int, code: str, message: str, **headers: str) -> Answer:
    """Return an answer in the management plane's error envelope."""
    return Answer(status, {"error": {"code": code, "message": message}}, headers)


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: Service

    def _serve(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(
            self.command,
            url.path,
            {k: v[0] for k, v in parse_qs(url.query).items()},
            {k.lower(): v for k, v in self.headers.items()},
            self.rfile.read(length),
        )
        answer = self.service.answer(request)
        data = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response_only(answer.status)
        if "Date" not in answer.headers:
            self.send_header("Date", self.date_time_string())
        for name, value in answer.headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815 - http.server's names

    def log_message(self, *args: object) -> None:
        """Keep the test output clean."""


def start(service: Service, port: int = 0, tls: ssl.SSLContext | None = None) -> ThreadingHTTPServer:
    """Serve on loopback in a thread; the caller stops it with `shutdown()` and `server_close()`."""
    handler = type("Bound", (_Http,), {"service": service})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    service.base = f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True).start()
    return server
