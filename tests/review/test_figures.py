from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score
from sqlalchemy import event as sqlalchemy_event

from tests.review.reviewed import Answer, Reviewed, put
from tests.store.databases import database_url
from triage.accounts import Actor, PermissionDenied, Role
from triage.data.spec import DataSpec
from triage.data.spec_files import load_spec, shipped_spec
from triage.review.figures import ReviewFigures, review_figures
from triage.review.figures.truth import TruthLabel, truth_of
from triage.store import LabelSource, Store, open_store
from triage.store.base import utc_now
from triage.store.reviews import withdraw_read
from triage.store.tables import Read
from triage.vocabulary.clinical import Risk, Urgency
from triage.vocabulary.read_answers import OverrideReason
from triage.vocabulary.review_policies import ReadingMode, SecondReadRule

GOVERNANCE = Actor("Gov", Role.GOVERNANCE)
SPEC = load_spec(shipped_spec("derm_phantoms"))
HIGH = [one.name for one in SPEC.conditions if one.risk is Risk.HIGH]
LOW = [one.name for one in SPEC.conditions if one.risk is Risk.LOW]
URGENT: Answer = (HIGH[0], Urgency.URGENT)
SEMI: Answer = (HIGH[0], Urgency.SEMI_URGENT)
MILD: Answer = (LOW[0], Urgency.ROUTINE)
OTHER: Answer = (LOW[1], Urgency.ROUTINE)


def figures(store: Store, *cases: Reviewed, spec: DataSpec | None = None) -> ReviewFigures:
    with store.transaction() as session:
        for number, case in enumerate(cases):
            put(session, f"c{number}", case)
    return review_figures(store, GOVERNANCE, spec=spec)


@pytest.fixture
def lite(tmp_path: Path) -> Iterator[Store]:
    """A store of one kind, where SQL is not what a test is about."""
    with database_url("sqlite", tmp_path) as address:
        opened = open_store(address, create=True)
        yield opened
        opened.close()


def counts(rate: Any) -> tuple[int, int]:
    return rate.count, rate.n


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.GOVERNANCE])
def test_only_governance_sees_them(lite: Store, role: Role) -> None:
    with pytest.raises(PermissionDenied):
        review_figures(lite, Actor("Ann", role))


def test_of_an_empty_store_nothing_can_be_said(store: Store) -> None:
    found = figures(store)
    plain = found.as_json()
    assert (plain["format"], plain["opened"]) == ("triage-review-figures-1", 0)
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert found.arms.below_promise is None

    def numbers(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
        if isinstance(value, dict):
            for key, each in value.items():
                yield from numbers(each, key)
        else:
            yield name, value

    said = {name: value for name, value in numbers(plain) if value not in (None, 0)}
    assert said == {"format": plain["format"], "promised": 0.10}


def test_overrides_and_their_reasons(lite: Store) -> None:
    found = figures(
        lite,
        Reviewed(advice=URGENT, first=URGENT, decision=URGENT),
        Reviewed(advice=URGENT, decision=MILD, reason=OverrideReason.FALSE_FINDING),
        Reviewed(advice=URGENT, decision=SEMI, reason=OverrideReason.HISTORY),
        Reviewed(advice=URGENT, decision=SEMI),
        Reviewed(advice="abstained", decision=MILD, reason=OverrideReason.HISTORY),
        Reviewed(decision=MILD),
        Reviewed(mode=ReadingMode.AI_OFF, advice=URGENT, decision=MILD),
    ).overrides
    assert counts(found.overridden) == (3, 4)
    assert counts(found.without_reason) == (1, 4)
    given = {reason.value: rate.count for reason, rate in found.by_reason.items() if rate.count}
    assert given == {"R2": 1, "R4": 1}
    exact = stats.binomtest(3, 4).proportion_ci(0.95, method="exact")
    assert (found.overridden.low, found.overridden.high) == pytest.approx((exact.low, exact.high))


def test_switches_against_the_truth(lite: Store) -> None:
    found = figures(
        lite,
        # Histology decides, also where readers agreed on something else.
        Reviewed(advice=URGENT, first=MILD, decision=URGENT, histology=URGENT[0]),
        Reviewed(advice=MILD, first=URGENT, decision=MILD, histology=URGENT[0]),
        Reviewed(advice=MILD, first=URGENT, decision=URGENT, histology=URGENT[0]),
        Reviewed(advice="abstained", first=URGENT, decision=MILD, histology=URGENT[0]),
        Reviewed(
            advice=MILD, first=MILD, decision=MILD, second=SEMI, adjudication=(SEMI, SEMI),
            histology=MILD[0],
        ),
        Reviewed(advice=MILD, first=MILD, decision=MILD, second=SEMI, adjudication=(SEMI,)),
        # Nothing to compare: no truth, no first read, no AI.
        Reviewed(advice=MILD, first=MILD, decision=URGENT, second=URGENT),
        Reviewed(mode=ReadingMode.CONCURRENT, advice=MILD, decision=MILD, histology=MILD[0]),
        Reviewed(mode=ReadingMode.AI_OFF, first=MILD, decision=URGENT, histology=URGENT[0]),
    ).switches  # fmt: skip
    assert counts(found.with_truth) == (8, 9)
    named = found.conditions
    assert counts(named.helpful) == (1, 2)
    assert counts(named.harmful) == (2, 4)
    assert counts(named.misled) == (1, 2)
    assert counts(named.first_right) == (4, 6)
    assert counts(named.decision_right) == (3, 6)
    # Without a data spec only adjudication states an urgency.
    assert counts(found.urgency.first_right) == (0, 1)


def test_the_spec_states_the_urgency_that_histology_does_not(lite: Store) -> None:
    urgency = SPEC.by_name[LOW[0]].urgency
    given = Reviewed(advice=URGENT, first=URGENT, decision=(LOW[0], urgency), histology=LOW[0])
    found = figures(lite, given, spec=SPEC).switches
    assert counts(found.urgency.helpful) == counts(found.conditions.helpful) == (1, 1)


def test_under_call_of_abstained_cases(lite: Store) -> None:
    off = {"mode": ReadingMode.AI_OFF, "drawn": True}
    adjudicated = {"second": SEMI, "adjudication": (SEMI,)}
    found = figures(
        lite,
        Reviewed(advice="abstained", first=MILD, decision=MILD, **adjudicated),
        Reviewed(advice="abstained", first=MILD, decision=SEMI, **adjudicated),
        Reviewed(advice="abstained", first=MILD, decision=(LOW[0], Urgency.URGENT),
                 histology=HIGH[0]),
        Reviewed(advice="abstained", first=MILD, decision=MILD, histology=LOW[0]),
        Reviewed(advice=MILD, first=MILD, decision=MILD, **adjudicated),
        Reviewed(advice="abstained", decision=SEMI, **off, **adjudicated),
        Reviewed(advice="abstained", decision=URGENT, **off, **adjudicated),
        Reviewed(advice=URGENT, decision=MILD, **off, **adjudicated),
        # A site without AI draws nothing.
        Reviewed(mode=ReadingMode.AI_OFF, advice="abstained", decision=MILD, **adjudicated),
        spec=SPEC,
    ).under_call  # fmt: skip
    assert counts(found.abstained) == (2, 3)
    assert counts(found.ai_off_abstained) == (0, 2)
    assert counts(found.ai_off) == (1, 3)
    assert found.against_alike.value == pytest.approx(2 / 3)
    assert (found.against_alike.n, found.against_alike.other_n) == (3, 2)
    assert found.against_all.value == pytest.approx(1 / 3)
    assert found.against_alike.low is not None
    assert found.against_alike.low < 0 < found.against_alike.high


def test_what_scored_a_case_after_the_decision_was_not_there(store: Store) -> None:
    given = Reviewed(mode=ReadingMode.AI_OFF, drawn=True, advice="abstained", decision=MILD,
                     second=SEMI, adjudication=(SEMI,))  # fmt: skip
    with store.transaction() as session:
        put(session, "c1", given)
        for read in session.query(Read):
            read.at = utc_now() - timedelta(days=1)
    found = review_figures(store, GOVERNANCE).under_call
    assert (counts(found.ai_off_abstained), counts(found.ai_off)) == ((0, 0), (1, 1))


def test_second_reads_and_adjudications(lite: Store) -> None:
    random_, conflict = (SecondReadRule.RANDOM,), (SecondReadRule.CONFLICT,)
    found = figures(
        lite,
        Reviewed(decision=MILD, rules=random_, second=MILD),
        Reviewed(decision=MILD, rules=random_ + conflict, second=SEMI,
                 adjudication=(SEMI, MILD, MILD)),
        Reviewed(decision=MILD, rules=conflict),
        Reviewed(decision=MILD, rules=conflict, second=URGENT, adjudication=(SEMI,),
                 by_senior=True),
        Reviewed(decision=MILD),
        Reviewed(decision=MILD, recorded=False),
    )  # fmt: skip
    by_rule = found.second_reads.by_rule
    assert SecondReadRule.PLANTED not in by_rule
    assert counts(by_rule[SecondReadRule.RANDOM].sent) == (2, 5)
    assert counts(by_rule[SecondReadRule.RANDOM].adjudicated) == (1, 2)
    assert counts(by_rule[SecondReadRule.CONFLICT].sent) == (3, 5)
    assert counts(by_rule[SecondReadRule.CONFLICT].given) == (2, 3)
    assert counts(by_rule[SecondReadRule.CONFLICT].adjudicated) == (2, 2)
    assert counts(found.second_reads.any_rule.sent) == (4, 5)
    assert by_rule[SecondReadRule.SUBGROUP].adjudicated.value is None
    assert counts(found.adjudications.closed) == (2, 2)
    assert counts(found.adjudications.by_senior) == (1, 2)
    assert found.adjudications.rounds == {1: 1, 3: 1}


def test_active_time_and_time_to_decision(lite: Store) -> None:
    blind = [
        Reviewed(decision=MILD, seconds=(10 * n, 5), wait=timedelta(days=n)) for n in (1, 2, 3, 40)
    ]
    found = figures(
        lite,
        *blind,
        Reviewed(mode=ReadingMode.AI_OFF, decision=URGENT, seconds=(80, 0)),
        Reviewed(mode=ReadingMode.CONCURRENT, decision=URGENT, seconds=(0, 9)),
        Reviewed(decision=MILD, wait=timedelta(days=2)),
    )
    before = found.active_time[ReadingMode.BLIND].before
    quartiles = np.percentile([10, 20, 30, 400], [25, 50, 75])
    assert (before.n, before.lower_quartile, before.median, before.upper_quartile) == (
        4,
        *quartiles,
    )
    assert found.active_time[ReadingMode.AI_OFF].before.median == 80
    assert found.active_time[ReadingMode.AI_OFF].after.n == 0
    assert found.active_time[ReadingMode.CONCURRENT].before.median is None
    assert found.active_time[ReadingMode.CONCURRENT].after.median == 9
    routine = found.time_to_decision[Urgency.ROUTINE]
    assert routine.hours.median == pytest.approx(48, abs=0.01)
    assert counts(routine.in_time) == (4, 5)
    assert found.time_to_decision[Urgency.OBSERVATION].in_time.value is None


def test_arms(lite: Store) -> None:
    off = Reviewed(mode=ReadingMode.AI_OFF, drawn=True)
    found = figures(lite, *[off] * 2, *[Reviewed(decision=MILD)] * 8).arms
    assert {mode.value: rate.count for mode, rate in found.by_mode.items()} == {
        "blind": 8,
        "concurrent": 0,
        "ai_off": 2,
    }
    assert (counts(found.drawn_ai_off), found.below_promise) == ((2, 10), False)


def test_a_broken_promise_is_stated(lite: Store) -> None:
    assert figures(lite, *[Reviewed(decision=MILD)] * 40).arms.below_promise is True


def test_planted_cases_and_undone_decisions_are_in_no_figure(store: Store) -> None:
    given = Reviewed(advice=MILD, first=URGENT, decision=MILD, histology=MILD[0], seconds=(9, 9))
    with store.transaction() as session:
        put(session, "planted", Reviewed(**(vars(given) | {"planted": True})))
        put(session, "undone", given)
        withdraw_read(session, 4, utc_now())
    found = review_figures(store, GOVERNANCE)
    assert (found.opened, found.decided) == (1, 0)
    assert found.switches.with_truth.n == found.overrides.overridden.n == 0
    assert found.active_time[ReadingMode.BLIND].before.n == 0


def random_cases(number: int) -> list[Reviewed]:
    """As many cases as asked for, with answers that agree more often than by chance."""
    rng = random.Random(0)
    answers = [URGENT, SEMI, MILD, OTHER, (LOW[0], Urgency.OBSERVATION)]

    def like(answer: Answer) -> Answer:
        return answer if rng.random() < 0.6 else rng.choice(answers)

    cases = []
    for patient in range(number):
        truth = rng.choice(answers)
        drawn = rng.random() < 0.2
        decision = like(truth)
        cases.append(
            Reviewed(
                mode=ReadingMode.AI_OFF if drawn else ReadingMode.BLIND,
                drawn=drawn,
                advice=rng.choice([like(truth), "abstained", None]),
                first=like(truth),
                decision=decision,
                reason=rng.choice([None, *OverrideReason]),
                second=like(truth) if patient % 2 else None,
                rules=tuple(rule for rule in SecondReadRule if rng.random() < 0.3),
                adjudication=(truth,) if patient % 4 == 1 else (),
                histology=truth[0] if patient % 3 == 0 else None,
                patient=f"p{patient // 2}",
                seconds=(rng.randrange(100), rng.randrange(100)),
            )
        )
    return cases


def test_all_of_it_computed_again_from_the_cases(store: Store) -> None:
    """Plain loops over what was stored, and scikit-learn for kappa."""
    cases = random_cases(60)
    found = figures(store, *cases, spec=SPEC)
    twice = [case for case in cases if case.second and case.decision]
    agreed = found.agreement.all_second_reads
    for kappa, read in ((agreed.first_urgency, "first"), (agreed.decision_urgency, "decision")):
        expected = cohen_kappa_score(
            [getattr(case, read)[1].rank for case in twice],
            [case.second[1].rank for case in twice],
            weights="quadratic",
        )
        assert kappa.value == pytest.approx(expected)
        assert kappa.low < kappa.value < kappa.high
        assert (kappa.n_cases, kappa.n_clusters) == (30, 30)
    drawn = [case for case in twice if SecondReadRule.RANDOM in case.rules]
    expected = cohen_kappa_score(
        [case.decision[0] for case in drawn], [case.second[0] for case in drawn]
    )
    assert found.agreement.random.decision_condition.value == pytest.approx(expected)

    helpful = harmful = wrong = right = missed = positive = 0
    for case in cases:
        truth = case.histology or (case.adjudication[-1][0] if case.adjudication else None)
        if truth is None:
            continue
        if case.mode is ReadingMode.BLIND:
            before, after = case.first[0] == truth, case.decision[0] == truth
            right, wrong = right + before, wrong + (not before)
            helpful, harmful = helpful + (after > before), harmful + (after < before)
        if case.advice == "abstained" and case.mode is ReadingMode.BLIND:
            level = SPEC.by_name[truth].urgency if case.histology else case.adjudication[-1][1]
            risky = SPEC.by_name[truth].risk is Risk.HIGH
            if level.rank <= 1 or risky:
                positive += 1
                missed += case.decision[1].rank > level.rank or (
                    risky and case.decision[0] != truth
                )
    assert counts(found.switches.conditions.helpful) == (helpful, wrong)
    assert counts(found.switches.conditions.harmful) == (harmful, right)
    assert counts(found.under_call.abstained) == (missed, positive)
    assert min(helpful, harmful, missed) > 0


@contextmanager
def counted_statements(store: Store) -> Iterator[list[str]]:
    with store.reading() as session:
        engine = session.get_bind()
    said: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        said.append(statement)

    sqlalchemy_event.listen(engine, "before_cursor_execute", note)
    yield said
    sqlalchemy_event.remove(engine, "before_cursor_execute", note)


def test_the_number_of_queries_does_not_grow(store: Store) -> None:
    figures(store, *random_cases(4))
    with counted_statements(store) as few:
        review_figures(store, GOVERNANCE)
    with store.transaction() as session:
        for number, case in enumerate(random_cases(20)):
            put(session, f"more{number}", case)
    with counted_statements(store) as many:
        review_figures(store, GOVERNANCE)
    assert len(few) == len(many) <= 7


def test_names_of_readers_are_not_in_them(lite: Store) -> None:
    cases = [Reviewed(**(vars(case) | {"readers": ("Xanthippe", "Zebedee")}))
             for case in random_cases(20)]  # fmt: skip
    text = json.dumps(figures(lite, *cases).as_json())
    assert "Xanthippe" not in text
    assert "Zebedee" not in text


def label(condition: str, **changes: Any) -> TruthLabel:
    return TruthLabel(
        **({"condition": condition, "source": LabelSource.HISTOLOGY, "given_by": "Lab"} | changes)
    )


def test_the_strongest_and_newest_label_is_the_truth() -> None:
    adjudicated = {"source": LabelSource.ADJUDICATED, "given_by": "Ann", "read": 7}
    consensus = label("b", urgency=Urgency.URGENT, **adjudicated)
    assert truth_of([]) is None
    truth = truth_of([consensus])
    assert truth is not None
    assert (truth.conditions, truth.urgency, truth.positive) == ({"b"}, Urgency.URGENT, True)
    corrected = truth_of([label("a"), label("c"), consensus])
    assert corrected is not None
    assert (corrected.conditions, corrected.urgency) == ({"c"}, None)
    assert truth_of([label("a"), label("c", given_by="Other lab"), consensus]) is None
    several = truth_of([consensus, label("d", urgency=Urgency.URGENT, **adjudicated)])
    assert several is not None
    assert several.conditions == {"b", "d"}


def test_the_urgency_of_several_conditions_is_the_most_urgent() -> None:
    both = [label(one, read=1) for one in (LOW[0], HIGH[0])]
    truth = truth_of(both, SPEC)
    assert truth is not None
    assert truth.high_risk == {HIGH[0]}
    assert truth.urgency == min(
        (SPEC.by_name[one].urgency for one in (LOW[0], HIGH[0])), key=lambda each: each.rank
    )
    unknown = truth_of([*both, label("x", read=1)], SPEC)
    assert unknown is not None
    assert unknown.urgency is None
