"""Decisions and labels as columns, compared with the figures of reviews."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.monitoring.plans import plan
from tests.review.reviewed import Answer, Reviewed, put
from tests.store.make import bundle
from tests.store.migrated import migrated_url
from triage.data.spec_files import load_spec, shipped_spec
from triage.monitoring.monitoring_plan import MonitoringPlan
from triage.monitoring.review_stream import read_decisions, read_labelled
from triage.monitoring.under_call_chart import missed_positives
from triage.review.figures.overrides import overrides
from triage.review.figures.reviewed_cases import reviewed_cases
from triage.review.figures.under_call import under_call
from triage.store import LabelSource, Store, add_label, open_store, register_bundle
from triage.store.bundles import set_champion
from triage.vocabulary.clinical import Risk, Urgency
from triage.vocabulary.review_policies import ReadingMode

SPEC = load_spec(shipped_spec("derm_phantoms"))
HIGH = [one.name for one in SPEC.conditions if one.risk is Risk.HIGH]
LOW = [one.name for one in SPEC.conditions if one.risk is Risk.LOW]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with migrated_url(request.param, tmp_path) as url:
        opened = open_store(url)
        with opened.transaction() as session:
            set_champion(session, register_bundle(session, bundle()))
        yield opened
        opened.close()


def of_spec() -> MonitoringPlan:
    return plan(urgencies={one.name: one.urgency for one in SPEC.conditions}, high_risk=tuple(HIGH))


def drawn_case(random_: random.Random) -> Reviewed:
    def answer() -> Answer:
        return random_.choice([*HIGH, *LOW]), random_.choice([*Urgency])

    advice = random_.choice([answer(), "abstained", "abstained", None])
    alone = random_.random() < 0.5
    decided = random_.random() < 0.9
    return Reviewed(
        mode=ReadingMode.AI_OFF if alone else ReadingMode.BLIND,
        drawn=alone,
        advice=advice,
        first=answer() if decided else None,
        decision=(advice if isinstance(advice, tuple) and random_.random() < 0.5 else answer())
        if decided
        else None,
        adjudication=(answer(),) if decided and random_.random() < 0.4 else (),
        histology=random_.choice([*HIGH, *LOW]) if random_.random() < 0.4 else None,
        planted=random_.random() < 0.1,
    )


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)  # 150 cases, written one by one
def test_overrides_and_under_calls_are_those_of_the_figures(store: Store) -> None:
    random_ = random.Random(5)
    with store.transaction() as session:
        for number in range(150):
            put(session, f"c{number}", drawn_case(random_))
    with store.reading() as session:
        cases = reviewed_cases(session, SPEC)
        decisions = read_decisions(session, 1)
        labelled = read_labelled(session, 1, of_spec())
    told = overrides(cases).overridden
    assert (int(decisions.overridden.sum()), int(decisions.advised.sum())) == (told.count, told.n)
    assert told.n > 10
    assert (np.diff(decisions.time) >= 0).all()
    assert len({*decisions.case.tolist()}) == len(decisions)
    missed = missed_positives(decisions, labelled, 0)
    figures = under_call(cases)
    shown, alone = ~missed.alone, missed.alone
    assert (int(missed.missed[shown].sum()), int(shown.sum())) == (
        figures.abstained.count,
        figures.abstained.n,
    )
    assert (int(missed.missed[alone].sum()), int(alone.sum())) == (
        figures.ai_off_abstained.count,
        figures.ai_off_abstained.n,
    )
    assert figures.abstained.n > 5
    assert figures.ai_off_abstained.n > 5
    assert missed_positives(decisions, labelled, 2**62).case.tolist() == []


def test_labels_count_by_strength_and_never_those_given_under_the_ai(store: Store) -> None:
    advice: Answer = (LOW[0], Urgency.ROUTINE)
    other: Answer = (LOW[1], Urgency.ROUTINE)
    with store.transaction() as session:
        rows = {
            name: put(session, name, case)
            for name, case in {
                "histology beats adjudication": Reviewed(
                    advice=advice, first=other, decision=other, adjudication=(other,),
                    histology=LOW[0],
                ),
                "blind": Reviewed(advice=advice, first=advice, decision=other),
                "blind, wrong": Reviewed(advice=advice, first=other, decision=advice),
                "under the AI only": Reviewed(
                    mode=ReadingMode.CONCURRENT, advice=advice, decision=advice
                ),
                "abstained": Reviewed(advice="abstained", first=other, decision=other),
            }.items()
        }  # fmt: skip
        for name, condition, source in (
            ("blind", LOW[0], LabelSource.BLIND),
            ("blind, wrong", LOW[1], LabelSource.BLIND),
            ("blind, wrong", LOW[0], LabelSource.AI_VISIBLE),
            ("under the AI only", LOW[0], LabelSource.AI_VISIBLE),
            ("abstained", LOW[1], LabelSource.BLIND),
        ):
            seen = source is LabelSource.AI_VISIBLE
            add_label(session, rows[name], condition, source, given_by="Ann", ai_visible=seen)
    with store.reading() as session:
        found = read_labelled(session, 1, of_spec())
    by_case = {
        case: (kept, right, truth is not None)
        for case, kept, right, truth in zip(
            found.case.tolist(), found.kept.tolist(), found.correct.tolist(), found.truth,
            strict=True,
        )
    }  # fmt: skip
    assert by_case[rows["histology beats adjudication"]] == (True, True, True)
    assert by_case[rows["blind"]] == (True, True, False)
    assert by_case[rows["blind, wrong"]] == (True, False, False)
    assert by_case[rows["abstained"]][0] is False
    assert rows["under the AI only"] not in by_case
    assert (np.diff(found.time) >= 0).all()
