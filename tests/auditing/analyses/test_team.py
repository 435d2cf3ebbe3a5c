"""First read, system, and final decision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.auditing.analyses.tables import number, plan, table
from triage.auditing.analyses.team import team
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.audit_table import LevelCodes

SINGLE = table(400, cases_a_patient=1)
PAIRS = table(600)


def test_switches_have_their_denominators() -> None:
    found = team(PAIRS, plan())
    first, final = PAIRS.first_right == 1, PAIRS.final_right == 1
    of_level = PAIRS.axes["skin"].codes == 2
    for axis, level, where in (("overall", "all", np.ones(600, bool)), ("skin", "III", of_level)):
        helped = number(found, "helpful_switches", axis, level)
        harmed = number(found, "harmful_switches", axis, level)
        assert helped.value == pytest.approx((final & ~first & where).sum() / helped.n)
        assert helped.n == (~first & where).sum()
        assert harmed.value == pytest.approx((first & ~final & where).sum() / (first & where).sum())
        change = number(found, "accuracy_change", axis, level)
        assert change.value == pytest.approx(final[where].mean() - first[where].mean())
        assert change.interval == "Gaffke"


def test_the_system_is_measured_where_it_gave_an_opinion() -> None:
    assert PAIRS.abstained is not None
    found = number(team(PAIRS, plan()), "system_accuracy")
    answered = ~PAIRS.abstained
    assert found.value == pytest.approx((PAIRS.predicted == PAIRS.truth)[answered].mean())


def test_the_p_value_is_that_of_the_sign_test() -> None:
    first, final = SINGLE.first_right == 1, SINGLE.final_right == 1
    helped, harmed = (final & ~first).sum(), (first & ~final).sum()
    expected = stats.binomtest(int(helped), int(helped + harmed)).pvalue
    assert number(team(SINGLE, plan()), "accuracy_change_p").value == pytest.approx(expected)
    assert not any(each.key == "accuracy_change_p" for each in team(PAIRS, plan()).numbers)


def test_a_change_that_was_never_seen_may_still_exist() -> None:
    same = replace(SINGLE, final_right=SINGLE.first_right)
    change = number(team(same, plan()), "accuracy_change")
    assert change.value == 0
    assert change.low is not None
    assert change.high is not None
    assert change.low < 0 < change.high


def test_a_gap_that_the_team_widens() -> None:
    n = 800
    dark = np.repeat([0, 1], n // 2)
    draw = np.random.default_rng(1)
    first = draw.random(n) < 0.6
    final = draw.random(n) < np.where(dark == 1, 0.6, 0.95)
    some = replace(
        table(n, cases_a_patient=1),
        axes={"skin": LevelCodes(("light", "dark"), dark.astype(np.int16))},
        first_right=first.astype(np.int8),
        final_right=final.astype(np.int8),
    )
    found = team(some, plan())
    expected = {
        "gap_first": abs(first[dark == 0].mean() - first[dark == 1].mean()),
        "gap_final": abs(final[dark == 0].mean() - final[dark == 1].mean()),
    }
    for key, value in expected.items():
        assert number(found, key, "skin").value == pytest.approx(value)
    change = number(found, "gap_change", "skin")
    assert change.value == pytest.approx(expected["gap_final"] - expected["gap_first"])
    assert change.low is not None
    assert change.low > 0


def test_under_calls_where_the_system_abstains() -> None:
    found = team(PAIRS, plan())
    assert PAIRS.final_urgency is not None
    assert PAIRS.true_urgency is not None
    assert PAIRS.abstained is not None
    can_be = PAIRS.true_urgency < 3
    missed = PAIRS.final_urgency > PAIRS.true_urgency
    shown, blind = can_be & (PAIRS.ai_shown == 1) & PAIRS.abstained, can_be & (PAIRS.ai_shown == 0)
    assert number(found, "under_call_abstained").value == pytest.approx(missed[shown].mean())
    assert number(found, "under_call_blind").value == pytest.approx(missed[blind].mean())
    difference = number(found, "under_call_difference")
    assert difference.value == pytest.approx(missed[shown].mean() - missed[blind].mean())
    assert difference.low is not None
    assert PAIRS.seconds is not None
    assert number(found, "mean_seconds").value == pytest.approx(PAIRS.seconds.mean(), rel=1e-5)


def test_too_few_patients_have_no_interval() -> None:
    few = team(table(12), plan(intervals=IntervalSettings(min_patients=10)))
    change = number(few, "accuracy_change")
    assert change.low is None
    assert change.note == "fewer than 10 patients"


def test_what_cannot_be_measured_says_why() -> None:
    assert "first read" in team(replace(PAIRS, first_right=None), plan()).reason
    unread = replace(PAIRS, final_right=np.full(600, -1, dtype=np.int8))
    assert not team(unread, plan()).available
    bare = replace(PAIRS, predicted=None, ai_shown=None, seconds=None)
    keys = {each.key for each in team(bare, plan()).numbers}
    assert not keys & {"system_accuracy", "under_call_blind", "mean_seconds"}
