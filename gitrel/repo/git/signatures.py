"""Signing and checking of commits and tags: what exactly was signed, and by whom, in one sentence.

SSH signatures are checked by `ssh-keygen` against an allowed-signers file, OpenPGP signatures by `gpg` in a
home of its own that holds the given keys and nothing else, so that what somebody happens to have in their
keyring decides nothing. A key must have been valid at the commit's own date, as for `git verify-commit`: a
key that was stolen is taken out of the file and not left to expire.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from gitrel.errors import UsageError
from gitrel.repo.edit import one_line
from gitrel.repo.git.objects import without_signature
from gitrel.repo.git.scrub import scrub

NAMESPACE = "git"
"""Into what an SSH signature is bound, so that one made for a mail or a file is none for a commit."""
TIMEOUT_SECONDS = 20.0
SSH, PGP = b"-----BEGIN SSH SIGNATURE-----", b"-----BEGIN PGP SIGNATURE-----"
_TAG_NAME = re.compile(rb"^tag (.*)$", re.MULTILINE)
_COMMITTER = re.compile(rb"^(?:committer|tagger) .*> (\d{1,18}) [+-]\d{4}$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Keys:
    """Whose signatures count. `origin` says where they were read, for people."""

    origin: str
    allowed_signers: bytes = b""
    """In the format of ssh-keygen(1), ALLOWED SIGNERS."""
    gpg_keys: bytes = b""
    """OpenPGP public keys, armored or not."""


class Verifier:
    """Checks signatures against one set of keys. A context manager: it keeps files until it is closed."""

    def __init__(self, keys: Keys) -> None:
        self.keys = keys
        # A short path: gpg makes sockets in it, and their names may have 108 characters.
        self._folder = tempfile.TemporaryDirectory(prefix="gitrel-keys-")

    def __enter__(self) -> Verifier:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        self._folder.cleanup()

    def fault_of_commit(self, data: bytes) -> str:
        """What is wrong with the signature of a commit, given as its bytes; empty where nothing is."""
        try:
            payload, signature = without_signature(data)
        except ValueError as error:
            return str(error)
        return self._fault(payload, signature)

    def fault_of_tag(self, data: bytes, name: str) -> str:
        """The same for an annotated tag, whose signature stands at its end.

        `name` is what it is found under, such as `web/v1.0`: a tag that was signed for another name is not
        signed for this one, or whoever may push could put an old tag of one stage at another.
        """
        starts = [at for mark in (SSH, PGP) if (at := data.find(b"\n" + mark)) >= 0]
        cut = min(starts) + 1 if starts else len(data)
        fault = self._fault(data[:cut], data[cut:])
        signed_for = _TAG_NAME.search(data.partition(b"\n\n")[0])
        if not fault and (signed_for is None or signed_for[1] != name.encode()):
            other = signed_for[1].decode("utf-8", "replace") if signed_for else "nothing"
            return f"it was signed as {one_line(other, 100)}, not under this name"
        return fault

    def _fault(self, payload: bytes, signature: bytes) -> str:
        if not signature:
            return "it is not signed"
        found = _COMMITTER.search(payload.partition(b"\n\n")[0])
        at = int(found[1]) if found else 0
        if signature.startswith(SSH):
            return self._ssh_fault(payload, signature, at)
        if signature.startswith(PGP):
            return self._gpg_fault(payload, signature)
        return "its signature is neither SSH's nor OpenPGP's"

    # ── SSH ─────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _signers(self) -> Path:
        path = self._path("allowed_signers")
        path.write_bytes(self.keys.allowed_signers)
        return path

    def _ssh_fault(self, payload: bytes, signature: bytes, at: int) -> str:
        if not self.keys.allowed_signers.strip():
            return f"it is signed with SSH, and {self.keys.origin} names no SSH signers"
        file = self._path("signature")
        file.write_bytes(signature)
        when = f"-Overify-time={_ssh_instant(at)}"
        common = ("-f", str(self._signers), "-s", str(file), when)
        code, out, err = _run(["ssh-keygen", "-Y", "find-principals", *common])
        principals = out.decode("utf-8", "replace").splitlines() if code == 0 else []
        for principal in principals:
            arguments = ["ssh-keygen", "-Y", "verify", "-n", NAMESPACE, "-I", principal, *common]
            code, _, err = _run(arguments, payload)
            if code == 0:
                return ""
        if principals:
            return f"its signature is bad ({_last_line(err)})"
        return f"its signature is by a key that is not among the signers in {self.keys.origin}"

    # ── OpenPGP ─────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _gpg(self) -> list[str]:
        home = self._path("gpg")
        home.mkdir(mode=0o700)
        command = ["gpg", "--homedir", str(home), "--batch", "--no-tty", "--quiet", "--no-autostart"]
        command += ["--trust-model", "always", "--no-auto-key-retrieve"]
        code, _, err = _run([*command, "--import"], self.keys.gpg_keys)
        if code != 0:
            raise UsageError(f"{self.keys.origin}: gpg reads no keys there: {_last_line(err)}")
        return command

    def _gpg_fault(self, payload: bytes, signature: bytes) -> str:
        if not self.keys.gpg_keys.strip():
            return f"it is signed with OpenPGP, and {self.keys.origin} has no OpenPGP keys"
        file = self._path("signature")
        file.write_bytes(signature)
        _, out, _ = _run([*self._gpg, "--status-fd", "1", "--verify", str(file), "-"], payload)
        words = [
            line.split()[1] for line in out.decode("utf-8", "replace").splitlines() if "[GNUPG:] " in line
        ]
        verdicts = [word for word in words if word in _VERDICTS]
        if verdicts == ["GOODSIG"] and words.count("VALIDSIG") == 1:
            return ""
        if len(verdicts) > 1:
            return "it carries more than one signature"
        reason = _VERDICTS.get(verdicts[0] if verdicts else "", "its signature cannot be read")
        return reason.format(origin=self.keys.origin)

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / name


_VERDICTS = {
    "GOODSIG": "its signature cannot be read",
    "BADSIG": "its signature is bad",
    "ERRSIG": "its signature is by a key that is not among those in {origin}",
    "EXPSIG": "its signature has expired",
    "EXPKEYSIG": "its signature is by a key that has expired",
    "REVKEYSIG": "its signature is by a key that was revoked",
}


def ssh_signer(key: Path) -> Callable[[bytes], bytes]:
    """Signs with an SSH key: a private key without passphrase, or a public one whose other half an agent has.

    Raises UsageError, when used, for a key that cannot sign without a question.
    """

    def sign(payload: bytes) -> bytes:
        code, out, err = _run(["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)], payload)
        if code != 0 or not out.startswith(SSH):
            raise UsageError(
                f"--signing-key {key}: it cannot sign: {_last_line(err)} (name a private SSH key that needs "
                "no passphrase, or a public one whose private half an agent holds)"
            )
        return out

    return sign


def _run(command: Sequence[str], stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Code, output and complaints. Without a terminal and without windows, nothing can ask."""
    program = shutil.which(command[0])
    if program is None:
        raise UsageError(f"{command[0]} is not installed, and a signature has to be made or checked with it")
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "SSH_AUTH_SOCK", "TMPDIR") if name in os.environ
    }
    try:
        done = subprocess.run(
            [program, *command[1:]],
            input=stdin,
            capture_output=True,
            env={**kept, "LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never", "TZ": "UTC"},
            timeout=TIMEOUT_SECONDS,
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UsageError(f"{command[0]} did not finish within {TIMEOUT_SECONDS:g} s") from None
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


def _ssh_instant(seconds: int) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%d%H%M%S")
    except (ValueError, OverflowError, OSError):
        return "19700101000000"


def _last_line(text: str) -> str:
    lines = [line.strip() for line in scrub(text).splitlines() if line.strip()]
    return lines[-1] if lines else "no reason was given"
