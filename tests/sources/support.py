"""A config repository with a bare remote, a Git server over HTTP that can misbehave, and real processes."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from tests.cli.support import ROOT
from tests.repo_git.sandbox import PEOPLE, bare_remote, commit_all, git, point, write

PIPELINE = """\
apiVersion: gitrel.dev/v1alpha1
kind: Pipeline
spec:
  waves:
    - {name: first, environments: [asia]}
    - {name: then, environments: [europe]}
  defaults: {meanTimeToSmoke: SOAK, soakFactor: 1}
"""
ENVIRONMENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Environment
spec: {role: region, namespace: NAME, cluster: {embedded: {nodes: 1}}}
"""
MANIFEST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: COMPONENT}
data: {version: VERSION}
"""
ENVIRONMENTS = ("asia", "europe")


def config(folder: Path, components: Sequence[str] = ("web",), soak: str = "1s") -> Path:
    """Components of one ConfigMap each, which is Current as soon as it is applied, in two regions."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    write(folder, "environments/pipeline.yaml", PIPELINE.replace("SOAK", soak))
    for name in ENVIRONMENTS:
        write(folder, f"environments/{name}.yaml", ENVIRONMENT.replace("NAME", name))
    for component in components:
        for version in ("v1", "v2", "v3"):
            text = MANIFEST.replace("COMPONENT", component).replace("VERSION", version)
            write(folder, f"apps/{component}/{version}/{component}-configmap.yaml", text)
        for name in ENVIRONMENTS:
            point(folder, f"apps/{component}/{name}", "v1")
    commit_all(folder, "Begin")
    return folder


def remote_of(work: Path) -> Path:
    """A bare remote that serves any commit it has, and takes pushes over HTTP."""
    remote = bare_remote(work.with_suffix(".git"), work)
    git(remote, "config", "http.receivepack", "true")
    git(remote, "config", "uploadpack.allowAnySHA1InWant", "true")
    return remote


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    base = {name: value for name, value in os.environ.items() if not name.startswith(("GITREL_", "GIT_"))}
    return {**base, **PEOPLE, "XDG_CACHE_HOME": "/nonexistent", **(more or {})}


class Start(Protocol):
    """A gitrel process of its own."""

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]: ...


@contextmanager
def starting() -> Iterator[Start]:
    """Whatever was started in the block is gone after it, with its pipes."""
    with ExitStack() as stack:

        def start(*arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "gitrel", *arguments],
                cwd=ROOT,
                env=environment(env),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield start


class GitServer:
    """`git http-backend` behind HTTP on this machine. What it does wrong is set by its attributes."""

    def __init__(self, folder: Path, token: str = "") -> None:
        self.token = token
        self.redirect_to = ""
        self.swallow_next_push = False
        self.hang = threading.Event()
        self.hanging = False
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, folder))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def looks(self) -> int:
        """How often somebody asked what there is to fetch."""
        return sum("service=git-upload-pack" in path for _, path, _ in self.requests)

    @contextmanager
    def running(self) -> Iterator[GitServer]:
        self._thread.start()
        try:
            yield self
        finally:
            self.hang.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def allows(self, header: str) -> bool:
        if not self.token:
            return True
        login = base64.b64decode(header.removeprefix("Basic ") or b"").decode()
        return login.partition(":")[2] == self.token


def _handler(server: GitServer, folder: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            server.requests.append((self.command, self.path, dict(self.headers)))
            if server.hanging:
                server.hang.wait(30)
                return
            if server.redirect_to:
                self._answer(302, {"Location": server.redirect_to + self.path})
            elif not server.allows(self.headers.get("Authorization", "")):
                self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
            else:
                self._backend(body)

        def _backend(self, body: bytes) -> None:
            url = urlsplit(self.path)
            env = {
                **environment(),
                "GIT_PROJECT_ROOT": str(folder),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": url.path,
                "QUERY_STRING": url.query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "somebody",
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=env, capture_output=True, check=False
            )
            if server.swallow_next_push and self.command == "POST" and "receive-pack" in self.path:
                server.swallow_next_push = False
                self.close_connection = True  # the push has happened, and nobody says so
                return
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
            self._answer(int(headers.pop("Status", "200").split()[0]), headers, content)

        def _answer(self, status: int, headers: Mapping[str, str], content: bytes = b"") -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    return Handler
