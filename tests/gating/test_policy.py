from __future__ import annotations

from pathlib import Path

import pytest

from tests.gating.tables import loaded
from triage.data.spec_files import shipped_spec
from triage.errors import SpecError
from triage.gating.policy import GateChecks, GatePolicy, Improvement, load_gate_policy

SHIPPED = shipped_spec("derm_phantoms").with_name("retrain_policy.yaml")


def test_the_shipped_policy_states_every_default() -> None:
    found = load_gate_policy(SHIPPED)
    assert found.policy == GatePolicy()
    assert found.hash == GatePolicy().content_hash()
    assert found.signed_by is None
    gate = found.policy.gate
    assert gate is not None
    assert gate.subgroups.axes == "all"


def test_the_hash_is_of_the_content_and_not_of_its_spelling(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("gate: {level: 5.0e-2}\n# the default\n")
    assert load_gate_policy(path).hash == GatePolicy().content_hash()
    path.write_text("gate: {level: 0.04}")
    assert load_gate_policy(path).hash != GatePolicy().content_hash()


def test_every_problem_is_listed_with_the_nearest_name(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        "lables: {}\n"
        "gate: {levle: 0.1, overall: {acuracy: 0.1}, subgroups: {small: leftout}}\n"
        "improvement: {any_of: [accurcy]}\n"
        "require: [near_ood_auroq, {metric: acuracy, low_at_least: 0}, {metric: ece}]\n"
    )
    with pytest.raises(SpecError) as caught:
        load_gate_policy(path)
    told = "\n".join(caught.value.problems)
    for near in ("labels", "level", "accuracy", "left_out", "near_ood_auroc"):
        assert f"Did you mean {near}?" in told, told
    assert "exactly one of low_at_least and high_at_most" in told
    assert len(caught.value.problems) >= 7


@pytest.mark.parametrize(
    "text",
    ["gate: {level: 0.7}", "gate: {overall: {accuracy: -0.1}}", "improvement: all", "require: 3",
     "gate: {performance: {latency_ratio: 0.5}}", "gate: {coverage: .nan}"],
)  # fmt: skip
def test_a_value_out_of_its_domain_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text)
    with pytest.raises(SpecError):
        load_gate_policy(path)


def test_a_policy_of_an_earlier_release_keeps_its_meaning() -> None:
    policy = loaded(
        labels={"sources": ["histology"], "min_labels": 5},
        require=[{"metric": "accuracy", "low_at_least": -0.05}],
        max_negative_flips=0.05,
    ).policy
    assert policy.gate is None
    assert policy.improvement == "none"
    assert [one.metric for one in policy.bounds] == ["accuracy"]
    assert policy.required_checks == frozenset()


def test_a_limit_on_flips_beside_a_gate_adds_to_it() -> None:
    policy = loaded(gate={}, max_negative_flips=0.05, require=["negative_flips"]).policy
    assert policy.gate == GateChecks()
    assert policy.improvement == Improvement()
    assert policy.required_checks == {"negative_flips"}
