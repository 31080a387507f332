"""The tests mean the same on a laptop and in a CI job, today and tomorrow.

What a CI system says of itself is out of sight. Hypothesis tries the same examples each time, so that whoever
changes nothing sees nothing fail; with GITREL_RANDOM=1 it looks for new ones.

One real control plane serves the whole session (with xdist: one for each worker that gets such a test). Where
its binaries are absent those tests are skipped, and one line at the end says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.realcluster.plane import Plane, assets, control_plane

CI_VARIABLES = (
    "GITHUB_ACTIONS",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_OUTPUT",
    "GITHUB_WORKSPACE",
    "RUNNER_TEMP",
    "GITLAB_CI",
    "CI_PROJECT_DIR",
)
NO_PLANE = "no real control plane: `make test-realcluster` builds one and runs these tests"

settings.register_profile("same", derandomize=True)
settings.register_profile("random", print_blob=True)
settings.load_profile("random" if "GITREL_RANDOM" in os.environ else "same")


@pytest.fixture(autouse=True, scope="session")
def outside_of_ci() -> None:
    """Before the first test, for this process and those that it starts."""
    for name in CI_VARIABLES:
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def control_plane_of_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A real control plane with one node, or a skip."""
    binaries = assets()
    if binaries is None:
        pytest.skip(NO_PLANE)
    with control_plane(binaries, tmp_path_factory.mktemp("plane")) as plane:
        yield plane


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line for all the tests that wanted a real control plane."""
    skipped = terminalreporter.stats.get("skipped", ())
    wanting = [report for report in skipped if NO_PLANE in str(report.longrepr)]
    if wanting:
        tests = "1 test" if len(wanting) == 1 else f"{len(wanting)} tests"
        terminalreporter.write_line(f"{tests} skipped: {NO_PLANE}")
