"""Small tables for tests of the gate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.gating.evidence import GateEvidence
from triage.gating.gate import run_gate
from triage.gating.gate_table import gate_table_of_frame
from triage.gating.policy import GatePolicy, LoadedPolicy
from triage.gating.result import CheckResult, GateResult

URGENT, OBSERVED, ROUTINE = "irregular dark patch", "round brown macule", "scaly red plaque"
OUTLIER = "crusted ulcer"


def spec() -> DataSpec:
    """The spec of the tables: phantoms of skin."""
    return load_spec(shipped_spec("derm_phantoms"))


def table(labels: list[str], named: list[str], **columns: Any) -> pd.DataFrame:
    """A table whose recommendation is the urgency of the named condition."""
    urgency = {one.name: str(one.urgency) for one in spec().conditions}
    frame = pd.DataFrame(
        {
            "case_id": [f"c{at:05}" for at in range(len(labels))],
            "patient_id": [f"p{at:05}" for at in range(len(labels))],
            "label": labels,
            "condition": named,
            "recommendation": [urgency[name] for name in named],
            "ood_score": np.linspace(0, 1, len(labels)),
        }
    )
    return frame.assign(**columns)


def pair(n: int = 400, gained: int = 40, lost: int = 4) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables: the champion errs on `gained` cases that the challenger has right, and so on."""
    labels = [URGENT if at % 4 == 0 else ROUTINE for at in range(n)]
    wrong = {URGENT: ROUTINE, ROUTINE: OBSERVED}
    both = list(range(n - n // 10, n))
    first, second = list(labels), list(labels)
    for at in (*range(gained), *both):
        first[at] = wrong[labels[at]]
    for at in (*range(gained, gained + lost), *both):
        second[at] = wrong[labels[at]]
    group = ["f" if at % 2 else "m" for at in range(n)]
    return table(labels, first, sex=group), table(labels, second, sex=group)


def loaded(**content: Any) -> LoadedPolicy:
    """A policy that was not read from a file."""
    policy = GatePolicy.model_validate(content)
    return LoadedPolicy(policy, policy.content_hash())


def judge(
    champion: pd.DataFrame,
    challenger: pd.DataFrame,
    evidence: GateEvidence = GateEvidence(),  # noqa: B008
    **content: Any,
) -> GateResult:
    """Judge two tables by a policy."""
    data = spec()
    tables = [gate_table_of_frame(frame, data) for frame in (champion, challenger)]
    return run_gate(loaded(**content), data, tables[0], tables[1], evidence)


def check(result: GateResult, key: str, group: str = "") -> CheckResult:
    """One check of a result."""
    (found,) = [each for each in result.checks if (each.check, each.group) == (key, group)]
    return found
