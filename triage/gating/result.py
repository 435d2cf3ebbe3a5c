"""What the promotion gate found: one record a check, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from triage.vocabulary.learning import GateVerdict


class CheckResult(BaseModel):
    """One check.

    Parameters
    ----------
    check : str
        Key of the check, such as `urgent_sensitivity` or `negative_flips`.
    group : str
        '' for all cases, else `axis: level`.
    verdict : GateVerdict, optional
        None where it was not done.
    decides : bool
        Whether the verdict of the gate follows from it.
    champion, challenger, value, low, high : float, optional
        The metric of each, and their difference, challenger less champion, with its interval.
    margin : float, optional
        The bound that the interval is compared with.
    unit : str
    n_cases, n_patients : int
        Those that the metric is of.
    cases_needed : int, optional
        About how many such cases it takes to decide, where the evidence is not enough.
    sentence : str
        What was found, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    check: str
    group: str = ""
    verdict: GateVerdict | None
    decides: bool
    champion: float | None = None
    challenger: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    margin: float | None = None
    unit: str = ""
    n_cases: int = 0
    n_patients: int = 0
    cases_needed: int | None = None
    sentence: str


class GateResult(BaseModel):
    """The answer of the gate.

    Parameters
    ----------
    verdict : GateVerdict
    better : bool
        Whether the challenger is better on the policy's measure of improvement.
    checks : tuple of CheckResult
    policy_hash : str
    policy_signed_by : str, optional
        Identifier of the key that signed the policy; None if nobody did.
    n_cases, n_patients : int
        Of the gate split.
    gate_set, submission : str
        Hash of the cases, and of both predictions.
    use : int, optional
        How many different submissions the gate set has judged, this one counted; None where
        nothing counts.
    notes : tuple of str
        What limits the answer, such as a gate split that reports also show.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    verdict: GateVerdict
    better: bool
    checks: tuple[CheckResult, ...]
    policy_hash: str
    policy_signed_by: str | None = None
    n_cases: int
    n_patients: int
    gate_set: str
    submission: str
    use: int | None = None
    notes: tuple[str, ...] = ()


def verdict_of(checks: Sequence[CheckResult]) -> GateVerdict:
    """Return the verdict: fails if a deciding check fails, passes if every one of them passes.

    A deciding check that was not done is not enough evidence.
    """
    deciding = [check.verdict for check in checks if check.decides]
    if GateVerdict.FAILS in deciding:
        return GateVerdict.FAILS
    if not deciding or any(verdict is not GateVerdict.PASSES for verdict in deciding):
        return GateVerdict.NOT_ENOUGH_EVIDENCE
    return GateVerdict.PASSES
