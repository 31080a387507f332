"""The command that HEAD has to pass: run in a copy of the commit, never in anybody's work tree.

The command finds the whole commit in its working folder, and in its environment what is tested:

    GITREL_CHECK_COMPONENT  GITREL_CHECK_VERSION  GITREL_CHECK_ENVIRONMENT  GITREL_CHECK_COMMIT
    GITREL_CHECK_MANIFESTS  a file: the rendered objects as one List, as `kubectl apply -f` reads it
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import orjson

from gitrel.errors import InvalidRepository
from gitrel.orchestrator.versions.qualify import Candidate, Verdict
from gitrel.orchestrator.versions.workshop import Workshop
from gitrel.repo.git.export import write_out
from gitrel.smoke.command import Ran, own_environment, run


def run_command(shop: Workshop, candidate: Candidate) -> Verdict:
    """Runs the candidate's command. Raises InvalidRepository where the version does not render."""
    with tempfile.TemporaryDirectory(prefix="gitrel-check-") as name:
        folder = Path(name)
        tree, home, manifests = folder / "tree", folder / "home", folder / "manifests.json"
        tree.mkdir()
        home.mkdir()
        manifests.write_bytes(_rendered(shop, candidate))
        write_out(shop.repository, candidate.commit, tree)
        told = {
            "COMPONENT": candidate.component,
            "VERSION": candidate.version,
            "ENVIRONMENT": candidate.environment,
            "COMMIT": candidate.commit,
            "MANIFESTS": str(manifests),
        }
        added = {f"GITREL_CHECK_{key}": value for key, value in told.items()}
        wanted = candidate.development
        environment = own_environment(os.environ, wanted.passed_variables, home, added)
        ran = run(wanted.command, folder=tree, environment=environment, timeout=wanted.timeout)
    return Verdict(ran.passed, _told(candidate, ran), ran.output)


def _rendered(shop: Workshop, candidate: Candidate) -> bytes:
    rendered = shop.render(candidate.catalog, candidate.component, candidate.version, candidate.environment)
    if errors := [problem for problem in rendered.problems if problem.severity == "error"]:
        raise InvalidRepository(errors)
    items = [manifest.object for manifest in rendered.manifests]
    return orjson.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _told(candidate: Candidate, ran: Ran) -> str:
    name = candidate.development.command[0]
    if ran.passed:
        return f"passed {name} in {ran.seconds:.1f}s"
    if ran.failure:
        return f"did not pass {name}: {ran.failure}"
    assert ran.code is not None
    ended = f"signal {-ran.code}" if ran.code < 0 else f"exit code {ran.code}"
    return f"did not pass {name}: {ended}"
