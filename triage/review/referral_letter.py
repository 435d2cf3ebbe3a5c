"""What a printable referral letter of a signed case says, from the record that was signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from triage.accounts import Action, Actor, PermissionDenied, may
from triage.errors import LedgerError
from triage.ledger.events.review_events import FollowUp
from triage.ledger.review_history import CaseHistory, StatedRead
from triage.ledger.review_replay import replay
from triage.modalities import MODALITIES
from triage.review.case_work import history_events
from triage.review.refusals import RefusalCode, StepRefused
from triage.review.signature_check import verify_signature
from triage.store import Store
from triage.store.accounts import stored_accounts
from triage.store.bundles import planted_digest
from triage.store.cases import get_case
from triage.store.predictions import get_prediction
from triage.store.records import StoredCase
from triage.store.tables import Bundle, Case, Signature
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.laterality import Laterality
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.reserved_names import is_reserved
from triage.vocabulary.review_policies import ReadKind, SignatureMeaning

_SIGNED = (CaseState.SIGNED, CaseState.EXPORTED)


@dataclass(frozen=True, slots=True)
class LetterCase:
    """Which case a letter is about.

    Parameters
    ----------
    case_id : int
    external_id, site : str
    patient : str or None
        The pseudonym; None where the case came without one.
    received_at : datetime
    kind : str
        Title of the modality, such as 'skin photographs'.
    images : int
        Number of images; a volume is one.
    volume : bool
        Whether it is a volume.
    laterality : Laterality or None
    age : float or None
        Years.
    visit : int or None
        Whole days since the patient's first visit.
    """

    case_id: int
    external_id: str
    site: str
    patient: str | None
    received_at: datetime
    kind: str
    images: int
    volume: bool
    laterality: Laterality | None
    age: float | None
    visit: int | None


@dataclass(frozen=True, slots=True)
class LetterDecision:
    """The read that counts.

    Parameters
    ----------
    conditions : tuple of str
        The main one first.
    urgency : Urgency
    certainty : Certainty
    comment : str
    at : datetime
    by : tuple of str
        Printed names of those who decided.
    adjudicated : bool
        Whether it is the outcome of an adjudication.
    second_read : bool
        Whether a second reader has read the case as well.
    follow_up : FollowUp or None
        What is to follow where the AI abstained.
    """

    conditions: tuple[str, ...]
    urgency: Urgency
    certainty: Certainty
    comment: str
    at: datetime
    by: tuple[str, ...]
    adjudicated: bool
    second_read: bool
    follow_up: FollowUp | None


@dataclass(frozen=True, slots=True)
class LetterSystem:
    """A system whose opinion a reader of the case was shown.

    Parameters
    ----------
    name : str
    digest : str
        SHA-256 of the bundle's manifest.
    abstained : bool
        Whether it gave no opinion.
    """

    name: str
    digest: str
    abstained: bool


@dataclass(frozen=True, slots=True)
class LetterAddendum:
    """A text added after a signature, with the printed name of who wrote it."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LetterSignature:
    """A signature; `covers_all` is false of one before the last addendum."""

    printed_name: str
    meaning: SignatureMeaning
    at: datetime
    sha256: str
    covers_all: bool


@dataclass(frozen=True, slots=True)
class ReferralLetter:
    """A letter.

    Parameters
    ----------
    case : LetterCase
    decision : LetterDecision
    systems : tuple of LetterSystem
        Empty where the case was read without the AI.
    addenda : tuple of LetterAddendum
    signatures : tuple of LetterSignature
    """

    case: LetterCase
    decision: LetterDecision
    systems: tuple[LetterSystem, ...]
    addenda: tuple[LetterAddendum, ...]
    signatures: tuple[LetterSignature, ...]


@dataclass(frozen=True, slots=True)
class SignedCase:
    """A case that has a letter, and its last signature."""

    case_id: int
    external_id: str
    site: str
    printed_name: str
    at: datetime


def signed_cases(store: Store, actor: Actor, *, limit: int = 20) -> list[SignedCase]:
    """Return the cases that were signed last, the newest first; one with an open addendum is none.

    Raises
    ------
    PermissionDenied
        If the actor neither signs nor exports cases.
    """
    _require_letters(actor)
    with store.reading() as session:
        later = aliased(Signature)
        signed_again = (
            select(later.id)
            .where(later.case_id == Signature.case_id, later.id > Signature.id)
            .exists()
        )
        rows = session.execute(
            select(Case.id, Case.external_id, Case.source, Signature.printed_name, Signature.at)
            .join(Signature, Signature.case_id == Case.id)
            .where(Case.state.in_(_SIGNED), ~signed_again)
            .order_by(Signature.id.desc())
            .limit(limit)
        )
        return [SignedCase(*row) for row in rows]


def _require_letters(actor: Actor) -> None:
    if not (may(actor, Action.SIGN) or may(actor, Action.EXPORT_CASE)):
        raise PermissionDenied(
            f"This needs the permission {Action.SIGN.value} or {Action.EXPORT_CASE.value}.",
            hint="Ask an administrator.",
        )


def referral_letter(store: Store, case_id: int, actor: Actor) -> ReferralLetter:
    """Return the letter of a signed case.

    It follows from the events of the case, and is refused where a signature no longer fits them.
    Making it is recorded nowhere: the record of an export is `triage.review.mark_exported`.

    Raises
    ------
    PermissionDenied
        If the actor neither signs nor exports cases.
    StepRefused
        If the case is not signed as it stands.
    StoreError
        If there is no such case.
    LedgerError
        If what was signed has been changed since.
    """
    _require_letters(actor)
    with store.reading() as session:
        case = get_case(session, case_id)
        history = replay(history_events(session, case_id))
        _require_signed(history)
        names = {one.name_key: one.printed_name for one in stored_accounts(session)}
        letter = ReferralLetter(
            _case(case),
            _decision(history, names),
            _systems(session, history),
            tuple(
                LetterAddendum(one.text, _printed(one.author, names), one.at)
                for one in history.addenda
            ),
            (),
        )
    checks = verify_signature(store, case_id)
    if not checks or not all(check.holds for check in checks) or not checks[-1].current:
        raise LedgerError(
            "What was signed does not fit the record any more.",
            where=f"case {case_id}",
            hint="Run triage ledger verify and tell an administrator.",
        )
    return ReferralLetter(
        letter.case,
        letter.decision,
        letter.systems,
        letter.addenda,
        tuple(
            LetterSignature(
                check.signature.printed_name,
                check.signature.meaning,
                check.signature.at,
                check.signature.sha256,
                check.current,
            )
            for check in checks
        ),
    )


def _require_signed(history: CaseHistory) -> None:
    if history.state in _SIGNED:
        return
    if history.state is CaseState.AMENDED:
        raise StepRefused(
            RefusalCode.WRONG_STATE,
            "An addendum of this case is not signed.",
            hint="Sign the case again; then there is a letter.",
        )
    raise StepRefused(
        RefusalCode.WRONG_STATE,
        "This case is not signed, and only signed cases have a letter.",
        hint="Sign it first.",
    )


def _case(case: StoredCase) -> LetterCase:
    kind = MODALITIES[case.modality]
    return LetterCase(
        case.id,
        case.external_id,
        case.source,
        None if is_reserved(case.patient) else case.patient,
        case.received_at,
        kind.title,
        len(case.images),
        kind.volumes,
        case.laterality,
        case.age,
        case.visit,
    )


def _decision(history: CaseHistory, names: dict[str, str]) -> LetterDecision:
    counted: StatedRead | None = history.counted()
    assert counted is not None, "a signed case has a read that counts"
    facts = counted.facts
    return LetterDecision(
        facts.conditions,
        facts.urgency,
        facts.certainty,
        facts.comment,
        counted.at,
        tuple(_printed(one, names) for one in history.authors()),
        counted.kind is ReadKind.ADJUDICATION,
        bool(history.standing(ReadKind.SECOND)),
        facts.follow_up,
    )


def _printed(reader: str, names: dict[str, str]) -> str:
    """The printed name of a reader's account; of who has none, the name in the record."""
    return names.get(reader_key(reader), reader)


def _systems(session: Session, history: CaseHistory) -> tuple[LetterSystem, ...]:
    """The systems whose opinion any reader of the case was shown."""
    # Of a planted case the opinion is in the name of the system that scored it.
    known = list(session.scalars(select(Bundle.digest)))
    stand_ins = {planted_digest(digest): digest for digest in known}
    found: dict[str, LetterSystem] = {}
    for reader in sorted(history.readers.values(), key=lambda one: one.review):
        if reader.revealed_at is None or reader.prediction is None:
            continue
        shown = get_prediction(session, reader.prediction)
        digest = stand_ins.get(shown.bundle_digest, shown.bundle_digest)
        found[digest] = LetterSystem(shown.bundle_name, digest, shown.decision.abstained)
    return tuple(found.values())
