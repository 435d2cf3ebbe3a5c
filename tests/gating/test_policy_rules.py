"""What a policy means, its signature, and that the change control plan follows each value."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from triage.data.spec_files import load_spec, shipped_spec
from triage.errors import LedgerError, SpecError
from triage.gating.policy import GatePolicy, LoadedPolicy, load_gate_policy
from triage.gating.policy_sentences import _SENTENCES, policy_rules
from triage.gating.policy_signature import KEYS_VARIABLE, sign_policy, signature_file
from triage.ledger.keys import load_key, make_key, public_file
from triage.reports.change_control.plan import change_control_plan, parts_of_the_plan
from triage.reports.render.markdown import render_markdown

SPEC = load_spec(shipped_spec("derm_phantoms"))
POLICY = "labels: {min_labels: 7}\n"
OTHER: dict[str, Any] = {
    "labels.sources": ["histology"],
    "gate.subgroups.axes": ["sex"],
    "gate.subgroups.small": "left_out",
    "gate.calibration.slope": [0.8, 1.2],
    "improvement.any_of": ["accuracy"],
    "require": ["latency"],
    "max_negative_flips": 0.04,
}


def leaves(content: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


DEFAULT = GatePolicy().model_dump(mode="json")
KEYS = tuple(key for key, _ in leaves(DEFAULT))


def changed(key: str) -> GatePolicy:
    """The default policy with another value at a key."""
    content = json.loads(json.dumps(DEFAULT))
    place = content
    *parents, last = key.split(".")
    for name in parents:
        place = place[name]
    value = place[last]
    if key in OTHER:
        place[last] = OTHER[key]
    elif value is None:
        place[last] = 0.07
    elif isinstance(value, int):
        place[last] = value + 1
    else:
        place[last] = 1 + value / 2 if value >= 1 else value / 2
    return GatePolicy.model_validate_json(json.dumps(content))


def plan(policy: GatePolicy, signed_by: str | None = None) -> str:
    loaded = LoadedPolicy(policy, policy.content_hash(), signed_by)
    text = render_markdown(change_control_plan(loaded, SPEC))
    return text.replace(loaded.hash, "")


@pytest.mark.parametrize("key", KEYS)
def test_each_value_of_the_policy_is_in_the_plan(key: str) -> None:
    before, after = plan(GatePolicy()), plan(changed(key))
    assert before != after
    different = set(after.splitlines()) - set(before.splitlines())
    assert any(key.replace("_", "\\_") in line for line in different)


def test_every_part_of_the_policy_is_in_a_part_of_the_plan() -> None:
    assert parts_of_the_plan(GatePolicy()) == set(GatePolicy.model_fields)


def test_every_value_has_a_sentence_of_its_own() -> None:
    measures = ("overall", "groups", "worst_group")
    others = {key for key in KEYS if key.split(".")[-2:][0] not in measures}
    assert others <= set(_SENTENCES)
    assert all(rule.sentence.endswith(".") for rule in policy_rules(GatePolicy()))


def test_earlier_policies_state_their_bounds() -> None:
    policy = GatePolicy.model_validate(
        {"require": [{"metric": "accuracy", "low_at_least": -0.05}], "max_negative_flips": 0.05}
    )
    said = {rule.key: rule.sentence for rule in policy_rules(policy)}
    assert "95 % interval of the change in accuracy is at -0.05 or above" in said["require"]
    assert "earlier release" in said["gate"]
    assert said["improvement"] == "No improvement is asked for."


def test_risks_without_a_rule_are_said_to_be_unlimited() -> None:
    policy = GatePolicy.model_validate(
        {"labels": {"sources": ["ai_visible"]}, "improvement": "none", "gate": None}
    )
    text = plan(policy)
    assert text.count("not limited by this policy") == 9
    assert plan(GatePolicy()).count("not limited by this policy") == 0


def test_the_plan_says_who_signed_the_policy() -> None:
    assert "nobody signed it" in plan(GatePolicy())
    assert "signed by the key abcd" in plan(GatePolicy(), "abcd")


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(POLICY)
    return path


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A key whose public part is trusted."""
    place = tmp_path / "quality.key"
    make_key(place)
    monkeypatch.setenv(KEYS_VARIABLE, str(public_file(place)))
    return place


def sign(policy: Path, key: Path) -> str:

    signing = load_key(key)
    sign_policy(policy, load_gate_policy(policy).hash, signing)
    return signing.id


def test_a_signed_policy_states_its_signer_whatever_its_spelling(policy: Path, key: Path) -> None:
    signer = sign(policy, key)
    policy.write_text("# a comment\nlabels:\n  min_labels: 7\n")
    assert load_gate_policy(policy).signed_by == signer


def test_an_unsigned_policy_is_used_and_has_no_signer(policy: Path, key: Path) -> None:
    assert load_gate_policy(policy).signed_by is None


def test_without_trusted_keys_a_signature_counts_for_nothing(
    policy: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(policy, key)
    monkeypatch.delenv(KEYS_VARIABLE)
    assert load_gate_policy(policy).signed_by is None


def test_a_policy_that_was_changed_after_signing_is_refused(policy: Path, key: Path) -> None:
    sign(policy, key)
    policy.write_text("labels: {min_labels: 0}\n")
    with pytest.raises(SpecError, match="the signature of another policy"):
        load_gate_policy(policy)


def test_a_signature_of_a_key_that_is_not_trusted_is_refused(
    policy: Path, key: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.key"
    make_key(other)
    sign(policy, other)
    with pytest.raises(SpecError, match="not trusted here"):
        load_gate_policy(policy)


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "no signature of a policy"), ('{"format": "x"}', "no signature of a policy")],
)
def test_a_malformed_signature_is_refused(
    policy: Path, key: Path, content: str, message: str
) -> None:
    signature_file(policy).write_text(content)
    with pytest.raises(SpecError, match=message):
        load_gate_policy(policy)


def test_a_forged_signature_is_refused(policy: Path, key: Path) -> None:
    sign(policy, key)
    place = signature_file(policy)
    content = json.loads(place.read_text())
    content["signature"] = "0" * 128
    place.write_text(json.dumps(content))
    with pytest.raises(SpecError, match="forged"):
        load_gate_policy(policy)


def test_a_list_of_keys_that_is_gone_is_an_error(
    policy: Path, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, "/nowhere/keys")
    with pytest.raises(LedgerError):
        load_gate_policy(policy)


def test_a_signature_that_cannot_be_written_is_an_error(policy: Path, key: Path) -> None:
    signature_file(policy).mkdir()
    with pytest.raises(SpecError, match="cannot be written"):
        sign_policy(policy, "0" * 64, load_key(key))
