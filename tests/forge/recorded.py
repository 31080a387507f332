"""A forge's API on this machine: answers as GitHub and GitLab give them, and what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "canary-99af31"


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Recorded:
    """Plays `answers`: the first whose method and path fit, each with status, headers and body."""

    answers: list[tuple[str, str, int, Mapping[str, str], Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    hang: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def play(
        self, method: str, path: str, status: int, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.answers.append((method, path, status, headers or {}, body))

    def answer(self, method: str, path: str) -> tuple[int, Mapping[str, str], Any]:
        for index, (m, p, status, headers, body) in enumerate(self.answers):
            if (m, p) == (method, path.partition("?")[0]):
                if sum((m, p) == (other[0], other[1]) for other in self.answers) > 1:
                    del self.answers[index]  # several answers to one question are given in turn
                return status, headers, body
        return 404, {}, {"message": "Not Found"}


@contextmanager
def serving(recorded: Recorded) -> Iterator[Recorded]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(recorded))
    server.daemon_threads = True
    recorded.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield recorded
    finally:
        recorded.hang.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(recorded: Recorded) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PUT(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            recorded.asked.append(Asked(self.command, self.path, dict(self.headers), body))
            status, headers, answer = recorded.answer(self.command, self.path)
            if status == 0:
                recorded.hang.wait(30)
                return
            data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


Make = Callable[[], Recorded]

# Shortened from the examples of both APIs' references.
GITHUB_PULL = {
    "url": "https://api.github.com/repos/octocat/Hello-World/pulls/1347",
    "html_url": "https://github.com/octocat/Hello-World/pull/1347",
    "number": 1347,
    "state": "open",
    "title": "Amazing new feature",
    "head": {
        "label": "octocat:new-topic",
        "ref": "new-topic",
        "sha": "6dcb09b5b57875f334f61aebed695e2e4193db5e",
    },
    "base": {"label": "octocat:master", "ref": "master"},
    "draft": False,
}
GITHUB_EXISTS = {
    "message": "Validation Failed",
    "errors": [
        {
            "resource": "PullRequest",
            "code": "custom",
            "message": "A pull request already exists for octocat:new-topic.",
        }
    ],
    "documentation_url": "https://docs.github.com/rest/pulls/pulls#create-a-pull-request",
    "status": "422",
}
GITLAB_MERGE = {
    "id": 1,
    "iid": 7,
    "project_id": 3,
    "title": "test1",
    "state": "opened",
    "target_branch": "main",
    "source_branch": "test1",
    "web_url": "http://gitlab.example.com/my-group/my-project/merge_requests/7",
}
GITLAB_EXISTS = {"message": ["Another open merge request already exists for this source branch: !7"]}
