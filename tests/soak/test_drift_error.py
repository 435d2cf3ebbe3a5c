"""The measurement of drift tests on few samples."""

from __future__ import annotations

import pytest

from tests.soak.drift_error import KINDS, WRONG, plans, rates


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_samples_is_tested(name: str) -> None:
    found = rates(name, KINDS[name], 8, seed=1)
    assert found.false_alarms <= 4
    assert found.found >= 4


def test_ignoring_patients_is_told_apart() -> None:
    (name,) = WRONG
    assert rates(name, WRONG[name], 8, seed=1).false_alarms >= 4


def test_a_budget_alarms_less_often_than_a_level_at_each_look() -> None:
    budgeted, each = plans(40, seed=1)
    assert budgeted < each
    assert plans(10, seed=1, shift=0.8) == (1.0, 1.0)
