"""The budget of repeated tests: what is spent, and alarms in simulated plans."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy import stats

from tests.monitoring.made import binomial_bounds
from triage.errors import UsageError
from triage.monitoring.repeated_tests import ErrorBudget, holm_alarms, level_of_each


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


@given(st.lists(st.none() | st.floats(0, 1), max_size=6), st.floats(0, 0.9))
def test_holm_is_the_closure_of_bonferroni(p_values: list[float | None], level: float) -> None:
    """A test alarms if Bonferroni alarms in every set of tests that holds it (closed testing)."""
    made = [k for k, p in enumerate(p_values) if p is not None]
    expected = []
    for place in range(len(p_values)):
        others = [k for k in made if k != place]
        alarm = place in made and level > 0
        for chosen in range(2 ** len(others)):
            group = [place, *(k for n, k in enumerate(others) if chosen >> n & 1)]
            smallest = (
                min(p_values[k] or 0.0 for k in group if p_values[k] is not None)
                if place in made
                else 1.0
            )
            alarm = alarm and smallest <= level / len(group)
        expected.append(alarm)
    assert list(holm_alarms(p_values, level)) == expected


def test_any_false_alarm_of_a_plan_is_within_the_budget() -> None:
    """Ninety looks at five columns against one reference, 400 plans without drift."""
    generator = np.random.default_rng(1)
    alarms = 0
    for _ in range(400):
        reference = generator.normal(size=(5, 200)).mean(axis=1)
        windows = generator.normal(size=(90, 5, 50)).mean(axis=2)
        z = (windows - reference) / np.sqrt(1 / 200 + 1 / 50)
        budget = ErrorBudget(budget=0.2, n_looks=90)
        found = False
        for p_values in 2 * stats.norm.sf(np.abs(z)):
            found = found or any(holm_alarms(p_values.tolist(), budget.next_level()))
            budget = budget.after_look(tested=True)
        alarms += found
    assert alarms <= binomial_bounds(400, 0.2)[1]
    assert alarms >= 20  # it spends a good part of what it may


def test_wrong_budgets_are_refused() -> None:
    for wrong in ({"budget": 0.0}, {"budget": 1.0}, {"n_looks": 0}, {"looks_made": -1}):
        with pytest.raises(ValidationError):
            ErrorBudget.model_validate({"budget": 0.05, "n_looks": 3, **wrong})
    with pytest.raises(UsageError, match="p-value"):
        holm_alarms([0.5, 1.5], 0.05)
    with pytest.raises(UsageError):
        level_of_each(0.05, 0)
    assert level_of_each(0.05, 10) == pytest.approx(0.005)
