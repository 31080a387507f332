"""Where signatures are required, tags carry their own: versions, pointers, and what a fix is built upon."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from shutil import which

import pytest

from gitrel.ledger.resting import put_back
from gitrel.repo.tagged import ComponentTags, Tag
from gitrel.rollout.seen import Release
from gitrel.rollout.state import EnvironmentProgress, Phase, Rollout
from tests.cli.support import Ran, gitrel
from tests.repo_git.sandbox import PEOPLE, bare_remote, clone, commit_all, git, write
from tests.sources.support import ENVIRONMENT, MANIFEST, PIPELINE

pytestmark = pytest.mark.skipif(not which("ssh-keygen"), reason="no ssh-keygen: nothing can be signed here")
GPG = pytest.mark.skipif(not which("gpg") or not which("gpgconf"), reason="no gpg: OpenPGP is not tried")

COMPONENT = """\
apiVersion: gitrel.dev/v1alpha1
kind: Component
metadata: {name: web}
spec: {versions: {from: tags}}
"""
REQUIRED = PIPELINE.replace("SOAK", "1s").replace("spec:\n", "spec:\n  signatures: {required: true}\n")
FILE = "apps/web/web-configmap.yaml"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ada", "gitrel", "mallory"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    return {name: folder / name for name in ("ada", "gitrel", "mallory")}


def line(keys: dict[str, Path], name: str) -> str:
    return f"{name}@example.com {keys[name].with_suffix('.pub').read_text()}"


Sign = Callable[..., None]


@pytest.fixture
def sign(keys: dict[str, Path]) -> Sign:
    """Tags or commits as a person does: signed by `who`, or by nobody."""

    def call(folder: Path, *arguments: str, who: str = "ada") -> None:
        how = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={keys[who]}") if who else ()
        git(folder, *how, *arguments)

    return call


@pytest.fixture
def work(tmp_path: Path, keys: dict[str, Path], sign: Sign) -> Path:
    """v1.0 and v2.0 by Ada, v1.0 in both regions, installed; the remote is `origin`."""
    folder = tmp_path / "config"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for name in ("asia", "europe"):
        write(folder, f"environments/{name}.yaml", ENVIRONMENT.replace("NAME", name))
    write(folder, "environments/pipeline.yaml", REQUIRED)
    write(folder, "environments/allowed_signers", line(keys, "ada") + line(keys, "gitrel"))
    write(folder, "apps/web/component.yaml", COMPONENT)
    for version in ("v1.0", "v2.0"):
        write(folder, FILE, MANIFEST.replace("COMPONENT", "web").replace("VERSION", version))
        git(folder, "add", "-A")
        sign(folder, "commit", "-q", "-S", "-m", f"Make {version}")
        sign(folder, "tag", "-s", f"web/{version}", "-m", f"Web {version}")
    for name in ("asia", "europe"):
        sign(folder, "tag", "-s", f"web/env/{name}", "web/v1.0^{}", "-m", "Begin")
    bare_remote(tmp_path / "config.git", folder)
    return clone(tmp_path / "work", tmp_path / "config.git")


Run = Callable[..., Ran]


@pytest.fixture
def run(work: Path, keys: dict[str, Path]) -> Run:
    def call(*arguments: str) -> Ran:
        more = ("-C", str(work), "--remote", "origin")
        return gitrel(*arguments, *more, "--signing-key", str(keys["gitrel"]), env=PEOPLE)

    return call


def push(work: Path, *names: str) -> None:
    git(work, "push", "-q", "--force", "origin", *(f"refs/tags/{name}" for name in names))


def test_signed_tags_are_promoted_and_moved_signed(work: Path, run: Run) -> None:
    """Nothing is in the way of who signs; the tags that gitrel moves verify with Git itself."""
    assert run("reconcile", "--wait", "--timeout", "60s").code == 0
    ran = run("promote", "web", "v2.0", "--wait", "--timeout", "60s")
    assert ran.code == 0, ran.err
    git(work, "fetch", "-q", "--tags", "--force", "origin")
    file = f"gpg.ssh.allowedSignersFile={work / 'environments/allowed_signers'}"
    for name in ("web/env/asia", "web/env/europe"):
        git(work, "-c", file, "verify-tag", name)
        assert git(work, "rev-parse", f"{name}^{{}}") == git(work, "rev-parse", "web/v2.0^{}")
    assert run("reconcile").code == 0


def test_what_nothing_uses_yet_is_told_early(work: Path, run: Run, sign: Sign) -> None:
    """A new version without a signature is a warning to who lists versions; an old one is left in peace."""
    assert run("reconcile", "--wait", "--timeout", "60s").code == 0
    git(work, "tag", "-a", "web/v0.1", "HEAD", "-m", "Older than what runs")
    push(work, "web/v0.1")
    assert "v0.1" not in run("release", "list").err
    git(work, "tag", "-a", "web/v3.0", "HEAD", "-m", "Not signed")
    push(work, "web/v3.0")
    ran = run("release", "list")
    assert ran.code == 0
    assert "would not be promoted: apps/web: tag web/v3.0 at commit" in ran.err
    assert "it is not signed" in ran.err
    assert "v0.1" not in ran.err


def unsigned(work: Path, sign: Sign) -> None:
    git(work, "tag", "-a", "web/v3.0", "HEAD", "-m", "Not signed")


def lightweight(work: Path, sign: Sign) -> None:
    git(work, "tag", "web/v3.0", "HEAD")


def stranger(work: Path, sign: Sign) -> None:
    sign(work, "tag", "-s", "web/v3.0", "HEAD", "-m", "Mine", who="mallory")


def renamed(work: Path, sign: Sign) -> None:
    """Ada's signature under v2.0, put at another name."""
    git(work, "update-ref", "refs/tags/web/v3.0", git(work, "rev-parse", "web/v2.0"))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (unsigned, "it is not signed"),
        (lightweight, "it is a lightweight tag, which carries no signature"),
        (stranger, "its signature is by a key that is not among the signers in environments/"),
        (renamed, "it was signed as web/v2.0, not under this name"),
    ],
)
def test_a_version_that_is_not_signed_is_not_promoted(
    work: Path, run: Run, sign: Sign, make: Callable[[Path, Sign], None], said: str
) -> None:
    """Exit 3 with the tag, the commit and what to do; nothing is recorded or moved. Accepting it once, or
    signing it, opens the way; who looks is told and shown."""
    assert run("reconcile").code == 0
    make(work, sign)
    push(work, "web/v3.0")
    before = git(work, "ls-remote", "origin")
    ran = run("promote", "web", "v3.0")
    commit = git(work, "rev-parse", "web/v3.0^{}")[:12]
    assert ran.code == 3
    assert f"tag web/v3.0 at commit {commit}: {said}" in ran.err
    assert f"git tag -s -f web/v3.0 {commit}" in ran.err
    assert git(work, "ls-remote", "origin") == before
    assert run("reconcile").code == 0  # a tag that nobody rests on is nobody's trouble
    sign(work, "tag", "-s", "-f", "web/v3.0", commit, "-m", "Looked at")
    push(work, "web/v3.0")
    ran = run("promote", "web", "v3.0")
    assert ran.code == 0, ran.err


@pytest.mark.parametrize("ref", ["web/env/asia", "web/v1.0"])
def test_what_runs_has_to_be_signed_too(work: Path, run: Run, sign: Sign, ref: str) -> None:
    """A pointer, or the version under one, that somebody without a key has put elsewhere: nothing is done,
    looking shows it with a warning, and a person may accept it for one command."""
    assert run("reconcile").code == 0
    git(work, "tag", "-f", ref, "web/v2.0^{}" if "env" in ref else "web/v1.0^{}")
    push(work, ref)
    ran = run("reconcile")
    assert ran.code == 3
    assert f"tag {ref} at commit" in ran.err
    for verb in (("status",), ("release", "list")):
        looked = run(*verb)
        assert looked.code == 0, looked.err
        assert "not trusted, and shown all the same" in looked.err
        assert f"tag {ref}" in looked.err
    assert run("release", "cut", "web").code == 3
    assert run("reconcile", "--accept-unsigned").code == 0


def test_an_old_tag_of_another_stage_is_not_believed(work: Path, run: Run, sign: Sign) -> None:
    """Whoever may push, and not sign, cannot put one stage's signed tag at another."""
    assert run("reconcile").code == 0
    assert run("promote", "web", "v2.0", "--to", "asia", "--wait", "--timeout", "60s").code == 0
    git(work, "fetch", "-q", "--tags", "--force", "origin")
    git(work, "update-ref", "refs/tags/web/env/europe", git(work, "rev-parse", "web/env/asia"))
    push(work, "web/env/europe")
    ran = run("reconcile")
    assert ran.code == 3
    assert "it was signed as web/env/asia, not under this name" in ran.err


def test_other_components_go_on(work: Path, run: Run, sign: Sign) -> None:
    """A tag concerns its component: one with directories is promoted all the same."""
    for version in ("v1", "v2"):
        text = MANIFEST.replace("COMPONENT", "api").replace("VERSION", version)
        write(work, f"apps/api/{version}/api-configmap.yaml", text)
    (work / "apps/api/asia").symlink_to("v1")
    git(work, "add", "-A")
    sign(work, "commit", "-q", "-S", "-m", "Add api")
    git(work, "push", "-q", "origin", "main")
    assert run("reconcile").code == 0
    git(work, "tag", "-f", "web/env/asia", "web/v2.0^{}")
    push(work, "web/env/asia")
    ran = run("promote", "api", "v2", "--wait", "--timeout", "60s")
    assert ran.code == 0, ran.err
    assert run("reconcile", "api").code == 0
    assert run("promote", "web", "v2.0").code == 3


@pytest.mark.parametrize("what", ["tag", "branch"])
def test_a_fix_is_built_on_nothing_unsigned(work: Path, run: Run, sign: Sign, what: str) -> None:
    """What a release branch or its newest tag holds would be signed by gitrel along with the fix."""
    assert run("reconcile").code == 0
    git(work, "checkout", "-q", "-b", "web/v1", "web/v1.0")
    write(work, "apps/web/extra.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\n")
    commit_all(work, "Slip something in")
    if what == "tag":
        git(work, "tag", "web/v1.1")
        push(work, "web/v1.1")
    else:
        git(work, "push", "-q", "origin", "web/v1:refs/heads/web/v1")
    slipped = git(work, "rev-parse", "HEAD")[:12]
    git(work, "checkout", "-q", "main")
    write(work, FILE, (work / FILE).read_text() + "immutable: true\n")
    git(work, "add", "-A")
    sign(work, "commit", "-q", "-S", "-m", "Fix")
    git(work, "push", "-q", "origin", "main")
    before = git(work, "ls-remote", "origin")
    ran = run("release", "backport", "web", "--commit", "HEAD")
    assert ran.code == 3
    assert slipped in ran.err
    assert git(work, "ls-remote", "origin") == before


@pytest.fixture
def gpg(tmp_path: Path) -> Iterator[Callable[..., bytes]]:
    home = tmp_path / "g"
    home.mkdir(mode=0o700)

    def call(*arguments: str) -> bytes:
        command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout

    yield call
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


@GPG
def test_openpgp_tags(work: Path, run: Run, sign: Sign, gpg: Callable[..., bytes], tmp_path: Path) -> None:
    """A tag by a key in signers.asc is believed; one by another key is told apart."""
    program = tmp_path / "gpg.sh"
    program.write_text(f'#!/bin/sh\nexec gpg --homedir {tmp_path / "g"} --batch --passphrase "" "$@"\n')
    program.chmod(0o755)
    for name in ("grace", "eve"):
        gpg("--quick-gen-key", f"{name} <{name}@example.com>", "ed25519", "sign", "1y")
        how = ("-c", f"gpg.program={program}", "-c", f"user.signingKey={name}@example.com")
        version = {"grace": "web/v3.0", "eve": "web/v4.0"}[name]
        git(work, *how, "-c", "gpg.format=openpgp", "tag", "-s", version, "HEAD", "-m", name)
        push(work, version)
    (work / "environments/signers.asc").write_bytes(gpg("--armor", "--export", "grace@example.com"))
    git(work, "add", "-A")
    sign(work, "commit", "-q", "-S", "-m", "Let Grace sign")
    git(work, "push", "-q", "origin", "main")
    assert run("reconcile").code == 0
    ran = run("promote", "web", "v4.0", "--to", "asia")
    assert ran.code == 3
    assert "its signature is by a key that is not among those in environments/" in ran.err
    ran = run("promote", "web", "v3.0", "--to", "asia")
    assert ran.code == 0, ran.err


def test_an_old_tag_is_not_put_back(instant: Callable[[str], datetime]) -> None:
    """A pointer's own tag of an earlier day is well signed, and still no move: it is older than what was
    begun there since. A new one, the one that the journal knows, and a clock that is a little behind are."""
    began = instant("2026-03-02T10:00")
    target = Release("v2.0", "sha256:2", "c0ffee")
    progress = EnvironmentProgress("asia", target, Phase.PASSED, began, started=began, pointer="v2.0")
    record = Rollout("web", 1, environments={"asia": progress})

    def told(version: str, at: str) -> dict[str, str]:
        ref = "refs/tags/web/env/asia"
        versions = {name: Tag(f"refs/tags/web/{name}", name, name, "ada", began) for name in ("v1.0", "v2.0")}
        pointer = Tag(ref, "t", version, "ada", instant(at))
        return put_back(ComponentTags("web/", versions, {"asia": pointer}), record)

    (why,) = told("v1.0", "2026-03-01T10:00").values()
    assert "an old tag was put back" in why
    assert told("v1.0", "2026-03-02T11:00") == {}
    assert told("v1.0", "2026-03-02T09:58") == {}
    assert told("v2.0", "2026-03-01T10:00") == {}
    assert put_back(ComponentTags("web/"), None) == {}


@pytest.fixture
def instant() -> Callable[[str], datetime]:
    return lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_old_tag_put_back_is_told(work: Path, run: Run, keys: dict[str, Path]) -> None:
    """End to end: the tag with which the region began, well signed and a day old, stops the component."""
    how = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={keys['ada']}")
    subprocess.run(
        ["git", *how, "tag", "-s", "-f", "web/env/asia", "web/v1.0^{}", "-m", "Begin"],
        cwd=work, env={**os.environ, **PEOPLE, "GIT_COMMITTER_DATE": "2020-01-01T00:00:00Z"}, check=True,
    )  # fmt: skip
    push(work, "web/env/asia")
    kept = git(work, "rev-parse", "web/env/asia")
    assert run("reconcile").code == 0
    assert run("promote", "web", "v2.0", "--to", "asia", "--wait", "--timeout", "60s").code == 0
    assert run("reconcile").code == 0
    git(work, "push", "-q", "--force", "origin", f"{kept}:refs/tags/web/env/asia")
    ran = run("reconcile")
    assert ran.code == 3
    assert "an old tag was put back" in ran.err
