"""What a reader can do besides deciding: leave a case, report it ungradable, hand it over."""

from __future__ import annotations

from datetime import datetime

from triage.accounts import Action, Actor, may
from triage.accounts.accounts import find_account
from triage.ledger.events.review_events import CaseHandedOver, CaseSkipped, CaseUngradable
from triage.review.case_work import CaseWork, in_transaction
from triage.review.guards import check_text
from triage.review.refusals import RefusalCode, StepRefused
from triage.review.states import Step
from triage.store import Store
from triage.store.base import utc_now
from triage.store.locks import set_lock
from triage.vocabulary.reader_names import reader_key


def skip_case(
    store: Store,
    case_id: int,
    actor: Actor,
    reason: str,
    *,
    version: int | None = None,
    at: datetime | None = None,
) -> None:
    """Leave a case to other readers; it stays on the worklist.

    Sending it again changes nothing, also where another reader has taken the case up meanwhile.

    Raises
    ------
    StepRefused
        If the case is not open for the reader, or no reason is given.
    """
    moment = at or utc_now()

    def work(case: CaseWork) -> None:
        review = _review_begun(case, actor)
        if review is not None:
            skipped = CaseSkipped(review, reason.strip())
            if case.is_repeated(skipped, actor, version):
                return
        case.check(Step.SKIP, case.context(actor, moment, version=version, text=reason))
        case.record(CaseSkipped(case.review_of(actor, moment), reason.strip()), actor, moment)
        case.reached(Step.SKIP)
        case.release()

    in_transaction(store, case_id, work)


def report_ungradable(
    store: Store,
    case_id: int,
    actor: Actor,
    reason: str,
    next_action: str,
    *,
    version: int | None = None,
    at: datetime | None = None,
) -> None:
    """State that the images cannot be read, and what is to be done, such as a retake.

    The case leaves the worklist until other images are supplied or it is opened again. Sending it
    again changes nothing.

    Raises
    ------
    StepRefused
        If the case is not open for the reader, or a text is missing.
    """
    moment = at or utc_now()

    def work(case: CaseWork) -> None:
        review = _review_begun(case, actor)
        texts = reason.strip(), next_action.strip()
        if review is not None:
            reported = CaseUngradable(review, *texts)
            if case.is_repeated(reported, actor, version):
                return
        context = case.context(actor, moment, version=version, text=reason)
        case.check(Step.REPORT_UNGRADABLE, context)
        if not next_action.strip():
            raise StepRefused(
                RefusalCode.NEEDS_COMMENT, "It is not said what is to be done.", hint="Say it."
            )
        check_text(next_action)
        case.record(CaseUngradable(case.review_of(actor, moment), *texts), actor, moment)
        case.reached(Step.REPORT_UNGRADABLE)
        case.release()

    in_transaction(store, case_id, work)


def hand_over(
    store: Store,
    case_id: int,
    actor: Actor,
    to: str,
    *,
    version: int | None = None,
    at: datetime | None = None,
) -> None:
    """Give a case to another reader, for whom it is reserved; they begin with a first read.

    Sending it again changes nothing.

    Parameters
    ----------
    to : str
        Name of an account that may read cases.

    Raises
    ------
    StepRefused
        If the case is not open for the reader, or there is no such reader.
    """
    moment = at or utc_now()
    account = find_account(store, to)

    def work(case: CaseWork) -> None:
        review = _review_begun(case, actor)
        if (
            review is not None
            and account is not None
            and case.is_repeated(CaseHandedOver(review, account.name), actor, version)
        ):
            return
        case.check(Step.HAND_OVER, case.context(actor, moment, version=version, to=to))
        if (
            account is None
            or account.disabled
            or not may(account.actor, Action.READ_CASE)
            or reader_key(account.name) == reader_key(actor.name)
        ):
            raise StepRefused(
                RefusalCode.UNKNOWN_READER,
                "There is no other reader of this name.",
                hint="Choose an enabled account that reads cases.",
            )
        case.record(CaseHandedOver(case.review_of(actor, moment), account.name), actor, moment)
        case.reached(Step.HAND_OVER)
        set_lock(case.session, case_id, account.name, moment + case.policy.lock_duration)

    in_transaction(store, case_id, work)


def _review_begun(case: CaseWork, actor: Actor) -> int | None:
    progress = case.history.progress(actor.name)
    return None if progress is None else progress.review
