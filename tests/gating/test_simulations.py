"""The long simulations of `make soak`, with few runs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.soak.hold_out import ADVERSARIES, MOST_INFLATION, simulate
from tests.soak.label_feedback import MOST_LOSS, World, compare
from triage.data.spec_files import shipped_spec
from triage.gating.policy import GatePolicy, load_gate_policy


@pytest.mark.parametrize("adversary", ["seeds", "climber", "analyst"])
def test_twenty_challengers_do_not_inflate_the_promoted_one(adversary: str) -> None:
    naive, ours = (
        simulate(ADVERSARIES[adversary], naive=naive, runs=15, cases=400, seed=2)
        for naive in (True, False)
    )
    assert naive.mean > MOST_INFLATION
    assert ours.mean <= MOST_INFLATION


def test_labels_that_follow_the_ai_do_not_reach_the_default_training() -> None:
    naive, ours = (found[:, -1] - found[:, 0] for found in compare(World(follow=0.95), 4))
    assert np.mean(naive) < -MOST_LOSS
    assert np.mean(ours) > -MOST_LOSS


def test_the_shipped_policy_has_the_default_rule_of_labels() -> None:
    path = shipped_spec("derm_phantoms").parent / "retrain_policy.yaml"
    assert load_gate_policy(path).policy.labels.sources == GatePolicy().labels.sources
