"""Which decisions go to a second reader."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from tests.review.team import GOV, fresh_store
from tests.store.make import abstention, case, opinion, scored
from triage.decision import Decision
from triage.review import plant_case
from triage.review.guards import ProposedRead
from triage.review.policies import SecondReadPolicy, SitePolicy
from triage.review.second_read_rules import disagreement, second_read_rules
from triage.store import Store, add_case, get_case
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import Certainty, OverrideReason
from triage.vocabulary.review_policies import SecondReadRule

LEVELS = list(Urgency)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    yield opened
    opened.close()


def rules(
    store: Store,
    urgency: Urgency,
    shown: Decision | None,
    reason: OverrideReason | None = None,
    **settings: object,
) -> set[SecondReadRule]:
    policy = SitePolicy(second_reads=SecondReadPolicy(**({"random_share": 0.0} | settings)))
    number = scored(store, "c1")
    read = ProposedRead(("melanoma",), urgency, Certainty.SURE, reason)
    with store.reading() as session:
        found = second_read_rules(session, get_case(session, number), policy, read, shown)
    assert len(found) == len(set(found))
    return set(found)


@pytest.mark.parametrize("least", [1, 2, 3])
def test_conflict_counts_levels_in_both_directions(store: Store, least: int) -> None:
    for (i, mine), (j, other) in product(enumerate(LEVELS), repeat=2):
        assert disagreement(mine, other) == abs(i - j)
        expected = {SecondReadRule.CONFLICT} if abs(i - j) >= least else set()
        assert rules(store, mine, opinion(other), conflict_levels=least) == expected


def test_no_conflict_without_an_opinion(store: Store) -> None:
    for urgency in LEVELS:
        assert rules(store, urgency, None, conflict_levels=1) == set()


@pytest.mark.parametrize("reason", OverrideReason)
def test_only_r7_says_that_the_ai_should_have_abstained(
    store: Store, reason: OverrideReason
) -> None:
    found = rules(store, Urgency.URGENT, opinion(), reason)
    expected = {SecondReadRule.SHOULD_ABSTAIN} if reason == "R7" else set()
    assert found == expected


@pytest.mark.parametrize("queue", [Urgency.URGENT, Urgency.SEMI_URGENT])
def test_a_lowered_abstention(store: Store, queue: Urgency) -> None:
    shown = abstention(AbstainReason.UNFAMILIAR, queue)
    for urgency in LEVELS:
        lowered = LEVELS.index(urgency) > LEVELS.index(queue)
        assert rules(store, urgency, shown) == (
            {SecondReadRule.ABSTENTION_LOWERED} if lowered else set()
        )


def test_subgroups_are_compared_as_text(store: Store) -> None:
    shown = opinion()
    named = {"skin_type": ("V", "III")}
    assert rules(store, Urgency.URGENT, shown, subgroups=named) == {SecondReadRule.SUBGROUP}
    assert rules(store, Urgency.URGENT, shown, subgroups={"age": ("41",)}) == {
        SecondReadRule.SUBGROUP
    }
    assert rules(store, Urgency.URGENT, shown, subgroups={"skin_type": ("V",)}) == set()
    assert rules(store, Urgency.URGENT, shown, subgroups={"device": ("a",)}) == set()


def test_the_random_share_is_the_same_each_time_and_about_as_large(store: Store) -> None:
    names = [f"n{number}" for number in range(150)]
    with store.transaction() as session:
        numbers = {name: add_case(session, case(name)) for name in names}
    read = ProposedRead(("melanoma",), Urgency.URGENT, Certainty.SURE)

    def drawn(share: float) -> list[str]:
        policy = SitePolicy(second_reads=SecondReadPolicy(random_share=share))
        with store.reading() as session:
            return [
                name
                for name, number in numbers.items()
                if second_read_rules(session, get_case(session, number), policy, read, None)
            ]

    fifth = drawn(0.2)
    assert drawn(0.2) == fifth
    assert 13 <= len(fifth) <= 47  # 30 expected, within 3.5 standard deviations
    assert set(fifth) <= set(drawn(0.5)), "a larger share holds the smaller one"
    assert drawn(0.0) == []
    assert drawn(1.0) == names


def test_a_planted_case_always_goes(store: Store) -> None:
    number = scored(store, "c1")
    plant_case(store, number, GOV, conditions=("melanoma",), urgency=Urgency.URGENT)
    assert rules(store, Urgency.URGENT, opinion()) == {SecondReadRule.PLANTED}


def test_several_rules_are_all_named(store: Store) -> None:
    shown = opinion(Urgency.URGENT)
    found = rules(
        store,
        Urgency.OBSERVATION,
        shown,
        OverrideReason.SHOULD_ABSTAIN,
        random_share=1.0,
        subgroups={"skin_type": ("III",)},
    )
    assert found == {
        SecondReadRule.CONFLICT,
        SecondReadRule.SHOULD_ABSTAIN,
        SecondReadRule.RANDOM,
        SecondReadRule.SUBGROUP,
    }
