"""Adjudication: readers who disagree answer by a rubric in rounds, then a senior reader decides.

In a round each answers without seeing the other's answer of that round; between rounds all see the
answers of the rounds before, without names. Masked rounds until agreement are the procedure of
Krause et al. 2018 ("Grader variability and the importance of reference standards for evaluating
machine learning models for diabetic retinopathy"); the limit of rounds and the senior reader are
our own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from sqlalchemy.orm import Session

from triage.accounts import Action, Actor, may, require
from triage.ledger.events.review_events import AdjudicationClosed, AdjudicationRead, CaseOpened
from triage.ledger.review_history import CaseHistory, StatedRead
from triage.review.case_lists import cases_in
from triage.review.case_work import CaseWork, in_transaction, require_step
from triage.review.drafts import discard_draft
from triage.review.guards import ProposedRead, senior_decides, states_the_same
from triage.review.policies import SitePolicy, case_policy, site_policy
from triage.review.refusals import RefusalCode, StepRefused
from triage.review.states import Step
from triage.review.viewable import looked_at
from triage.store import LabelSource, Store
from triage.store.accounts import stored_accounts
from triage.store.base import utc_now
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty
from triage.vocabulary.reader_names import reader_key
from triage.vocabulary.review_policies import ReadKind

SENIOR = "Senior reader"


@dataclass(frozen=True, slots=True)
class WaitingAdjudication:
    """A case in which it is an actor's turn."""

    case_id: int
    external_id: str
    source: str
    received_at: datetime
    round: int
    as_senior: bool


@dataclass(frozen=True, slots=True)
class AdjudicationAnswer:
    """An answer without the name of the reader who gave it.

    Parameters
    ----------
    reader : str
        "Reader 1", "Reader 2", or "Senior reader"; the same one in every round of a case.
    own : bool
        Whether it is that of the reader who looks at it.
    conditions : tuple of str
    urgency : Urgency
    certainty : Certainty
    rubric : mapping of str to str
        Feature to `RubricAnswer`.
    comment : str
    """

    reader: str
    own: bool
    conditions: tuple[str, ...]
    urgency: Urgency
    certainty: Certainty
    rubric: Mapping[str, str]
    comment: str


@dataclass(frozen=True, slots=True)
class AdjudicationRound:
    """The answers of one round."""

    number: int
    answers: tuple[AdjudicationAnswer, ...]


@dataclass(frozen=True, slots=True)
class AdjudicationView:
    """What a reader sees of an adjudication.

    Parameters
    ----------
    case_id : int
    version : int
        To be given with the answer.
    open : bool
        Whether the case is still in adjudication.
    round : int
        The one that runs, from 1.
    rounds : int
        After which a senior reader decides.
    as_senior : bool
        Whether a senior reader decides now.
    in_turn : bool
        Whether this reader's answer is waited for.
    complete : tuple of AdjudicationRound
        Rounds in which all have answered.
    own : AdjudicationAnswer or None
        This reader's answer in the round that runs.
    """

    case_id: int
    version: int
    open: bool
    round: int
    rounds: int
    as_senior: bool
    in_turn: bool
    complete: tuple[AdjudicationRound, ...]
    own: AdjudicationAnswer | None


def adjudications_waiting(store: Store, actor: Actor) -> list[WaitingAdjudication]:
    """Return the cases in which an answer of this actor is waited for, the longest wait first.

    Raises
    ------
    PermissionDenied
        If the actor takes no part in adjudications.
    """
    require(actor, Action.ADJUDICATE)
    with store.reading() as session:
        found = []
        present = _who_can_answer(session)
        policies: dict[str, SitePolicy] = {}
        for case, history in cases_in(session, CaseState.ADJUDICATION):
            if case.source not in policies:
                policies[case.source] = site_policy(session, case.source)
            policy = policies[case.source]
            absent = _is_anyone_absent(history, present)
            if _in_turn(history, policy, actor, absent):
                found.append(
                    WaitingAdjudication(
                        case.id,
                        case.external_id,
                        case.source,
                        case.received_at,
                        history.round,
                        senior_decides(history, policy, absent=absent),
                    )
                )
        return found


def adjudication_view(store: Store, case_id: int, actor: Actor) -> AdjudicationView:
    """Return the complete rounds of an adjudication, and of the running one the actor's own answer.

    Raises
    ------
    StepRefused
        If the actor takes no part in it.
    PermissionDenied
        If the actor takes part in no adjudication.
    StoreError
        If there is no such case.
    """
    require(actor, Action.ADJUDICATE)
    with store.reading() as session:
        case = CaseWork(session, case_id)
        history = case.history
        absent = _someone_is_absent(session, history)
        takes_part = history.took_part(actor.name) or any(
            reader_key(read.reader) == reader_key(actor.name)
            for read in history.standing(ReadKind.ADJUDICATION)
        )
        if not takes_part and not _in_turn(history, case.policy, actor, absent):
            raise StepRefused(RefusalCode.NOT_YOURS, "You take no part in this adjudication.")
        return _view(case, actor, absent=absent)


def adjudicate(
    store: Store,
    case_id: int,
    actor: Actor,
    *,
    conditions: Sequence[str],
    urgency: Urgency,
    certainty: Certainty,
    rubric: Mapping[str, str],
    comment: str = "",
    version: int | None = None,
    at: datetime | None = None,
) -> AdjudicationView:
    """Store a reader's answer in the running round of an adjudication.

    When all have answered and name one urgency and one main condition, the adjudication ends; else
    the next round begins. After the last round, or where one of those who disagree has no account
    that can sign in, a senior reader who is none of them decides. The read that counts then gives
    labels: the conditions that all have named, or those of the senior reader.

    Parameters
    ----------
    conditions : sequence of str
        The main one first; several only of cases whose diagnoses may occur together.
    rubric : mapping of str to str
        Each feature of `triage.review.rubric.RUBRICS` of such a case to a `RubricAnswer`.
    version : int, optional
        `AdjudicationView.version` of what the reader saw.

    Raises
    ------
    StepRefused
        If the case is not in adjudication, it is not this actor's turn, the rubric is not complete,
        or no image can be shown.
    """
    require_step(actor, Step.ADJUDICATE)
    moment = at or utc_now()
    read = ProposedRead(
        tuple(conditions), urgency, certainty, comment=comment.strip(), rubric=dict(rubric)
    )
    is_viewable = looked_at(store, case_id)

    def work(case: CaseWork) -> AdjudicationView:
        absent = _someone_is_absent(case.session, case.history)
        if _is_stated(case, actor, read, version):
            return _view(case, actor, absent=absent)
        context = case.context(
            actor,
            moment,
            version=version,
            read=read,
            absent=absent,
            viewable=is_viewable(case.case),
        )
        case.check(Step.ADJUDICATE, context)
        _store(case, actor, read, moment)
        case.reached(Step.ADJUDICATE)
        discard_draft(case.session, case_id, actor.name)
        return _view(case, actor, absent=absent)

    return in_transaction(store, case_id, work)


def _is_stated(case: CaseWork, actor: Actor, read: ProposedRead, version: int | None) -> bool:
    """Whether this is the answer that the reader gave last, and it is only sent again."""
    history, key = case.history, reader_key(actor.name)
    own = [one for one in history.standing(ReadKind.ADJUDICATION) if reader_key(one.reader) == key]
    if not own or not states_the_same(own[-1], read):
        return False
    if history.state is not CaseState.ADJUDICATION or own[-1].round == history.round:
        return True
    if version is None:
        return False
    given = AdjudicationRead(own[-1].review, own[-1].round, own[-1].facts)
    return case.is_repeated(given, actor, version)


def _store(case: CaseWork, actor: Actor, read: ProposedRead, at: datetime) -> None:
    number = case.history.round
    review = case.review_of(actor, at)
    if case.history.progress(actor.name) is None:
        policy = case.history.policy or case_policy(case.policy, case.case)
        case.record(CaseOpened(review, policy, second=True), actor, at)
    facts = case.state_read(review, ReadKind.ADJUDICATION, read, at, number)
    case.record(AdjudicationRead(review, number, facts), actor, at)
    by_senior = not case.history.took_part(actor.name)
    answers = _answers(case.history, number)
    if by_senior:
        answers = answers[-1:]
    elif len(answers) < len(case.history.adjudicators) or not _agree(answers):
        return
    shared = tuple(
        one for one in facts.conditions if all(one in a.facts.conditions for a in answers)
    )
    case.label(
        replace(facts, conditions=shared),
        LabelSource.ADJUDICATED,
        actor.name,
        at,
        ai_visible=any(
            _saw_ai(case.history, one) for one in (*case.history.adjudicators, actor.name)
        ),
    )
    case.record(AdjudicationClosed(facts.read, by_senior), actor, at)
    case.answer_requests("an adjudication ended", actor, at)


def _agree(answers: Sequence[StatedRead]) -> bool:
    """Whether answers name one urgency and one main condition."""
    return len({(one.urgency, one.facts.conditions[0]) for one in answers}) == 1


def _saw_ai(history: CaseHistory, reader: str) -> bool:
    progress = history.progress(reader)
    return progress is not None and progress.revealed_at is not None


def _answers(history: CaseHistory, number: int) -> list[StatedRead]:
    return [one for one in history.standing(ReadKind.ADJUDICATION) if one.round == number]


def _someone_is_absent(session: Session, history: CaseHistory) -> bool:
    """Whether one of those who disagree has no account that can sign in."""
    return _is_anyone_absent(history, _who_can_answer(session))


def _who_can_answer(session: Session) -> frozenset[str] | None:
    """Keys of the accounts that can sign in and answer; None where there are no accounts."""
    accounts = stored_accounts(session)
    if not accounts:
        return None
    return frozenset(
        one.name_key
        for one in accounts
        if one.disabled_at is None and may(Actor(one.name, one.role), Action.ADJUDICATE)
    )


def _is_anyone_absent(history: CaseHistory, present: frozenset[str] | None) -> bool:
    return present is not None and any(
        reader_key(one) not in present for one in history.adjudicators
    )


def _in_turn(history: CaseHistory, policy: SitePolicy, actor: Actor, absent: bool) -> bool:
    if history.state is not CaseState.ADJUDICATION:
        return False
    if senior_decides(history, policy, absent=absent):
        return may(actor, Action.ADJUDICATE_AS_SENIOR) and not history.took_part(actor.name)
    given = history.read_of(actor.name, ReadKind.ADJUDICATION, history.round)
    return history.took_part(actor.name) and given is None


def _view(case: CaseWork, actor: Actor, *, absent: bool) -> AdjudicationView:
    history, policy = case.history, case.policy
    is_open = history.state is CaseState.ADJUDICATION
    names = _names(case.case.id, history)
    given = {one.round for one in history.standing(ReadKind.ADJUDICATION)}
    finished = sorted(number for number in given if not is_open or number < history.round)
    own = history.read_of(actor.name, ReadKind.ADJUDICATION, history.round) if is_open else None
    return AdjudicationView(
        case_id=case.case.id,
        version=history.version,
        open=is_open,
        round=history.round,
        rounds=policy.second_reads.rounds,
        as_senior=senior_decides(history, policy, absent=absent),
        in_turn=_in_turn(history, policy, actor, absent),
        complete=tuple(
            AdjudicationRound(
                number,
                tuple(
                    sorted(
                        (_answer(one, names, actor) for one in _answers(history, number)),
                        key=lambda one: one.reader,
                    )
                ),
            )
            for number in finished
        ),
        own=None if own is None else _answer(own, names, actor),
    )


def _names(case_id: int, history: CaseHistory) -> dict[str, str]:
    """Reader's key to "Reader 1" and so on, in an order that does not say who read first."""
    keys = [reader_key(one) for one in history.adjudicators]
    keys.sort(key=lambda key: sha256(f"{case_id}\0{key}".encode()).digest())
    return {key: f"Reader {number}" for number, key in enumerate(keys, 1)}


def _answer(read: StatedRead, names: Mapping[str, str], actor: Actor) -> AdjudicationAnswer:
    key, facts = reader_key(read.reader), read.facts
    return AdjudicationAnswer(
        reader=names.get(key, SENIOR),
        own=key == reader_key(actor.name),
        conditions=facts.conditions,
        urgency=facts.urgency,
        certainty=facts.certainty,
        rubric=dict(facts.rubric),
        comment=facts.comment,
    )
