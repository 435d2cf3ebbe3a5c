"""Uses of gate splits, counted in the database, and the answers that were given."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from triage.gating.hold_out_ladder import HoldOutState, level_of_use
from triage.gating.result import GateResult
from triage.hashing import hash_bytes, hash_json
from triage.ledger.events.learning_events import GateRun
from triage.store import append_event
from triage.store.base import utc_now
from triage.store.learning_tables import GateRunRow
from triage.store.tables import Bundle
from triage.store.upsert import add_once

SHARED = 0.1
"""Gate sets that share more than this part of the smaller one's cases count their uses together."""
_LOCK_KEY = 1_206_331_219  # any number, the same in every process of ours
_UNIQUE = ("gate_set", "policy_hash", "submission")
_DIGITS = 10


@dataclass(frozen=True)
class Uses:
    """How often a gate split has answered.

    Parameters
    ----------
    submissions : tuple of str
        Hashes of both predictions, in the order of their first use, of this set and of those it
        continues.
    improvements : tuple of str
        Those that were called better.
    continues : tuple of str
        Other gate sets whose uses count.
    """

    submissions: tuple[str, ...] = ()
    improvements: tuple[str, ...] = ()
    continues: tuple[str, ...] = ()


def judged(
    session: Session, policy_hash: str, gate_set: str, submission: str
) -> tuple[int, GateResult] | None:
    """Return the answer that the same predictions got before under the same policy, and its row.

    Parameters
    ----------
    policy_hash, gate_set, submission : str
        As in `GateResult`.
    """
    row = session.scalars(
        select(GateRunRow).where(
            GateRunRow.gate_set == gate_set,
            GateRunRow.policy_hash == policy_hash,
            GateRunRow.submission == submission,
        )
    ).one_or_none()
    # From text: in Python's mode a list is no tuple, and a word no member of an enumeration.
    return None if row is None else (row.id, GateResult.model_validate_json(json.dumps(row.result)))


def uses(session: Session, gate_set: str) -> int:
    """Return how many different submissions a gate set has judged, with those it continues."""
    return len(uses_of(session, gate_set).submissions)


def case_digest(case: str) -> str:
    """Return the short hash by which a case of a gate set is recognised in another one."""
    return hash_bytes(case.encode())[:_DIGITS]


def uses_of(session: Session, gate_set: str, cases: Sequence[str] = ()) -> Uses:
    """Return the uses of a gate set.

    Parameters
    ----------
    gate_set : str
        Hash of its cases.
    cases : sequence of str
        Keys of its cases, where it may be used for the first time: a set with a few cases more or
        less than one that was used is not unused.
    """
    continues = _continued(session, gate_set, cases)
    rows = session.scalars(
        select(GateRunRow.hold_out_state)
        .where(GateRunRow.gate_set.in_((gate_set, *continues)))
        .order_by(GateRunRow.id)
    ).all()
    first: dict[str, bool] = {}
    for state in rows:
        first.setdefault(str(state.get("predictions")), bool(state.get("better", False)))
    better = tuple(submission for submission, improved in first.items() if improved)
    return Uses(tuple(first), better, continues)


def _continued(session: Session, gate_set: str, cases: Sequence[str]) -> tuple[str, ...]:
    rows = session.execute(
        select(GateRunRow.gate_set, GateRunRow.hold_out_state).order_by(GateRunRow.id)
    ).all()
    states: dict[str, HoldOutState] = {}
    for name, state in rows:
        if state and name not in states:
            states[name] = HoldOutState.model_validate_json(json.dumps(state))
    if gate_set in states:
        return states[gate_set].continues
    own = {case_digest(case) for case in cases}
    found: set[str] = set()
    for name, used in states.items():
        smaller = min(len(own), len(used.cases))
        if smaller and len(own.intersection(used.cases)) > SHARED * smaller:
            found |= {name, *used.continues}
    return tuple(sorted(found))


def next_state(
    session: Session, gate_set: str, predictions: str, cases: Sequence[str] = ()
) -> HoldOutState:
    """Count a submission, which is not answered yet.

    In a transaction for writing, other writers wait from here to its end, so that no two
    submissions get the same number; in one for reading, the number may be taken meanwhile.

    Parameters
    ----------
    gate_set : str
    predictions : str
        Hash of both predictions. The same under another policy, or with other evidence, have the
        number that they had.
    cases : sequence of str
        Keys of the gate set's cases.
    """
    _lock(session)
    before = uses_of(session, gate_set, cases)
    order = before.submissions
    place = order.index(predictions) if predictions in order else len(order)
    improvements = sum(one in before.improvements for one in order[:place])
    is_first = not session.scalar(
        select(func.count()).select_from(GateRunRow).where(GateRunRow.gate_set == gate_set)
    )
    return HoldOutState(
        predictions=predictions,
        use=place + 1,
        improvements=improvements,
        level=level_of_use(place + 1, improvements),
        step=None,
        better=False,
        claimed=0.0,
        cases=tuple(sorted(case_digest(case) for case in cases)) if is_first else (),
        continues=before.continues,
    )


def _lock(session: Session) -> None:
    """Wait for other writers; on SQLite a transaction for writing has waited already."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_LOCK_KEY)))


def record_gate_run(
    session: Session,
    result: GateResult,
    *,
    champion: int | None,
    challenger: int | None,
    actor: str,
    state: HoldOutState,
) -> int:
    """Store an answer and the event of it; the same submission again changes nothing.

    Parameters
    ----------
    result : GateResult
        As it is shown.
    champion, challenger : int or None
        Rows of `bundle`, where they are registered.
    state : HoldOutState
        From `next_state`, in this transaction.

    Returns
    -------
    int
        Row of `gate_run`.
    """
    at = utc_now()
    number, is_new = add_once(
        session,
        GateRunRow,
        {
            "gate_set": result.gate_set,
            "policy_hash": result.policy_hash,
            "submission": result.submission,
            "champion_id": champion,
            "challenger_id": challenger,
            "verdict": result.verdict.value,
            "result": result.model_dump(mode="json"),
            "hold_out_state": state.model_dump(mode="json"),
            "run_by": actor,
            "run_at": at,
        },
        _UNIQUE,
    )
    if is_new:
        event = GateRun(
            number,
            result.gate_set,
            result.policy_hash,
            result.submission,
            result.verdict.value,
            state.use,
            hash_json([result.model_dump(mode="json"), state.model_dump(mode="json")]),
            *(_digest(session, number) for number in (champion, challenger)),
        )
        append_event(session, event, actor=actor, at=at)
    return number


def _digest(session: Session, bundle: int | None) -> str | None:
    return session.scalar(select(Bundle.digest).where(Bundle.id == bundle))
