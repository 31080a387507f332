"""The tests mean the same on a laptop and in a CI job: what a CI system says of itself is out of sight."""

from __future__ import annotations

import os

import pytest

CI_VARIABLES = ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_WORKSPACE", "RUNNER_TEMP")
CI_VARIABLES += ("GITLAB_CI", "CI_PROJECT_DIR")


@pytest.fixture(autouse=True, scope="session")
def outside_of_ci() -> None:
    """Before the first test, for this process and those that it starts."""
    for name in CI_VARIABLES:
        os.environ.pop(name, None)
