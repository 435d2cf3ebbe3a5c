from __future__ import annotations

from datetime import timedelta, timezone

import pytest
from sqlalchemy import func, select

from tests.readers import lock, reader
from tests.store.make import NOON, abstention, bundle, case, opinion, scored
from triage.errors import StoreError
from triage.review import reveal
from triage.store import (
    NOT_LISTED,
    ImageRecord,
    LabelSource,
    Store,
    add_case,
    add_label,
    add_prediction,
    cases_waiting,
    champion,
    events,
    find_case,
    get_case,
    known_conditions,
    labels_for_training,
    register_bundle,
    set_champion,
    shown_prediction,
)
from triage.store.tables import Base
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import Urgency


def _counts(store: Store) -> dict[str, int]:
    with store.reading() as session:
        return {
            name: session.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
        }


def test_a_case_comes_back_as_it_went_in(store: Store) -> None:
    east = timezone(timedelta(hours=9))
    images = (ImageRecord("b.png", "/r", "b" * 64), ImageRecord("a.png", "/r", None))
    given = case("c 1 'ü", images=images, received_at=NOON.astimezone(east))
    with store.transaction() as session:
        number = add_case(session, given)
    with store.reading() as session:
        kept = get_case(session, number)
        assert find_case(session, "clinic", "c 1 'ü") == number
        assert find_case(session, "elsewhere", "c 1 'ü") is None
    assert kept.images == images
    assert kept.groups == {"skin_type": "III", "age": 41, "sex": None}
    assert kept.received_at == NOON
    assert kept.received_at.utcoffset() == timedelta()
    assert kept.patient == given.patient


def test_an_interrupted_run_repeats_without_duplicates(store: Store) -> None:
    def run(cases: int) -> None:
        with store.transaction() as session:
            system = register_bundle(session, bundle())
            for number in range(cases):
                found = add_case(session, case(f"c{number}", patient=f"p{number // 2}"))
                add_prediction(session, found, system, opinion())

    run(3)
    run(6)
    once = _counts(store)
    run(6)
    assert _counts(store) == once
    assert (once["case"], once["patient"], once["image"], once["prediction"]) == (6, 3, 6, 6)
    assert (once["bundle"], once["event"]) == (1, 2 + 3 * 6)


def test_the_first_prediction_of_a_bundle_stays(store: Store) -> None:
    number = scored(store, prediction=opinion(Urgency.URGENT))
    scored(store, prediction=opinion(Urgency.ROUTINE))
    with store.reading() as session:
        shown = shown_prediction(session, number)
    assert shown is not None
    assert shown.decision == opinion(Urgency.URGENT)


UNREAD = abstention(
    condition=None, p_condition=None, p_outlier=None, aleatoric=None, epistemic=None,
    differential=(), expected_cost=None,
)  # fmt: skip


def test_what_a_bundle_can_read_at_last_takes_the_place_of_that_it_could_not(store: Store) -> None:
    number = scored(store, prediction=UNREAD)
    for record in (opinion(), UNREAD, opinion(Urgency.ROUTINE)):
        scored(store, prediction=record)
    with store.reading() as session:
        shown = shown_prediction(session, number)
        kinds = [event.kind for event in events(session, number)]
    assert shown is not None
    assert shown.decision == opinion()
    assert kinds == ["case_received", "images_checked", "case_scored", "case_scored"]


def test_what_a_reader_was_shown_stays(store: Store) -> None:
    number = scored(store, prediction=UNREAD)
    lock(store, number)
    reveal(store, number, reader())
    scored(store, prediction=opinion())
    with store.reading() as session:
        shown = shown_prediction(session, number)
    assert shown is not None
    assert shown.decision == UNREAD


def test_the_same_case_with_other_images_is_refused(store: Store) -> None:
    scored(store)
    with pytest.raises(StoreError, match="other images"), store.transaction() as session:
        add_case(session, case(images=(ImageRecord("x.png", "/root", "b" * 64),)))


def test_the_same_name_in_two_sources_is_two_cases(store: Store) -> None:
    assert scored(store, "c1", source="a") != scored(store, "c1", source="b")


def test_a_case_without_a_patient_stands_for_its_own(store: Store) -> None:
    for name in ("c1", "c2"):
        scored(store, name, patient=None)
    assert _counts(store)["patient"] == 2


def test_what_is_not_there_is_a_clear_error(store: Store) -> None:
    with store.reading() as session:
        with pytest.raises(StoreError, match="no such case"):
            get_case(session, 99)
        assert shown_prediction(session, 99) is None
        assert champion(session) is None
    with pytest.raises(StoreError, match="no such bundle"), store.transaction() as session:
        set_champion(session, 99)
    with pytest.raises(StoreError), store.transaction() as session:
        add_prediction(session, 99, 99, opinion())


def test_the_champions_prediction_is_shown_else_the_newest(store: Store) -> None:
    with store.transaction() as session:
        number = add_case(session, case())
        old = register_bundle(session, bundle("1" * 64, name="old"))
        new = register_bundle(session, bundle("2" * 64, name="new"))
        add_prediction(session, number, old, opinion(Urgency.ROUTINE))
        add_prediction(session, number, new, opinion(Urgency.URGENT))

    def shown() -> tuple[str, Urgency]:
        with store.reading() as session:
            prediction = shown_prediction(session, number)
            (waiting,) = cases_waiting(session)
        assert prediction is not None
        return prediction.bundle_name, waiting.queue_urgency

    assert shown() == ("new", Urgency.URGENT)
    with store.transaction() as session:
        set_champion(session, old, actor="Ann")
    assert shown() == ("old", Urgency.ROUTINE)
    with store.transaction() as session:
        set_champion(session, new, actor="Ann")
        set_champion(session, new, actor="Ann")
    assert shown() == ("new", Urgency.URGENT)
    with store.reading() as session:
        in_use = champion(session)
        assert in_use is not None
        assert in_use.name == "new"
        moves = [e.payload for e in events(session) if e.kind == "champion_set"]
    assert moves == [
        {"bundle": "1" * 64, "former": None},
        {"bundle": "2" * 64, "former": "1" * 64},
    ]


def test_conditions_are_those_of_all_bundles(store: Store) -> None:
    with store.transaction() as session:
        register_bundle(session, bundle("1" * 64, conditions=("b", "a")))
        register_bundle(session, bundle("2" * 64, conditions=("c", "b")))
    with store.reading() as session:
        assert known_conditions(session) == ("a", "b", "c")


def test_unscored_and_abstained_cases_wait_at_semi_urgent_or_above(store: Store) -> None:
    with store.transaction() as session:
        unscored = add_case(session, case("unscored"))
    unreadable = scored(
        store,
        "unreadable",
        abstention(AbstainReason.QUALITY, condition=None, p_condition=None, differential=()),
        images=(),
    )
    urgent = scored(store, "urgent", abstention(queue=Urgency.URGENT))
    with store.reading() as session:
        waiting = {item.id: item for item in cases_waiting(session)}
    assert waiting[unscored].queue_urgency is Urgency.SEMI_URGENT
    assert waiting[unreadable].queue_urgency is Urgency.SEMI_URGENT
    assert waiting[unreadable].images == 0
    assert waiting[urgent].queue_urgency is Urgency.URGENT


def test_training_leaves_out_labels_given_under_the_ais_eyes(store: Store) -> None:
    number = scored(store)
    with store.transaction() as session:
        add_label(session, number, "acne", LabelSource.BLIND, given_by="Ann", ai_visible=False)
        add_label(
            session, number, "melanoma", LabelSource.AI_VISIBLE, given_by="Ann", ai_visible=True
        )
        add_label(
            session, number, NOT_LISTED, LabelSource.HISTOLOGY, given_by="Lab", ai_visible=False
        )
    with store.reading() as session:
        usable = labels_for_training(session)
        everything = labels_for_training(session, include_ai_visible=True)
    assert [label.condition for label in usable] == ["acne", NOT_LISTED]
    assert [label.source for label in everything] == ["blind", "ai_visible", "histology"]
    first = usable[0]
    assert (first.case, first.case_source, first.patient) == ("c1", "clinic", "patient of c1")
    assert (first.given_by, first.ai_visible) == ("Ann", False)
    assert first.images == (ImageRecord("c1/a.png", "/root", "a" * 64),)
    assert first.groups["skin_type"] == "III"


@pytest.mark.parametrize(
    ("source", "visible"), [(LabelSource.BLIND, True), (LabelSource.AI_VISIBLE, False)]
)
def test_a_label_cannot_lie_about_what_its_giver_saw(
    store: Store, source: LabelSource, visible: bool
) -> None:
    number = scored(store)
    with pytest.raises(StoreError), store.transaction() as session:
        add_label(session, number, "acne", source, given_by="Ann", ai_visible=visible)
