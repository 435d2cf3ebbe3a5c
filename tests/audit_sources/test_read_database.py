"""Cases of the case database become the table of an audit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.audit_sources.tables import MADE
from tests.review.reviewed import Reviewed, put
from tests.store.make import bundle, case, opinion
from tests.store.migrated import migrated_url
from triage.audit_sources import read_database
from triage.auditing.audit_plan import AuditPlan, Axis, Period, PlannedCondition
from triage.auditing.audit_table import AuditTable
from triage.errors import UsageError
from triage.store import (
    LabelSource,
    Store,
    add_case,
    add_label,
    add_prediction,
    open_store,
    register_bundle,
)
from triage.store.bundles import set_champion
from triage.vocabulary.clinical import Urgency

CONDITIONS = (
    PlannedCondition(name="melanoma", urgency="urgent"),
    PlannedCondition(name="acne", urgency="observation"),
    PlannedCondition(name="folliculitis", urgency="routine"),
    PlannedCondition(name="wart", urgency="routine", known=False),
)
MELANOMA, ACNE = ("melanoma", Urgency.URGENT), ("acne", Urgency.ROUTINE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with migrated_url("sqlite", tmp_path) as url:
        opened = open_store(url)
        yield opened
        opened.close()


def plan(*axes: Axis, **changes: object) -> AuditPlan:
    given = {
        "title": "T", "source": "test", "created_at": MADE, "unlabelled": "exclude",
        "conditions": CONDITIONS, "axes": axes,
    }  # fmt: skip
    return AuditPlan(**(given | changes))  # type: ignore[arg-type]


def filled(store: Store) -> list[int]:
    """Cases with each kind of truth; the numbers of those that are audited."""
    given = {
        "histology": Reviewed(advice=MELANOMA, first=ACNE, decision=MELANOMA, seconds=(4, 6),
                              histology="melanoma", patient="p1"),
        "adjudicated": Reviewed(advice=MELANOMA, first=ACNE, decision=ACNE, second=MELANOMA,
                                adjudication=(ACNE,)),
        "blind": Reviewed(advice="abstained", first=ACNE, decision=ACNE, patient="p1"),
        "outlier": Reviewed(advice="abstained", first=ACNE, decision=("wart", Urgency.ROUTINE),
                            histology="wart"),
        "not listed": Reviewed(advice=ACNE, histology="not_listed"),
    }  # fmt: skip
    with store.transaction() as session:
        numbers = [put(session, name, one) for name, one in given.items()]
        put(session, "planted", Reviewed(advice=ACNE, decision=ACNE, histology="acne",
                                         planted=True))  # fmt: skip
        put(session, "unscored", Reviewed(decision=ACNE, histology="acne"))
        add_label(session, numbers[2], "acne", LabelSource.BLIND, given_by="Ann", ai_visible=False)
        set_champion(session, register_bundle(session, bundle()))
    return numbers


def levels(table: AuditTable, axis: str) -> list[str]:
    return [table.axes[axis].levels[code] for code in table.axes[axis].codes]


def test_truth_predictions_and_reads(store: Store) -> None:
    numbers = filled(store)
    found = read_database(plan(), store)
    assert found.case_numbers is not None
    assert found.case_numbers.tolist() == numbers
    assert found.classes == ("melanoma", "acne", "folliculitis")
    assert found.truth.tolist() == [0, 1, -2, -1, -1]
    assert found.excluded == {"not scored by the audited system": 1}
    assert found.cluster.tolist() == [0, 1, 0, 2, 3]
    assert found.predicted is not None
    assert found.predicted.tolist() == [0, 0, 0, 0, 1]
    assert found.abstained is not None
    assert found.abstained.tolist() == [False, False, True, True, False]
    assert found.queue_urgency is not None
    assert found.queue_urgency.tolist() == [0, 0, 1, 1, 2]
    # Of the adjudicated case what the readers agreed on, routine, not that of the condition.
    assert found.true_urgency is not None
    assert found.true_urgency.tolist() == [0, 2, -1, 2, -1]
    assert found.first_right is not None
    assert found.final_right is not None
    assert found.first_right.tolist() == [0, 1, -1, 0, -1]
    assert found.final_right.tolist() == [1, 1, -1, 1, -1]
    assert found.seconds is not None
    np.testing.assert_array_equal(found.seconds[:2], [10, np.nan])
    assert found.ai_shown is not None
    assert found.ai_shown.tolist() == [1, 1, 1, 1, -1]
    assert found.probabilities is not None
    np.testing.assert_allclose(found.probabilities[0], [0.83, 0.125, 0.045], atol=1e-6)
    assert any("1 cases have labels of single readers only" in note for note in found.notes)


def test_axes_and_their_sources(store: Store) -> None:
    filled(store)
    axes = (
        Axis(name="skin type", column="skin_type"),
        Axis(name="age", column="age", bands=(0, 40, 60)),
        Axis(name="sex", column="modality"),
        Axis(name="source", column="source"),
    )
    found = read_database(plan(*axes), store)
    assert levels(found, "skin type") == ["III"] * 5
    assert levels(found, "age") == ["40-60"] * 5
    assert levels(found, "source") == ["clinic"] * 5
    with pytest.raises(UsageError, match=r"no case has a group 'skintype'.*'skin_type'"):
        read_database(plan(Axis(name="x", column="skintype")), store)


def test_the_same_cases_have_the_same_hash(store: Store) -> None:
    filled(store)
    first, second = read_database(plan(), store), read_database(plan(), store)
    assert first.facts == second.facts
    with store.transaction() as session:
        number = add_case(session, case("new"))
        add_prediction(session, number, register_bundle(session, bundle()), opinion())
    third = read_database(plan(), store)
    assert third.facts["cases"] != first.facts["cases"]
    assert int(third.facts["ledger_sequence"]) > int(first.facts["ledger_sequence"])


def test_the_bundle_of_the_plan_and_that_in_use(store: Store) -> None:
    filled(store)
    with store.transaction() as session:
        other = register_bundle(session, bundle("e" * 64))
        number = add_case(session, case("of the other"))
        add_prediction(session, number, other, opinion())
        add_label(session, number, "acne", LabelSource.HISTOLOGY, given_by="L", ai_visible=False)
        number = add_case(session, case("of the other too"))
        add_prediction(session, number, other, opinion())
        add_label(session, number, "melanoma", LabelSource.HISTOLOGY, given_by="L",
                  ai_visible=False)  # fmt: skip
    found = read_database(plan(bundle="e" * 64), store)
    assert len(found) == 2
    assert found.facts["bundle"] == "e" * 64
    assert any("bundle in use changed since the plan" in note for note in found.notes)
    with pytest.raises(UsageError, match="knows no bundle ffffffffffff"):
        read_database(plan(bundle="f" * 64), store)


def test_period_and_cohorts(store: Store) -> None:
    filled(store)
    now = datetime.now()
    period = Period(first=now - timedelta(days=9), last=now - timedelta(days=8))
    with pytest.raises(UsageError, match="no case to audit"):
        read_database(plan(period=period), store)
    with pytest.raises(UsageError, match="no case to audit"):
        read_database(plan(cohorts=("elsewhere",)), store)
    assert len(read_database(plan(cohorts=("clinic",)), store)) == 5


def test_a_database_without_a_system(store: Store) -> None:
    with pytest.raises(UsageError, match="no system is in use"):
        read_database(plan(), store)


def test_a_plan_for_other_conditions(store: Store) -> None:
    filled(store)
    with pytest.raises(UsageError, match="'folliculitis', which is no condition of the plan"):
        read_database(plan(conditions=(*CONDITIONS[:2], CONDITIONS[3])), store)
