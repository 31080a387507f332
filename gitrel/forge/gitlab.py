"""Merge requests on GitLab, in the cloud or on a server of one's own: REST API v4."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from gitrel.forge.forge import PAGE, PAGES_MAX, AlreadyOpen, Comment, ForgeRefused, Proposed, PullRequest
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

    def head_of(self, number: int) -> str:
        answer = self._api.call("GET", f"{self._path}/{number}")
        if answer.status != 200 or not isinstance(answer.document, dict):
            raise self._refused(answer)
        return str(answer.document.get("sha") or "")

    def find_comment(self, number: int, marker: str) -> Comment | None:
        me = self._api.call("GET", "/user")
        if me.status != 200 or not isinstance(me.document, dict):
            raise self._refused(me)
        for page in range(1, PAGES_MAX + 1):
            query = {"per_page": str(PAGE), "page": str(page), "sort": "asc", "order_by": "created_at"}
            answer = self._api.call("GET", f"{self._path}/{number}/notes", query)
            if answer.status != 200 or not isinstance(answer.document, list):
                raise self._refused(answer)
            for one in answer.document:
                if found := _note(one, marker, me.document.get("id")):
                    return found
            if len(answer.document) < PAGE:
                return None
        return None

    def add_comment(self, number: int, body: str) -> None:
        answer = self._api.call("POST", f"{self._path}/{number}/notes", body={"body": without_actions(body)})
        if answer.status != 201:
            raise self._refused(answer)

    def edit_comment(self, number: int, comment: Comment, body: str) -> None:
        path = f"{self._path}/{number}/notes/{comment.id}"
        answer = self._api.call("PUT", path, body={"body": without_actions(body)})
        if answer.status != 200:
            raise self._refused(answer)

    def _refused(self, answer: Answer) -> ForgeRefused:
        if answer.status == 404:
            todo = "correct the remote, or give the token access"
            return ForgeRefused(f"GitLab knows no project {self._project}, or does not show it: {todo}")
        return ForgeRefused(f"GitLab refuses the merge request ({answer.status}): {answer.said}")


def without_actions(body: str) -> str:
    """The text without quick actions: to GitLab a line that begins with a slash is a command, like /merge."""
    return re.sub(r"(?m)^(\s*)/", r"\1&#47;", body)


def _note(document: Any, marker: str, me: Any) -> Comment | None:
    if not isinstance(document, dict) or document.get("system"):
        return None
    author, number, body = document.get("author"), document.get("id"), document.get("body")
    own = isinstance(author, dict) and isinstance(me, int) and author.get("id") == me
    if own and isinstance(number, int) and isinstance(body, str) and body.startswith(marker):
        return Comment(number, body)
    return None


def _merge_request(document: Any) -> PullRequest:
    document = document if isinstance(document, dict) else {}
    number = document.get("iid")
    return PullRequest(number if isinstance(number, int) else 0, shown_url(document.get("web_url")))
