"""Every script shows the same on the real control plane and on the bundled cluster."""

from __future__ import annotations

import pytest

from tests.realcluster.differential import scenarios
from tests.realcluster.differential.compare import differences
from tests.realcluster.differential.conftest import Runs
from tests.realcluster.differential.play import SCENARIOS

assert scenarios, "importing them enters them in the list"

SHOWN = 20


@pytest.mark.parametrize("name", sorted(SCENARIOS))
@pytest.mark.timeout(300)
def test_both_clusters_show_the_same(name: str, runs: Runs) -> None:
    """Objects at every moment, Events, refusals and decisions; the first differences are shown."""
    bundled, real = runs(name)
    assert not real.failure, f"the script fails on the real control plane: {real.failure}"
    found = list(differences(real, bundled))
    if (reason := SCENARIOS[name].waits_for) and found:
        pytest.xfail(f"waits for {reason}")
    assert not found, "\n".join(found[:SHOWN])
    assert not SCENARIOS[name].waits_for, "it waits for nothing any more: say so in the script"
