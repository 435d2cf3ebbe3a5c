"""The answer of the gate for the terminal, one line a check."""

from __future__ import annotations

from triage.gating.result import CheckResult, GateResult
from triage.vocabulary.learning import GateVerdict

_WORDS = {
    GateVerdict.PASSES: "passes",
    GateVerdict.FAILS: "fails",
    GateVerdict.NOT_ENOUGH_EVIDENCE: "not enough",
    None: "not done",
}
_FIRST = {GateVerdict.FAILS: 0, GateVerdict.NOT_ENOUGH_EVIDENCE: 1, None: 3}


def gate_lines(result: GateResult) -> list[str]:
    """Return one line a check: those that keep the gate from passing first, not done ones last."""
    rows = [
        (_verdict(check), f"{check.check.replace('_', ' ')}{_of_group(check)}", check.sentence)
        for check in sorted(result.checks, key=_order)
    ]
    width = max((len(verdict) for verdict, _, _ in rows), default=0)
    wide = max((len(what) for _, what, _ in rows), default=0)
    return [f"{verdict:<{width}}  {what:<{wide}}  {why}" for verdict, what, why in rows]


def _of_group(check: CheckResult) -> str:
    return f" ({check.group})" if check.group else ""


def verdict_line(result: GateResult) -> str:
    """Return the verdict in one sentence, with how many checks decided it."""
    deciding = [check.verdict for check in result.checks if check.decides]
    counts = (
        f"{sum(one is GateVerdict.PASSES for one in deciding)} checks pass, "
        f"{sum(one is GateVerdict.FAILS for one in deciding)} fail, "
        f"{sum(one not in (GateVerdict.PASSES, GateVerdict.FAILS) for one in deciding)} lack "
        "evidence"
    )
    sizes = f"{result.n_cases} cases of {result.n_patients} patients"
    verdict = str(result.verdict).replace("_", " ")
    asks = ""
    if result.verdict is GateVerdict.NOT_ENOUGH_EVIDENCE:
        asks = " A person has to decide, with a reason."
    better = "better" if result.better else "not shown to be better"
    return f"{verdict}: {counts}; {better}; {sizes}.{asks}"


def _verdict(check: CheckResult) -> str:
    open_ = check.verdict is not None and not check.decides
    return f"{_WORDS[check.verdict]} (does not decide)" if open_ else _WORDS[check.verdict]


def _order(check: CheckResult) -> tuple[int, int]:
    return _FIRST.get(check.verdict, 2), int(not check.decides)
