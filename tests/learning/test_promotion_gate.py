from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from triage.errors import SpecError
from triage.evaluation import Difference, Estimate
from triage.learning.promotion_gate import RetrainPolicy, load_policy
from triage.store import LabelSource

SHIPPED = Path(__file__).parents[2] / "data_specs" / "retrain_policy.yaml"


def difference(low: float | None, high: float | None, evidence: str = "enough") -> Difference:
    value = None if low is None or high is None else (low + high) / 2
    return Difference(
        metric="accuracy",
        unit="proportion",
        larger_is_better=True,
        a=0.8,
        b=0.8,
        value=value,
        low=low,
        high=high,
        n_cases=50,
        n_clusters=40,
        undefined_resamples=0,
        evidence=evidence,
    )


def flips(value: float | None) -> Estimate:
    return Estimate.model_construct(value=value, low=None, high=None, evidence="enough")


def policy(**changes: Any) -> RetrainPolicy:
    content = {
        "require": [{"metric": "accuracy", "low_at_least": -0.05}],
        "max_negative_flips": 0.1,
    }
    return RetrainPolicy.model_validate({**content, **changes})


@pytest.mark.parametrize(
    ("low", "high", "share", "promoted"),
    [
        (-0.05, 0.02, 0.1, True),
        (-0.051, 0.2, 0.0, False),
        (0.0, 0.1, 0.101, False),
        (None, None, 0.0, False),
        (0.0, 0.1, None, False),
    ],
)
def test_the_gate(
    low: float | None, high: float | None, share: float | None, promoted: bool
) -> None:
    verdict, checks = policy().judge({"accuracy": difference(low, high)}, flips(share))
    assert verdict is promoted
    assert len(checks) == 2
    assert all(check["holds"] for check in checks) is promoted


def test_an_upper_bound() -> None:
    rule = policy(require=[{"metric": "clinical_cost", "high_at_most": 0.05}])
    assert rule.judge({"clinical_cost": difference(-0.1, 0.05)}, flips(0.0))[0]
    assert not rule.judge({"clinical_cost": difference(-0.1, 0.06)}, flips(0.0))[0]


def test_too_little_evidence_never_promotes() -> None:
    thin = difference(0.0, 0.1, evidence="not enough")
    verdict, checks = policy().judge({"accuracy": thin}, flips(0.0))
    assert not verdict
    assert "not enough evidence" in str(checks[0]["check"])


def test_the_shipped_policy_leaves_ai_visible_labels_out() -> None:
    shipped = load_policy(SHIPPED)
    assert LabelSource.AI_VISIBLE not in shipped.labels.sources
    assert LabelSource.AI_VISIBLE not in policy().labels.sources


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("max_negative_flips: 0.1\nmax_negative_flips: 0.9", "is given twice"),
        ("require: [", "not YAML"),
        ("3", "not a mapping"),
        ("max_negative_flips: 0.1", "require"),
        ("{require: [{metric: acuracy, low_at_least: 0}], max_negative_flips: 0}", "acuracy"),
        ("{require: [{metric: accuracy}], max_negative_flips: 0}", "exactly one of"),
        ("{require: [{metric: accuracy, low_at_least: 0}], max_negative_flip: 0}", "flip"),
        (
            "{labels: {sources: [gossip]}, require: [{metric: accuracy, low_at_least: 0}], "
            "max_negative_flips: 0}",
            "labels.sources",
        ),
    ],
)
def test_a_malformed_policy(text: str, named: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(SpecError, match=named) as caught:
        load_policy(path)
    assert "policy.yaml" in str(caught.value)


def test_no_policy(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="no such retraining policy"):
        load_policy(tmp_path / "absent.yaml")


def test_an_interval_without_width_is_no_evidence() -> None:
    same = difference(0.0, 0.0)
    verdict, checks = policy().judge({"accuracy": same}, flips(0.0))
    assert not verdict
    assert "not enough evidence" in str(checks[0]["check"])


def test_the_gate_says_what_holds_at_which_prevalence() -> None:
    both = difference(-0.02, 0.02).model_copy(update={"at_split_share": 0.013})
    _, checks = policy().judge({"accuracy": both}, flips(0.0))
    assert "at the stated prevalence (+0.013 at the split's)" in str(checks[0]["check"])
