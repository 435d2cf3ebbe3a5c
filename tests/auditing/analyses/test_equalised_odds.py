"""Equalised-odds gaps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import recall_score

from tests.auditing.analyses.tables import number, plan, table
from triage.auditing.analyses.equalised_odds import equalised_odds
from triage.auditing.audit_plan import IntervalSettings
from triage.auditing.audit_table import LevelCodes

SOME = table(600)


def expected_gap(
    urgent: NDArray[np.bool_], called: NDArray[np.bool_], groups: NDArray[np.int16],
    to_overall: bool = False,
) -> float:  # fmt: skip
    """Return the equalised-odds difference, from scikit-learn's recall."""
    gaps = []
    for positive in (True, False):
        rates = [
            recall_score(urgent[groups == group], called[groups == group], pos_label=positive)
            for group in np.unique(groups)
        ]
        whole = recall_score(urgent, called, pos_label=positive)
        gaps.append(max(abs(rate - whole) for rate in rates) if to_overall else np.ptp(rates))
    return float(max(gaps))


def test_the_gap_is_that_of_the_recalls() -> None:
    assert SOME.true_urgency is not None
    assert SOME.queue_urgency is not None
    found = equalised_odds(SOME, plan())
    for axis in ("skin", "site"):
        groups = SOME.axes[axis].codes
        urgent, called = SOME.true_urgency == 0, SOME.queue_urgency == 0
        for key in ("gap", "to_overall"):
            shown = number(found, f"equalised_odds_{key}", axis).value
            expected = expected_gap(urgent, called, groups, to_overall=key == "to_overall")
            assert shown == pytest.approx(expected)


def test_chance_is_that_of_shuffled_patients() -> None:
    some = table(300, cases_a_patient=3, seed=4)
    assert some.true_urgency is not None
    assert some.queue_urgency is not None
    settings = IntervalSettings(replicates=3000, min_patients=2)
    found = equalised_odds(some, plan(intervals=settings))
    draw = np.random.default_rng(0)
    of_patient = some.axes["skin"].codes[::3]
    gaps = [
        expected_gap(
            some.true_urgency == 0,
            some.queue_urgency == 0,
            draw.permutation(of_patient)[some.cluster],
        )
        for _ in range(80)
    ]
    shown = number(found, "equalised_odds_by_chance", "skin")
    assert shown.value is not None
    assert abs(shown.value - np.mean(gaps)) < 5 * np.std(gaps) / np.sqrt(len(gaps))
    gap, p_value = (number(found, f"equalised_odds_{key}", "skin").value for key in ("gap", "p"))
    assert gap is not None
    assert p_value is not None
    assert abs(p_value - np.mean(np.array(gaps) >= gap)) < 0.2


def test_p_values_under_the_null_are_not_too_small() -> None:
    settings = IntervalSettings(replicates=100)
    small = []
    for seed in range(60):
        found = equalised_odds(table(240, seed=seed), plan(intervals=settings))
        value = number(found, "equalised_odds_p", "skin").value
        assert value is not None
        small.append(value <= 0.2)
    assert np.mean(small) < 0.4


def test_patients_of_several_levels_keep_them() -> None:
    found = equalised_odds(SOME, plan())
    sites = SOME.axes["site"].codes.reshape(-1, 2)
    mixed = int((sites[:, 0] != sites[:, 1]).sum())
    assert any(
        note.startswith(f"{mixed} patients with cases in several levels of site")
        for note in found.notes
    )


@pytest.mark.parametrize("what", ["one level", "none urgent", "no queue", "no axis"])
def test_what_cannot_be_measured_says_why(what: str) -> None:
    one = {"skin": LevelCodes(("all of one",), np.zeros(len(SOME), dtype=np.int16))}
    changed = {
        "one level": replace(SOME, axes=one),
        "none urgent": replace(SOME, true_urgency=np.full(len(SOME), -1, dtype=np.int8)),
        "no queue": replace(SOME, queue_urgency=None),
        "no axis": replace(SOME, axes={}),
    }[what]
    found = equalised_odds(changed, plan())
    assert not found.available
    assert found.reason
