"""A webhook server of its own for tests: real TLS by an authority made for it, answers by path."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from gitrel.clock import SystemClock
from gitrel.cluster.server import certificates
from gitrel.kube.identity import Object


class Hooks:
    """A webhook server on a free port; `answers` maps paths to what becomes of a request."""

    def __init__(self, folder: Path) -> None:
        now = SystemClock().now()
        self.authority = certificates.new_authority("webhooks", now)
        pair = certificates.serving(self.authority, ("127.0.0.1", "hook.default.svc"), now)
        (folder / "crt").write_bytes(pair.certificate)
        (folder / "key").write_bytes(pair.key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "crt", folder / "key")
        self.answers: dict[str, Callable[[Object], Any]] = {}
        hooks = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *args: Any) -> None:
                """Quiet."""

            def do_POST(self) -> None:
                size = int(self.headers["Content-Length"])
                request = json.loads(self.rfile.read(size))["request"]
                found = hooks.answers[self.path.partition("?")[0]](request)
                body = found
                if not isinstance(found, bytes):
                    response = {"uid": request["uid"], "allowed": True, **found}
                    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}
                    body = json.dumps({**review, "response": response}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(ThreadingHTTPServer):
            def handle_error(self, *args: Any) -> None:
                """Callers that hang up are part of the tests."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]

    @property
    def bundle(self) -> str:
        return base64.b64encode(self.authority.certificate).decode()

    def at(self, path: str, answer: Callable[[Object], Any]) -> Object:
        """A `clientConfig`."""
        self.answers[path] = answer
        return {"url": f"https://127.0.0.1:{self.port}{path}", "caBundle": self.bundle}


@contextmanager
def running(folder: Path) -> Iterator[Hooks]:
    """Serves until the block ends; its certificate stands in `folder`."""
    made = Hooks(folder)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield made
    finally:
        made.server.shutdown()
        thread.join()
        made.server.server_close()
