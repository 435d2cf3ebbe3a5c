from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.monitoring.plans import plan
from tests.store.make import abstention, bundle, case, opinion
from tests.store.migrated import migrated_url
from triage.monitoring.case_stream import (
    Arrivals,
    EarlierRun,
    microseconds,
    moment_of,
    read_arrivals,
)
from triage.monitoring.independent_visits import visits_of
from triage.monitoring.monitored_levels import Level, left_out, levels_of
from triage.monitoring.monitoring_plan import DriftPlan, OodRule
from triage.monitoring.rate_streams import is_ood
from triage.store import ImageRecord, Store, add_case, add_prediction, open_store, register_bundle
from triage.store.base import utc_now
from triage.store.planted import add_planted
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.clinical import Urgency

NOON = datetime(2025, 6, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with migrated_url(request.param, tmp_path) as url:
        opened = open_store(url)
        yield opened
        opened.close()


def put(store: Store, name: str, decision: Any = None, **changes: Any) -> int:
    with store.transaction() as session:
        number = add_case(session, case(name, **changes))
        add_prediction(session, number, register_bundle(session, bundle()), decision or opinion())
    return number


def arrivals(store: Store, runs: tuple[EarlierRun, ...] = (), **changes: Any) -> Arrivals:
    changes.setdefault("axes", ("site", "skin_type"))
    changes.setdefault("drift", DriftPlan())
    with store.reading() as session:
        return read_arrivals(session, 1, plan(**changes), runs)


def test_columns_hold_what_the_rows_say(store: Store) -> None:
    images = (
        ImageRecord("a.png", "/r", "a" * 64, ("rescaled", "colours_converted")),
        ImageRecord("b.png", "/r", "b" * 64, ("rescaled",)),
    )
    put(store, "b", abstention(AbstainReason.UNSEEN_DEVICE, ood_score=2.5), age=61.24,
        received_at=NOON + HOUR, images=images, visit=3, source="south")  # fmt: skip
    put(store, "a", groups={"skin_type": None})
    planted = put(store, "p")
    with store.transaction() as session:
        add_planted(session, planted, ("acne",), Urgency.ROUTINE, None)
        other = register_bundle(session, bundle("e" * 64))
        number = add_case(session, case("of another bundle"))
        add_prediction(session, number, other, opinion())
    found = arrivals(store)
    assert found.case.tolist() == [2, 1]
    assert [moment_of(time) for time in found.time.tolist()] == [NOON, NOON + HOUR]
    assert found.reason.tolist() == [0, 3]
    assert found.abstained.tolist() == [False, True]
    assert found.visit.tolist() == [-1, 3]
    np.testing.assert_allclose(found.confidence, [0.83, 0.83], rtol=1e-6)
    assert np.isnan(found.ood_score[0])
    assert found.ood_score[1] == 2.5
    columns = {name: one.texts(np.arange(2)) for name, one in found.columns.items()}
    assert columns == {
        "site": ["clinic", "south"],
        "skin_type": ["unknown", "III"],
        "age": ["unknown", "61.2"],
        "modality": ["photographs", "photographs"],
        "n_images": ["1", "2"],
        "image_flags": ["none", "colours_converted + rescaled"],
    }
    np.testing.assert_array_equal(found.columns["age"].values(np.arange(2)), [np.nan, 61.2])
    assert found.columns["age"].numeric.all()
    assert not found.columns["skin_type"].numeric.all()


def test_a_late_case_counts_at_the_end_of_the_run_that_missed_it(store: Store) -> None:
    first = put(store, "first")
    last = put(store, "last", received_at=NOON + 10 * HOUR)
    run = EarlierRun(utc_now(), NOON + 10 * HOUR)
    late = put(store, "late", received_at=NOON + HOUR)
    new = put(store, "new", received_at=NOON + 11 * HOUR)
    found = arrivals(store, (run,))
    assert found.case.tolist() == [first, last, late, new]
    assert moment_of(int(found.time[2])) == NOON + 10 * HOUR
    assert found.n_late == 1
    assert arrivals(store).case.tolist() == [first, late, last, new]
    assert arrivals(store).n_late == 0


def test_a_case_from_the_future_counts_when_it_was_scored(store: Store) -> None:
    put(store, "wrong clock", received_at=utc_now() + timedelta(days=3000))
    put(store, "a little ahead", received_at=utc_now() + HOUR)
    found = arrivals(store)
    assert found.case.tolist() == [1, 2]
    assert found.n_ahead == 1
    assert moment_of(int(found.time[0])) <= utc_now()


def test_visits_join_the_cases_of_a_patient_on_a_day(store: Store) -> None:
    near = {"patient": "p", "visit": 40}
    put(store, "left", abstention(), received_at=NOON, **near)
    put(store, "other", received_at=NOON + HOUR, patient="q", visit=40)
    put(store, "right", received_at=NOON + 2 * HOUR, **near)
    put(store, "sent again", received_at=NOON + 24 * HOUR, **near)
    put(store, "no visit", received_at=NOON + 25 * HOUR, patient="p")
    put(store, "no visit again", received_at=NOON + 25 * HOUR, patient="p")
    found = arrivals(store)
    visits = visits_of(found)
    assert found.case[visits.last].tolist() == [2, 3, 4, 5, 6]
    assert visits.any(found.abstained).tolist() == [False, True, False, False, False]


def test_a_case_is_out_of_distribution_by_reason_or_by_score(store: Store) -> None:
    for code in AbstainReason:
        put(store, code, abstention(code, ood_score=0.0))
    put(store, "far", opinion(ood_score=3.0))
    put(store, "unknown score", opinion())
    found = arrivals(store)
    names = [*AbstainReason, "far", "unknown score"]

    def said(rule: OodRule) -> list[str]:
        return [name for name, one in zip(names, is_ood(found, rule), strict=True) if one]

    assert said(OodRule()) == ["A1", "A3", "A4"]
    assert said(OodRule(score_threshold=3.0)) == ["A1", "A3", "A4", "far"]
    assert said(OodRule(reasons=(), score_threshold=3.0)) == ["far"]


def test_levels_are_watched_in_the_order_of_their_first_case(store: Store) -> None:
    for place, site in enumerate(["x", "y", "x", "z"]):
        put(store, f"c{place}", source=site, received_at=NOON + place * HOUR)
    found = arrivals(store)
    few = plan(axes=("site", "skin_type"), max_levels=2)
    assert levels_of(few, found) == [
        Level(), Level("site", "x"), Level("site", "y"), Level("skin_type", "III")
    ]  # fmt: skip
    assert left_out(few, found) == ["site: 3 levels, of which the plan watches 2"]
    assert Level("site", "x").of(found).tolist() == [0, 2]
    assert Level("site", "nowhere").of(found).tolist() == []


def test_microseconds_and_moments_are_exact() -> None:
    moment = datetime(2025, 3, 30, 1, 59, 59, 999_999, tzinfo=UTC)
    assert moment_of(microseconds(moment)) == moment
