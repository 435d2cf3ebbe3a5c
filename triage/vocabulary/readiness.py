"""Levels of how far a trained system has come towards use, and what people call them."""

from __future__ import annotations

from enum import StrEnum

from triage.vocabulary.learning import GateVerdict


class ReadinessLevel(StrEnum):
    """Levels in order; `IN_USE_BY_SIGN_OFF` and `WITHDRAWN` stand beside the order."""

    NO_GATE_RESULT = "no_gate_result"
    GATE_NOT_PASSED = "gate_not_passed"
    GATE_PASSED = "gate_passed"
    SHADOW_TESTED = "shadow_tested"
    IN_USE = "in_use"
    IN_USE_BY_SIGN_OFF = "in_use_by_sign_off"
    WITHDRAWN = "withdrawn"


LEVEL_WORDS = {
    ReadinessLevel.NO_GATE_RESULT: "trained, no gate result",
    ReadinessLevel.GATE_NOT_PASSED: "judged by the gate, not passed",
    ReadinessLevel.GATE_PASSED: "gate passed",
    ReadinessLevel.SHADOW_TESTED: "gate passed and shadow-tested",
    ReadinessLevel.IN_USE: "in use after gate and shadow test",
    ReadinessLevel.IN_USE_BY_SIGN_OFF: "in use, a person signed for what the evidence lacks",
    ReadinessLevel.WITHDRAWN: "withdrawn",
}


def level_of_verdict(verdict: str | None) -> ReadinessLevel:
    """Return the level that follows from a gate's verdict and nothing else.

    Parameters
    ----------
    verdict : str, optional
        A `GateVerdict`; None where no gate has judged. Other words are no gate result.
    """
    if verdict == GateVerdict.PASSES:
        return ReadinessLevel.GATE_PASSED
    if verdict in (GateVerdict.FAILS, GateVerdict.NOT_ENOUGH_EVIDENCE):
        return ReadinessLevel.GATE_NOT_PASSED
    return ReadinessLevel.NO_GATE_RESULT
