"""What a retraining found: kept with the run, printed, and written as one page."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from triage.errors import ExitCode
from triage.gating.result import GateResult
from triage.learning.retraining.next_steps import NextStep
from triage.vocabulary.learning import GateVerdict

NOTHING_TO_COMPARE = "there is no champion: the gate has nothing to compare with"
_VERDICT_CODE = {
    GateVerdict.PASSES: ExitCode.DONE,
    GateVerdict.FAILS: ExitCode.ANSWERED_NO,
    GateVerdict.NOT_ENOUGH_EVIDENCE: ExitCode.NOT_ENOUGH_EVIDENCE,
}


class RetrainResult(BaseModel):
    """The result of one run.

    Parameters
    ----------
    out : str
        Folder of the challenger.
    bundle : str
        Its digest.
    champion : str, optional
        Digest of the champion; None after a first training.
    run : str
        Key of the run.
    dataset_version : str
        Root of the version of the data set.
    spec, policy_hash : str
    started_at, finished_at : str
    splits : dict of int
        Cases of each split.
    labels : dict
        What the reviews gave: labels found and used, by source, and why others were not.
    left_out : tuple of dict
        Reviewed cases whose files are not those that were received: case, source, reason.
    rejected : dict
        Cases that could not be read, by part and reason.
    reported : dict
        By metric, both systems on the split that reports show.
    gate : GateResult, optional
        None after a first training.
    number : int, optional
        Of the training run in the case database.
    next_steps : tuple of NextStep
        What can be done with it now.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    out: str
    bundle: str
    champion: str | None
    run: str
    dataset_version: str
    spec: str
    policy_hash: str
    policy_signed_by: str | None
    started_at: str
    finished_at: str
    splits: dict[str, int]
    labels: dict[str, Any]
    left_out: tuple[dict[str, str], ...]
    rejected: dict[str, dict[str, int]]
    validation: dict[str, float]
    reported: dict[str, dict[str, Any]]
    gate: GateResult | None
    number: int | None = None
    next_steps: tuple[NextStep, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """What the command line returns: the gate's answer, then whether files were left out."""
        code = ExitCode.DONE if self.gate is None else _VERDICT_CODE[self.gate.verdict]
        if code is ExitCode.DONE and self.left_out:
            return ExitCode.SOME_REJECTED
        return code

    @property
    def verdict(self) -> str:
        """The gate's answer, in words."""
        if self.gate is None:
            return NOTHING_TO_COMPARE
        return {
            GateVerdict.PASSES: "passes: it may be proposed",
            GateVerdict.FAILS: "fails: the champion stays",
            GateVerdict.NOT_ENOUGH_EVIDENCE: "not enough evidence: a person decides",
        }[self.gate.verdict]
