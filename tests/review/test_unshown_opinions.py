"""What a reader of the arm without AI would have been shown."""

from __future__ import annotations

from datetime import timedelta

from tests.review.team import ANN, GOV, read
from tests.store.make import abstention, bundle, opinion, scored
from triage.review import decide, lock_first_read, open_case
from triage.review.figures.unshown_opinions import unshown_opinions
from triage.review.policies import SitePolicy, set_site_policy
from triage.store import Store, add_prediction, register_bundle, set_champion
from triage.store.base import utc_now
from triage.store.bundles import withdraw_bundle
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency
from triage.vocabulary.review_policies import ReadingMode


def test_of_the_bundle_in_use_at_the_time_and_not_of_the_newest(store: Store) -> None:
    set_site_policy(store, "clinic", SitePolicy(mode=ReadingMode.AI_OFF), GOV)
    number = scored(store, prediction=abstention())
    with store.transaction() as session:
        set_champion(session, register_bundle(session, bundle()))
        tried = register_bundle(session, bundle("e" * 64))
        add_prediction(session, number, tried, opinion())
    later = utc_now() + timedelta(seconds=1)
    open_case(store, number, ANN, at=later)
    lock_first_read(store, number, ANN, at=later, **read())
    decide(store, number, ANN, at=later, **read())
    with store.reading() as session:
        assert unshown_opinions(session)[number][1] == NO_AI_OPINION


def test_none_of_a_bundle_that_was_withdrawn_by_then(store: Store) -> None:
    set_site_policy(store, "clinic", SitePolicy(mode=ReadingMode.AI_OFF), GOV)
    number = scored(store, prediction=opinion())
    with store.transaction() as session:
        newer = register_bundle(session, bundle("e" * 64))
        add_prediction(session, number, newer, abstention())
        withdraw_bundle(session, "e" * 64, "a fault")
    later = utc_now() + timedelta(seconds=1)
    open_case(store, number, ANN, at=later)
    lock_first_read(store, number, ANN, at=later, **read())
    decide(store, number, ANN, at=later, **read())
    with store.reading() as session:
        assert unshown_opinions(session)[number][1] == Urgency.URGENT
