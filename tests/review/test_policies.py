from __future__ import annotations

import pytest
from pydantic import ValidationError

from tests.readers import reader
from tests.review.test_reading import AGREE, ANN, LATER, refused
from tests.store.make import NOON, scored
from triage.accounts import Actor, PermissionDenied, Role
from triage.errors import UsageError
from triage.review import RefusalCode, decide, lock_first_read, open_case, reveal
from triage.review.policies import (
    SecondReadPolicy,
    SitePolicy,
    case_policy,
    draw,
    policy_from,
    set_site_policy,
    site_policies,
    site_policy,
)
from triage.store import Store, events, get_case, labels_for_training
from triage.store.records import StoredCase
from triage.vocabulary.review_policies import ReadingMode

GUS = Actor("Gus", Role.GOVERNANCE)


def stored(name: str) -> StoredCase:
    return StoredCase(1, name, "clinic", "p", {}, NOON, ())


def named(share: float, *, drawn: bool) -> str:
    """A case name that is, or is not, in the share that is read without AI."""
    names = (f"case {number}" for number in range(10_000))
    return next(name for name in names if (draw("ai_off", stored(name)) < share) is drawn)


def test_the_part_read_without_ai_is_the_share_asked_for() -> None:
    numbers = [draw("ai_off", stored(f"n{number}")) for number in range(20_000)]
    assert all(0 <= number < 1 for number in numbers)
    # Binomial: 20,000 draws at 0.1 are within 5 standard deviations, 212, of 2,000.
    assert abs(sum(number < 0.1 for number in numbers) - 2000) < 212
    assert [draw("ai_off", stored(f"n{number}")) for number in range(5)] == numbers[:5]
    other = [draw("second_read", stored(f"n{number}")) for number in range(20_000)]
    both = sum(a < 0.1 and b < 0.1 for a, b in zip(numbers, other, strict=True))
    assert abs(both - 200) < 71  # independent of each other: 5 standard deviations


def test_less_than_a_tenth_without_ai_is_no_policy() -> None:
    with pytest.raises(ValidationError, match="ai_off_share"):
        SitePolicy(ai_off_share=0.05)
    with pytest.raises(UsageError, match=r"ai_off_share.*no review policy"):
        policy_from({"ai_off_share": 0.0})
    with pytest.raises(UsageError, match="no review policy"):
        policy_from({"modus": "blind"})


def test_a_site_has_the_policy_that_governance_set(store: Store) -> None:
    policy = SitePolicy(
        mode=ReadingMode.CONCURRENT,
        priority_visible=False,
        second_reads=SecondReadPolicy(random_share=0.25, subgroups={"skin_type": ("V", "VI")}),
    )
    with store.reading() as session:
        assert site_policy(session, "clinic") == SitePolicy()
    with pytest.raises(PermissionDenied):
        set_site_policy(store, "clinic", policy, reader())
    for _ in range(2):  # setting it again changes nothing
        set_site_policy(store, "clinic", policy, GUS)
    assert site_policies(store) == {"clinic": policy}
    with store.reading() as session:
        (event,) = [one for one in events(session) if one.kind == "policy_set"]
    assert event.actor == "Gus"
    assert event.payload["site"] == "clinic"


def test_a_case_drawn_for_reading_without_ai_never_shows_it(store: Store) -> None:
    number = scored(store, named(0.1, drawn=True))
    opened = open_case(store, number, ANN, at=NOON)
    assert opened.without_ai
    assert opened.policy.drawn_ai_off
    lock_first_read(store, number, ANN, **AGREE, at=NOON)
    refused(RefusalCode.AI_OFF, reveal, store, number, ANN, at=NOON)
    done = decide(store, number, ANN, **AGREE, at=NOON)  # nothing was shown: no dwell time
    refused(RefusalCode.WRONG_STATE, reveal, store, number, ANN, at=NOON)
    assert done.prediction_id is None
    with store.reading() as session:
        sources = {label.source for label in labels_for_training(session)}
    assert sources == {"blind"}


def test_under_the_concurrent_policy_the_opinion_is_there_from_the_start(store: Store) -> None:
    set_site_policy(store, "clinic", SitePolicy(mode=ReadingMode.CONCURRENT), GUS)
    number = scored(store, named(0.1, drawn=False))
    opened = open_case(store, number, ANN, at=NOON)
    assert opened.state == "revealed"
    refused(RefusalCode.WRONG_STATE, lock_first_read, store, number, ANN, **AGREE, at=NOON)
    opinion = reveal(store, number, ANN, at=NOON)
    assert opinion is not None
    refused(RefusalCode.TOO_SOON, decide, store, number, ANN, **AGREE, at=NOON)
    decide(store, number, ANN, **AGREE, at=LATER)
    with store.reading() as session:
        assert labels_for_training(session) == []


def test_a_case_keeps_the_mode_under_which_it_was_opened(store: Store) -> None:
    number = scored(store)
    before = open_case(store, number, ANN, at=NOON).policy
    set_site_policy(store, "clinic", SitePolicy(mode=ReadingMode.AI_OFF), GUS)
    assert open_case(store, number, ANN, at=NOON).policy == before
    with store.reading() as session:
        case = get_case(session, number)
    assert case_policy(SitePolicy(mode=ReadingMode.AI_OFF), case).mode is ReadingMode.AI_OFF
