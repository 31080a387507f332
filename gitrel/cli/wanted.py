"""What `promote` is asked for: one component and its version, several as `NAME=VERSION`, or a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gitrel.errors import InvalidRepository, UsageError

USAGE = "name a component and a version, or several as COMPONENT=VERSION, or a file with --set"
FILE_BYTES_MAX = 2**20


def versions_wanted(words: Sequence[str], file: Path | None) -> dict[str, str]:
    """Component → version. Raises UsageError for words that are neither form, or both."""
    if file is not None:
        if words:
            raise UsageError("--set names everything that is promoted: leave the components out")
        return _from_file(file)
    if len(words) == 2 and not any("=" in word for word in words):
        return {words[0]: words[1]}
    found: dict[str, str] = {}
    for word in words:
        component, sign, version = word.partition("=")
        if not sign or not component or not version:
            raise UsageError(f"{word!r}: {USAGE}")
        if component in found:
            raise UsageError(f"{component} is named twice: with {found[component]} and with {version}")
        found[component] = version
    if not found:
        raise UsageError(USAGE)
    return found


def _from_file(file: Path) -> dict[str, str]:
    """Raises InvalidRepository with the line of each mistake."""
    from gitrel.repo.schema import ReleaseSetDocument
    from gitrel.repo.schema_read import read

    try:
        with file.expanduser().open("rb") as stream:
            data = stream.read(FILE_BYTES_MAX)
    except OSError as error:
        raise UsageError(f"--set {file}: it cannot be read: {error.strerror}") from None
    parsed = read(ReleaseSetDocument, data, str(file))
    if parsed.model is None or any(problem.severity == "error" for problem in parsed.problems):
        raise InvalidRepository(parsed.problems)
    return dict(parsed.model.spec.components)
