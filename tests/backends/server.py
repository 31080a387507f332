"""An API server that says what a script tells it, for what no real one can be made to say."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, urlsplit

RESOURCES = {"resources": [{"name": "configmaps", "kind": "ConfigMap", "namespaced": True}]}
Say = Callable[["Talk"], None]


class Talk(BaseHTTPRequestHandler):
    """One request and what is said to it."""

    protocol_version = "HTTP/1.1"

    @property
    def query(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()}

    @property
    def script(self) -> Script:
        assert isinstance(self.server, Script)
        return self.server

    def do_GET(self) -> None:
        self.script.answer(self)

    def json(self, body: Any, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        """A watch whose end is the end of the connection."""
        self.send_response(200)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True

    def event(self, kind: str, obj: Any) -> None:
        self.raw(json.dumps({"type": kind, "object": obj}).encode() + b"\n")

    def raw(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


class Script(ThreadingHTTPServer):
    """`watches` are played one after the other; after the last one a watch stays silent."""

    daemon_threads = True

    def __init__(self, watches: list[Say]) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.objects: dict[str, Any] = {}
        self.version = 1
        self.watches = watches
        self.asked: list[str] = []
        self.ended = threading.Event()

    def answer(self, talk: Talk) -> None:
        path = urlsplit(talk.path).path
        if path == "/api/v1":
            talk.json(RESOURCES)
        elif "watch" in talk.query:
            self.asked.append(f"watch {talk.query['resourceVersion']}")
            if self.watches:
                self.watches.pop(0)(talk)
            else:
                talk.begin()
                self.ended.wait(30)
        elif path.endswith("/configmaps"):
            self.asked.append("list")
            metadata = {"resourceVersion": str(self.version)}
            talk.json({"metadata": metadata, "items": list(self.objects.values())})
        else:
            self.asked.append("get")
            found = self.objects.get(path.rpartition("/")[2])
            talk.json(found or {"kind": "Status", "reason": "NotFound"}, 200 if found else 404)

    def hold(self, name: str, value: str) -> dict[str, Any]:
        """The object as it is from now on, which nobody is told by itself."""
        self.version += 1
        metadata = {"name": name, "namespace": "shop", "resourceVersion": str(self.version)}
        made = {"metadata": {**metadata, "labels": {"owner": "web"}}, "data": {"v": value}}
        self.objects[name] = made
        return made


@contextmanager
def scripted(folder: Path, *watches: Say) -> Iterator[tuple[Script, Path]]:
    """The server, and a kubeconfig with the context `script`."""
    server = Script(list(watches))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    kubeconfig = folder / "kubeconfig"
    url = f"http://127.0.0.1:{server.server_address[1]}"
    kubeconfig.write_text(
        f"clusters: [{{name: script, cluster: {{server: '{url}'}}}}]\n"
        "contexts: [{name: script, context: {cluster: script}}]\n",
        encoding="utf-8",
    )
    try:
        yield server, kubeconfig
    finally:
        server.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(5)
