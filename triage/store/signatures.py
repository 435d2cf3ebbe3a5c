"""Signatures of cases, and texts added after signing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.store.tables import Addendum, Signature
from triage.vocabulary.review_policies import SignatureMeaning


@dataclass(frozen=True, slots=True)
class SignatureRecord:
    """A signature: printed name, time, meaning, and the SHA-256 of what was signed."""

    id: int
    case_id: int
    signed_by: str
    printed_name: str
    meaning: SignatureMeaning
    sha256: str
    at: datetime


def add_signature(
    session: Session,
    case_id: int,
    *,
    signed_by: str,
    printed_name: str,
    meaning: SignatureMeaning,
    sha256: str,
    at: datetime,
) -> int:
    """Add a signature and return its number."""
    row = Signature(
        case_id=case_id,
        signed_by=signed_by,
        printed_name=printed_name,
        meaning=meaning,
        sha256=sha256,
        at=at,
    )
    session.add(row)
    session.flush()
    return row.id


def signatures(session: Session, case_id: int) -> list[SignatureRecord]:
    """Return the signatures of a case, the oldest first."""
    rows = session.scalars(
        select(Signature).where(Signature.case_id == case_id).order_by(Signature.id)
    )
    return [
        SignatureRecord(
            row.id,
            row.case_id,
            row.signed_by,
            row.printed_name,
            SignatureMeaning(row.meaning),
            row.sha256,
            row.at,
        )
        for row in rows
    ]


def add_addendum_row(session: Session, case_id: int, author: str, text: str, at: datetime) -> int:
    """Add an addendum and return its number."""
    row = Addendum(case_id=case_id, author=author, text=text, at=at)
    session.add(row)
    session.flush()
    return row.id
