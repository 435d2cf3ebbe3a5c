"""The budget of repeated tests: what is spent, and alarms in simulated plans."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from tests.monitoring.made import binomial_bounds
from triage.monitoring.repeated_tests import ErrorBudget


def test_a_budget_is_spent_evenly() -> None:
    budget = ErrorBudget(budget=0.05, n_looks=5)
    levels = []
    for _ in range(7):
        levels.append(budget.next_level())
        budget = budget.after_look(tested=True)
    assert levels[:5] == pytest.approx([0.01] * 5)
    assert levels[5:] == [0, 0]
    assert budget.spent == pytest.approx(0.05)


def test_a_look_without_cases_leaves_its_share() -> None:
    budget = ErrorBudget(budget=0.04, n_looks=4).after_look(tested=False).after_look(tested=True)
    assert budget.looks_made == 2
    assert budget.spent == pytest.approx(0.04 / 3)
    assert budget.next_level() == pytest.approx(0.04 / 3)


@given(st.lists(st.booleans(), max_size=30), st.integers(1, 20), st.floats(0.001, 0.5))
def test_no_more_than_the_budget_is_ever_spent(
    tested: list[bool], n_looks: int, share: float
) -> None:
    budget = ErrorBudget(budget=share, n_looks=n_looks)
    spent = 0.0
    for one in tested:
        spent += budget.next_level() if one else 0.0
        budget = ErrorBudget.model_validate_json(budget.after_look(tested=one).model_dump_json())
    assert spent <= share * (1 + 1e-9)
    assert budget.spent == pytest.approx(spent)


def test_any_false_alarm_of_a_plan_is_within_the_budget() -> None:
    """Ninety looks against one reference, 400 plans without drift."""
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(400):
        reference = generator.normal(size=200).mean()
        windows = generator.normal(size=(90, 50)).mean(axis=1)
        z = (windows - reference) / np.sqrt(1 / 200 + 1 / 50)
        budget = ErrorBudget(budget=0.2, n_looks=90)
        found = False
        for p_value in 2 * stats.norm.sf(np.abs(z)):
            found = found or p_value <= budget.next_level()
            budget = budget.after_look(tested=True)
        alarms += found
    assert alarms <= binomial_bounds(400, 0.2)[1]
    assert alarms >= 20  # it spends a good part of what it may


def test_wrong_budgets_are_refused() -> None:
    for wrong in ({"budget": 0.0}, {"budget": 1.0}, {"n_looks": 0}, {"looks_made": -1}):
        with pytest.raises(ValidationError):
            ErrorBudget.model_validate({"budget": 0.05, "n_looks": 3, **wrong})
