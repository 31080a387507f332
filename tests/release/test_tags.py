"""Versions that are tags: read, pointed at, promoted, cut, fixed on every line, and qualified up to HEAD."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gitrel.app import read_catalog, world
from gitrel.errors import Conflict, UsageError
from gitrel.ledger.git import GitLedger
from gitrel.ledger.tagmoves import move_tag
from gitrel.orchestrator.commands import promote, rollback
from gitrel.orchestrator.proposing import propose
from gitrel.orchestrator.versions.backport import Backport, Source, backport
from gitrel.orchestrator.versions.cut import Cut, cut, record
from gitrel.orchestrator.versions.listing import list_versions
from gitrel.orchestrator.versions.qualify import Qualified, Verdict, qualify
from gitrel.rehearsal.fleet import Fleet
from gitrel.repo.edit import parse_trailers
from gitrel.repo.git import GitRepository
from gitrel.rollout.actions import MovePointer
from gitrel.rollout.seen import Release, Seen
from gitrel.rollout.verify import verify
from gitrel.rollout.wire import seen_to_json
from tests import small
from tests.cli.support import gitrel
from tests.ledger.samples import entry
from tests.orchestrator.support import Town
from tests.release.support import ACTOR, DEPLOYMENT, FILE, workshop
from tests.repo_git.sandbox import bare_remote, clone, commit_all, git, point, write

COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {name: web}
spec:
  renderer: jinja
  versions: {from: tags}
"""
PLACE = f"apps/web/{FILE}"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """v1.0 in `quiet`, v2.0 in `busy`, which has parameters; HEAD is ahead of both."""
    folder = tmp_path / "config"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name in ("quiet", "busy"):
        text = small._ENVIRONMENT.replace("NAME", name).replace("TRAFFIC", str(len(name)))
        write(folder, f"environments/{name}.yaml", text)
    pipeline = small._PIPELINE.replace("10m", "1s").replace("minReadySeconds: 5", "minReadySeconds: 0")
    write(folder, "environments/pipeline.yaml", pipeline)
    write(folder, "apps/web/component.yaml", COMPONENT)
    write(folder, "apps/web/busy/busy-parameters.yaml", "parameters: {color: blue}\n")
    for version in ("v1.0", "v2.0", "head"):
        write(
            folder,
            PLACE,
            DEPLOYMENT.replace("VERSION", version).replace("minReadySeconds: 5\n", "minReadySeconds: 0\n"),
        )
        commit_all(folder, f"Make {version}")
        if version != "head":
            git(folder, "tag", f"web/{version}")
    git(folder, "tag", "web/env/quiet", "web/v1.0")
    git(folder, "tag", "web/env/busy", "web/v2.0")
    return folder


def edit(root: Path, old: str, new: str, message: str = "Fix") -> str:
    text = (root / PLACE).read_text()
    assert old in text
    (root / PLACE).write_text(text.replace(old, new))
    return commit_all(root, message)


def carry(root: Path, source: Source, *, to: Sequence[str] = (), **more: object) -> Backport:
    with workshop(root, more.pop("remote", None)) as shop:  # type: ignore[arg-type]
        return backport(shop, "web", source, to=to, **more)  # type: ignore[arg-type]


def outcomes(result: Backport) -> list[tuple[str, str, str]]:
    return [(part.version, part.outcome, part.becomes) for part in result.parts]


def at(root: Path, ref: str) -> str:
    return git(root, "rev-parse", f"{ref}^{{commit}}")


def has(root: Path, revision: str, text: str) -> bool:
    return text in git(root, "show", f"{revision}:{PLACE}")


# ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("revision", [None, "HEAD"])
def test_tags_are_versions_and_pointers(root: Path, revision: str | None) -> None:
    """The catalog is that of directories: versions with their files, pointers, parameters from HEAD."""
    catalog, problems = read_catalog(root, revision)
    assert problems == ()
    web = catalog.components["web"]
    assert sorted(web.versions) == ["current", "v1.0", "v2.0"]
    assert {name: pointer.version for name, pointer in web.pointers.items()} == {
        "quiet": "v1.0",
        "busy": "v2.0",
    }
    assert web.pointers["busy"].parameters["color"].value == "blue"
    assert [file.path for file in web.versions["v1.0"].files] == [FILE]
    assert b"web:v1.0" in web.versions["v1.0"].files[0].data
    assert str(web.versions["v1.0"].files[0].origin) == f"{PLACE}@web/v1.0"
    assert str(web.versions["current"].files[0].origin) == PLACE


def test_a_message_names_the_file_and_the_tag(root: Path) -> None:
    """An error in a tagged version is told where people find it, and concerns that component alone."""
    edit(root, "kind: Deployment", "kind: {{ nothing }}")
    git(root, "tag", "web/v3.0")
    checked = gitrel("--repo", str(root), "validate")
    assert checked.code == 3
    assert f"{PLACE}@web/v3.0:2" in checked.out
    assert f"{PLACE}:2" in checked.out


def test_a_prefix_of_ones_own(root: Path) -> None:
    """`tagPrefix: ''` takes plain v1.0; tags of others are left alone."""
    write(root, "apps/web/component.yaml", COMPONENT.replace("{from: tags}", "{from: tags, tagPrefix: ''}"))
    commit_all(root)
    git(root, "tag", "v7.0")
    git(root, "tag", "env/quiet", "v7.0")
    web = read_catalog(root)[0].components["web"]
    assert sorted(web.versions) == ["current", "v7.0"]
    assert {name: pointer.version for name, pointer in web.pointers.items()} == {"quiet": "v7.0"}
    (problem,) = read_catalog(root)[1]
    assert (problem.severity, problem.todo) == ("warning", "git tag env/busy v7.0")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("directory", "apps/web/v1: a version in a directory, and its versions are tags"),
        ("link", "apps/web/quiet: a pointer as a link, and its pointers are tags"),
        ("empty tag", "apps/web: web/v9.0 holds no file of web, so it is no version"),
    ],
)
def test_what_belongs_to_the_other_way_is_told(root: Path, name: str, said: str) -> None:
    """Half a migration, or a tag from before the component: nothing is silently ignored."""
    if name == "directory":
        write(root, "apps/web/v1/x.yaml", "kind: X\n")
    elif name == "link":
        point(root, "apps/web/quiet", "v1.0")
    else:
        empty = git(root, "commit-tree", "-m", "nothing", git(root, "mktree", stdin=""))
        git(root, "tag", "web/v9.0", empty)
    assert [str(problem).startswith(said) for problem in read_catalog(root)[1]] == [True]


def test_a_pointer_at_no_version_is_named_by_its_commit(root: Path) -> None:
    """A stage may be at a commit without a version's tag: it runs that commit, and says so."""
    git(root, "tag", "-f", "web/env/quiet", "HEAD")
    web = read_catalog(root)[0].components["web"]
    name = f"commit-{at(root, 'HEAD')[:12]}"
    assert web.pointers["quiet"].version == name
    assert web.versions[name].source_digest == web.versions["current"].source_digest


# ── Pointing ────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def installed(folder: Path, remote: str | None = None) -> Iterator[Town]:
    """The repository's world on virtual clusters, with what the pointers say running."""
    fleet = Fleet(read_catalog(folder)[0], small.START)
    with world(folder, actor=ACTOR, remote=remote, clock=fleet.clock, connect=fleet.connect) as it:
        place = Town(folder, it, fleet)
        place.settle()
        fleet.begin()
        yield place


def test_promoting_moves_tags_with_the_journal(root: Path, tmp_path: Path) -> None:
    """The same promote, gates and journal; each move is an annotated tag by the caller."""
    remote = bare_remote(tmp_path / "remote.git", root)
    mine = clone(tmp_path / "mine", remote)
    with installed(mine, "origin") as place:
        promote(place.world, "web", "v2.0", reason="go")
        assert place.settle("web").rollouts["web"].status == "passed"
        assert place.pointers() == {"quiet": "v2.0", "busy": "v2.0"}
        assert place.image("quiet") == "example.com/web:v2.0"
        assert at(remote, "web/env/quiet") == at(remote, "web/v2.0") == at(mine, "web/env/quiet")
        assert git(remote, "cat-file", "-t", "web/env/quiet") == "tag"
        shown = git(remote, "for-each-ref", "--format=%(taggername) %(contents)", "refs/tags/web/env/quiet")
        assert shown.startswith("Ada Example Point web in quiet at v2.0")
        assert parse_trailers(shown)["Gitrel-Version"] == "v2.0"
        assert git(remote, "rev-parse", "main") == at(root, "HEAD")
        assert verify(list(place.world.ledger.history("web"))) is None
        rollback(place.world, "web", "v1.0", "quiet")
        place.settle("web")
        assert at(remote, "web/env/quiet") == at(remote, "web/v1.0")
        assert place.image("quiet") == "example.com/web:v1.0"


def test_a_tag_that_somebody_moved_is_not_overwritten(root: Path) -> None:
    """What was decided on is v1.0; the tag is at v2.0 by now: decide again."""
    git(root, "tag", "-f", "web/env/quiet", "web/v2.0")
    seen = Seen("quiet", Release("v1.0", "sha256:" + "ab" * 32, at(root, "HEAD")))
    decided = entry("web", commit=at(root, "HEAD"), inputs={"seen": {"quiet": seen_to_json(seen)}})
    write(root, PLACE, DEPLOYMENT.replace("VERSION", "v3"))
    commit_all(root)
    git(root, "tag", "web/v3.0")
    with GitRepository(root) as opened, pytest.raises(Conflict, match=r"was moved from v1\.0 to v2\.0"):
        list(move_tag(opened, "web/", decided, MovePointer("quiet", "v3.0", "x"), opened.tags(), "m"))


def test_head_itself_cannot_be_promoted(root: Path) -> None:
    """What the branch holds changes; a version has to be cut from it first."""
    ran = gitrel("--repo", str(root), "promote", "web", "current")
    assert (ran.code, "gitrel release cut web" in ran.err) == (2, True)


def test_a_pull_request_cannot_move_a_tag(root: Path) -> None:
    """It is said before anything is pushed or asked of a forge."""
    with installed(root) as place, pytest.raises(UsageError, match="no pull request can move"):
        propose(place.world, None, None, {"web": "v2.0"})  # type: ignore[arg-type]


# ── Making versions ─────────────────────────────────────────────────────────────────────────────────────


def make(root: Path, version: str | None = None, **more: object) -> Cut:
    with workshop(root, more.pop("remote", None)) as shop:  # type: ignore[arg-type]
        return cut(shop, "web", version, **more)  # type: ignore[arg-type]


def test_a_cut_is_one_tag(root: Path) -> None:
    """At HEAD, annotated by the caller, with the digest; no commit is made, and nothing is cut twice."""
    head = at(root, "HEAD")
    made = make(root)
    assert (made.version, made.commit) == ("v3.0", head)
    assert at(root, "HEAD") == at(root, "web/v3.0") == head
    shown = git(root, "for-each-ref", "--format=%(taggername) %(contents)", "refs/tags/web/v3.0")
    assert shown.startswith("Ada Example Cut web v3.0")
    assert parse_trailers(shown)["Gitrel-Digest"] == made.record.digest
    assert "nothing to cut" in make(root).because
    with pytest.raises(UsageError, match=r"has v3\.0 already"):
        make(root, "v3.0")
    with workshop(root) as shop, pytest.raises(UsageError, match="a tag needs no record"):
        record(shop, "web")


def test_only_what_is_the_version_has_to_be_committed(root: Path) -> None:
    """Parameters and settings may be at work; a manifest on disk only is refused."""
    write(root, "apps/web/busy/busy-parameters.yaml", "parameters: {color: red}\n")
    assert make(root, dry_run=True).version == "v3.0"
    (root / PLACE).write_text(DEPLOYMENT)
    with pytest.raises(UsageError, match="not committed"):
        make(root)


def test_a_forged_tag_is_an_edit(root: Path) -> None:
    """The tag was put elsewhere with its old message: its digest tells."""
    make(root)
    message = git(root, "for-each-ref", "--format=%(contents)", "refs/tags/web/v3.0")
    git(root, "tag", "-f", "-m", message, "web/v3.0", "web/v1.0")
    (problem,) = read_catalog(root)[1]
    assert "the digest is not that of the files of v3.0" in problem.what


def test_the_list_knows_tags(root: Path) -> None:
    """Who tagged, when, which commit; lightweight tags by the commit's author; where each runs."""
    made = make(root)
    with workshop(root) as shop:
        rows = {row.version: row for row in list_versions(shop, "web").versions}
    assert list(rows) == ["current", "v3.0", "v2.0", "v1.0"]
    assert (rows["v3.0"].by, rows["v3.0"].state, rows["v3.0"].commit) == (ACTOR, "intact", made.commit)
    assert (rows["v1.0"].by, rows["v1.0"].state) == ("Ada <ada@example.com>", "unrecorded")
    assert (rows["v1.0"].pointers, rows["v2.0"].pointers) == (("quiet",), ("busy",))


# ── Fixes ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_fix_goes_onto_every_active_line(root: Path) -> None:
    """Both lines get a branch at their tag, one commit and a point release; main has the fix already."""
    fix = edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")
    result = carry(root, Source(fix))
    assert outcomes(result) == [
        ("current", "has it", ""),
        ("v2.0", "fixed", "v2.1"),
        ("v1.0", "fixed", "v1.1"),
    ]
    assert at(root, "HEAD") == fix
    for line in ("1", "2"):
        assert at(root, f"refs/heads/web/v{line}") == at(root, f"web/v{line}.1")
        assert at(root, f"web/v{line}.1~1") == at(root, f"web/v{line}.0")
        assert has(root, f"web/v{line}.1", "revisionHistoryLimit: 5")
        assert has(root, f"web/v{line}.1", f"example.com/web:v{line}.0")
    shown = git(root, "log", "-1", "--format=%an%n%B", "refs/heads/web/v1")
    assert shown.startswith("Ada Example\nCarry a fix into web v1.1")
    assert parse_trailers(shown)["Gitrel-Backport"] == f"commit {fix}"
    catalog, problems = read_catalog(root)
    assert problems == ()
    assert catalog.components["web"].pointers["quiet"].version == "v1.0"  # promoting it is a step of its own
    again = carry(root, Source(fix))
    assert {outcome for _, outcome, _ in outcomes(again)} == {"has it"}


def test_a_version_tagged_after_the_fix_is_not_said_to_lack_it(root: Path) -> None:
    """The newest tag holds the fix, so that promoting it brings no fault back."""
    fix = edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")
    newest = make(root).version
    assert not [note for note in carry(root, Source(fix)).notes if newest in note]


def test_the_next_fix_goes_on_from_the_branch(root: Path) -> None:
    """v1.2 follows v1.1 on the branch; commits that somebody made there are told to be released along."""
    carry(
        root, Source(edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")), to=["current", "v1.0"]
    )
    git(root, "checkout", "-q", "web/v1")
    edit(root, "terminationGracePeriodSeconds: 10", "terminationGracePeriodSeconds: 20", "By hand")
    git(root, "checkout", "-q", "main")
    fix = edit(root, "replicas: 1", "replicas: 2")
    result = carry(root, Source(fix), to=["current", "v1.0"])
    assert outcomes(result)[1] == ("v1.1", "fixed", "v1.2")
    assert "web/v1 has commits since v1.1: they are released with the fix" in result.notes
    assert any("v2.0 runs in busy and does not get it" in note for note in result.notes)
    assert has(root, "web/v1.2", "terminationGracePeriodSeconds: 20")


def test_one_line_that_clashes_stops_them_all(root: Path) -> None:
    """No branch, no tag, no commit: nothing is half done."""
    git(root, "checkout", "-q", "-b", "web/v1", "web/v1.0")
    edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 9", "By hand")
    git(root, "checkout", "-q", "main")
    fix = edit(root, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")
    before = git(root, "for-each-ref")
    result = carry(root, Source(fix))
    assert [outcome for _, outcome, _ in outcomes(result)] == ["has it", "fixed", "refused"]
    assert [(problem.file, problem.line) for problem in result.problems] == [(f"{PLACE}@web/v1", 7)]
    assert git(root, "for-each-ref") == before


def test_a_patch_reaches_main_and_the_lines_on_the_remote(root: Path, tmp_path: Path) -> None:
    """All refs arrive in one push; a release branch that moved meanwhile is read again."""
    remote = bare_remote(tmp_path / "remote.git", root)
    mine = clone(tmp_path / "mine", remote)
    text = (mine / PLACE).read_text()
    (mine / PLACE).write_text(text.replace("replicas: 1", "replicas: 4"))
    patch = (git(mine, "diff") + "\n").encode()
    git(mine, "checkout", "-q", "--", ".")
    result = carry(mine, Source(patch=patch, name="fix.patch"), remote="origin")
    assert outcomes(result) == [
        ("current", "fixed", ""),
        ("v2.0", "fixed", "v2.1"),
        ("v1.0", "fixed", "v1.1"),
    ]
    assert at(remote, "main") == result.commit == at(mine, "HEAD")
    assert all(has(remote, revision, "replicas: 4") for revision in ("main", "web/v1.1", "web/v2.1"))
    assert git(mine, "status", "--short") == ""
    raced: list[bool] = []
    publish = GitLedger.publish

    def late(self: GitLedger, *arguments: object) -> None:
        if not raced:
            raced.append(True)
            git(root, "fetch", "-q", str(remote), "refs/heads/web/v1:refs/heads/web/v1", "main")
            git(root, "checkout", "-q", "web/v1")
            edit(root, "GracePeriodSeconds: 10", "GracePeriodSeconds: 90", "Theirs")
            git(root, "push", "-q", str(remote), "refs/heads/web/v1")
        publish(self, *arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(GitLedger, "publish", late)
        fix = edit(mine, "revisionHistoryLimit: 3", "revisionHistoryLimit: 5")
        git(mine, "push", "-q")
        carry(mine, Source(fix), remote="origin")
    assert has(remote, "web/v1.2", "GracePeriodSeconds: 90")
    assert has(remote, "web/v1.2", "revisionHistoryLimit: 5")


def test_a_branch_that_is_checked_out_does_not_move_under_anybody(root: Path) -> None:
    """Its work tree would show the fix undone; it is named, and nothing is changed."""
    fix = edit(root, "replicas: 1", "replicas: 2")
    git(root, "branch", "web/v1", "web/v1.0")
    git(root, "worktree", "add", "-q", str(root.parent / "side"), "web/v1")
    before = git(root, "for-each-ref")
    with pytest.raises(UsageError, match="has web/v1 checked out"):
        carry(root, Source(fix))
    assert git(root, "for-each-ref") == before


# ── The development pointer ─────────────────────────────────────────────────────────────────────────────


def ask(root: Path, remote: str | None = None) -> Qualified:
    write(
        root,
        "apps/web/component.yaml",
        COMPONENT + "  development: {environment: quiet, check: {rehearse: true}}\n",
    )
    commit_all(root, "Configure")
    with workshop(root, remote) as shop:
        (one,) = qualify(shop, lambda candidate: Verdict(True, "passed"))
        return one


def test_the_tag_moves_up_to_head(root: Path) -> None:
    """HEAD is what is tested and what the tag is at; the same content once more changes nothing."""
    found = ask(root)
    head = at(root, "HEAD")
    assert (found.outcome, found.previous, found.version) == ("moved", "v1.0", f"commit-{head[:12]}")
    assert at(root, "web/env/quiet") == head
    shown = git(root, "for-each-ref", "--format=%(contents)", "refs/tags/web/env/quiet")
    assert parse_trailers(shown)["Gitrel-Tested"] == head
    write(root, "README.md", "elsewhere\n")
    commit_all(root)
    with workshop(root) as shop:
        (again,) = qualify(shop, lambda candidate: pytest.fail("it ran"))
    assert again.outcome == "up to date"


def test_head_that_a_version_names_is_that_version(root: Path) -> None:
    """A tag at HEAD gives it its name."""
    write(
        root,
        "apps/web/component.yaml",
        COMPONENT + "  development: {environment: quiet, check: {rehearse: true}}\n",
    )
    commit_all(root)
    make(root, "v5.0")
    assert ask_again(root).version == "v5.0"
    assert read_catalog(root)[0].components["web"].pointers["quiet"].version == "v5.0"


def ask_again(root: Path) -> Qualified:
    with workshop(root) as shop:
        (one,) = qualify(shop, lambda candidate: Verdict(True, "passed"))
        return one


def test_what_head_was_stays_known_to_the_journal(root: Path) -> None:
    """What runs by its commit can be watched, and gone back to, after the pointer went on."""
    ask(root)
    first = at(root, "HEAD")
    with installed(root) as place:
        edit(root, "replicas: 1", "replicas: 2")
        assert ask_again(root).outcome == "moved"
        assert place.settle("web").rollouts["web"].status == "passed"
        assert at(root, "web/env/quiet") == at(root, "HEAD")
        rollback(place.world, "web", environment="quiet")
        place.settle("web")
    assert at(root, "web/env/quiet") == first


def test_a_rehearsal_of_head_on_the_command_line(root: Path) -> None:
    """The whole rollout of what HEAD holds is played before the tag moves."""
    write(
        root,
        "apps/web/component.yaml",
        COMPONENT + "  development: {environment: quiet, check: {rehearse: true}}\n",
    )
    head = commit_all(root)
    ran = gitrel("--repo", str(root), "release", "qualify", "-o", "json")
    assert ran.code == 0, ran.err
    (item,) = json.loads(ran.out)["items"]
    assert (item["outcome"], item["version"]) == ("moved", f"commit-{head[:12]}")
    assert at(root, "web/env/quiet") == head


def test_many_tags_are_read_quickly(root: Path) -> None:
    """Only the component's folder of a tagged commit is read: 200 tags cost well under a second."""
    import time

    git(
        root,
        "update-ref",
        "--stdin",
        stdin="".join(f"create refs/tags/web/v9.{n} HEAD\n" for n in range(200)),
    )
    started = time.monotonic()
    assert len(read_catalog(root)[0].components["web"].versions) == 203
    assert timedelta(seconds=time.monotonic() - started) < timedelta(seconds=5)
