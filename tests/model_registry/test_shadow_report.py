"""The report of the bundle in shadow: its numbers by hand, and what is in none of them."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from sqlalchemy import update

from tests.model_registry.registered import EVE, GUS, Registered
from tests.store.make import abstention, case, opinion
from triage.decision import Decision
from triage.evaluation.bounded_mean import draw_means, mean_interval
from triage.evaluation.metrics.weighted import CaseValues
from triage.model_registry.aliases import set_shadow
from triage.model_registry.refusals import RegistryRefused
from triage.model_registry.shadow_predictions import (
    add_shadow_prediction,
    cases_since,
    shadow_bundle,
    shadow_since,
    without_shadow_prediction,
)
from triage.model_registry.shadow_report import shadow_report
from triage.review import plant_case
from triage.store import LabelSource, add_case, add_label, add_prediction, register_bundle
from triage.store.base import utc_now
from triage.store.bundles import withdraw_bundle
from triage.store.learning_tables import ShadowPredictionRow
from triage.vocabulary.clinical import Urgency
from triage.vocabulary.modality import Modality

URGENT = opinion(Urgency.URGENT)
ROUTINE = opinion(Urgency.ROUTINE, condition="acne")
NONE = abstention()
PAIRS = [
    # champion, shadow, blind labels
    (URGENT, URGENT, ("melanoma",)),
    (URGENT, ROUTINE, ("acne",)),
    (ROUTINE, URGENT, ("acne",)),
    (ROUTINE, ROUTINE, ("acne", "melanoma")),  # readers do not agree
    (NONE, ROUTINE, ("acne",)),
    (ROUTINE, NONE, ()),
    (ROUTINE, ROUTINE, ("melanoma",)),
]


def fill(registered: Registered) -> list[int]:
    """Cases of seven patients that both have scored, and one that the shadow alone has."""
    numbers = []
    with registered.store.transaction() as session:
        set_shadow(session, registered.digests["second"], actor=EVE)
        for at, (used, hidden, labels) in enumerate(PAIRS):
            numbers.append(add_case(session, case(f"c{at}")))
            add_prediction(session, numbers[-1], registered.number("first"), used)
            add_shadow_prediction(session, numbers[-1], registered.number("second"), hidden)
            for reader, label in enumerate(labels):
                add_label(
                    session,
                    numbers[-1],
                    label,
                    LabelSource.BLIND,
                    given_by=f"reader {reader}",
                    ai_visible=False,
                )
        alone = add_case(session, case("alone"))
        add_shadow_prediction(session, alone, registered.number("second"), URGENT)
    return numbers


def test_its_numbers(registered: Registered) -> None:
    numbers = fill(registered)
    with registered.store.transaction() as session:
        session.execute(
            update(ShadowPredictionRow)
            .where(ShadowPredictionRow.case_id == numbers[0])
            .values(created_at=utc_now() - timedelta(days=3))
        )
    with registered.store.reading() as session:
        found = shadow_report(session)
    assert (found.cases, found.compared, found.patients) == (8, 7, 7)
    assert found.days == pytest.approx(3, abs=0.01)
    assert found.champion == registered.digests["first"]
    same = found.same_recommendation
    assert same.value == pytest.approx(3 / 7)
    assert (same.n_cases, same.n_patients) == (7, 7)
    assert found.same_condition.value == pytest.approx(3 / 5)
    assert found.abstained_champion.value == pytest.approx(1 / 7)
    assert found.abstained_shadow.value == pytest.approx(1 / 7)
    assert found.abstention_difference.value == 0
    assert found.only_shadow_urgent.value == pytest.approx(1 / 7)
    assert found.only_champion_urgent.value == pytest.approx(1 / 7)
    # Of six cases with labels one is disputed, and on one the champion abstains.
    assert found.labelled == 5
    assert found.right_champion.n_cases == 4
    assert found.right_champion.value == pytest.approx(2 / 4)
    assert found.right_shadow.value == pytest.approx(2 / 4)
    assert found.right_difference.value == 0
    assert found.right_difference.low is not None
    assert found.right_difference.low < 0 < (found.right_difference.high or 0)
    # The interval is that of a bounded mean over patients, one case each.
    values = CaseValues(np.array([1, 0, 0, 1, 0, 0, 1]), np.ones(7, dtype=bool))
    drawn = draw_means([values], np.array([str(n) for n in range(7)]), seed=0)
    assert (same.low, same.high) == pytest.approx(
        mean_interval(3 / 7, drawn.least[0], drawn.most[0]), abs=0.02
    )


def test_planted_cases_are_in_no_label(registered: Registered) -> None:
    numbers = fill(registered)
    stand_in = opinion(Urgency.ROUTINE, condition="acne")
    with registered.store.transaction() as session:
        fresh = add_case(session, case("planted"))
        add_prediction(session, fresh, registered.number("first"), URGENT)
        add_shadow_prediction(session, fresh, registered.number("second"), URGENT)
    plant_case(
        registered.store,
        fresh,
        GUS,
        conditions=("melanoma",),
        urgency=Urgency.URGENT,
        wrong_opinion=stand_in,
    )
    with registered.store.transaction() as session:
        add_label(
            session, fresh, "melanoma", LabelSource.BLIND, given_by="reader 9", ai_visible=False
        )
    with registered.store.reading() as session:
        found = shadow_report(session)
    assert found.labelled == 5
    # What both bundles said of it counts, not the opinion that was made up for its readers.
    assert found.compared == len(numbers) + 1
    assert found.same_recommendation.value == pytest.approx(4 / 8)


def test_without_a_shadow_a_champion_or_cases(registered: Registered) -> None:
    with registered.store.reading() as session:
        assert shadow_bundle(session) is None
        with pytest.raises(RegistryRefused, match="No bundle is in shadow"):
            shadow_report(session)
    with registered.store.transaction() as session:
        set_shadow(session, registered.digests["second"], actor=EVE)
    with registered.store.reading() as session:
        found = shadow_report(session)
    assert (found.cases, found.compared, found.days) == (0, 0, 0.0)
    assert found.same_recommendation.value is None
    with registered.store.transaction() as session:
        withdraw_bundle(session, registered.digests["first"], "Wrong.", actor="Eve")
    with registered.store.reading() as session:
        assert shadow_report(session).champion is None


def test_where_both_abstain_on_all_there_is_no_condition_to_compare(
    registered: Registered,
) -> None:
    with registered.store.transaction() as session:
        set_shadow(session, registered.digests["second"], actor=EVE)
        number = add_case(session, case())
        add_prediction(session, number, registered.number("first"), NONE)
        add_shadow_prediction(session, number, registered.number("second"), NONE)
    with registered.store.reading() as session:
        found = shadow_report(session)
    assert found.same_condition.value is None
    assert found.kappa.value is None
    assert found.same_recommendation.value == 1


def test_the_first_opinion_stays_and_is_whole(registered: Registered) -> None:
    with registered.store.transaction() as session:
        number = add_case(session, case())
        second = registered.number("second")
        assert add_shadow_prediction(session, number, second, URGENT)
        assert not add_shadow_prediction(session, number, second, ROUTINE)
        assert without_shadow_prediction(session, second, [number]) == []
        (row,) = session.query(ShadowPredictionRow).all()
        assert Decision.model_validate(row.decision) == URGENT
        assert (row.condition, row.recommendation) == ("melanoma", "urgent")


def test_cases_received_since_it_is_in_shadow(registered: Registered) -> None:
    second = registered.digests["second"]
    with registered.store.reading() as session:
        assert shadow_since(session, second) is None
    with registered.store.transaction() as session:
        add_case(session, case("before"))
        set_shadow(session, second, actor=EVE)
    with registered.store.transaction() as session:
        after = add_case(session, case("after", received_at=utc_now()))
        add_case(session, case("volume", received_at=utc_now(), modality=Modality.OCT_VOLUMES))
        number = registered.number("second")
        since = shadow_since(session, second)
        assert since is not None
        assert cases_since(session, number, Modality.PHOTOGRAPHS, since, 10) == [after]
        add_shadow_prediction(session, after, number, URGENT)
        assert cases_since(session, number, Modality.PHOTOGRAPHS, since, 10) == []


def test_a_withdrawn_bundle_is_in_shadow_no_more(registered: Registered) -> None:
    with registered.store.transaction() as session:
        set_shadow(session, registered.digests["second"], actor=EVE)
        found = shadow_bundle(session)
        assert found is not None
        assert found.digest == registered.digests["second"]
        withdraw_bundle(session, found.digest, "Wrong.", actor="Eve")
        assert shadow_bundle(session) is None
        assert register_bundle(session, found) == registered.number("second")
