"""What a letter says of a signed case, and when there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from tests.review.team import (
    ADMIN,
    ANN,
    BOB,
    GOV,
    LATER,
    always_twice,
    decided,
    fresh_store,
    never_twice,
    second,
)
from tests.store.make import abstention, opinion, scored
from triage.accounts import Actor, PermissionDenied, Role
from triage.accounts.accounts import add_account
from triage.accounts.actor import SYSTEM_ACTOR
from triage.errors import LedgerError, StoreError
from triage.ledger.events.review_events import FollowUp
from triage.review import RefusalCode, StepRefused, add_addendum, plant_case, sign_off
from triage.review.policies import SecondReadPolicy, SitePolicy, set_site_policy
from triage.review.referral_letter import referral_letter, signed_cases
from triage.store import Store
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.read_answers import FollowUpKind
from triage.vocabulary.review_policies import ReadingMode, SignatureMeaning


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = fresh_store(tmp_path)
    never_twice(opened)
    yield opened
    opened.close()


def sign(store: Store, *numbers: int, actor: Actor = ANN, name: str = "Dr. A. Ng") -> None:
    result = sign_off(
        store,
        actor,
        numbers,
        SignatureMeaning.AUTHORSHIP,
        printed_name=name,
        reauthenticated=True,
        at=LATER,
    )
    assert not result.refused


def test_it_says_what_was_signed(store: Store) -> None:
    number = scored(store, age=61.0, visit=3)
    decided(store, number, comment="Excise soon")
    sign(store, number)
    letter = referral_letter(store, number, ANN)
    case, decision = letter.case, letter.decision
    assert (case.external_id, case.site, case.patient) == ("c1", "clinic", "patient of c1")
    assert (case.kind, case.images, case.age, case.visit) == ("skin photographs", 1, 61.0, 3)
    assert (decision.conditions, decision.urgency) == (("melanoma",), Urgency.URGENT)
    assert (decision.comment, decision.by, decision.adjudicated) == ("Excise soon", ("Ann",), False)
    (signature,) = letter.signatures
    assert (signature.printed_name, signature.at) == ("Dr. A. Ng", LATER)
    assert len(signature.sha256) == 64
    assert letter.addenda == ()


def test_the_system_whose_opinion_was_shown_is_named(store: Store) -> None:
    shown, silent = scored(store, "c1"), scored(store, "c2", abstention())
    decided(store, shown)
    follow_up = FollowUp(FollowUpKind.RETAKE, text="Blurred")
    decided(store, silent, follow_up=follow_up)
    sign(store, shown, silent)
    (system,) = referral_letter(store, shown, ANN).systems
    assert (system.name, system.digest, system.abstained) == ("first", "d" * 64, False)
    letter = referral_letter(store, silent, ANN)
    (system,) = letter.systems
    assert system.abstained
    assert letter.decision.follow_up == follow_up
    assert referral_letter(store, shown, ANN).decision.follow_up is None


def test_a_case_read_without_the_ai_names_no_system(store: Store) -> None:
    policy = SitePolicy(mode=ReadingMode.AI_OFF, second_reads=SecondReadPolicy(random_share=0.0))
    set_site_policy(store, "clinic", policy, GOV)
    number = scored(store)
    decided(store, number)
    sign(store, number)
    assert referral_letter(store, number, ANN).systems == ()


def test_a_planted_case_names_the_system_that_scored_it(store: Store) -> None:
    always_twice(store)
    number = scored(store, "c1", opinion(Urgency.ROUTINE, condition="acne"))
    wrong = opinion(Urgency.OBSERVATION, condition="folliculitis")
    plant_case(
        store,
        number,
        GOV,
        conditions=("melanoma",),
        urgency=Urgency.URGENT,
        wrong_opinion=wrong,
    )
    decided(store, number, reason="R1")
    second(store, number)
    sign(store, number)
    (system,) = referral_letter(store, number, ANN).systems
    assert (system.name, system.digest) == ("first", "d" * 64)


def test_a_second_read_is_said_and_nothing_of_it(store: Store) -> None:
    always_twice(store)
    number = scored(store)
    decided(store, number)
    second(store, number, BOB, comment="SECONDSECRET")
    sign(store, number)
    letter = referral_letter(store, number, ANN)
    assert letter.decision.second_read
    assert "SECONDSECRET" not in repr(letter)
    assert "Bob" not in repr(letter)


def test_without_a_patient_it_names_none(store: Store) -> None:
    number = scored(store, patient=None)
    decided(store, number)
    sign(store, number)
    assert referral_letter(store, number, ANN).case.patient is None


def test_readers_have_the_printed_name_of_their_account(store: Store) -> None:
    number = scored(store)
    decided(store, number)
    sign(store, number)
    add_account(store, "Ada", Role.ADMINISTRATOR, by=SYSTEM_ACTOR, issuer="https://i", subject="a")
    add_account(
        store,
        "ann",
        Role.READER,
        by=Actor("Ada", Role.ADMINISTRATOR),
        printed_name="Dr Ann Example",
        issuer="https://i",
        subject="b",
    )
    assert referral_letter(store, number, ANN).decision.by == ("Dr Ann Example",)


def test_an_addendum_is_in_it_once_signed(store: Store) -> None:
    number = scored(store)
    decided(store, number)
    sign(store, number)
    add_addendum(store, number, BOB, "Left forearm", at=LATER)
    with pytest.raises(StepRefused, match="addendum") as refused:
        referral_letter(store, number, ANN)
    assert refused.value.code is RefusalCode.WRONG_STATE
    assert signed_cases(store, ANN) == []
    sign(store, number, actor=BOB, name="Dr. B")
    letter = referral_letter(store, number, ANN)
    assert [(one.text, one.by) for one in letter.addenda] == [("Left forearm", "Bob")]
    assert [(one.printed_name, one.covers_all) for one in letter.signatures] == [
        ("Dr. A. Ng", False),
        ("Dr. B", True),
    ]


def test_only_signed_cases_have_one(store: Store) -> None:
    number = scored(store)
    with pytest.raises(StepRefused, match="not signed"):
        referral_letter(store, number, ANN)
    decided(store, number)
    with pytest.raises(StepRefused, match="not signed"):
        referral_letter(store, number, ANN)
    with pytest.raises(StoreError):
        referral_letter(store, 999, ANN)


def test_who_neither_signs_nor_exports_gets_none(store: Store) -> None:
    number = scored(store)
    decided(store, number)
    sign(store, number)
    assert referral_letter(store, number, GOV).case.case_id == number
    refused: list[Any] = [
        lambda: referral_letter(store, number, ADMIN),
        lambda: signed_cases(store, ADMIN),
    ]
    for call in refused:
        with pytest.raises(PermissionDenied):
            call()


def test_what_does_not_fit_its_signature_is_not_printed(store: Store) -> None:
    number = scored(store)
    decided(store, number)
    sign(store, number)
    with store.engine.begin() as connection:
        connection.execute(text("UPDATE read SET comment = 'another'"))
    with pytest.raises(LedgerError, match="does not fit"):
        referral_letter(store, number, ANN)


def test_signed_cases_are_listed_newest_first(store: Store) -> None:
    numbers = [scored(store, f"c{n}") for n in range(3)]
    for number in numbers:
        decided(store, number)
    sign(store, numbers[2], numbers[0])
    found = signed_cases(store, GOV)
    assert [(one.case_id, one.printed_name) for one in found] == [
        (numbers[0], "Dr. A. Ng"),
        (numbers[2], "Dr. A. Ng"),
    ]
    assert [one.case_id for one in signed_cases(store, GOV, limit=1)] == [numbers[0]]
