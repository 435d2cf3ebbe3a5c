"""What to do with a challenger, by the answer of the gate: sentences and commands."""

from __future__ import annotations

import shlex

from pydantic import BaseModel, ConfigDict

from triage.gating.check_keys import URGENT_MISSES
from triage.gating.result import GateResult
from triage.vocabulary.learning import GateVerdict


class NextStep(BaseModel):
    """One step.

    Parameters
    ----------
    sentence : str
    command : str
        '' where a person has something to do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    sentence: str
    command: str = ""


def next_steps(
    gate: GateResult | None,
    *,
    bundle: str,
    out: str,
    champion_folder: str,
    run: int | None,
    sign: bool,
) -> tuple[NextStep, ...]:
    """Return what can be done next.

    Parameters
    ----------
    gate : GateResult or None
        None after a first training.
    bundle : str
        Digest of the challenger.
    out : str
        Its folder.
    champion_folder : str
        '' after a first training.
    run : int or None
        Number of the training run.
    sign : bool
        Whether only signed bundles are used here.
    """
    if gate is not None and gate.verdict is GateVerdict.FAILS and not _only_misses(gate):
        return (*_after_refusal(champion_folder), *_record(run))
    name = bundle[:12]
    steps = []
    if sign:
        steps.append(
            NextStep(
                sentence="Only signed bundles are used here: have it signed with a trusted key.",
                command=f"triage registry sign --bundle {shlex.quote(out)} --key KEY",
            )
        )
    steps.append(
        NextStep(
            sentence="Propose it, with the permission change_models.",
            command=f"triage registry propose {name} --reason 'WHY' --as NAME",
        )
    )
    signed_off = gate is None or gate.verdict is not GateVerdict.PASSES
    accepted = ", and accepts under their name what the evidence lacks." if signed_off else "."
    steps.append(
        NextStep(
            sentence="Another person approves it, with the permission approve_models" + accepted,
            command="triage registry approve NUMBER --answer 'WHY'"
            + " --sign-off" * signed_off
            + " --as NAME",
        )
    )
    if gate is not None and gate.verdict is GateVerdict.NOT_ENOUGH_EVIDENCE:
        steps.append(
            NextStep(
                sentence="Or collect more cases for the gate split: the checks say about how many."
            )
        )
    return (*steps, *_record(run))


def _after_refusal(champion_folder: str) -> tuple[NextStep, ...]:
    ask = f"triage select --bundle {shlex.quote(champion_folder)} --strategy margin --n 30"
    return (
        NextStep(
            sentence="It cannot be proposed: the champion stays in use. Read the checks that fail."
        ),
        NextStep(
            sentence="Ask for labels that it lacks, or look for labels that may be wrong (triage "
            "label errors); then retrain into another folder.",
            command=ask,
        ),
    )


def _record(run: int | None) -> tuple[NextStep, ...]:
    if run is None:
        return ()
    command = f"triage retrain-policy record --run {run} --out change_{run}.html"
    return (NextStep(sentence="Write the record of this change.", command=command),)


def _only_misses(gate: GateResult) -> bool:
    failing = [c.check for c in gate.checks if c.decides and c.verdict is GateVerdict.FAILS]
    return bool(failing) and set(failing) == {URGENT_MISSES}
