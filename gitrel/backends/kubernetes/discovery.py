"""From an object's apiVersion and kind to the path it lives at, as the server itself tells it.

What was learnt is kept. A kind that is not known is asked for once more, because a custom resource definition
may have been applied a moment ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from gitrel.backends.kubernetes.requests import Answer, Requests


@dataclass(frozen=True, slots=True)
class Resource:
    api_version: str
    kind: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "") -> str:
        """Names are data: whatever is in them, they stay one segment of the path."""
        root = "/apis" if "/" in self.api_version else "/api"
        path = f"{root}/{self.api_version}"
        if self.namespaced and namespace:
            path += f"/namespaces/{quote(namespace, safe='')}"
        path += f"/{self.plural}"
        return f"{path}/{quote(name, safe='')}" if name else path


class UnknownKind(LookupError):
    """The server serves no such kind in that version."""


class Undiscovered(Exception):
    """The server would not say which kinds it serves, which says nothing about any of them."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"the API server answers {answer.status}")
        self.answer = answer


class Discovery:
    def __init__(self, requests: Requests) -> None:
        self._requests = requests
        self._known: dict[str, dict[str, Resource]] = {}

    def resource(self, api_version: str, kind: str) -> Resource:
        """Raises UnknownKind after one fresh look, and Undiscovered."""
        if kind not in self._known.get(api_version, {}):
            self._known[api_version] = self._ask(api_version)
        try:
            return self._known[api_version][kind]
        except KeyError:
            raise UnknownKind(f"the cluster serves no {kind} in {api_version}") from None

    def forget(self, api_version: str) -> None:
        """What was known of a version turned out to be wrong: the next question asks the server."""
        self._known.pop(api_version, None)

    def _ask(self, api_version: str) -> dict[str, Resource]:
        root = "/apis" if "/" in api_version else "/api"
        answer = self._requests.send("GET", f"{root}/{quote(api_version, safe='/')}")
        if answer.status == HTTPStatus.NOT_FOUND:
            return {}
        if not answer.is_good or not isinstance(answer.body, dict):
            raise Undiscovered(answer)
        rows = answer.body.get("resources") or ()
        return {
            row["kind"]: Resource(api_version, row["kind"], row["name"], bool(row["namespaced"]))
            for row in rows
            if "/" not in row["name"]  # a subresource
        }
