"""Signed commits: who may change what gitrel reads, which commits are looked at, what faults are called."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shutil import which

import pytest

from gitrel.repo.git import GitRepository
from gitrel.repo.git.objects import with_signature, without_signature
from gitrel.repo.git.signatures import Keys, Verifier, ssh_signer
from tests.cli.support import Ran, gitrel
from tests.repo_git.sandbox import PEOPLE, commit_all, git, point, write
from tests.sources.support import PIPELINE

pytestmark = pytest.mark.skipif(not which("ssh-keygen"), reason="no ssh-keygen: nothing can be signed here")
GPG = pytest.mark.skipif(not which("gpg") or not which("gpgconf"), reason="no gpg: OpenPGP is not tried")

REQUIRED = PIPELINE.replace("SOAK", "1s").replace("spec:\n", "spec:\n  signatures: {required: true}\n")


@dataclass(frozen=True)
class Signer:
    key: Path
    line: str


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Signer]:
    folder, known = tmp_path_factory.mktemp("keys"), dict[str, Signer]()

    def signer(name: str) -> Signer:
        if name not in known:
            key = folder / name
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(key)]
            subprocess.run(command, check=True)
            known[name] = Signer(key, f"{name}@example.com {key.with_suffix('.pub').read_text()}")
        return known[name]

    return signer


Signers = Callable[[str], Signer]


def signed(folder: Path, signer: Signer | None, message: str = "Change") -> str:
    """Commits everything as a person does, signed or not."""
    git(folder, "add", "-A")
    how = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={signer.key}") if signer else ()
    git(folder, *how, "commit", "-q", "--allow-empty", "-m", message, *(("-S",) if signer else ()))
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def run(work: Path, signers: Signers) -> Callable[..., Ran]:
    def call(*arguments: str) -> Ran:
        key = ("--signing-key", str(signers("gitrel").key))
        return gitrel(*arguments, "-C", str(work), *key, env=PEOPLE)

    return call


Run = Callable[..., Ran]


@pytest.fixture
def strict(work: Path, signers: Signers, run: Run) -> Path:
    """A repository in which signatures are required, by Ada and gitrel, installed once."""
    write(work, "environments/pipeline.yaml", REQUIRED)
    write(work, "environments/allowed_signers", signers("ada").line + signers("gitrel").line)
    signed(work, signers("ada"), "Require signatures")
    ran = run("reconcile", "--wait", "--timeout", "60s")
    assert ran.code == 0, ran.err
    return work


# ── The policy ──────────────────────────────────────────────────────────────────────────────────────────


def test_gitrels_own_commits_are_signed_and_pass(strict: Path, run: Run, signers: Signers) -> None:
    """Pointer commits and journal steps verify with Git itself, and the next command believes them."""
    assert run("promote", "web", "v2", "--wait", "--timeout", "60s").code == 0
    file = f"gpg.ssh.allowedSignersFile={strict / 'environments/allowed_signers'}"
    for commit in ("main", "main~1", "refs/gitrel/journal"):
        git(strict, "-c", file, "verify-commit", commit)
    assert run("reconcile").code == 0
    assert run("rollout", "verify").code == 0


def test_without_a_key_gitrel_writes_nothing(strict: Path) -> None:
    """It would lock itself out: the text names the flag, and neither branch nor journal has moved."""
    before = git(strict, "for-each-ref")
    ran = gitrel("promote", "web", "v2", "-C", str(strict), env=PEOPLE)
    assert ran.code == 2
    assert "--signing-key" in ran.err
    assert git(strict, "for-each-ref") == before


def test_with_a_key_that_is_not_named_gitrel_writes_nothing(strict: Path, signers: Signers) -> None:
    """Its own commits are judged like everybody's, before anybody sees them."""
    key = ("--signing-key", str(signers("stranger").key))
    ran = gitrel("promote", "web", "v2", "-C", str(strict), *key, env=PEOPLE)
    assert ran.code == 3
    assert "gitrel's own commit" in ran.err


@pytest.mark.parametrize(
    ("who", "fault"), [(None, "it is not signed"), ("mallory", "a key that is not among the signers")]
)
def test_a_commit_that_is_not_trusted_stops_everything(
    strict: Path, run: Run, signers: Signers, who: str | None, fault: str
) -> None:
    """Exit 3 names the commit, nothing is done; looking shows it with a warning; a person may accept it."""
    point(strict, "apps/web/asia", "v2")
    commit = signed(strict, signers(who) if who else None)
    journal = git(strict, "rev-parse", "refs/gitrel/journal")
    for verb in (("reconcile",), ("promote", "api", "v2")):
        ran = run(*verb)
        assert ran.code == 3
        assert commit[:12] in ran.err
        assert fault in ran.err
    assert git(strict, "rev-parse", "refs/gitrel/journal") == journal
    looked = run("status")
    assert looked.code == 0
    assert "not trusted" in looked.err
    assert run("reconcile", "--accept-unsigned").code == 0
    assert run("reconcile").code == 0  # what was recorded counts as accepted


def test_what_gitrel_does_not_read_needs_no_signature(strict: Path, run: Run) -> None:
    """A README is nobody's business."""
    write(strict, "README.md", "Hello\n")
    signed(strict, None)
    assert run("reconcile").code == 0


def test_an_unsigned_commit_is_found_below_a_signed_one(strict: Path, run: Run, signers: Signers) -> None:
    """The newest signature does not vouch for what came in before it since the last time."""
    point(strict, "apps/web/asia", "v2")
    commit = signed(strict, None)
    write(strict, "apps/web/v3/web-configmap.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: w}\n")
    signed(strict, signers("ada"))
    ran = run("reconcile")
    assert ran.code == 3
    assert commit[:12] in ran.err


def test_an_unsigned_merge_cannot_bring_an_old_state_back(strict: Path, run: Run, signers: Signers) -> None:
    """Its content is that of one parent, and other than that of the other: an undo nobody signed."""
    old = git(strict, "rev-parse", "HEAD")
    write(
        strict, "apps/web/v1/web-configmap.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fix}\n"
    )
    signed(strict, signers("ada"), "Fix a hole")
    assert run("reconcile", "--wait", "--timeout", "60s").code == 0
    tip = git(strict, "rev-parse", "HEAD")
    merge = git(strict, "commit-tree", f"{old}^{{tree}}", "-p", tip, "-p", old, "-m", "Merge")
    git(strict, "reset", "-q", "--hard", merge)
    ran = run("reconcile")
    assert ran.code == 3
    assert merge[:12] in ran.err


def test_nobody_makes_himself_a_signer(strict: Path, run: Run, signers: Signers) -> None:
    """A commit that adds its own key, or that no longer requires signatures, needs one of before."""
    write(strict, "environments/allowed_signers", signers("mallory").line)
    signed(strict, signers("mallory"))
    assert run("reconcile").code == 3
    git(strict, "reset", "-q", "--hard", "HEAD~1")
    write(strict, "environments/pipeline.yaml", PIPELINE.replace("SOAK", "1s"))
    signed(strict, signers("mallory"))
    assert run("reconcile").code == 3


def test_a_signer_adds_another(strict: Path, run: Run, signers: Signers) -> None:
    """Once that has been accepted, the new one's commits count."""
    with (strict / "environments/allowed_signers").open("a") as file:
        file.write(signers("grace").line)
    point(strict, "apps/web/asia", "v2")
    signed(strict, signers("ada"))
    assert run("reconcile").code == 0
    point(strict, "apps/web/asia", "v3")
    signed(strict, signers("grace"))
    assert run("reconcile").code == 0


def test_a_forged_journal_is_not_believed(strict: Path, run: Run, signers: Signers) -> None:
    """Whoever can push a journal step but not sign one cannot say what was accepted."""
    point(strict, "apps/web/asia", "v2")
    signed(strict, None)
    tree = git(strict, "rev-parse", "refs/gitrel/journal^{tree}")
    forged = git(strict, "commit-tree", tree, "-p", "refs/gitrel/journal", "-m", "Forged")
    git(strict, "update-ref", "refs/gitrel/journal", forged)
    git(strict, "reset", "-q", "--hard", "HEAD~1")
    ran = run("reconcile")
    assert ran.code == 3
    assert f"journal {forged[:12]}" in ran.err


def test_the_operators_signers_win(work: Path, signers: Signers, tmp_path: Path) -> None:
    """Whatever the repository says or names: theirs are required, and nobody else's count."""
    file = tmp_path / "signers"
    file.write_text(signers("ada").line + signers("gitrel").line)
    own = ("--allowed-signers", str(file), "--signing-key", str(signers("gitrel").key), "-C", str(work))
    assert gitrel("reconcile", *own, env=PEOPLE).code == 3
    write(work, "environments/allowed_signers", signers("mallory").line)
    commit = signed(work, signers("mallory"))
    ran = gitrel("reconcile", *own, env=PEOPLE)
    assert ran.code == 3
    assert commit[:12] in ran.err
    (work / "environments/allowed_signers").unlink()
    signed(work, signers("ada"))
    assert gitrel("reconcile", *own, env=PEOPLE).code == 0


def test_required_and_nobody_named_is_a_warning(work: Path) -> None:
    """validate says that nobody could sign, at the line that requires it."""
    write(work, "environments/pipeline.yaml", REQUIRED)
    ran = gitrel("validate", "-C", str(work), "--no-render")
    assert ran.code == 0
    assert "environments/pipeline.yaml:4:16: warning: signatures are required" in ran.out


# ── Signatures themselves ───────────────────────────────────────────────────────────────────────────────


def data_of(folder: Path, revision: str = "HEAD", kind: str = "commit") -> bytes:
    done = subprocess.run(["git", "cat-file", kind, revision], cwd=folder, capture_output=True, check=True)
    return done.stdout


def test_what_ssh_signs_is_what_git_signs(work: Path, signers: Signers, tmp_path: Path) -> None:
    """A commit signed here verifies in Git and one signed by Git verifies here; a changed byte does not."""
    ada = signers("ada")
    file = tmp_path / "signers"
    file.write_text(ada.line)
    with Verifier(Keys("the file", file.read_bytes())) as verifier:
        signed(work, ada)
        theirs = data_of(work)
        assert verifier.fault_of_commit(theirs) == ""
        assert "signature is bad" in verifier.fault_of_commit(theirs.replace(b"Change", b"Chance"))
        payload, signature = without_signature(theirs)
        assert with_signature(payload, signature) == theirs
        ours = with_signature(payload, ssh_signer(ada.key)(payload))
        commit = subprocess.run(
            ["git", "hash-object", "-t", "commit", "-w", "--stdin"],
            cwd=work, input=ours, capture_output=True, check=True,
        ).stdout.decode().strip()  # fmt: skip
        git(work, "-c", f"gpg.ssh.allowedSignersFile={file}", "verify-commit", commit)
        twice = with_signature(ours, signature)
        assert verifier.fault_of_commit(twice) == "it carries two signatures"


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ("", ""),
        ('namespaces="git" ', ""),
        ('namespaces="file" ', "bad"),
        ('valid-before="20200101" ', "not among"),
        ('valid-after="20990101" ', "not among"),
    ],
)
def test_options_of_a_signer_count(work: Path, signers: Signers, options: str, fault: str) -> None:
    """Namespaces and dates of an allowed signer hold, at the commit's own date."""
    ada = signers("ada")
    signed(work, ada)
    name, rest = ada.line.split(" ", 1)
    with Verifier(Keys("the file", f"{name} {options}{rest}".encode())) as verifier:
        found = verifier.fault_of_commit(data_of(work))
    assert (fault in found) if fault else found == ""


def test_tags_are_checked_too(work: Path, signers: Signers) -> None:
    """An annotated tag's signature stands at its end; a tag without one, or by another, is told."""
    ada = signers("ada")
    how = ("-c", "gpg.format=ssh", "-c", f"user.signingKey={ada.key}")
    git(work, *how, "tag", "-s", "v1.0", "-m", "One")
    git(work, "tag", "-a", "v1.1", "-m", "Two")
    with Verifier(Keys("the file", ada.line.encode())) as verifier:
        data = data_of(work, "v1.0", "tag")
        assert verifier.fault_of_tag(data, "v1.0") == ""
        assert "bad" in verifier.fault_of_tag(data.replace(b"One", b"Six"), "v1.0")
        assert verifier.fault_of_tag(data_of(work, "v1.1", "tag"), "v1.1") == "it is not signed"
    with Verifier(Keys("the file", signers("mallory").line.encode())) as verifier:
        assert "not among" in verifier.fault_of_tag(data, "v1.0")


@GPG
def test_openpgp_signatures(work: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Good by a key that is named; another key, a changed byte, an expired key and no keys are told apart."""
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)

    def gpg(*arguments: str) -> bytes:
        command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", *arguments]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def gpg_signed(name: str) -> bytes:
        program = home / f"as-{name}"
        program.write_text(f'#!/bin/sh\nexec gpg --homedir {home} --batch --passphrase "" "$@"\n')
        program.chmod(0o755)
        how = ("-c", f"gpg.program={program}", "-c", f"user.signingKey={name}@example.com")
        git(work, *how, "commit", "-q", "--allow-empty", "-S", "-m", "Change")
        return data_of(work)

    try:
        for name in ("ada", "mallory"):
            gpg("--quick-gen-key", f"{name} <{name}@example.com>", "ed25519", "sign", "1y")
        keys = Keys("the keys", b"", gpg("--armor", "--export", "ada@example.com"))
        good, other = gpg_signed("ada"), gpg_signed("mallory")
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    with Verifier(keys) as verifier:
        assert verifier.fault_of_commit(good) == ""
        assert verifier.fault_of_commit(good.replace(b"Change", b"Chance")) == "its signature is bad"
        assert "not among those in the keys" in verifier.fault_of_commit(other)
    with Verifier(Keys("the keys", b"x 1 y")) as verifier:
        assert "has no OpenPGP keys" in verifier.fault_of_commit(good)


def test_a_key_that_asks_is_refused_at_once(tmp_path: Path, work: Path) -> None:
    """A passphrase is a question that nobody can answer: a sentence, and no hang."""
    key = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", str(key)], check=True)
    ran = gitrel("promote", "web", "v2", "-C", str(work), "--signing-key", str(key), env=PEOPLE)
    assert ran.code == 2
    assert "it cannot sign" in ran.err
    commit_all(work)
    with GitRepository(work) as repository:
        assert repository.commit_at("refs/gitrel/journal") == ""
