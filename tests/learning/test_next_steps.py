"""What to do after a retraining follows from the gate's answer, as the registry would answer."""

from __future__ import annotations

import pytest

from triage.gating.check_keys import URGENT_MISSES
from triage.gating.result import CheckResult, GateResult, verdict_of
from triage.learning.retraining.check_plot import difference_plot, range_of
from triage.learning.retraining.next_steps import NextStep, next_steps
from triage.vocabulary.learning import GateVerdict

PASSES, FAILS = GateVerdict.PASSES, GateVerdict.FAILS


def gate(verdict: GateVerdict, check: str = "accuracy") -> GateResult:
    found = (CheckResult(check=check, verdict=verdict, decides=True, sentence="found"),)
    return GateResult(
        verdict=verdict_of(found), better=False, checks=found, policy_hash="p", n_cases=2,
        n_patients=1, gate_set="s", submission="t",
    )  # fmt: skip


def steps(result: GateResult | None, *, sign: bool = False) -> tuple[NextStep, ...]:
    return next_steps(
        result, bundle="b" * 64, out="bundles/new one", champion_folder="old", run=7, sign=sign
    )


def commands(result: GateResult | None, *, sign: bool = False) -> str:
    return "\n".join(step.command for step in steps(result, sign=sign))


@pytest.mark.parametrize(
    ("result", "signs_off"),
    [
        (gate(PASSES), False),
        (gate(GateVerdict.NOT_ENOUGH_EVIDENCE), True),
        (gate(FAILS, URGENT_MISSES), True),
        (None, True),
    ],
)
def test_what_can_be_approved_is_proposed(result: GateResult | None, signs_off: bool) -> None:
    told = commands(result)
    assert f"triage registry propose {'b' * 12}" in told
    assert ("--sign-off" in told) is signs_off
    assert "triage retrain-policy record --run 7" in told
    assert "registry sign" not in told


def test_what_the_gate_refuses_is_not_proposed() -> None:
    told = commands(gate(FAILS))
    assert "propose" not in told
    assert "triage select --bundle old" in told
    assert "record --run 7" in told


def test_where_keys_are_configured_signing_comes_first() -> None:
    first = steps(gate(PASSES), sign=True)[0]
    assert first.command == "triage registry sign --bundle 'bundles/new one' --key KEY"


def test_a_plot_reaches_as_far_as_its_intervals_and_no_further_than_half() -> None:
    assert range_of([]) == 0.05
    assert range_of([0.07, -0.12, None]) == pytest.approx(0.15)
    assert range_of([-0.95]) == 0.5
    drawn = difference_plot(
        "k", "accuracy", -0.1, -0.2, 0.05, unit="proportion", reach=0.2, margin=0.03
    )
    assert "-10.0 points, interval -20.0 to +5.0" in drawn
    assert drawn.count('class="reference"') == 1
    either = difference_plot("k", "coverage", 0.3, None, None, unit="area", reach=0.2, margin=0.02)
    assert either.count('class="reference"') == 2
    assert "circle" not in either  # beyond the edge
    assert difference_plot("k", "latency", 1.0, None, None, unit="ratio", reach=0.2) == ""
