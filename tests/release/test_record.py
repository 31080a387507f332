"""A released version that was edited is found from one tree alone, and named file by file."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gitrel.errors import Problem
from gitrel.repo import layout
from gitrel.repo.check import check_repository
from gitrel.repo.model import Fix, Origin, TemplateFile
from gitrel.repo.record import file_digest, format_record, record_of, renewed
from gitrel.repo.tree import File, Link, RawTree

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ENVIRONMENT = b"apiVersion: gitrel.dev/v1alpha1\nkind: Environment\n"
A, B = b"kind: A\n", b"kind: B\n"


def files(**content: bytes) -> list[TemplateFile]:
    return [TemplateFile(f"{name}.yaml", data, Origin(name)) for name, data in content.items()]


RECORD = format_record(record_of("v1", files(a=A, b=B), commit="c" * 40, at=AT, by="Ada <a@x>"))


def tree(record: bytes | None = RECORD, **content: bytes) -> RawTree:
    entries: dict[str, File | Link] = {
        "environments/here.yaml": File(ENVIRONMENT),
        "apps/web/here": Link("v1"),
        **{f"apps/web/v1/{name}.yaml": File(data) for name, data in content.items()},
    }
    if record is not None:
        entries[f"apps/web/v1/{layout.RELEASE_FILE}"] = File(record)
    return RawTree(dict(entries))


def problems(found: RawTree) -> list[Problem]:
    return list(check_repository(found)[1])


def test_an_intact_version_says_nothing_and_knows_its_record() -> None:
    """Reading back gives what was written, and the record is no file of the version."""
    found = tree(a=A, b=B)
    assert problems(found) == []
    version = check_repository(found)[0].components["web"].versions["v1"]
    assert [file.path for file in version.files] == ["a.yaml", "b.yaml"]
    record = version.record
    assert record is not None
    assert (record.commit, record.at, record.by) == ("c" * 40, AT, "Ada <a@x>")
    assert record.digest == version.source_digest
    assert record.files == {"a.yaml": file_digest(A), "b.yaml": file_digest(B)}


@pytest.mark.parametrize(
    ("name", "content", "place", "word"),
    [
        ("edited", {"a": A, "b": b"kind: C\n"}, "apps/web/v1/b.yaml", "edited"),
        ("added", {"a": A, "b": B, "c": A}, "apps/web/v1/c.yaml", "added"),
        ("removed", {"a": A}, "apps/web/v1/b.yaml", "removed"),
    ],
)
def test_an_edit_is_named_by_its_file(name: str, content: dict[str, bytes], place: str, word: str) -> None:
    """The file, what happened to it, and what to do; the component is not acted upon."""
    found = tree(**content)
    (problem,) = problems(found)
    assert (problem.file, problem.what) == (place, f"{word} after v1 was cut")
    assert "gitrel release backport web" in problem.todo
    assert list(check_repository(found)[0].broken) == ["web"], name


@pytest.mark.parametrize(
    ("name", "record", "said"),
    [
        ("of another", RECORD.replace(b"name: v1", b"name: v7"), "this is the record of 'v7'"),
        ("another digest", RECORD.replace(b"digest: sha256:", b"digest: sha256:0", 1)[:-1], "is not allowed"),
        ("no spec", RECORD[: RECORD.index(b"spec:")], "spec is missing"),
        ("not YAML", b"{", ""),
    ],
)
def test_a_record_that_is_wrong_is_told(name: str, record: bytes, said: str) -> None:
    """A copied, forged or broken record is an error at the record itself."""
    found = problems(tree(record, a=A, b=B))
    assert any(said in p.what and p.file.endswith(layout.RELEASE_FILE) for p in found), (name, found)


def test_a_record_whose_digest_was_changed_is_an_edit_of_the_record() -> None:
    """All files are as listed and the sum is not: somebody wrote in the record."""
    start = RECORD.index(b"digest: sha256:") + len(b"digest: sha256:")
    (problem,) = problems(tree(RECORD[:start] + b"0" * 64 + RECORD[start + 64 :], a=A, b=B))
    assert problem.file == "apps/web/v1/.gitrel-release.yaml"
    assert "not that of the files" in problem.what


def test_a_missing_record_counts_only_where_others_have_one() -> None:
    """A repository that never recorded is left in peace; one that does is told what slipped through."""
    entries = dict(tree(a=A, b=B).entries)
    entries["apps/web/v2/a.yaml"] = File(A)
    (problem,) = problems(RawTree(entries))
    assert (problem.severity, problem.file) == ("warning", "apps/web/v2")
    assert problem.todo == "gitrel release record web v2"
    assert problems(tree(None, a=A, b=B)) == []


def test_current_is_no_release() -> None:
    """A record in current/ came there by copying a version back; it is refused, not believed."""
    entries = dict(tree(a=A, b=B).entries)
    entries["apps/web/current/a.yaml"] = File(A)
    entries["apps/web/current/.gitrel-release.yaml"] = File(RECORD)
    (problem,) = problems(RawTree(entries))
    assert problem.what == "a record of a release, and current is none"


def test_fixes_are_kept_and_the_cut_stays() -> None:
    """Renewing changes the digests, adds the fix, and leaves who cut the version and when."""
    before = record_of("v1", files(a=A), commit="c" * 40, at=AT, by="Ada <a@x>")
    after = renewed(before, files(a=B), Fix("commit " + "d" * 40, AT, "Bob <b@x>"))
    assert (after.commit, after.at, after.by) == (before.commit, before.at, before.by)
    assert after.digest != before.digest
    read = check_repository(tree(format_record(after), a=B))[0].components["web"].versions["v1"].record
    assert read is not None
    assert read.fixes == (Fix("commit " + "d" * 40, AT, "Bob <b@x>"),)
