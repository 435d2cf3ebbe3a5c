"""The promotion gate: a challenger judged against the champion on the same cases."""

from __future__ import annotations

from triage.data.spec import DataSpec
from triage.gating.evidence import GateEvidence
from triage.gating.gate_table import GateTable
from triage.gating.policy import LoadedPolicy
from triage.gating.result import GateResult
from triage.progress import Progress


def run_gate(
    loaded: LoadedPolicy,
    spec: DataSpec,
    champion: GateTable,
    challenger: GateTable,
    evidence: GateEvidence = GateEvidence(),  # noqa: B008  # frozen
    *,
    progress: Progress = lambda *_: None,
) -> GateResult:
    """Judge a challenger by a policy.

    Parameters
    ----------
    loaded : LoadedPolicy
    spec : DataSpec
    champion, challenger : GateTable
        On the same cases.
    evidence : GateEvidence
        What else is known; checks without their evidence are reported as not done.

    Raises
    ------
    UsageError
        If the tables hold different cases or labels.
    """
    raise NotImplementedError
