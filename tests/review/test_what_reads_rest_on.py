"""A read is refused if what it rests on is no more, or was never, what its reader saw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.review.rows import assert_rows_follow
from tests.review.team import ANN, GOV, decided, read
from tests.store.make import NOON, bundle, case, opinion, scored
from triage.accounts import Actor, PermissionDenied, Role
from triage.review import (
    RefusalCode,
    StepRefused,
    decide,
    lock_first_read,
    open_case,
    report_ungradable,
    reveal,
)
from triage.review.case_work import history_of
from triage.review.drafts import draft_of
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import (
    ImageRecord,
    Store,
    add_case,
    add_prediction,
    register_bundle,
    set_champion,
)
from triage.store.bundles import withdraw_bundle
from triage.vocabulary.case_states import CaseState
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.review_policies import ReadingMode

DWELL = timedelta(seconds=3)
OTHER = case(images=(ImageRecord("c1/a.png", "/root", "b" * 64),))


def refused(code: RefusalCode) -> Any:
    return pytest.raises(StepRefused, check=lambda error: error.code is code)


def supply(store: Store, images: Any = OTHER) -> None:
    with store.transaction() as session:
        add_case(session, images)


def test_a_first_read_of_images_that_were_exchanged_meanwhile(store: Store) -> None:
    with store.transaction() as session:
        number = add_case(session, case())
    seen = open_case(store, number, ANN, at=NOON)
    supply(store)
    with refused(RefusalCode.STALE_VERSION):
        lock_first_read(store, number, ANN, version=seen.version, at=NOON, **read())
    now = open_case(store, number, ANN, at=NOON)
    lock_first_read(store, number, ANN, version=now.version, at=NOON, **read())
    assert_rows_follow(store)


def test_files_that_are_supplied_bring_an_ungradable_case_back(store: Store) -> None:
    with store.transaction() as session:
        number = add_case(session, case(images=(replace(OTHER.images[0], sha256=None),)))
    open_case(store, number, ANN, at=NOON)
    report_ungradable(store, number, ANN, "cannot be opened", "send it again", at=NOON)
    supply(store)
    assert history_of(store, number).state is CaseState.QUALITY_GATED
    assert_rows_follow(store)
    decided(store, number)


def test_another_opinion_is_looked_at_as_long_as_the_first(store: Store) -> None:
    number = scored(store)
    with store.transaction() as session:
        add_prediction(session, number, register_bundle(session, bundle("e" * 64)), opinion())
    open_case(store, number, ANN, at=NOON)
    lock_first_read(store, number, ANN, at=NOON, **read())
    reveal(store, number, ANN, at=NOON)
    with store.transaction() as session:
        withdraw_bundle(session, "e" * 64, "a fault")
    later = NOON + timedelta(minutes=1)
    assert reveal(store, number, ANN, at=later) is not None
    with refused(RefusalCode.TOO_SOON):
        decide(store, number, ANN, at=later + DWELL / 2, **read())
    decide(store, number, ANN, at=later + DWELL, **read())


def test_a_decision_without_a_first_read_needs_a_picture(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_site_policy(store, "clinic", SitePolicy(mode=ReadingMode.CONCURRENT), GOV)
    number = scored(store)
    open_case(store, number, ANN, at=NOON)
    monkeypatch.setattr("triage.review.viewable._is_viewable", lambda *_: False)
    with refused(RefusalCode.NOT_VIEWABLE):
        decide(store, number, ANN, at=NOON + DWELL, **read())


def test_with_the_ai_from_the_start_the_same_opinion_is_shown_again(store: Store) -> None:
    set_site_policy(store, "clinic", SitePolicy(mode=ReadingMode.CONCURRENT), GOV)
    number = scored(store)
    first = open_case(store, number, ANN, at=NOON).prediction_id
    with store.transaction() as session:
        newer = register_bundle(session, bundle("e" * 64))
        add_prediction(session, number, newer, opinion(Urgency.OBSERVATION))
        set_champion(session, newer)
    after = NOON + timedelta(minutes=16)
    open_case(store, number, Actor("Ben", Role.READER), at=after)
    again = open_case(store, number, ANN, at=after + timedelta(minutes=16))
    assert again.prediction_id == first


@pytest.mark.parametrize(
    "again",
    [
        lambda store, number, actor: reveal(store, number, actor),
        lambda store, number, actor: open_case(store, number, actor),
        lambda store, number, actor: lock_first_read(store, number, actor, **read()),
        lambda store, number, actor: decide(store, number, actor, **read()),
    ],
)
def test_who_may_read_no_more_gets_nothing_again(
    store: Store, again: Callable[[Store, int, Actor], object]
) -> None:
    number = scored(store)
    decided(store, number)
    with pytest.raises(PermissionDenied):
        again(store, number, Actor(ANN.name, Role.ENGINEER))


def test_nobody_without_a_role_gets_a_draft(store: Store) -> None:
    with pytest.raises(PermissionDenied):
        draft_of(store, scored(store), Actor(ANN.name, None))
