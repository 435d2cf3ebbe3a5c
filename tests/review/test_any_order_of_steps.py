"""Any order of steps by three readers and a governance account keeps the rules of a review.

What was shown and given is counted here from what the steps return, and not taken from the code
that decides. `python -m tests.soak.review_steps` runs many more orders.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import text

from tests.review.rows import assert_rows_follow
from tests.review.team import ADMIN, ANN, BOB, GOV, RUBRIC, SUE
from tests.store.make import NOON, abstention, bundle, case, opinion
from triage.accounts import SYSTEM_ACTOR, Actor, PermissionDenied, Role
from triage.accounts.accounts import add_account
from triage.review import (
    Certainty,
    FollowUp,
    FollowUpKind,
    RefusalCode,
    StepRefused,
    add_addendum,
    adjudicate,
    decide,
    give_second_read,
    hand_over,
    lock_first_read,
    mark_exported,
    open_case,
    open_second_read,
    report_ungradable,
    reveal,
    sign_off,
    skip_case,
    undo_decision,
    verify_signature,
)
from triage.review.policies import SecondReadPolicy, SitePolicy, set_site_policy
from triage.review.states import TRANSITIONS, Step
from triage.store import add_case, add_prediction, events, open_store, register_bundle
from triage.store.bundles import withdraw_bundle
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import ReadingMode, SignatureMeaning

READERS = (ANN, BOB, SUE)
MODES = {1: ReadingMode.BLIND, 2: ReadingMode.AI_OFF, 3: ReadingMode.CONCURRENT}
DIGESTS = ("d" * 64, "e" * 64)


@cache
def _template() -> Path:
    """A database with accounts, three sites of one case each, and two bundles."""
    path = Path(tempfile.mkdtemp()) / "template.db"
    store = open_store(f"sqlite:///{path}", create=True)
    add_account(
        store, ADMIN.name, Role.ADMINISTRATOR, by=SYSTEM_ACTOR, password="a long pass phrase 7"
    )
    for actor in (*READERS, GOV):
        assert actor.role is not None
        add_account(
            store, actor.name, actor.role, by=ADMIN, issuer="https://i.example", subject=actor.name
        )
    for mode in MODES.values():
        twice = SecondReadPolicy(random_share=1.0, rounds=1)
        set_site_policy(store, mode, SitePolicy(mode=mode, second_reads=twice), GOV)
    with store.transaction() as session:
        for mode in MODES.values():
            number = add_case(session, case(f"case 1 {mode}", source=mode))
            for digest, decision in zip(DIGESTS, (abstention(), opinion()), strict=True):
                system = register_bundle(session, bundle(digest, name=digest[:1]))
                add_prediction(session, number, system, decision)
    store.close()
    return path


REASONS = (None, OverrideReason.HISTORY, OverrideReason.SHOULD_ABSTAIN)
NUMBERS = st.sampled_from(list(MODES))
ACTORS = st.sampled_from(READERS)
URGENCIES = st.sampled_from((Urgency.URGENT, Urgency.SEMI_URGENT))
TURNS = st.tuples(ACTORS, URGENCIES, st.sampled_from(("next",) * 6 + ("undo", "skip", "hand_over")))
VERSIONS = st.sampled_from(("none", "none", "current", "stale"))


class AnyOrder(RuleBasedStateMachine):
    """Steps of a review, allowed or not."""

    reached: ClassVar[Counter[tuple[str, str]]] = Counter()
    """Steps taken, by the state that they led to; of all runs."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        shutil.copyfile(_template(), self.folder / "triage.db")
        self.store = open_store(f"sqlite:///{self.folder / 'triage.db'}")
        self.patch = patch("triage.review.viewable._is_viewable", lambda *_: True)
        self.patch.start()
        self.now = NOON
        self.first_given: set[tuple[int, str]] = set()
        self.has_read: set[tuple[int, str]] = set()
        self.second_given: set[tuple[int, str]] = set()
        self.checked = 0
        self.signed_reads: dict[int, dict[int, Any]] = {}
        self.histories = assert_rows_follow(self.store)

    def teardown(self) -> None:
        self.patch.stop()
        self.store.close()
        shutil.rmtree(self.folder)

    def take(self, step: Step, number: int, work: Callable[[], Any]) -> tuple[bool, Any]:
        """Take a step; return whether it was allowed, and what it returned."""
        before = self.histories[number]
        count = self._events()
        try:
            result = work()
        except (StepRefused, PermissionDenied):
            assert self._events() == count, "a refused step has left events"
            return False, None
        self.histories = assert_rows_follow(self.store)
        after = self.histories[number]
        if self._events() != count:
            assert before.state in TRANSITIONS[step].sources
            assert after.state in TRANSITIONS[step].targets
            self.reached[step.value, str(after.state)] += 1
        return True, result

    def _events(self) -> int:
        with self.store.reading() as session:
            return session.scalar(text("SELECT count(*) FROM event")) or 0

    def version(self, number: int, which: str) -> int | None:
        current = self.histories[number].version
        return {"none": None, "current": current, "stale": current - 1}[which]

    def stated(self, urgency: Urgency) -> dict[str, Any]:
        return {
            "conditions": ("melanoma",),
            "urgency": urgency,
            "certainty": Certainty.SURE,
            "at": self.now,
        }

    @rule(number=NUMBERS, actor=st.sampled_from((*READERS, GOV)))
    def open(self, number: int, actor: Actor) -> None:
        allowed, _ = self.take(
            Step.OPEN, number, lambda: open_case(self.store, number, actor, at=self.now)
        )
        assert not (allowed and actor is GOV)
        history = self.histories[number]
        if allowed and history.state is not None:
            assert history.policy is not None
            assert history.policy.mode is MODES[number]

    @rule(number=NUMBERS, actor=ACTORS, urgency=URGENCIES, version=VERSIONS)
    def lock(self, number: int, actor: Actor, urgency: Urgency, version: str) -> None:
        allowed, _ = self.take(
            Step.LOCK_FIRST_READ,
            number,
            lambda: lock_first_read(
                self.store,
                number,
                actor,
                version=self.version(number, version),
                **self.stated(urgency),
            ),
        )
        if allowed:
            self.first_given.add((number, actor.name))
            self.has_read.add((number, actor.name))

    @rule(number=NUMBERS, actor=ACTORS)
    def reveal(self, number: int, actor: Actor) -> None:
        allowed, _ = self.take(
            Step.REVEAL, number, lambda: reveal(self.store, number, actor, at=self.now)
        )
        if allowed:
            assert MODES[number] is not ReadingMode.AI_OFF
            if MODES[number] is ReadingMode.BLIND:
                assert (number, actor.name) in self.first_given
            self.has_read.add((number, actor.name))

    @rule(
        number=NUMBERS,
        actor=ACTORS,
        urgency=URGENCIES,
        reason=st.sampled_from(REASONS),
        version=VERSIONS,
    )
    def decide(
        self,
        number: int,
        actor: Actor,
        urgency: Urgency,
        reason: OverrideReason | None,
        version: str,
    ) -> None:
        allowed, _ = self.take(
            Step.DECIDE,
            number,
            lambda: self._decide(number, actor, urgency, reason, version),
        )
        if allowed:
            self.has_read.add((number, actor.name))
            assert (number, actor.name) not in self.second_given

    def _decide(
        self,
        number: int,
        actor: Actor,
        urgency: Urgency,
        reason: OverrideReason | None,
        version: str,
    ) -> None:
        given = self.stated(urgency) | {
            "reason": reason,
            "version": self.version(number, version),
        }
        try:
            decide(self.store, number, actor, **given)
        except StepRefused as refusal:
            if refusal.code is not RefusalCode.NEEDS_FOLLOW_UP:
                raise
            follow_up = FollowUp(FollowUpKind.NONE, text="nothing")
            decide(self.store, number, actor, follow_up=follow_up, **given)

    @rule(number=NUMBERS, actor=ACTORS, version=VERSIONS)
    def undo(self, number: int, actor: Actor, version: str) -> None:
        self.take(
            Step.UNDO_DECISION,
            number,
            lambda: undo_decision(
                self.store, number, actor, version=self.version(number, version), at=self.now
            ),
        )

    @rule(number=NUMBERS, actor=ACTORS, words=st.sampled_from(("", "later")))
    def skip(self, number: int, actor: Actor, words: str) -> None:
        self.take(
            Step.SKIP, number, lambda: skip_case(self.store, number, actor, words, at=self.now)
        )

    @rule(number=NUMBERS, actor=ACTORS)
    def ungradable(self, number: int, actor: Actor) -> None:
        self.take(
            Step.REPORT_UNGRADABLE,
            number,
            lambda: report_ungradable(
                self.store, number, actor, "blurred", "take another", at=self.now
            ),
        )

    @rule(number=NUMBERS, actor=ACTORS, to=st.sampled_from((*READERS, GOV)))
    def hand_over(self, number: int, actor: Actor, to: Actor) -> None:
        allowed, _ = self.take(
            Step.HAND_OVER,
            number,
            lambda: hand_over(self.store, number, actor, to.name, at=self.now),
        )
        assert not (allowed and to in (GOV, actor))

    @rule(number=NUMBERS, actor=ACTORS)
    def open_second(self, number: int, actor: Actor) -> None:
        allowed, view = self.take(
            Step.OPEN_SECOND_READ,
            number,
            lambda: open_second_read(self.store, number, actor, at=self.now),
        )
        if allowed and view.given is None:
            assert (number, actor.name) not in self.has_read

    @rule(number=NUMBERS, actor=ACTORS, urgency=URGENCIES, version=VERSIONS)
    def second_read(self, number: int, actor: Actor, urgency: Urgency, version: str) -> None:
        allowed, _ = self.take(
            Step.GIVE_SECOND_READ,
            number,
            lambda: give_second_read(
                self.store,
                number,
                actor,
                version=self.version(number, version),
                **self.stated(urgency),
            ),
        )
        if allowed and (number, actor.name) not in self.second_given:
            assert (number, actor.name) not in self.has_read
            self.second_given.add((number, actor.name))

    @rule(number=NUMBERS, actor=ACTORS, urgency=URGENCIES, version=VERSIONS)
    def adjudicate(self, number: int, actor: Actor, urgency: Urgency, version: str) -> None:
        self.take(
            Step.ADJUDICATE,
            number,
            lambda: adjudicate(
                self.store,
                number,
                actor,
                rubric=RUBRIC,
                version=self.version(number, version),
                **self.stated(urgency),
            ),
        )

    @rule(number=NUMBERS, actor=ACTORS, meaning=st.sampled_from(SignatureMeaning))
    def sign(self, number: int, actor: Actor, meaning: SignatureMeaning) -> None:
        def work() -> None:
            result = sign_off(
                self.store,
                actor,
                [number],
                meaning,
                printed_name=actor.name,
                reauthenticated=True,
                at=self.now,
            )
            for refusal in result.refused.values():
                raise refusal

        allowed, _ = self.take(Step.SIGN, number, work)
        if allowed:
            assert all(one.holds for one in verify_signature(self.store, number))
            self.signed_reads[number] = self._reads(number)

    @rule(number=NUMBERS, actor=ACTORS, words=st.sampled_from(("", "more")))
    def addendum(self, number: int, actor: Actor, words: str) -> None:
        self.take(
            Step.ADD_ADDENDUM,
            number,
            lambda: add_addendum(self.store, number, actor, words, at=self.now),
        )

    @rule(number=NUMBERS, actor=st.sampled_from((GOV, ANN)))
    def export(self, number: int, actor: Actor) -> None:
        allowed, _ = self.take(
            Step.EXPORT,
            number,
            lambda: mark_exported(self.store, number, actor, "archive", "a" * 64, at=self.now),
        )
        assert not (allowed and actor is not GOV)

    @rule(minutes=st.sampled_from((1, 1, 20)))
    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(digest=st.sampled_from(DIGESTS))
    def withdraw(self, digest: str) -> None:
        with self.store.transaction() as session:
            withdraw_bundle(session, digest, "a fault")

    @rule(number=NUMBERS, turns=st.lists(TURNS, min_size=2, max_size=8))
    def go_on(self, number: int, turns: list[tuple[Actor, Urgency, str]]) -> None:
        """Take steps that are next, so that late states are reached often."""
        for actor, urgency, what in turns:
            self.now += timedelta(seconds=30)
            if what == "next":
                self._next_step(number, actor, urgency)
            else:
                self._leave(number, actor, what)

    def _leave(self, number: int, actor: Actor, what: str) -> None:
        history = self.histories[number]
        named = {one.name: one for one in READERS}
        if what == "undo":
            self.undo(number, named.get(history.decided_by or "", actor), "current")
        elif what == "skip":
            self.skip(number, named.get(history.active or "", actor), "later")
        else:
            self.hand_over(number, named.get(history.active or "", actor), actor)

    def _next_step(self, number: int, actor: Actor, urgency: Urgency) -> None:
        history = self.histories[number]
        named = {one.name: one for one in READERS}
        holder = named.get(history.active or "", actor)
        match history.state:
            case CaseState.FIRST_READ_LOCKED if MODES[number] is not ReadingMode.AI_OFF:
                self.reveal(number, holder)
            case CaseState.FIRST_READ_LOCKED | CaseState.REVEALED:
                self.decide(number, holder, urgency, OverrideReason.HISTORY, "current")
            case CaseState.SECOND_READ:
                self.open_second(number, actor)
                self.second_read(number, actor, urgency, "current")
            case CaseState.ADJUDICATION:
                self.adjudicate(number, actor, urgency, "current")
            case CaseState.DECIDED | CaseState.AMENDED:
                self.sign(number, actor, SignatureMeaning.REVIEW)
            case CaseState.SIGNED:
                self.export(number, GOV)
            case CaseState.EXPORTED:
                self.addendum(number, actor, "more")
            case _:
                self.open(number, holder)
                self.lock(number, holder, urgency, "none")

    def _reads(self, number: int) -> dict[int, Any]:
        query = text(
            "SELECT read.* FROM read JOIN review ON read.review_id = review.id "
            "WHERE review.case_id = :number"
        )
        with self.store.reading() as session:
            return {row.id: tuple(row) for row in session.execute(query, {"number": number})}

    @invariant()
    def reads_of_signed_cases_stay(self) -> None:
        for number, reads in self.signed_reads.items():
            assert self._reads(number) == reads

    @invariant()
    def at_most_one_decision_stands(self) -> None:
        query = text(
            "SELECT count(*) FROM read JOIN review ON read.review_id = review.id WHERE "
            "read.kind = 'final' AND read.withdrawn_at IS NULL GROUP BY review.case_id"
        )
        with self.store.reading() as session:
            assert set(session.scalars(query)) <= {1}

    @invariant()
    def events_keep_the_reading_apart_from_the_ai(self) -> None:
        count = self._events()
        if count == self.checked:
            return
        self.checked = count
        with self.store.reading() as session:
            records = events(session)
        done: set[tuple[str, int | None, str]] = set()
        for one in records:
            key = (one.case_id, one.actor)
            if one.kind == "ai_revealed":
                mode = MODES[one.case_id or 0]
                assert mode is not ReadingMode.AI_OFF
                assert mode is ReadingMode.CONCURRENT or ("first_read_locked", *key) in done
            if one.kind == "second_read_given":
                for earlier in ("first_read_locked", "ai_revealed", "decision_made"):
                    assert (earlier, *key) not in done
            if one.kind in ("first_read_locked", "ai_revealed", "decision_made"):
                assert ("second_read_given", *key) not in done
            done.add((one.kind, *key))


AnyOrder.TestCase.settings = settings(
    max_examples=6,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestAnyOrderOfSteps = AnyOrder.TestCase
