"""Merge requests on GitLab, in the cloud or on a server of one's own: REST API v4."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from gitrel.forge.forge import AlreadyOpen, ForgeRefused, Proposed, PullRequest
from gitrel.forge.http import Answer, Api, shown_url


def api(root: str, token: str, timeout_seconds: float) -> Api:
    return Api(root, {"PRIVATE-TOKEN": token, "Accept": "application/json"}, timeout_seconds)


class GitLab:
    """One project, as `group/subgroup/name`."""

    word = "merge request"

    def __init__(self, api: Api, project: str) -> None:
        self._api = api
        self._project = project
        self._path = f"/projects/{quote(project, safe='')}/merge_requests"

    def find(self, head: str, base: str) -> PullRequest | None:
        query = {"state": "opened", "source_branch": head, "target_branch": base}
        answer = self._api.call("GET", self._path, query)
        if answer.status != 200 or not isinstance(answer.document, list):
            raise self._refused(answer)
        found = [one for one in answer.document if isinstance(one, dict) and one.get("source_branch") == head]
        return _merge_request(found[0]) if found else None

    def open(self, proposed: Proposed) -> PullRequest:
        body = {
            "title": proposed.title,
            "description": proposed.body,
            "source_branch": proposed.head,
            "target_branch": proposed.base,
            "remove_source_branch": True,
        }
        answer = self._api.call("POST", self._path, body=body)
        if answer.status == 409:
            raise AlreadyOpen(answer.said)
        if answer.status != 201:
            raise self._refused(answer)
        return _merge_request(answer.document)

    def _refused(self, answer: Answer) -> ForgeRefused:
        if answer.status == 404:
            todo = "correct the remote, or give the token access"
            return ForgeRefused(f"GitLab knows no project {self._project}, or does not show it: {todo}")
        return ForgeRefused(f"GitLab refuses the merge request ({answer.status}): {answer.said}")


def _merge_request(document: Any) -> PullRequest:
    document = document if isinstance(document, dict) else {}
    number = document.get("iid")
    return PullRequest(number if isinstance(number, int) else 0, shown_url(document.get("web_url")))
