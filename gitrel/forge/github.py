"""Pull requests on GitHub, in the cloud or on a server of one's own: REST API version 2022-11-28."""

from __future__ import annotations

from typing import Any

from gitrel.errors import Unreachable
from gitrel.forge.forge import PAGE, PAGES_MAX, AlreadyOpen, Comment, ForgeRefused, Proposed, PullRequest
from gitrel.forge.http import Answer, Api, shown_url


def api(root: str, token: str, timeout_seconds: float) -> Api:
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    return Api(root, headers, timeout_seconds)


class GitHub:
    """One repository, as `owner/name`."""

    word = "pull request"

    def __init__(self, api: Api, repository: str) -> None:
        self._api = api
        self._repository = repository
        self._path = f"/repos/{repository}/pulls"

    def find(self, head: str, base: str) -> PullRequest | None:
        owner = self._repository.split("/", 1)[0]
        answer = self._api.call("GET", self._path, {"state": "open", "head": f"{owner}:{head}", "base": base})
        if answer.status != 200 or not isinstance(answer.document, list):
            raise self._refused(answer)
        found = [one for one in answer.document if _field(one, "head", "ref") == head]
        return _pull_request(found[0]) if found else None

    def open(self, proposed: Proposed) -> PullRequest:
        body = {"title": proposed.title, "body": proposed.body, "head": proposed.head, "base": proposed.base}
        answer = self._api.call("POST", self._path, body=body)
        if answer.status == 422 and "already exists" in answer.said:
            raise AlreadyOpen(answer.said)
        if answer.status != 201:
            raise self._refused(answer)
        return _pull_request(answer.document)

    def head_of(self, number: int) -> str:
        answer = self._api.call("GET", f"{self._path}/{number}")
        if answer.status != 200:
            raise self._refused(answer)
        return str(_field(answer.document, "head", "sha") or "")

    def find_comment(self, number: int, marker: str) -> Comment | None:
        for page in range(1, PAGES_MAX + 1):
            query = {"per_page": str(PAGE), "page": str(page)}
            answer = self._api.call("GET", self._comments(number), query)
            if answer.status != 200 or not isinstance(answer.document, list):
                raise self._refused(answer)
            for one in answer.document:
                number_of, body = _field(one, "id"), _field(one, "body")
                marked = isinstance(body, str) and body.startswith(marker) and isinstance(number_of, int)
                if marked and self._is_own(one):
                    return Comment(number_of, body)
            if len(answer.document) < PAGE:
                return None
        return None

    def add_comment(self, number: int, body: str) -> None:
        answer = self._api.call("POST", self._comments(number), body={"body": body})
        if answer.status != 201:
            raise self._refused(answer)

    def edit_comment(self, number: int, comment: Comment, body: str) -> None:
        path = f"/repos/{self._repository}/issues/comments/{comment.id}"
        answer = self._api.call("PATCH", path, body={"body": body})
        if answer.status != 200:
            raise self._refused(answer)

    def _comments(self, number: int) -> str:
        return f"/repos/{self._repository}/issues/{number}/comments"

    def _is_own(self, comment: Any) -> bool:
        """A job's own token is a bot, and may not ask who it is; a person's token may."""
        if _field(comment, "user", "type") == "Bot":
            return True
        try:
            me = self._api.call("GET", "/user")
        except Unreachable:
            return False
        login = _field(me.document, "login")
        return isinstance(login, str) and login == _field(comment, "user", "login")

    def _refused(self, answer: Answer) -> ForgeRefused:
        if answer.status == 404:
            todo = "correct the remote, or give the token access"
            return ForgeRefused(f"GitHub knows no repository {self._repository}, or does not show it: {todo}")
        return ForgeRefused(f"GitHub refuses the pull request ({answer.status}): {answer.said}")


def _pull_request(document: Any) -> PullRequest:
    number = _field(document, "number")
    return PullRequest(number if isinstance(number, int) else 0, shown_url(_field(document, "html_url")))


def _field(document: Any, *path: str) -> Any:
    for name in path:
        document = document.get(name) if isinstance(document, dict) else None
    return document
