"""HEAL."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.auditing.analyses.tables import number, plan, table
from triage.auditing.analyses.heal import correlations, heal
from triage.auditing.audit_plan import Axis, IntervalSettings
from triage.auditing.audit_table import AuditTable, LevelCodes


def with_accuracy(shares: list[float], n: int = 1000) -> AuditTable:
    """Return a table of levels with so many right of n cases each, one case a patient."""
    levels = np.repeat(np.arange(len(shares)), n)
    right = np.concatenate([np.arange(n) < share * n for share in shares])
    return AuditTable(
        classes=("a", "b"),
        truth=np.zeros(len(levels), dtype=np.int16),
        predicted=np.where(right, 0, 1).astype(np.int16),
        cluster=np.arange(len(levels), dtype=np.int32),
        patients_known=True,
        axes={"group": LevelCodes(tuple("pqrs"[: len(shares)]), levels.astype(np.int16))},
    )


def axis(*burden: float) -> Axis:
    return Axis(
        name="group",
        column="group",
        burden=dict(zip("pqrs", burden, strict=False)),
        burden_source="generated",
    )


def test_the_worked_example() -> None:
    found = heal(with_accuracy([0.70, 0.72, 0.75, 0.80]), plan(axes=(axis(10, 5, 3, 1),)))
    assert number(found, "heal_correlation", "group").value == pytest.approx(-1)
    value = number(found, "heal", "group").value
    assert value is not None
    assert value < 0.02
    turned = heal(with_accuracy([0.80, 0.75, 0.72, 0.70]), plan(axes=(axis(10, 5, 3, 1),)))
    other = number(turned, "heal", "group").value
    assert other is not None
    assert other > 0.98
    assert number(turned, "heal_groups", "group").value == 4
    assert "generated" in turned.notes[0]


def test_correlations_are_spearmans() -> None:
    draw = np.random.default_rng(0)
    burden = draw.normal(size=6)
    rows = draw.integers(0, 4, size=(50, 6)).astype(float)
    expected = [stats.spearmanr(-burden, row).statistic for row in rows]
    np.testing.assert_allclose(correlations(burden, rows), -np.array(expected))


def test_two_groups_that_are_alike_do_not_count_for_the_system() -> None:
    same = correlations(np.array([1.0, 2.0]), np.array([[0.5, 0.5], [0.4, 0.5], [0.5, 0.4]]))
    np.testing.assert_allclose(same, [0, 1, -1])
    always = heal(with_accuracy([1.0, 1.0], 20), plan(axes=(axis(2, 1),)))
    assert number(always, "heal", "group").value == 0
    assert "coarse" in always.notes[0]


def test_more_patients_than_are_resampled() -> None:
    settings = IntervalSettings(max_bootstrap_patients=100)
    shares = [0.72, 0.70]
    few = heal(with_accuracy(shares, 400), plan(axes=(axis(2, 1),)))
    many = heal(with_accuracy(shares, 400), plan(axes=(axis(2, 1),), intervals=settings))
    values = [number(each, "heal", "group").value for each in (few, many)]
    assert values[0] == pytest.approx(values[1], abs=0.06)


def test_what_cannot_be_measured_says_why() -> None:
    some = table(100)
    assert "no axis" in heal(some, plan(axes=())).reason
    assert "named condition" in heal(replace(some, predicted=None), plan()).reason
    few = plan(intervals=IntervalSettings(min_patients=1000))
    assert "Fewer than two levels" in heal(some, few).reason
