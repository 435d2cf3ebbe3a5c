"""Signing decided cases, adding to signed ones, and recording their export."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from triage.accounts import Action, Actor, require
from triage.errors import TriageError, UsageError
from triage.ledger.events.review_events import AddendumAdded, CaseExported, CaseSigned, FollowUp
from triage.ledger.review_history import StatedAddendum
from triage.review.case_lists import cases_in
from triage.review.case_work import CaseWork, in_transaction, require_step
from triage.review.guards import check_text
from triage.review.refusals import RefusalCode, StepRefused
from triage.review.signed_content import signed_sha256
from triage.review.states import Step
from triage.store import Store
from triage.store.base import utc_now
from triage.store.signatures import SignatureRecord, add_addendum_row, add_signature, signatures
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import SignatureMeaning

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class CaseToSign:
    """A decided case that is not signed as it stands.

    Parameters
    ----------
    case_id : int
    external_id, source : str
    received_at : datetime
    state : CaseState
        `DECIDED`, or `AMENDED` where an addendum came after the last signature.
    version : int
        To be given when signing.
    conditions : tuple of str
    urgency : Urgency
        Of the read that counts.
    authors : tuple of str
        Who may sign as the author.
    certainty : Certainty
    comment : str
        Of the read that counts.
    addenda : tuple of StatedAddendum
    follow_up : FollowUp or None
        What is to follow where the AI abstained.
    """

    case_id: int
    external_id: str
    source: str
    received_at: datetime
    state: CaseState
    version: int
    conditions: tuple[str, ...]
    urgency: Urgency
    authors: tuple[str, ...]
    certainty: Certainty
    comment: str = ""
    addenda: tuple[StatedAddendum, ...] = ()
    follow_up: FollowUp | None = None


@dataclass(frozen=True, slots=True)
class SignOffResult:
    """What became of the cases of a list.

    Parameters
    ----------
    signed : mapping of int to SignatureRecord
    refused : mapping of int to TriageError
        Cases that were not signed; nothing of them has changed.
    """

    signed: Mapping[int, SignatureRecord]
    refused: Mapping[int, TriageError]


def decided_cases(store: Store, actor: Actor, *, most: int | None = None) -> list[CaseToSign]:
    """Return the cases that can be signed, the one received first first; at most so many.

    Raises
    ------
    PermissionDenied
        If the actor signs no cases.
    """
    require(actor, Action.SIGN)
    with store.reading() as session:
        found = []
        for case, history in cases_in(session, CaseState.DECIDED, CaseState.AMENDED, most=most):
            counted = history.counted()
            assert counted is not None, "a decided case has a read that counts"
            assert history.state is not None, "a stored case was received"
            found.append(
                CaseToSign(
                    case.id,
                    case.external_id,
                    case.source,
                    case.received_at,
                    history.state,
                    history.version,
                    counted.facts.conditions,
                    counted.urgency,
                    history.authors(),
                    Certainty(counted.facts.certainty),
                    counted.facts.comment,
                    history.addenda,
                    counted.facts.follow_up,
                )
            )
        return found


def sign_off(
    store: Store,
    actor: Actor,
    case_ids: Sequence[int],
    meaning: SignatureMeaning,
    *,
    printed_name: str,
    reauthenticated: bool,
    versions: Mapping[int, int] | None = None,
    at: datetime | None = None,
) -> SignOffResult:
    """Sign a list of cases; each is signed or left as it is, whatever becomes of the others.

    Parameters
    ----------
    meaning : SignatureMeaning
        As the author only where the actor's read counts, or the addendum is theirs.
    printed_name : str
        As it stands on the signature.
    reauthenticated : bool
        Whether the actor has signed in again just now, for this list.
    versions : mapping of int to int, optional
        `CaseToSign.version` of what the actor saw, by case.

    Raises
    ------
    PermissionDenied
        If the actor signs no cases.
    StepRefused
        If the actor has not signed in again, or no name is given; then nothing was signed.
    """
    require_step(actor, Step.SIGN)
    name, moment = printed_name.strip(), at or utc_now()
    if not name:
        raise StepRefused(RefusalCode.BAD_TEXT, "A signature needs a printed name.")
    check_text(name)
    if not reauthenticated:
        raise StepRefused(
            RefusalCode.NEEDS_SIGN_IN, "A signature needs your password again.", hint="Give it."
        )
    signed: dict[int, SignatureRecord] = {}
    refused: dict[int, TriageError] = {}
    for case_id in dict.fromkeys(case_ids):
        version = None if versions is None else versions.get(case_id)

        def work(case: CaseWork, version: int | None = version) -> SignatureRecord:
            return _sign(case, actor, meaning, name, version, moment)

        try:
            signed[case_id] = in_transaction(store, case_id, work)
        except TriageError as refusal:
            refused[case_id] = refusal
    return SignOffResult(signed, refused)


def _sign(
    case: CaseWork,
    actor: Actor,
    meaning: SignatureMeaning,
    name: str,
    version: int | None,
    at: datetime,
) -> SignatureRecord:
    before = signatures(case.session, case.case.id)
    if case.history.state is CaseState.SIGNED and before:
        last = before[-1]
        same = reader_key(last.signed_by) == reader_key(actor.name)
        if same and (last.meaning, last.printed_name) == (meaning, name):
            return last
    case.check(
        Step.SIGN, case.context(actor, at, version=version, meaning=meaning, reauthenticated=True)
    )
    sha256 = signed_sha256(case.history, case.case.id)
    number = add_signature(
        case.session,
        case.case.id,
        signed_by=actor.name,
        printed_name=name,
        meaning=meaning,
        sha256=sha256,
        at=at,
    )
    case.record(CaseSigned(number, name, meaning, sha256), actor, at)
    case.reached(Step.SIGN)
    return SignatureRecord(number, case.case.id, actor.name, name, meaning, sha256, at)


def add_addendum(
    store: Store,
    case_id: int,
    actor: Actor,
    text: str,
    *,
    version: int | None = None,
    at: datetime | None = None,
) -> int:
    """Add a text to a signed case and return its number; the case has to be signed again.

    Raises
    ------
    StepRefused
        If the case was not signed, or the text is empty, too long or cannot be stored.
    """
    require_step(actor, Step.ADD_ADDENDUM)
    moment = at or utc_now()

    def work(case: CaseWork) -> int:
        if case.history.state is CaseState.AMENDED and case.history.addenda:
            last = case.history.addenda[-1]
            same = reader_key(last.author) == reader_key(actor.name)
            if same and last.text == text.strip():
                return last.addendum
        context = case.context(actor, moment, version=version, text=text)
        case.check(Step.ADD_ADDENDUM, context)
        number = add_addendum_row(case.session, case_id, actor.name, text.strip(), moment)
        case.record(AddendumAdded(number, text.strip()), actor, moment)
        case.reached(Step.ADD_ADDENDUM)
        return number

    return in_transaction(store, case_id, work)


def mark_exported(
    store: Store,
    case_id: int,
    actor: Actor,
    to: str,
    sha256: str,
    *,
    version: int | None = None,
    at: datetime | None = None,
) -> None:
    """Record that a signed case was given to another system.

    Parameters
    ----------
    to : str
        Name of the other system.
    sha256 : str
        Of what was given, as 64 hexadecimal digits in lower case.

    Raises
    ------
    StepRefused
        If the case is not signed as it stands.
    UsageError
        If the hash is none.
    """
    if not _SHA256.fullmatch(sha256):
        raise UsageError("This is no SHA-256: it has 64 hexadecimal digits.", where="sha256")
    moment = at or utc_now()

    def work(case: CaseWork) -> None:
        context = case.context(actor, moment, version=version, text=to)
        case.check(Step.EXPORT, context)
        case.record(CaseExported(to.strip(), sha256), actor, moment)
        case.reached(Step.EXPORT)

    in_transaction(store, case_id, work)
