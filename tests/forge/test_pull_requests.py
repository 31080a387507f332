"""`promote --pull-request` end to end: a branch with one link changed, a request, and nothing started."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gitrel.ledger.proposals import Move, MoveSet
from tests.cli.support import Ran, gitrel
from tests.forge.recorded import GITHUB_PULL, GITLAB_MERGE, TOKEN, Recorded
from tests.repo_git.sandbox import PEOPLE, clone, commit_all, git, write
from tests.sources.support import config, remote_of

BRANCH = "gitrel/promote-web-v2-asia"
PULLS = "/repos/acme/config/pulls"
MERGES = "/projects/acme%2Fconfig/merge_requests"


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """The bare repository that `https://git.example.com/acme/config` stands for."""
    return remote_of(config(tmp_path / "config", ("api", "web"), soak="1h"))


@pytest.fixture
def work(tmp_path: Path, remote: Path) -> Path:
    """A clone whose remote has a forge's URL, and reaches the bare one by the operator's own settings."""
    folder = clone(tmp_path / "work", remote)
    git(folder, "remote", "set-url", "origin", "https://git.example.com/acme/config.git")
    return folder


Ask = Callable[..., Ran]


@pytest.fixture
def ask(work: Path, remote: Path, recorded: Recorded, tmp_path: Path) -> Ask:
    settings = tmp_path / "gitconfig"
    settings.write_text(f'[url "{remote}"]\n\tinsteadOf = https://git.example.com/acme/config.git\n')

    def call(*arguments: str, kind: str = "github", git_too: bool = True) -> Ran:
        forge = ("--forge", kind, "--forge-url", recorded.url) if "promote" in arguments else ()
        env = {**PEOPLE, "GIT_CONFIG_GLOBAL": str(settings), "GITREL_TOKEN": TOKEN}
        return gitrel(*arguments, *forge, "-C", str(work), "--remote", "origin", env=env)

    ran = call("reconcile", "--wait", "--timeout", "60s")
    assert ran.code == 0, ran.err
    return call


def test_a_promotion_is_proposed(ask: Ask, recorded: Recorded, remote: Path) -> None:
    """One commit with one link and trailers on a branch of its own; a text that says what merging does; no
    rollout, no entry in the journal; the token nowhere but in the header."""
    recorded.play("GET", PULLS, 200, [])
    recorded.play("POST", PULLS, 201, GITHUB_PULL)
    journal = git(remote, "rev-parse", "refs/gitrel/journal")
    ran = ask("promote", "web", "v2", "--pull-request", "--reason", "it is faster @ada <b>", "-o", "json")
    assert ran.code == 0, ran.err
    (item,) = json.loads(ran.out)["items"]
    assert item["branch"] == BRANCH
    assert item["url"] == "https://github.com/octocat/Hello-World/pull/1347"
    assert git(remote, "diff", "--name-status", "main", BRANCH) == "T\tapps/web/asia" or git(
        remote, "diff", "--stat", "main", BRANCH
    ).startswith("apps/web/asia | 2 +-")
    message = git(remote, "log", "-1", "--format=%B", BRANCH)
    assert "Gitrel-Component: web\nGitrel-Environment: asia\nGitrel-Version: v2" in message
    assert "Gitrel-Rollout" not in message
    assert git(remote, "rev-parse", "refs/gitrel/journal") == journal
    body = recorded.asked[-1].body
    assert body["base"] == "main"
    assert "from `v1`" in body["body"]
    assert "1 configured" in body["body"]
    assert "| configured | `ConfigMap web` |" in body["body"]
    assert "`it is faster @ada <b>`" in body["body"]
    assert TOKEN not in json.dumps(body) + ran.out + ran.err


def test_an_open_one_is_found_again(ask: Ask, recorded: Recorded, remote: Path) -> None:
    """Asking twice gives the same URL, and pushes nothing."""
    open_one = {**GITHUB_PULL, "head": {"ref": BRANCH}}
    recorded.play("GET", PULLS, 200, [open_one])
    ran = ask("promote", "web", "v2", "--pull-request")
    assert ran.code == 0
    assert "is open already" in ran.err
    assert "https://github.com/octocat/Hello-World/pull/1347" in ran.out
    assert BRANCH not in git(remote, "branch", "--list", "gitrel/*")


def test_somebody_else_opens_it_in_the_same_instant(ask: Ask, recorded: Recorded) -> None:
    """The forge says that it exists: theirs is found, and that is no failure."""
    recorded.play("GET", PULLS, 200, [])
    recorded.play("GET", PULLS, 200, [{**GITHUB_PULL, "head": {"ref": BRANCH}}])
    recorded.play("POST", PULLS, 422, {"errors": [{"message": "A pull request already exists for x"}]})
    ran = ask("promote", "web", "v2", "--pull-request")
    assert ran.code == 0, ran.err
    assert "is open already" in ran.err


def test_gitlab_is_the_same(ask: Ask, recorded: Recorded) -> None:
    """The other API, the same verb."""
    recorded.play("GET", MERGES, 200, [])
    recorded.play("POST", MERGES, 201, GITLAB_MERGE)
    ran = ask("promote", "web", "v2", "--pull-request", kind="gitlab")
    assert ran.code == 0, ran.err
    assert "opened merge request 7" in ran.err
    assert recorded.asked[-1].body["source_branch"] == BRANCH


def test_a_branch_left_over_is_used_or_built_anew(
    ask: Ask, recorded: Recorded, work: Path, remote: Path
) -> None:
    """After a crash before the request, the same commit serves; when main has moved on, it is built on that;
    and a branch that holds something else is left alone."""
    recorded.play("GET", PULLS, 200, [])
    recorded.play("POST", PULLS, 500, {})
    assert ask("promote", "web", "v2", "--pull-request").code == 7
    left = git(remote, "rev-parse", BRANCH)
    recorded.answers[-1] = ("POST", PULLS, 201, {}, GITHUB_PULL)
    assert ask("promote", "web", "v2", "--pull-request").code == 0
    assert git(remote, "rev-parse", BRANCH) == left
    write(work, "README.md", "x\n")
    git(work, "pull", "-q", str(remote), "main")
    tip = commit_all(work)
    git(work, "push", "-q", str(remote), "main")
    assert ask("promote", "web", "v2", "--pull-request").code == 0
    assert git(remote, "rev-parse", f"{BRANCH}~1") == tip
    git(remote, "update-ref", f"refs/heads/{BRANCH}", tip)
    ran = ask("promote", "web", "v2", "--pull-request")
    assert ran.code == 2
    assert "holds something else" in ran.err


@pytest.mark.parametrize(
    ("arguments", "code", "hint"),
    [
        (("web=v2", "nothing=v2"), 2, "no component 'nothing'"),
        (("web=v2", "api=v2", "--to", "europe"), 4, "gate predecessors is closed"),
        (("web", "v2", "--wait"), 2, "--wait"),
        (("web", "v9"), 2, "v1, v2, v3"),
        (("web", "v2", "--to", "europe"), 4, "gate predecessors is closed"),
    ],
)
def test_what_cannot_be_proposed(
    ask: Ask, recorded: Recorded, arguments: tuple[str, ...], code: int, hint: str
) -> None:
    """The same names and the same gates as without a pull request, before anybody is asked anything."""
    ran = ask("promote", *arguments, "--pull-request")
    assert ran.code == code
    assert hint in ran.err
    assert recorded.asked == []


def test_nothing_to_propose(ask: Ask, recorded: Recorded) -> None:
    """What has passed everywhere is so already; what a rollout is moving by itself is said to be."""
    told = ask("promote", "web", "v1", "--pull-request").err
    assert re.search(
        r"web is already at v1 in asia \(since 20\d\d-\S+Z, commit [0-9a-f]{12}\) and europe \(", told
    )
    assert ask("promote", "web", "v2").code == 0
    ran = ask("promote", "web", "v2", "--pull-request")
    assert ran.code == 2
    assert "is under way" in ran.err
    assert recorded.asked == []


def test_a_merged_one_is_paced(ask: Ask, recorded: Recorded, remote: Path) -> None:
    """After the merge gitrel takes the move up as a person's: asia starts, and the next one may be proposed
    only when it has passed there."""
    recorded.play("GET", PULLS, 200, [])
    recorded.play("POST", PULLS, 201, GITHUB_PULL)
    assert ask("promote", "web", "v2", "--pull-request").code == 0
    git(remote, "update-ref", "refs/heads/main", BRANCH)
    assert ask("reconcile").code == 0
    status = ask("rollout", "why", "web", "asia").out
    assert re.search("v2", status)
    ran = ask("promote", "web", "v2", "--pull-request", "--to", "europe")
    assert ran.code == 4


def test_a_remote_without_a_forge(tmp_path: Path, remote: Path) -> None:
    """A path is no forge, and no remote is none either."""
    folder = clone(tmp_path / "plain", remote)
    for more, hint in ((("--remote", "origin"), "on no forge"), ((), "needs a remote")):
        ran = gitrel("promote", "web", "v2", "--pull-request", "-C", str(folder), *more, env=PEOPLE)
        assert ran.code == 2
        assert hint in ran.err


# ── Sets ────────────────────────────────────────────────────────────────────────────────────────────────

SET = "gitrel/promote-api-v3+web-v2-asia"


def test_a_set_is_one_request(ask: Ask, recorded: Recorded, remote: Path) -> None:
    """One branch, a commit with one link and trailers for each member, one text with a section for each."""
    recorded.play("GET", PULLS, 200, [])
    recorded.play("POST", PULLS, 201, GITHUB_PULL)
    ran = ask("promote", "web=v2", "api=v3", "--pull-request", "--reason", "together", "-o", "json")
    assert ran.code == 0, ran.err
    items = json.loads(ran.out)["items"]
    assert [(item["component"], item["version"], item["environment"]) for item in items] == [
        ("api", "v3", "asia"),
        ("web", "v2", "asia"),
    ]
    assert {item["branch"] for item in items} == {SET}
    assert git(remote, "log", "--format=%s", f"main..{SET}").splitlines() == [
        "Point web in asia at v2",
        "Point api in asia at v3",
    ]
    names = git(remote, "diff", "--name-only", "main", SET).splitlines()
    assert names == ["apps/api/asia", "apps/web/asia"]
    body = recorded.asked[-1].body
    assert body["title"] == "Point api at v3, web at v2 in asia"
    for part in ("### api", "### web", "a set: 2 components go to `asia` together", "because `together`"):
        assert part in body["body"]


def test_a_set_left_over_is_used_or_refused(ask: Ask, recorded: Recorded, remote: Path) -> None:
    """After a crash before the request the same commits serve; with another member's commit it is refused."""
    recorded.play("GET", PULLS, 200, [])
    recorded.play("POST", PULLS, 500, {})
    assert ask("promote", "web=v2", "api=v3", "--pull-request").code == 7
    left = git(remote, "rev-parse", SET)
    recorded.answers[-1] = ("POST", PULLS, 201, {}, GITHUB_PULL)
    assert ask("promote", "web=v2", "api=v3", "--pull-request").code == 0
    assert git(remote, "rev-parse", SET) == left
    git(remote, "update-ref", f"refs/heads/{SET}", f"{left}~1")
    ran = ask("promote", "web=v2", "api=v3", "--pull-request")
    assert ran.code == 2
    assert "holds something else" in ran.err


def test_a_set_stays_in_step(ask: Ask, recorded: Recorded, remote: Path) -> None:
    """Merged in asia, it is not proposed for europe before every member has passed in asia; a member that is
    ahead is left out of the next one, and told apart from one that lags."""
    recorded.play("GET", PULLS, 200, [])
    recorded.play("POST", PULLS, 201, GITHUB_PULL)
    assert ask("promote", "web=v2", "api=v3", "--pull-request").code == 0
    git(remote, "update-ref", "refs/heads/main", SET)
    assert ask("reconcile").code == 0
    before = len(recorded.asked)
    ran = ask("promote", "web=v2", "api=v3", "--pull-request")
    assert ran.code == 4
    assert "is closed" in ran.err
    # api v1 has passed everywhere: only web would move, and it may not before api has passed at v3
    ran = ask("promote", "web=v1", "api=v3", "--to", "europe", "--pull-request")
    assert ran.code == 4
    assert len(recorded.asked) == before


def test_only_who_is_not_there_moves(ask: Ask, recorded: Recorded, remote: Path) -> None:
    """A member that has arrived everywhere is no obstacle and no part of the request."""
    recorded.play("GET", PULLS, 200, [])
    recorded.play("POST", PULLS, 201, GITHUB_PULL)
    ran = ask("promote", "web=v2", "api=v1", "--pull-request", "-o", "json")
    assert ran.code == 0, ran.err
    assert [item["component"] for item in json.loads(ran.out)["items"]] == ["web"]
    assert git(remote, "log", "--format=%s", f"main..{BRANCH}") == "Point web in asia at v2"


def test_a_large_set_has_a_short_branch() -> None:
    """A ref's name is limited; other sets have other names."""
    moves = [Move(f"component-{n}", "asia", "v2", "") for n in range(30)]
    branch = MoveSet(tuple(moves)).branch
    assert re.fullmatch(r"gitrel/promote-30-components-[0-9a-f]{12}-asia", branch)
    assert MoveSet((*moves[:-1], Move("component-29", "asia", "v3", ""))).branch != branch
