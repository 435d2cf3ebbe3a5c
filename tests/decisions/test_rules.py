"""Calibrators, prediction sets, guarantee and abstention rules of a policy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.decisions.make import CLASSES, CONDITIONS, make_predictions
from tests.decisions.test_fitting import make_spec
from triage.data.spec import Capacity
from triage.decision import Decision
from triage.decisions.fit_rules import with_rules
from triage.decisions.fitting import fit_policy, truth_of
from triage.decisions.guaranteed_threshold import fit_guaranteed_threshold
from triage.decisions.policy import Policy
from triage.decisions.prediction_sets import PredictionSets
from triage.decisions.rule_settings import (
    GuaranteedSettings,
    PredictionSetSettings,
    SelectiveSettings,
    check_abstention,
    check_grouping,
)
from triage.decisions.rule_summary import RuleSummary
from triage.decisions.selective_threshold import threshold_of_error
from triage.errors import UnknownName, UsageError
from triage.predictions import Predictions
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.conformal import CONFORMAL, Lac
from triage.uncertainty.fitted_values import FittedValues
from triage.vocabulary.clinical import ABSTAINED_PRIORITY, NO_AI_OPINION, Risk, Urgency

K = len(CONDITIONS)
USABLE = [key for key, kind in CALIBRATORS.items() if not kind.info.needs_distance]


def simulate(seed: int = 0, n: int = 240, members: int = 2) -> Predictions:
    """Labelled cases of four known conditions and two rare ones, with a subgroup."""
    chance = np.random.default_rng(seed)
    truth = chance.integers(0, len(CLASSES), n)
    logits = chance.normal(size=(n, members, len(CLASSES)))
    logits[np.arange(n), :, truth] += 1.8
    powers = np.exp(logits)
    table = make_predictions(
        powers / powers.sum(axis=2, keepdims=True), [CLASSES[k] for k in truth]
    )
    cases = table.cases.assign(tone=np.where(chance.random(n) < 0.4, "dark", "light"))
    return make_predictions(table.probabilities, cases=cases)


def fitted(
    predictions: Predictions,
    calibrator: str = "temperature",
    prediction_set: PredictionSetSettings | None = None,
    guaranteed: GuaranteedSettings | None = None,
    selective: SelectiveSettings | None = None,
) -> Policy:
    spec = make_spec()
    policy = fit_policy(predictions, spec, "outlier_mass", calibrator=calibrator)
    return with_rules(
        policy,
        predictions,
        policy.ood_score(predictions),
        spec,
        prediction_set=prediction_set,
        guaranteed=guaranteed,
        selective=selective or SelectiveSettings(),
    )


def shares(predictions: Predictions) -> np.ndarray:
    known = predictions.probabilities.astype(np.float64).mean(axis=1)[:, :K]
    return known / known.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("key", USABLE)
def test_a_policy_calibrates_as_the_calibrator_does(key: str) -> None:
    seen, asked = simulate(0), simulate(1)
    policy = fitted(seen, calibrator=key)
    truth = truth_of(seen)
    alone = CALIBRATORS[key]().fit(shares(seen)[truth >= 0], truth[truth >= 0])
    np.testing.assert_allclose(policy.calibrated(asked), alone.calibrate(shares(asked)), atol=1e-9)
    loaded = Policy.model_validate_json(policy.model_dump_json(indent=2))
    assert loaded == policy
    assert loaded.decide(asked).equals(policy.decide(asked))


@pytest.mark.parametrize("key", [*CONFORMAL])
@pytest.mark.parametrize("by", ["all", "condition", "tone"])
def test_sets_are_those_of_the_method_and_come_back(key: str, by: str) -> None:
    seen, asked = simulate(0), simulate(1)
    policy = fitted(seen, prediction_set=PredictionSetSettings(method=key, alpha=0.2, by=by))
    truth = truth_of(seen)
    kind = by if by in ("all", "condition") else "subgroup"
    groups = {
        name: None if kind != "subgroup" else table.cases["tone"].to_numpy(dtype=str)
        for name, table in (("seen", seen), ("asked", asked))
    }
    of_seen = groups["seen"]
    alone = CONFORMAL[key](alpha=0.2, by=kind).fit(
        shares(seen)[truth >= 0],
        truth[truth >= 0],
        None if of_seen is None else of_seen[truth >= 0],
    )
    expected = alone.sets(shares(asked), groups["asked"])
    loaded = Policy.model_validate_json(policy.model_dump_json())
    assert loaded == policy
    table = loaded.decide(asked)
    names = [condition.name for condition in CONDITIONS]
    for row, held, p in zip(
        table.to_dict("records"), expected, policy.calibrated(asked), strict=True
    ):
        decision = Decision.from_row(row)
        assert {*decision.prediction_set} == {n for n, h in zip(names, held, strict=True) if h}
        ranks = [p[names.index(name)] for name in decision.prediction_set]
        assert ranks == sorted(ranks, reverse=True)
        assert decision.set_coverage == pytest.approx(0.8)


def test_a_table_without_the_subgroup_gets_whole_sets() -> None:
    policy = fitted(simulate(), prediction_set=PredictionSetSettings(by="tone"))
    bare = make_predictions(simulate(1, n=5).probabilities)
    assert policy.prediction_set is not None
    assert policy.prediction_set.sets(bare).all()


def test_without_sets_the_field_is_empty_and_a_reader_of_an_abstention_sees_none() -> None:
    seen = simulate()
    for row in fitted(seen).decide(seen).to_dict("records"):
        assert (row["prediction_set"], np.isnan(row["set_coverage"])) == ("[]", True)
    given = fitted(seen, prediction_set=PredictionSetSettings()).decide(seen)
    abstained = given[given["recommendation"] == NO_AI_OPINION].to_dict("records")
    assert abstained
    for row in abstained:
        shown = Decision.from_row(row).for_reader()
        assert (shown.prediction_set, shown.set_coverage) == ((), None)


def test_an_infinite_quantile_comes_back_and_is_stated() -> None:
    few = simulate(n=24)
    policy = fitted(few, prediction_set=PredictionSetSettings(alpha=0.01, by="condition"))
    assert policy.prediction_set is not None
    assert len(policy.prediction_set.too_few) == K
    loaded = Policy.model_validate_json(policy.model_dump_json())
    assert loaded.prediction_set is not None
    assert loaded.prediction_set.sets(few).all()
    assert "too few validation cases" in RuleSummary.of(loaded).prediction_set
    assert CONDITIONS[0].name in RuleSummary.of(loaded).prediction_set


def test_coverage_of_exchangeable_cases() -> None:
    """Of 100 repeats the mean lies far inside the band: theory has 0.8 to 0.805."""
    found = []
    for seed in range(100):
        both = simulate(seed, n=600, members=1)
        seen, asked = (
            make_predictions(both.probabilities[part], list(both.cases["label"][part]))
            for part in (slice(0, 300), slice(300, 600))
        )
        truth = truth_of(seen)
        sets = PredictionSets.fit(PredictionSetSettings(alpha=0.2), seen, truth)
        actual = truth_of(asked)
        known = actual >= 0
        found.append(sets.sets(asked)[known, actual[known]].mean())
    assert 0.77 < np.mean(found) < 0.84


def test_the_guarantee_is_that_of_the_benchmark_and_raises_urgencies() -> None:
    seen, asked = simulate(0, n=3000), simulate(1)
    plain = fitted(seen)
    policy = fitted(seen, guaranteed=GuaranteedSettings(alpha=0.02, delta=0.1))
    risky = [condition.risk is Risk.HIGH for condition in CONDITIONS]
    truth = truth_of(seen)
    known = truth >= 0
    alone = fit_guaranteed_threshold(
        plain.calibrated(seen)[known][:, risky].sum(axis=1),
        np.array(risky)[truth[known]],
        alpha=0.02,
        cluster=seen.cases["cluster"].to_numpy(dtype=str)[known],
    )
    assert alone.certified
    assert policy.guaranteed == alone
    before, after = plain.decide(asked), policy.decide(asked)
    flagged = alone.flags(plain.calibrated(asked)[:, risky].sum(axis=1))
    ranks = {str(urgency): urgency.rank for urgency in Urgency}
    for old, new, flag in zip(
        before.to_dict("records"), after.to_dict("records"), flagged, strict=True
    ):
        assert (old["reason_code"], old["condition"]) == (new["reason_code"], new["condition"])
        limit = ABSTAINED_PRIORITY.rank if flag else len(ranks)
        assert ranks[new["queue_urgency"]] == min(ranks[old["queue_urgency"]], limit)
        moved = old["queue_urgency"] != new["queue_urgency"]
        assert ("cannot be ruled out" in new["reason"]) is moved
        Decision.from_row(new)
    assert (before["queue_urgency"] != after["queue_urgency"]).any()
    assert "0.02 of the cases of high-risk" in RuleSummary.of(policy).guaranteed


def test_the_expected_cost_of_a_raised_case_is_that_of_its_own_urgency() -> None:
    seen, asked = simulate(0, n=3000), simulate(1)
    policy = fitted(seen, guaranteed=GuaranteedSettings(alpha=0.02, delta=0.1))
    table, probabilities = policy.decide(asked), policy.calibrated(asked)
    matrix = policy.matrix
    assert matrix is not None
    names = [condition.name for condition in policy.conditions]
    place = {name: row for row, name in enumerate(matrix.conditions)}
    raised = 0
    for row, p in zip(table.to_dict("records"), probabilities, strict=True):
        if row["recommendation"] == NO_AI_OPINION:
            continue
        raised += "cannot be ruled out" in row["reason"]
        rank, q = Urgency(row["recommendation"]).rank, row["p_outlier"]
        known = sum(x * matrix.urgency[place[n]][rank] for n, x in zip(names, p, strict=True))
        known += (1 - max(p)) * matrix.wrong_name
        unknown = np.mean([matrix.urgency[place[n]][rank] for n in policy.unknown])
        expected = (1 - q) * known + q * (unknown + matrix.named_unknown)
        assert row["expected_cost"] == pytest.approx(expected)
    assert raised


def test_what_cannot_be_certified_changes_nothing_and_is_stated() -> None:
    seen = simulate(n=30)
    policy = fitted(seen, guaranteed=GuaranteedSettings(alpha=0.01))
    assert policy.guaranteed is not None
    assert not policy.guaranteed.certified
    assert policy.decide(seen).equals(fitted(seen).decide(seen))
    assert "not certified" in RuleSummary.of(policy).guaranteed


def test_abstention_rules() -> None:
    seen = simulate(n=600)
    assert fitted(seen, selective=SelectiveSettings(rule="chow")).saving_threshold == 0
    policy = fitted(seen, selective=SelectiveSettings(rule="target_error", error=0.15))
    decisions = policy.decide(seen)
    answered = (decisions["recommendation"] != NO_AI_OPINION).to_numpy()
    truth = truth_of(seen)
    wrong = (decisions["condition"] != seen.cases["label"].to_numpy()).to_numpy()
    share = make_spec().outlier_prevalence
    weights = np.where(truth < 0, share / (truth < 0).sum(), (1 - share) / (truth >= 0).sum())
    assert answered.any()
    assert weights[answered] @ wrong[answered] <= 0.15 * weights[answered].sum() + 1e-9
    assert not answered.all()
    assert "0.15 wrong opinions" in RuleSummary.of(policy).abstention


def test_the_threshold_of_an_error_by_hand() -> None:
    saving = np.array([0.1, 0.2, 0.3, 0.4])
    even = np.full(4, 0.25)
    wrong = np.array([False, False, True, True])
    assert threshold_of_error(saving, wrong, even, 0.34) == pytest.approx(0.35)
    assert threshold_of_error(saving, wrong, even, 0.2) == pytest.approx(0.25)
    assert threshold_of_error(saving, ~wrong, even, 0.2) < 0.1
    assert threshold_of_error(saving, wrong, even, 0.6) > 0.4


@pytest.mark.parametrize(
    "change",
    [
        {"key": "lak"},
        {"kind": "calibrator"},
        {"settings": {"alpha": 2.0}},
        {"arrays": {}},
    ],
)
def test_values_that_make_no_method_are_refused(change: dict[str, Any]) -> None:
    seen = simulate()
    truth = truth_of(seen)
    made = FittedValues.of(Lac().fit(shares(seen)[truth >= 0], truth[truth >= 0]))
    content = json.loads(made.model_dump_json())
    assert FittedValues.model_validate(content) == made
    with pytest.raises(ValueError, match="no fitted"):
        FittedValues.model_validate(content | change)


@pytest.mark.parametrize("by", ["all", "tone"])
@pytest.mark.parametrize(
    "change",
    [
        {"quantiles": [float("nan")]},
        {"quantiles": [0.1, 0.2, 0.3]},
        {"n_conditions": [3.0]},
    ],
)
def test_a_policy_with_sets_of_something_else(by: str, change: dict[str, list[float]]) -> None:
    policy = fitted(simulate(), prediction_set=PredictionSetSettings(by=by))
    content = json.loads(policy.model_dump_json())
    arrays = content["prediction_set"]["fitted"]["arrays"]
    for name, values in change.items():
        shape = [] if name == "n_conditions" else [len(values)]
        arrays[name] |= {"values": values, "shape": shape}
    with pytest.raises(ValueError, match="does not fit the policy"):
        Policy.model_validate(content)


def test_a_policy_with_a_calibrator_of_other_conditions() -> None:
    policy = fitted(simulate(), calibrator="vector", prediction_set=PredictionSetSettings())
    content = json.loads(policy.model_dump_json())
    content["prediction_set"]["by"] = "tone"
    with pytest.raises(ValueError, match="does not fit the policy"):
        Policy.model_validate(content)
    content = json.loads(policy.model_dump_json()) | {"prediction_set": None}
    content["conditions"] = content["conditions"][:-1]
    with pytest.raises(ValueError, match="does not fit the policy"):
        Policy.model_validate(content)


def test_a_subgroup_that_the_spec_lacks() -> None:
    spec = make_spec()
    check_grouping(PredictionSetSettings(by="condition"), spec)
    check_grouping(None, spec)
    with pytest.raises(UnknownName, match="no grouping 'tone'"):
        check_grouping(PredictionSetSettings(by="tone"), spec)


@pytest.mark.parametrize("rule", [{"rule": "chow"}, {"rule": "target_error", "error": 0.1}])
def test_a_rule_that_keeps_to_no_capacity(rule: dict[str, Any]) -> None:
    limits = Capacity(cases_a_day=10, abstentions_a_day=1)
    spec = make_spec().model_copy(update={"capacity": limits})
    check_abstention(SelectiveSettings(), spec)
    check_abstention(SelectiveSettings(**rule), make_spec())
    with pytest.raises(UsageError, match="keeps to no capacity"):
        check_abstention(SelectiveSettings(**rule), spec)
