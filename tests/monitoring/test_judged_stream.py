from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from triage.monitoring.bernoulli_cusum import CusumDesign, design_cusum
from triage.monitoring.judged_stream import judge_stream

DESIGN = design_cusum(0.05, 0.15, horizon=500, false_alarm=0.05)


def by_hand(
    design: CusumDesign, said: list[bool], resets: set[int], begins: set[int]
) -> tuple[list[int], list[int]]:
    """The chart case by case, with the sum set to 0 after `resets` and before `begins`."""
    total, sums, crossed = 0, [], []
    for place, yes in enumerate(said):
        if place in begins:
            total = 0
        total = max(0, total + (design.steps_up if yes else -design.steps_down))
        sums.append(total)
        if total >= design.limit or place in resets:
            crossed.append(place)
            total = 0
    return sums, crossed


@given(
    st.lists(st.booleans(), max_size=300),
    st.lists(st.integers(min_value=0, max_value=299), max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_sums_and_crossings_are_those_of_the_formula(said: list[bool], gaps: list[int]) -> None:
    stream = np.array(said, dtype=np.bool_)
    begins = sorted({place for place in gaps if place < len(said)})
    found = judge_stream(DESIGN, stream, restarts=begins)
    sums, crossed = by_hand(DESIGN, said, set(), set(begins))
    assert found.statistic.tolist() == sums
    assert found.crossed.tolist() == crossed


@given(st.lists(st.booleans(), min_size=1, max_size=300), st.data())
@settings(max_examples=60, deadline=None)
def test_a_stream_judged_in_parts_is_the_stream_judged_at_once(
    said: list[bool], data: st.DataObject
) -> None:
    stream = np.array(said, dtype=np.bool_)
    whole = judge_stream(DESIGN, stream)
    cut = data.draw(st.integers(min_value=0, max_value=len(said)))
    stored = judge_stream(DESIGN, stream[:cut]).crossed.tolist()
    again = judge_stream(DESIGN, stream, stored=stored)
    assert again.crossed.tolist() == whole.crossed.tolist()
    assert again.statistic.tolist() == whole.statistic.tolist()


def burst(n_before: int) -> np.ndarray:
    """No case counts, and then all do."""
    return np.array([False] * n_before + [True] * 60)


def test_a_crossing_that_removed_cases_move_is_not_found_twice() -> None:
    stream = burst(40)
    first = int(judge_stream(DESIGN, stream).crossed[0])
    # A case before the burst that counted is removed, so that the limit is reached a case later ...
    later = np.delete(stream, 45)
    moved = int(judge_stream(DESIGN, later).crossed[0])
    assert moved == first  # the same place is another case: that of the stored alarm is one before
    again = judge_stream(DESIGN, later, stored=[first - 1])
    assert again.crossed[0] == first - 1
    assert again.statistic[first] == DESIGN.steps_up  # begins at 0 after the stored alarm
    # ... or an earlier one is added, so that it is reached earlier.
    sooner = np.insert(stream, 41, [True, True, True])
    natural = int(judge_stream(DESIGN, sooner).crossed[0])
    stored = first + 3
    assert natural < stored
    assert natural not in judge_stream(DESIGN, sooner, stored=[stored]).crossed
    assert stored in judge_stream(DESIGN, sooner, stored=[stored]).crossed


def test_an_earlier_excursion_is_found_beside_a_stored_alarm() -> None:
    quiet = [False] * 400
    stream = np.array([*quiet, *([True] * 30), *quiet, *([True] * 30)])
    all_of_it = judge_stream(DESIGN, stream).crossed.tolist()
    second = next(place for place in all_of_it if place > 700)
    found = judge_stream(DESIGN, stream, stored=[second]).crossed.tolist()
    assert found == all_of_it
