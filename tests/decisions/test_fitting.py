from dataclasses import replace

import numpy as np
import pytest

from tests.decisions.make import CLASSES, CONDITIONS, make_predictions
from triage.data.spec import Capacity, DataSpec
from triage.decisions.cost_matrix import case_costs, cost_matrix
from triage.decisions.fitting import fit_policy, truth_of
from triage.errors import UsageError
from triage.predictions import Predictions
from triage.uncertainty.observations import Observations
from triage.uncertainty.outlier_probability import prevalence_weights
from triage.uncertainty.scores import make_score
from triage.vocabulary.clinical import Urgency

K = len(CONDITIONS)


def make_spec(prevalence: float = 0.2, **outcomes: float) -> DataSpec:
    entries = [
        {"name": c.name, "role": "inlier", "risk": c.risk, "urgency": c.urgency, "source": "ours"}
        for c in CONDITIONS
    ]
    entries += [
        {"name": name, "role": role, "risk": "low", "urgency": "routine", "source": "ours"}
        for name, role in (
            ("rare a", "outlier_train"),
            ("rare b", "outlier_train"),
            ("new", "outlier_validation"),
        )
    ]
    return DataSpec.model_validate(
        {
            "name": "x",
            "title": "x",
            "licence": "x",
            "source": "x",
            "rows": {"manifest": "x.csv"},
            "conditions": entries,
            "outlier_prevalence": prevalence,
            "costs": {"outcomes": outcomes},
        }
    )


def simulate(n: int = 400, seed: int = 0) -> Predictions:
    """Validation inliers with a signal on their class, outliers with one on the rare classes."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, K, n)
    is_outlier = rng.random(n) < 0.4
    logits = rng.normal(size=(n, 2, len(CLASSES)))
    logits[~is_outlier, :, truth[~is_outlier]] += 2.5
    logits[is_outlier, :, K:] += 1.5
    p = np.exp(logits)
    labels = ["new" if out else CLASSES[k] for k, out in zip(truth, is_outlier, strict=True)]
    return make_predictions(p / p.sum(axis=2, keepdims=True), labels)


def test_truth_of() -> None:
    p = np.full((3, len(CLASSES)), 1 / len(CLASSES))
    predictions = make_predictions(p, ["naevus", "new", "melanoma"])
    assert list(truth_of(predictions)) == [3, -1, 0]
    with pytest.raises(UsageError, match="no label"):
        truth_of(make_predictions(p, ["naevus", None, "melanoma"]))


@pytest.mark.parametrize("abstain_inlier", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("score", ["outlier_mass", "max_softmax"])
def test_no_other_threshold_is_cheaper_on_validation(score: str, abstain_inlier: float) -> None:
    predictions, spec = simulate(), make_spec(abstain_inlier=abstain_inlier)
    policy = fit_policy(predictions, spec, score)
    truth = truth_of(predictions)
    weights = prevalence_weights(truth < 0, spec.outlier_prevalence)
    assert policy.matrix is not None

    def cost(threshold: float) -> float:
        decided = policy.model_copy(update={"saving_threshold": threshold}).decide(predictions)
        correct = (decided["condition"] == predictions.cases["label"]).to_numpy()
        abstained = (decided["reason_code"] != "").to_numpy()
        queue = [Urgency(name).rank for name in decided["queue_urgency"]]
        labels = list(predictions.cases["label"])
        priced = case_costs(policy.matrix, labels, truth < 0, correct, np.array(queue), abstained)
        return float(weights @ priced)

    best = cost(policy.saving_threshold)
    for threshold in np.linspace(-1.0, 1.0, 81):
        assert cost(float(threshold)) >= best - 1e-9
    assert best <= min(cost(-20.0), cost(20.0))


def abstained(predictions: Predictions, spec: DataSpec) -> int:
    decided = fit_policy(predictions, spec, "outlier_mass").decide(predictions)
    return int((decided["reason_code"] != "").sum())


def test_more_outliers_in_use_raise_the_probability_and_the_abstentions() -> None:
    predictions = simulate()
    few, many = (fit_policy(predictions, make_spec(share), "outlier_mass") for share in (0.05, 0.6))
    p_few, p_many = (
        policy.outlier_probability(policy.ood_score(predictions)) for policy in (few, many)
    )
    assert (p_many > p_few).all()
    assert many.temperature == few.temperature  # fitted on inliers alone
    assert abstained(predictions, make_spec(0.6)) > abstained(predictions, make_spec(0.05))


def test_dear_misses_raise_the_abstentions() -> None:
    predictions = simulate()
    cheap, dear = (abstained(predictions, make_spec(miss_outlier=cost)) for cost in (0.3, 10.0))
    assert dear > cheap


def test_the_policy_carries_what_it_was_set_with() -> None:
    spec = make_spec(0.3, abstain_inlier=0.4)
    policy = fit_policy(simulate(), spec, "outlier_mass")
    assert policy.conditions == CONDITIONS
    assert policy.costs == spec.costs
    assert policy.matrix == cost_matrix(spec)
    assert policy.unknown == ("new",)
    both = fit_policy(simulate(), spec, "outlier_mass", unknown=["rare b", "rare a"])
    assert both.unknown == ("rare a", "rare b", "new")
    assert policy.outlier_prevalence == 0.3


@pytest.mark.parametrize("kind", ["inliers", "outliers"])
def test_both_kinds_are_needed(kind: str) -> None:
    p = np.full((4, len(CLASSES)), 1 / len(CLASSES))
    predictions = make_predictions(p, ["naevus" if kind == "inliers" else "new"] * 4)
    with pytest.raises(UsageError):
        fit_policy(predictions, make_spec(), "outlier_mass")


def test_a_policy_on_given_scores() -> None:
    predictions, spec = simulate(), make_spec()
    scores = make_score("outlier_mass").score(Observations.of_predictions(predictions))
    given = fit_policy(predictions, spec, "combination", scores=scores)
    own = fit_policy(predictions, spec, "outlier_mass")
    assert given == own.model_copy(update={"score": "combination"})


@pytest.mark.parametrize(
    "capacity",
    [
        {"cases_a_day": 100, "abstentions_a_day": 5},
        {"cases_a_day": 100, "urgent_a_day": 16},
        {"cases_a_day": 100, "abstentions_a_day": 10, "urgent_a_day": 15},
    ],
)
def test_a_capacity_holds_on_validation(capacity: dict[str, int]) -> None:
    predictions, spec = simulate(), make_spec()
    limited = spec.model_copy(update={"capacity": Capacity(**capacity)})
    weights = prevalence_weights(truth_of(predictions) < 0, spec.outlier_prevalence)
    shares = []
    for one in (spec, limited):
        decided = fit_policy(predictions, one, "outlier_mass").decide(predictions)
        shares.append(
            {
                "abstentions_a_day": weights @ (decided["reason_code"] != ""),
                "urgent_a_day": weights @ (decided["queue_urgency"] == "urgent"),
            }
        )
    for key, places in capacity.items():
        if key != "cases_a_day":
            assert shares[0][key] > places / 100  # else the limit would be no limit
            assert shares[1][key] <= places / 100 + 1e-9


def test_subgroups_that_cost_more_have_a_part_in_the_threshold() -> None:
    predictions = simulate()
    tones = np.where(np.arange(len(predictions.cases)) % 2, "I", "VI")
    predictions = replace(predictions, cases=predictions.cases.assign(tone=tones))
    spec = make_spec()
    content = spec.model_dump(mode="json") | {"subgroups": [{"column": "tone"}]}
    content["costs"]["multipliers"] = {"subgroups": {"tone": {"VI": 1000.0}}}
    dear = fit_policy(predictions, DataSpec.model_validate(content), "outlier_mass")
    # other cases hardly count, so the threshold is that of the dear ones alone
    alone = predictions.cases["tone"] == "VI"
    truth = truth_of(predictions)
    weights = prevalence_weights(truth < 0, spec.outlier_prevalence) * alone.to_numpy()

    def cost(threshold: float) -> float:
        decided = dear.model_copy(update={"saving_threshold": threshold}).decide(predictions)
        assert dear.matrix is not None
        priced = case_costs(
            dear.matrix,
            list(predictions.cases["label"]),
            truth < 0,
            (decided["condition"] == predictions.cases["label"]).to_numpy(),
            np.array([Urgency(name).rank for name in decided["queue_urgency"]]),
            (decided["reason_code"] != "").to_numpy(),
        )
        return float(weights @ priced)

    best = cost(dear.saving_threshold)
    assert all(cost(float(threshold)) >= best - 2e-3 for threshold in np.linspace(-2, 2, 17))
