"""What must be stored after readers have been at work, whatever happened to the server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.review.rows import assert_rows_follow
from tests.soak.sent_steps import Record, SentStep
from triage.accounts import Actor, Role
from triage.review.drafts import draft_of
from triage.store import Store, events, open_store, verify_ledger
from triage.vocabulary.event_types import EventType
from triage.vocabulary.review_policies import ReadKind

_KINDS = {
    "first-read": EventType.FIRST_READ_LOCKED,
    "decision": EventType.DECISION_MADE,
    "undo": EventType.DECISION_UNDONE,
    "skip": EventType.CASE_SKIPPED,
    "cannot-grade": EventType.CASE_UNGRADABLE,
    "hand-over": EventType.CASE_HANDED_OVER,
    "second-read": EventType.SECOND_READ_GIVEN,
    "adjudication": EventType.ADJUDICATION_READ,
}


def findings(url: str, record: Record) -> list[str]:
    """Return what was lost, doubled or damaged; empty where all is as it must be."""
    found = list(record.faults)
    store = open_store(url)
    try:
        with store.reading() as session:
            ledger = [one for one in events(session) if one.kind in _KINDS.values()]
        found += _marked(record.steps, ledger)
        found += _unmarked(record.steps, ledger)
        found += _drafts(store, record)
        for number, history in assert_rows_follow(store, begun_only=True).items():
            decisions = history.standing(ReadKind.FINAL)
            if len(decisions) > 1:
                found.append(f"case {number} has {len(decisions)} standing decisions")
    finally:
        store.close()
    verified = verify_ledger(url)
    if not verified.intact:
        found.append(f"the ledger does not verify: {verified.chain}")
    return found


def _marked(steps: Iterable[SentStep], ledger: Iterable[Any]) -> list[str]:
    """Steps with a text of their own: acknowledged ones once, refused ones not, others at most."""
    stored = Counter(filter(None, (_marker_of(one.payload) for one in ledger)))
    found = [f"{marker} is stored {n} times" for marker, n in stored.items() if n > 1]
    sent: dict[str, list[SentStep]] = {}
    for step in steps:
        if step.marker:
            sent.setdefault(step.marker, []).append(step)
    found += [f"{marker} was never sent" for marker in stored.keys() - sent.keys()]
    for marker, tries in sent.items():
        acknowledged = any(not one.refusal for one in tries)
        if acknowledged and not stored[marker]:
            found.append(f"lost: {tries}")
        elif not acknowledged and stored[marker]:
            found.append(f"stored, but its sender was refused: {tries}")
    return found


def _marker_of(payload: Any) -> str:
    read = payload.get("read")
    text = read.get("comment", "") if isinstance(read, dict) else payload.get("reason", "")
    return text if str(text).startswith("mark-") else ""


def _unmarked(steps: Iterable[SentStep], ledger: Iterable[Any]) -> list[str]:
    """First reads, undone decisions and cases handed over: as many as were acknowledged."""
    stored: Counter[tuple[str, int, str]] = Counter()
    names = {kind: step for step, kind in _KINDS.items()}
    for one in ledger:
        stored[one.actor, one.case_id, names[EventType(one.kind)]] += 1
    acknowledged: Counter[tuple[str, int, str]] = Counter()
    # What is sent again has the version of before, so that each step counts once.
    for each in {
        (one.reader, one.case_id, one.step, one.version)
        for one in steps
        if one.step in ("first-read", "undo", "hand-over") and not one.refusal
    }:
        acknowledged[each[:3]] += 1
    keys = acknowledged.keys() | {
        key for key in stored if key[2] in ("first-read", "undo", "hand-over")
    }
    return [
        f"{key}: {acknowledged[key]} acknowledged, {stored[key]} stored"
        for key in keys
        if acknowledged[key] != stored[key]
    ]


def _drafts(store: Store, record: Record) -> list[str]:
    found = []
    for (number, reader), content in record.drafts.items():
        kept = draft_of(store, number, Actor(reader, Role.READER))
        if kept != content:
            found.append(f"case {number}, {reader}: the draft is {kept}, not {content}")
    return found
