"""Coverage of the sets among decisions, against counts by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.decisions.test_rules import fitted, simulate
from triage.decisions.fitting import truth_of
from triage.decisions.rule_settings import PredictionSetSettings
from triage.evaluation.prediction_sets import evaluate_prediction_sets
from triage.vocabulary.clinical import NO_AI_OPINION


def test_against_counts_by_hand() -> None:
    asked = simulate(1)
    policy = fitted(simulate(0), prediction_set=PredictionSetSettings(alpha=0.2))
    decided = asked.with_decisions(policy.decide(asked))
    assert policy.prediction_set is not None
    assert decided.decisions is not None
    truth = truth_of(asked)
    sets = policy.prediction_set.sets(asked)
    known = truth >= 0
    held = sets[np.arange(len(truth)), truth]
    found = evaluate_prediction_sets(decided)
    assert found is not None
    assert found.promised == pytest.approx(0.8)
    first = found.rows[0]
    assert (first.axis, first.n_cases) == ("overall", known.sum())
    assert first.covered == pytest.approx(held[known].mean())
    assert first.mean_size == pytest.approx(sets[known].sum(axis=1).mean())
    assert first.low < first.covered < first.high
    dark = known & (asked.cases["tone"] == "dark").to_numpy()
    (row,) = [row for row in found.rows if (row.axis, row.level) == ("tone", "dark")]
    assert row.covered == pytest.approx(held[dark].mean())
    answered = known & (decided.decisions["recommendation"] != NO_AI_OPINION).to_numpy()
    assert found.answered is not None
    assert found.answered.covered == pytest.approx(held[answered].mean())


def test_none_where_there_are_no_sets_or_the_table_is_of_an_earlier_release() -> None:
    asked = simulate(1)
    plain = asked.with_decisions(fitted(simulate(0)).decide(asked))
    assert evaluate_prediction_sets(plain) is None
    assert plain.decisions is not None
    earlier = plain.decisions.drop(columns=["prediction_set", "set_coverage"])
    assert evaluate_prediction_sets(replace(plain, decisions=earlier)) is None
    assert evaluate_prediction_sets(asked) is None
