"""`release qualify`: HEAD is tested, and where it passes, the development pointer moves up to it.

Where versions are tags, that is what happens: the pointer is a tag, and it is put at HEAD. With versions in
directories HEAD stands still only in a version that was cut: `current/` may change between
the test and the next pass. So what qualifies is the newest version, as it is at HEAD, and the pointer goes
forward only. Either way it is a pointer move like any other by hand, paced by the gates; a rollout of another
version that is under way in the regions is not superseded by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from gitrel.errors import GitrelError
from gitrel.orchestrator.versions.workshop import Bench, Workshop, at_bench
from gitrel.repo import cutting, layout
from gitrel.repo.edit import commit_message, move_pointer
from gitrel.repo.model import Catalog, Component, Development, Pointer, Version
from gitrel.rollout.state import Rollout

HISTORY_MAX = 200
"""Moves of one pointer that are looked through for a version that was there and taken back."""

Outcome = Literal["moved", "due", "failed", "up to date", "skipped", "overtaken"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be tested: `version` of `component`, which `environment` would be pointed at.

    `commit` is HEAD. `catalog` has the version, also where it is HEAD itself and no tag names it.
    """

    component: str
    environment: str
    version: str
    digest: str
    previous: str
    commit: str
    catalog: Catalog
    development: Development


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a check. `told` is a sentence without its subject; `output` the end of what it said."""

    passed: bool
    told: str
    output: str = ""


Check = Callable[[Candidate], Verdict]


@dataclass(frozen=True, slots=True)
class Qualified:
    """One component's answer. `due` is the dry run's: the check would run. `commit` moved the pointer."""

    component: str
    environment: str
    version: str
    previous: str
    outcome: Outcome
    because: str
    output: str = ""
    commit: str = ""


def qualify(
    shop: Workshop, check: Check, components: Sequence[str] = (), *, dry_run: bool = False
) -> tuple[Qualified, ...]:
    """Tests every component that has a `development` check, or those that are named, one after the other.

    Raises UsageError for a component that does not exist. A check that fails moves nothing, and does not
    keep the others from being tested.
    """
    found = at_bench(shop, lambda bench: [_candidate(bench, one) for one in _asked(bench, components)])
    return tuple(
        one if isinstance(one, Qualified) else _due(one) if dry_run else _tested(shop, check, one)
        for one in found
    )


def _asked(bench: Bench, names: Sequence[str]) -> list[Component]:
    if names:
        return [bench.component(name) for name in names]
    everything = (bench.component(name) for name in sorted(bench.catalog.components))
    return [component for component in everything if component.development is not None]


def _candidate(bench: Bench, component: Component) -> Candidate | Qualified:
    """What to test, or why there is nothing to test."""
    wanted = component.development
    environment = wanted.environment if wanted else ""
    pointer = component.pointers.get(environment)
    newest = _newest(bench, component)

    def answer(outcome: Outcome, because: str) -> Qualified:
        version, previous = newest.name if newest else "", pointer.version if pointer else ""
        return Qualified(component.name, environment, version, previous, outcome, because)

    if wanted is None:
        return answer("skipped", "no development check is configured for it")
    if pointer is None:
        return answer("skipped", f"it has no pointer in {environment}")
    if pointer.version == layout.CURRENT:
        return answer("skipped", f"{environment} points at {layout.CURRENT}, so HEAD runs there already")
    if newest is None:
        return answer("skipped", "no version was cut yet")
    if why := _nothing_newer(component, newest, pointer):
        return answer("up to date", why)
    catalog = _with_version(bench.catalog, component, newest)
    if why := _rejected(bench, catalog, newest, pointer) or _taken_back(bench, newest, pointer):
        return answer("skipped", why)
    return Candidate(
        component.name, environment, newest.name, newest.source_digest, pointer.version,
        bench.tip, catalog, wanted,
    )  # fmt: skip


def _newest(bench: Bench, component: Component) -> Version | None:
    """The version that HEAD is: the newest that was cut, or HEAD itself where versions are tags."""
    current = component.versions.get(layout.CURRENT)
    if component.tag_prefix is None or current is None:
        return cutting.newest_released(component)
    return replace(current, name=bench.tags[component.name].named(bench.tip))


def _nothing_newer(component: Component, newest: Version, pointer: Pointer) -> str:
    if component.tag_prefix is not None:
        same = component.versions[pointer.version].source_digest == newest.source_digest
        return f"{pointer.environment} is at {pointer.version}, and HEAD holds the same" if same else ""
    if layout.version_key(pointer.version) < layout.version_key(newest.name):
        return ""
    return f"{pointer.environment} is at {pointer.version}, and nothing newer was cut"


def _with_version(catalog: Catalog, component: Component, version: Version) -> Catalog:
    changed = replace(component, versions={**component.versions, version.name: version})
    return replace(catalog, components={**catalog.components, component.name: changed})


def _rejected(bench: Bench, catalog: Catalog, newest: Version, pointer: Pointer) -> str:
    """Why this version does not go there by itself again, if it failed before."""
    record = bench.records.get(newest.component) or Rollout(newest.component)
    if record.rejected:
        rendered = bench.shop.render(catalog, newest.component, newest.name, pointer.environment)
        if rendered.digest in record.rejected:
            return f"{newest.name} was rejected: {record.rejected[rendered.digest]}"
    return ""


def _taken_back(bench: Bench, newest: Version, pointer: Pointer) -> str:
    """Whether somebody moved the pointer away from this version. A tag has no history that could tell."""
    if newest.component in bench.tags:
        return ""
    repository = bench.shop.repository
    target = newest.name if pointer.form == "link" else f"../{newest.name}"
    for commit in repository.chain(bench.tip, path=pointer.path, limit=HISTORY_MAX):
        entry = repository.entry(commit, pointer.path)
        if entry is not None and repository.blobs([entry.id])[0] == target.encode():
            return f"{pointer.environment} was at {newest.name} and was moved back: promote it by hand"
    return ""


def _due(candidate: Candidate) -> Qualified:
    check = " ".join(candidate.development.command) or "a rehearsal"
    return _answer(candidate, "due", f"to be checked by {check}")


def _answer(candidate: Candidate, outcome: Outcome, because: str) -> Qualified:
    return Qualified(
        candidate.component, candidate.environment, candidate.version, candidate.previous, outcome, because
    )


def _tested(shop: Workshop, check: Check, candidate: Candidate) -> Qualified:
    try:
        verdict = check(candidate)
    except GitrelError as error:
        verdict = Verdict(False, f"could not be checked: {error}")
    if not verdict.passed:
        return replace(_answer(candidate, "failed", verdict.told), output=verdict.output)
    moved = at_bench(shop, lambda bench: _moved(bench, candidate, verdict))
    return replace(moved, output=verdict.output)


def _moved(bench: Bench, candidate: Candidate, verdict: Verdict) -> Qualified:
    """Points at what was tested, if that and the pointer are still what they were then."""
    component = bench.component(candidate.component)
    pointer = component.pointers.get(candidate.environment)
    if pointer is None or pointer.version != candidate.previous:
        at = pointer.version if pointer else "nothing"
        return _answer(candidate, "overtaken", f"the pointer was moved to {at} during the check")
    if component.tag_prefix is not None:
        return _tagged(bench, component.tag_prefix, candidate, verdict)
    version = component.versions.get(candidate.version)
    if version is None or version.source_digest != candidate.digest:
        return _answer(candidate, "overtaken", f"{candidate.version} was changed during the check")
    changes = move_pointer(bench.tree, component.name, candidate.environment, candidate.version)
    commit = bench.build(changes, _message(candidate, verdict))
    bench.shop.ledger.publish(bench.tip, commit, changes)
    return replace(_answer(candidate, "moved", verdict.told), commit=commit)


def _tagged(bench: Bench, prefix: str, candidate: Candidate, verdict: Verdict) -> Qualified:
    """Puts the environment's tag at the commit that was tested, whatever came after it."""
    ref = layout.stage_tag(prefix, candidate.environment)
    move = bench.tag(ref, candidate.commit, _message(candidate, verdict))
    bench.shop.ledger.publish(bench.tip, bench.tip, (), [move])
    return replace(_answer(candidate, "moved", verdict.told), commit=candidate.commit)


def _message(candidate: Candidate, verdict: Verdict) -> str:
    trailers = {
        "Gitrel-Component": candidate.component,
        "Gitrel-Environment": candidate.environment,
        "Gitrel-Version": candidate.version,
        "Gitrel-Tested": candidate.commit,
        "Gitrel-Reason": verdict.told,
    }
    subject = f"Point {candidate.component} in {candidate.environment} at {candidate.version}"
    return commit_message(subject, f"At {candidate.commit[:12]} it {verdict.told}.", trailers)
