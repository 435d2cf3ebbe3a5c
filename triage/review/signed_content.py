"""What a signature of a case covers, and its hash."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from triage.ledger.canonical import canonical_text, text_hash, time_text
from triage.ledger.review_history import CaseHistory, StatedRead


def signed_content(history: CaseHistory, case_id: int) -> dict[str, Any]:
    """Return what is signed, as plain JSON types; it follows from the events of the case alone.

    Parameters
    ----------
    history : CaseHistory
        As it is when signing.
    case_id : int
        Row of `case`.

    Returns
    -------
    dict
        `case`; `policy` under which it was read; `reads` that were not withdrawn, with the one
        that counts in `outcome`; `second_read` rules; `adjudication` with those who disagreed;
        `shown`, for each reader who saw the AI's opinion, the prediction and its hash; `addenda`.
    """
    return {
        "case": case_id,
        "policy": None if history.policy is None else asdict(history.policy),
        "reads": [_read(read) for read in history.reads if read.withdrawn_at is None],
        "outcome": history.outcome,
        "second_read": [str(rule) for rule in history.second_read_rules],
        "adjudication": {"readers": list(history.adjudicators), "rounds": history.round},
        "shown": [
            {
                "review": one.review,
                "at": time_text(one.revealed_at),
                "prediction": one.prediction,
                "sha256": history.predictions.get(one.prediction or 0),
            }
            for one in sorted(history.readers.values(), key=lambda one: one.review)
            if one.revealed_at is not None
        ],
        "addenda": [
            {"addendum": one.addendum, "author": one.author, "text": one.text,
             "at": time_text(one.at)}
            for one in history.addenda
        ],
    }  # fmt: skip


def signed_sha256(history: CaseHistory, case_id: int) -> str:
    """Return the SHA-256 of the canonical JSON (RFC 8785) of what is signed."""
    return text_hash(canonical_text(signed_content(history, case_id)))


def _read(read: StatedRead) -> dict[str, Any]:
    facts = read.facts
    # Not named where there is none, so that signatures of earlier releases still hold.
    follow_up = {} if facts.follow_up is None else {"follow_up": asdict(facts.follow_up)}
    return {
        "read": facts.read,
        "review": read.review,
        "reader": read.reader,
        "kind": str(read.kind),
        "round": read.round,
        "at": time_text(read.at),
        "conditions": list(facts.conditions),
        "urgency": str(facts.urgency),
        "certainty": str(facts.certainty),
        "reason": None if facts.reason_code is None else str(facts.reason_code),
        "comment": facts.comment,
        "rubric": dict(facts.rubric),
        **follow_up,
    }
