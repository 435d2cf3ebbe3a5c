"""The gate's answer to a challenger, counted as a use of its gate split."""

from __future__ import annotations

from dataclasses import dataclass

from triage.data.spec import DataSpec
from triage.gating.evidence import GateEvidence
from triage.gating.gate import run_gate
from triage.gating.gate_runs import judged, next_state, record_gate_run
from triage.gating.gate_table import GateTable
from triage.gating.policy import LoadedPolicy
from triage.gating.result import GateResult
from triage.gating.shown_result import shown_result
from triage.progress import Progress
from triage.store import Store


@dataclass(frozen=True)
class Answer:
    """The row of `gate_run`, and what is shown of it."""

    gate_run: int
    result: GateResult


def judge(
    store: Store,
    loaded: LoadedPolicy,
    spec: DataSpec,
    champion: GateTable,
    challenger: GateTable,
    evidence: GateEvidence,
    *,
    champion_row: int | None,
    actor: str,
    report: Progress,
) -> Answer:
    """Judge a challenger and store the answer; the same predictions again get the same answer."""
    result = run_gate(loaded, spec, champion, challenger, evidence, progress=report)
    with store.transaction() as session:
        known = judged(session, result.policy_hash, result.gate_set, result.submission)
        if known is not None:
            return Answer(*known)
        state = next_state(session, result.gate_set, result.submission, None)
        shown = shown_result(result, state)
        number = record_gate_run(
            session, shown, champion=champion_row, challenger=None, actor=actor, state=state
        )
    return Answer(number, shown)
