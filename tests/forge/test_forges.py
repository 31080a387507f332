"""GitHub and GitLab behind one protocol: what is asked, what each answer means, where a token goes."""

from __future__ import annotations

from typing import Any

import pytest

from gitrel.errors import GitrelError, Unreachable, UsageError
from gitrel.forge.address import address_of, api_root, forge_of, kind_of
from gitrel.forge.forge import AlreadyOpen, Forge, ForgeRefused, Proposed, PullRequest
from gitrel.forge.http import Api
from tests.forge.recorded import (
    GITHUB_EXISTS,
    GITHUB_PULL,
    GITLAB_EXISTS,
    GITLAB_MERGE,
    TOKEN,
    Recorded,
    serving,
)

REMOTES = {
    "github": "https://github.com/octocat/Hello-World.git",
    "gitlab": "git@gitlab.com:my-group/my-project.git",
}
PATHS = {
    "github": "/repos/octocat/Hello-World/pulls",
    "gitlab": "/projects/my-group%2Fmy-project/merge_requests",
}
HEAD = {"github": "new-topic", "gitlab": "test1"}
DOCUMENT: dict[str, Any] = {"github": GITHUB_PULL, "gitlab": GITLAB_MERGE}
FOUND = {
    "github": PullRequest(1347, "https://github.com/octocat/Hello-World/pull/1347"),
    "gitlab": PullRequest(7, "http://gitlab.example.com/my-group/my-project/merge_requests/7"),
}
Kind = Any


def forge(recorded: Recorded, kind: Kind, timeout_seconds: float = 10) -> Forge:
    return forge_of([REMOTES[kind]], TOKEN, kind=kind, root=recorded.url, timeout_seconds=timeout_seconds)


def proposed(kind: str) -> Proposed:
    return Proposed("A title", "A body", HEAD[kind], "main")


BOTH = pytest.mark.parametrize("kind", ["github", "gitlab"])


@BOTH
def test_an_open_one_is_found(recorded: Recorded, kind: str) -> None:
    """By both branches; another head in the answer is not taken for it."""
    recorded.play("GET", PATHS[kind], 200, [DOCUMENT[kind]])
    assert forge(recorded, kind).find(HEAD[kind], "main") == FOUND[kind]
    assert forge(recorded, kind).find("another", "main") is None
    path = recorded.asked[0].path
    wanted = {"github": ("head=octocat%3Anew-topic", "base=main", "state=open"),
              "gitlab": ("source_branch=test1", "target_branch=main", "state=opened")}  # fmt: skip
    assert all(part in path for part in wanted[kind])


@BOTH
def test_a_new_one_is_opened(recorded: Recorded, kind: str) -> None:
    """With title, text and branches under the names that each API has for them."""
    recorded.play("POST", PATHS[kind], 201, DOCUMENT[kind])
    assert forge(recorded, kind).open(proposed(kind)) == FOUND[kind]
    (asked,) = recorded.asked
    wanted = {
        "github": {"title": "A title", "body": "A body", "head": "new-topic", "base": "main"},
        "gitlab": {"title": "A title", "description": "A body", "source_branch": "test1",
                   "target_branch": "main", "remove_source_branch": True},
    }  # fmt: skip
    assert asked.body == wanted[kind]
    login = {"github": ("Authorization", f"Bearer {TOKEN}"), "gitlab": ("PRIVATE-TOKEN", TOKEN)}[kind]
    assert {name.lower(): value for name, value in asked.headers.items()}[login[0].lower()] == login[1]


@BOTH
def test_one_that_exists_is_told_apart(recorded: Recorded, kind: str) -> None:
    """Somebody was faster: not a failure, and not a refusal either."""
    exists = {"github": (422, GITHUB_EXISTS), "gitlab": (409, GITLAB_EXISTS)}[kind]
    recorded.play("POST", PATHS[kind], *exists)
    with pytest.raises(AlreadyOpen, match="already exists"):
        forge(recorded, kind).open(proposed(kind))


@BOTH
@pytest.mark.parametrize(
    ("status", "body", "error", "hint"),
    [
        (401, {"message": "Bad credentials"}, Unreachable, "renew it .Bad credentials."),
        (403, {"message": "Resource not accessible by token"}, Unreachable, "give it the right"),
        (429, {"message": "API rate limit exceeded"}, Unreachable, "rate limit"),
        (404, {"message": "404 Project Not Found"}, ForgeRefused, "does not show it"),
        (422, {"message": "Validation Failed", "errors": [{"message": "No commit"}]}, ForgeRefused, "No co"),
        (400, {"error": "target_branch is missing"}, ForgeRefused, "target_branch is missing"),
        (500, b"<html>oops</html>", Unreachable, "unwell"),
        (200, b"\xff\xfe no json", ForgeRefused, "gave no reason"),
        (418, {"message": "\x1b[31mred\x1b[0m \u202e"}, ForgeRefused, r"\\x1b\[31mred"),
    ],
)  # fmt: skip
def test_every_refusal_says_what_to_do(
    recorded: Recorded, kind: str, status: int, body: Any, error: type[GitrelError], hint: str
) -> None:
    """Each status is an exit code and a sentence; what the other side says is made harmless."""
    recorded.play("POST", PATHS[kind], status, body)
    with pytest.raises(error, match=hint) as caught:
        forge(recorded, kind).open(proposed(kind))
    assert "\x1b" not in str(caught.value)
    assert TOKEN not in str(caught.value)


@BOTH
def test_the_token_stays_at_its_origin(recorded: Recorded, kind: str) -> None:
    """A redirect is refused, to another host and to the same; the other host hears nothing."""
    with serving(Recorded()) as other:
        for place in (other.url, recorded.url):
            recorded.answers.clear()
            recorded.play("GET", PATHS[kind], 302, headers={"Location": f"{place}/elsewhere"})
            with pytest.raises(Unreachable, match="points elsewhere"):
                forge(recorded, kind).find("x", "main")
        assert other.asked == []
    assert {asked.path.partition("?")[0] for asked in recorded.asked} == {PATHS[kind]}


def test_a_forge_that_hangs_or_is_away(recorded: Recorded) -> None:
    """Both end within the deadline, with 7."""
    recorded.play("GET", PATHS["github"], 0)
    with pytest.raises(Unreachable, match="no answer"):
        forge(recorded, "github", timeout_seconds=0.3).find("x", "main")
    with pytest.raises(Unreachable, match="no answer"):
        forge_of([REMOTES["github"]], TOKEN, root="http://127.0.0.1:9").find("x", "main")


def test_an_answer_without_end_is_cut(recorded: Recorded) -> None:
    """More than a few megabytes are no answer."""
    recorded.play("GET", PATHS["github"], 200, b"[" + b" " * (5 * 2**20) + b"]")
    with pytest.raises(ForgeRefused):
        forge(recorded, "github").find("x", "main")


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x.example/\x1b[31m", "ftp://x", None, "x" * 600]
)
def test_only_urls_that_can_be_opened_are_shown(recorded: Recorded, url: Any) -> None:
    """What the other side calls a URL may be anything."""
    recorded.play("POST", PATHS["github"], 201, {**GITHUB_PULL, "html_url": url})
    assert forge(recorded, "github").open(proposed("github")).url == ""


@pytest.mark.parametrize(
    ("remote", "host", "project"),
    [
        ("https://github.com/acme/config.git", "github.com", "acme/config"),
        ("https://x-token@github.com/acme/config", "github.com", "acme/config"),
        ("git@gitlab.example.com:group/sub/config.git", "gitlab.example.com", "group/sub/config"),
        ("ssh://git@git.example.com:2222/acme/config.git", "git.example.com", "acme/config"),
        ("https://git.example.com:8443/acme/config.git", "git.example.com:8443", "acme/config"),
    ],
)
def test_the_project_is_read_from_the_remote(remote: str, host: str, project: str) -> None:
    """All the forms that Git takes; a port counts only where it is the web's."""
    found = address_of(remote)
    assert (found.host, found.project) == (host, project)


@pytest.mark.parametrize(
    "remote", ["/srv/config.git", "file:///srv/x.git", "https://github.com/", "https://h/../x/y"]
)
def test_what_is_on_no_forge_is_told(remote: str) -> None:
    """A path has nobody to ask."""
    with pytest.raises(UsageError, match="on no forge"):
        address_of(remote)


def test_kinds_and_roots() -> None:
    """By the host's name, or as said; the cloud's API is on a host of its own."""
    assert (kind_of("github.com", "auto"), kind_of("gitlab.acme.org:8443", "auto")) == ("github", "gitlab")
    assert kind_of("git.acme.org", "gitlab") == "gitlab"
    with pytest.raises(UsageError, match="--forge"):
        kind_of("git.acme.org", "auto")
    assert api_root("github.com", "github") == "https://api.github.com"
    assert api_root("github.acme.org", "github") == "https://github.acme.org/api/v3"
    assert api_root("gitlab.com", "gitlab") == "https://gitlab.com/api/v4"
    with pytest.raises(UsageError, match="a token is needed"):
        forge_of([REMOTES["github"]], "")


@pytest.mark.parametrize(
    "root", ["http://api.example.com", "https://u:p@h", "https://h?x", "ftp://h", "https://"]
)
def test_an_api_is_reached_by_https(root: str) -> None:
    """Plain http only on this machine, and no login in the URL."""
    with pytest.raises(UsageError):
        Api(root, {})
