"""A real admission webhook: the API server calls it over TLS and does what it says."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson

from gitrel.cluster.server import certificates
from gitrel.kube.identity import Object
from tests.realcluster.conftest import RealPlane

Verdict = Callable[[Object], dict[str, Any]]
"""From the object under review to the `response`, without its uid."""
CONFIGURATION = "admissionregistration.k8s.io/v1"


def deny(message: str) -> Verdict:
    return lambda obj: {"allowed": False, "status": {"code": 403, "message": message}}


def patch(*operations: dict[str, Any]) -> Verdict:
    encoded = base64.b64encode(orjson.dumps(list(operations))).decode()
    return lambda obj: {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def never(released: threading.Event) -> Verdict:
    """Does not answer before the test is over."""

    def wait(obj: Object) -> dict[str, Any]:
        released.wait(60)
        return {"allowed": True}

    return wait


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    verdict: Verdict

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The API server hangs up on what takes too long."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""

    def do_POST(self) -> None:
        review = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
        request = review["request"]
        response = {"uid": request["uid"]} | self.server.verdict(request["object"])
        body = orjson.dumps(
            {"apiVersion": review["apiVersion"], "kind": "AdmissionReview", "response": response}
        )
        self.send_response_only(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def webhook(
    plane: RealPlane, folder: Path, verdict: Verdict, resources: tuple[str, str], *, mutating: bool = False
) -> Iterator[None]:
    """Reviews creates and updates of `resources` (group, plural) in the test's namespace, for the block."""
    now = datetime.now(UTC)
    authority = certificates.new_authority("webhook", now)
    pair = certificates.serving(authority, ["127.0.0.1"], now)
    (folder / "hook.crt").write_bytes(pair.certificate)
    (folder / "hook.key").write_bytes(pair.key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "hook.crt", folder / "hook.key")
    server = _Server(("127.0.0.1", 0), _Handler)
    server.verdict = verdict
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    configuration = _configuration(
        plane, server.server_address[1], authority.certificate, resources, mutating
    )
    try:
        plane.backend.apply(configuration)
        yield
    finally:
        plane.backend.delete(configuration)
        server.shutdown()
        server.server_close()
        thread.join(5)


def _configuration(
    plane: RealPlane, port: int, ca: bytes, resources: tuple[str, str], mutating: bool
) -> Object:
    group, plural = resources
    rule = {"apiGroups": [group], "apiVersions": ["v1"], "resources": [plural]}
    hook = {
        "name": "policy.example.com",
        "clientConfig": {"url": f"https://127.0.0.1:{port}/", "caBundle": base64.b64encode(ca).decode()},
        "rules": [{**rule, "operations": ["CREATE", "UPDATE"]}],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": plane.namespace}},
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "timeoutSeconds": 1,
        "failurePolicy": "Fail",
    }
    kind = "MutatingWebhookConfiguration" if mutating else "ValidatingWebhookConfiguration"
    metadata = {"name": f"{plane.namespace}-{'mutates' if mutating else 'validates'}"}
    return {"apiVersion": CONFIGURATION, "kind": kind, "metadata": metadata, "webhooks": [hook]}
