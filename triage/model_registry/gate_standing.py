"""What a gate run says of a proposal: it passes, needs a named sign-off, or rules it out."""

from __future__ import annotations

import json
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.gating.check_keys import URGENT_MISSES
from triage.gating.check_titles import check_name
from triage.gating.result import CheckResult, GateResult
from triage.store.learning_tables import GateRunRow
from triage.vocabulary.learning import GateVerdict


@dataclass(frozen=True, slots=True)
class GateStanding:
    """What a gate run allows.

    Parameters
    ----------
    gate_run : int or None
        Row of `gate_run`; None where there is none.
    verdict : GateVerdict or None
    refusal : str
        Why nobody can approve it, in a sentence; '' if somebody can.
    sign_off_for : str
        What a named sign-off has to accept, in a sentence; '' where none is needed.
    result : GateResult or None
    """

    gate_run: int | None
    verdict: GateVerdict | None = None
    refusal: str = ""
    sign_off_for: str = ""
    result: GateResult | None = None


def newest_gate_run(session: Session, bundle_id: int, champion_id: int | None) -> int | None:
    """Return the last gate run of a bundle against a champion, or None."""
    return session.scalar(
        select(GateRunRow.id)
        .where(
            GateRunRow.challenger_id == bundle_id,
            GateRunRow.champion_id.is_(None)
            if champion_id is None
            else GateRunRow.champion_id == champion_id,
        )
        .order_by(GateRunRow.id.desc())
        .limit(1)
    )


def gate_standing(
    session: Session, gate_run: int | None, bundle_id: int, champion_id: int | None
) -> GateStanding:
    """Judge a gate run as evidence for putting a bundle in the place of the present champion.

    Parameters
    ----------
    session : Session
    gate_run : int or None
    bundle_id : int
    champion_id : int or None
        None where no bundle is in use: then there is nothing to compare with, and a named sign-off
        takes the place of the gate.
    """
    if gate_run is None:
        if champion_id is None:
            return GateStanding(None, sign_off_for="no bundle is in use to compare it with")
        return GateStanding(None, refusal="no gate has judged it against the bundle in use")
    row = session.get(GateRunRow, gate_run, populate_existing=True)
    if row is None:
        return GateStanding(gate_run, refusal="there is no such gate run")
    if row.challenger_id != bundle_id:
        return GateStanding(gate_run, refusal="the gate run judged another bundle")
    if row.champion_id != champion_id:
        return GateStanding(
            gate_run, refusal="the gate compared it with a bundle that is not the one in use now"
        )
    try:
        result = GateResult.model_validate_json(json.dumps(row.result))
    except ValidationError:
        result = None
    if result is None or result.verdict != row.verdict:
        return GateStanding(gate_run, refusal="the stored result of the gate was altered")
    return _judged(gate_run, result)


def _judged(gate_run: int, result: GateResult) -> GateStanding:
    misses = [check for check in result.checks if _is_frozen_miss(check)]
    if result.verdict is GateVerdict.FAILS:
        others = [
            f"{check_name(check)}: {check.sentence}"
            for check in result.checks
            if check.decides and check.verdict is GateVerdict.FAILS and check not in misses
        ]
        if others or not misses:
            why = others[0] if others else "the verdict is that it fails"
            return GateStanding(
                gate_run,
                result.verdict,
                refusal=f"the gate refuses it: {why.rstrip('.')}",
                result=result,
            )
    needed = ""
    if misses or result.verdict is not GateVerdict.PASSES:
        missed = [check.sentence.rstrip(".") for check in misses[:1]]
        lacking = [
            check
            for check in result.checks
            if check.decides and check.verdict is not GateVerdict.PASSES and check not in misses
        ]
        more = ["the gate had not enough evidence"] if lacking or not misses else []
        needed = "; and ".join([*missed, *more])
    return GateStanding(gate_run, result.verdict, sign_off_for=needed, result=result)


def _is_frozen_miss(check: CheckResult) -> bool:
    return check.check == URGENT_MISSES and check.verdict in (
        GateVerdict.FAILS,
        GateVerdict.NOT_ENOUGH_EVIDENCE,
    )
