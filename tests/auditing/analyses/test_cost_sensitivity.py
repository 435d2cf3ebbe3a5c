"""How the comparison by cost depends on prices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.auditing.analyses.tables import NAMES, NEEDED, costs, number, plan, table
from triage.auditing.analyses.cost_components import (
    PRICES,
    component_costs,
    needed_urgency,
    price_matrices,
)
from triage.auditing.analyses.cost_sensitivity import (
    FIRST_READ,
    ROUTINE,
    SYSTEM,
    URGENT,
    cost_sensitivity,
)
from triage.auditing.audit_table import AuditTable
from triage.decisions.cost_matrix import CostMatrix, case_costs

SOME = table(600)


def system_costs(some: AuditTable, matrix: CostMatrix) -> np.ndarray:
    assert some.label_codes is not None
    assert some.queue_urgency is not None
    assert some.abstained is not None
    return case_costs(
        matrix,
        [some.label_names[code] for code in some.label_codes],
        some.is_outlier,
        some.predicted == some.truth,
        some.queue_urgency.astype(np.int64),
        some.abstained,
    )


def test_the_parts_of_a_cost_add_up() -> None:
    assert SOME.label_codes is not None
    assert SOME.queue_urgency is not None
    assert SOME.abstained is not None
    matrices = price_matrices(costs(), np.array(NEEDED))
    assert list(matrices) == list(PRICES)
    parts = component_costs(
        matrices,
        SOME.label_codes.astype(np.int64),
        SOME.is_outlier,
        SOME.predicted == SOME.truth,
        SOME.queue_urgency.astype(np.int64),
        SOME.abstained,
    )
    np.testing.assert_allclose(parts.sum(axis=1), system_costs(SOME, costs()))


def test_needed_urgency_is_the_stated_or_the_cheapest() -> None:
    assert needed_urgency(costs(), {}).tolist() == list(NEEDED)
    assert needed_urgency(costs(), {"a": 2}).tolist() == [2, *NEEDED[1:]]


def test_means_and_differences() -> None:
    found = cost_sensitivity(SOME, plan())
    own = system_costs(SOME, costs())
    assert number(found, "mean_cost", "policy", SYSTEM).value == pytest.approx(own.mean())
    everyone = replace(
        SOME,
        queue_urgency=np.zeros(len(SOME), dtype=np.int8),
        abstained=np.ones(len(SOME), dtype=np.bool_),
    )
    referred = system_costs(everyone, costs())
    shown = number(found, "cost_difference", "policy", URGENT)
    assert shown.value == pytest.approx(own.mean() - referred.mean())
    assert shown.low is not None
    assert shown.high is not None
    assert shown.low < shown.value < shown.high


def test_the_tornado_is_that_of_changed_matrices() -> None:
    found = cost_sensitivity(SOME, plan())
    for price, update in (
        ("wrong_name", {"wrong_name": 2.0}),
        ("named_unknown", {"named_unknown": 3.0}),
        ("abstain_known", {"abstain_known": tuple(2 * each for each in costs().abstain_known)}),
    ):
        expected = system_costs(SOME, costs().model_copy(update=update)).mean()
        (shown,) = (
            each.value
            for each in found.numbers
            if (each.key, each.title, each.level) == ("tornado_high", PRICES[price], SYSTEM)
        )
        assert shown == pytest.approx(expected)


def test_the_system_costs_as_much_at_the_break_even() -> None:
    found = cost_sensitivity(SOME, plan())
    factor = number(found, "break_even", "policy", ROUTINE)
    assert factor.value is not None
    curves = {curve.name: curve.points for curve in found.curves}

    def at(name: str, ratio: float) -> float:
        xs, ys = zip(*((point.x, point.y) for point in curves[name]), strict=True)
        return float(np.polyval(np.polyfit(xs, ys, 1), ratio))

    assert at(SYSTEM, factor.value) == pytest.approx(at(ROUTINE, factor.value), rel=1e-6)
    assert at(SYSTEM, 1.0) == pytest.approx(number(found, "mean_cost", "policy", SYSTEM).value)
    assert factor.low is not None
    assert factor.low < factor.value


def test_a_policy_that_costs_less_at_any_factor() -> None:
    assert SOME.true_urgency is not None
    perfect = replace(
        SOME, first_urgency=SOME.true_urgency, first_right=np.ones(len(SOME), dtype=np.int8)
    )
    shown = number(cost_sensitivity(perfect, plan()), "break_even", "policy", FIRST_READ)
    assert shown.value is None
    assert FIRST_READ in shown.note


def test_first_reads_are_compared_on_their_cases() -> None:
    assert SOME.first_right is not None
    read = np.where(np.arange(len(SOME)) < 200, SOME.first_right, -1).astype(np.int8)
    found = cost_sensitivity(replace(SOME, first_right=read), plan())
    assert number(found, "mean_cost", "policy", FIRST_READ).n == 200
    assert any("200 cases" in note for note in found.notes)


def test_outliers_without_a_name_are_left_out_and_counted() -> None:
    found = cost_sensitivity(replace(SOME, label_codes=None, label_names=()), plan())
    assert number(found, "mean_cost", "policy", SYSTEM).n == (SOME.truth >= 0).sum()
    outliers = int(SOME.is_outlier.sum())
    assert any(note.startswith(f"{outliers} labelled cases") for note in found.notes)


def test_what_cannot_be_measured_says_why() -> None:
    assert "no costs" in cost_sensitivity(SOME, plan(costs=None)).reason
    assert "queue" in cost_sensitivity(replace(SOME, queue_urgency=None), plan()).reason
    strange = replace(SOME, label_names=tuple(f"other {name}" for name in NAMES))
    assert not cost_sensitivity(strange, plan()).available
