from __future__ import annotations

import json
import math

import numpy as np

from triage.decisions.most_severe import severe_columns
from triage.decisions.policy import KnownCondition
from triage.vocabulary.clinical import PLAUSIBLE, Risk, Urgency

CONDITIONS = (
    KnownCondition(name="acne", risk=Risk.LOW, urgency=Urgency.OBSERVATION),
    KnownCondition(name="eczema", risk=Risk.LOW, urgency=Urgency.ROUTINE),
    KnownCondition(name="melanoma", risk=Risk.HIGH, urgency=Urgency.URGENT),
    KnownCondition(name="abscess", risk=Risk.MEDIUM, urgency=Urgency.URGENT),
    KnownCondition(name="carcinoma", risk=Risk.HIGH, urgency=Urgency.SEMI_URGENT),
)


def by_hand(row: list[float], p_outlier: float, inside: list[str]) -> tuple[str, float]:
    """The rule as it is stated, one condition after the other."""
    best: tuple[int, bool, float, str] | None = None
    for condition, share in zip(CONDITIONS, row, strict=True):
        if share * (1 - p_outlier) < PLAUSIBLE and condition.name not in inside:
            continue
        key = (-condition.urgency.rank, condition.risk is Risk.HIGH, share, condition.name)
        if best is None or key > best:
            best = key
    return ("", math.nan) if best is None else (best[3], round(best[2], 6))


def test_the_rule_is_that_of_an_independent_computation() -> None:
    chance = np.random.default_rng(3)
    rows = chance.dirichlet(np.full(len(CONDITIONS), 0.3), size=300)
    outlier = chance.uniform(0, 1, 300)
    names = [condition.name for condition in CONDITIONS]
    sets = [[str(name) for name in names if chance.uniform() < 0.15] for _ in rows]
    columns = severe_columns(CONDITIONS, rows, outlier, [json.dumps(one) for one in sets])
    found = list(zip(columns["most_severe"], columns["p_most_severe"], strict=True))
    wanted = [by_hand(list(row), q, held) for row, q, held in zip(rows, outlier, sets, strict=True)]
    assert [name for name, _ in found] == [name for name, _ in wanted]
    np.testing.assert_array_equal([p for _, p in found], [p for _, p in wanted])
    assert len({name for name, _ in found}) == len(CONDITIONS) + 1  # every outcome occurs


def test_an_improbable_condition_counts_where_the_set_has_it() -> None:
    row = np.array([[0.97, 0.0, 0.02, 0.0, 0.01]])
    alone = severe_columns(CONDITIONS, row, np.zeros(1), ["[]"])
    assert list(alone["most_severe"]) == ["acne"]
    with_set = severe_columns(CONDITIONS, row, np.zeros(1), ['["acne", "melanoma"]'])
    assert list(with_set["most_severe"]) == ["melanoma"]
    assert list(with_set["p_most_severe"]) == [0.02]


def test_no_cases_give_no_rows() -> None:
    columns = severe_columns(CONDITIONS, np.empty((0, len(CONDITIONS))), np.empty(0), [])
    assert len(columns["most_severe"]) == len(columns["p_most_severe"]) == 0
