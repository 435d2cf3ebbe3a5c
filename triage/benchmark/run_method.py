"""Run one method on one draw: fit, score every set, and measure time and memory."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.array_file import Arrays
from triage.benchmark.draw_record import FAR, TEST, TRAIN, VALIDATION
from triage.benchmark.methods import Method
from triage.benchmark.prepare_draw import Draw
from triage.benchmark.rows.abstention_inputs import own_score
from triage.benchmark.rows.conformal_rows import ANSWERED, GATE
from triage.uncertainty.calibration import CALIBRATORS
from triage.uncertainty.calibration.calibrator import given_known
from triage.uncertainty.combination import COMBINATION, Combination, fit_combination
from triage.uncertainty.conformal import CONFORMAL, gated_sets, passes
from triage.uncertainty.conformal.conformal_set import Grouping
from triage.uncertainty.joint_predictive import of_label
from triage.uncertainty.observations import Observations
from triage.uncertainty.scores import Score, make_score

DISTANCE = "mahalanobis_normalised"
"""The score by which a density-aware calibrator measures distance to the training data."""
PROMISED = 0.9
"""Coverage that prediction sets promise."""
STOPPED = 0.8
"""Share of validation outliers that the gate in front of the sets stops."""
Record = tuple[Arrays, dict[str, Any]]


def run_method(method: Method, draw: Draw, *, trace_memory: bool) -> Record:
    """Run one method on one draw.

    Parameters
    ----------
    method : Method
    draw : Draw
    trace_memory : bool
        Run it a second time to see the peak of its memory; tracing would spoil the times.

    Returns
    -------
    arrays : dict of array
        By set: scores [N], calibrated probabilities [N, K], or sets [N, K].
    header : dict
        `fit_seconds`, `score_seconds` for 1,000 cases, `memory_mib` or None.

    Raises
    ------
    TriageError
        If the method cannot run on these data.
    """
    steps = {"score": _score, "calibrator": _calibrator, "conformal": _conformal}
    step = steps[method.kind]
    arrays, header = step(method, draw)
    header["memory_mib"] = _peak_memory(lambda: step(method, draw)) if trace_memory else None
    return arrays, header


def probabilities_of(seen: Observations) -> NDArray[np.float64]:
    """Ensemble probabilities of all classes, float64 [N, C]."""
    assert seen.probabilities is not None  # `observe` makes them
    averaged: NDArray[np.float64] = seen.probabilities.mean(axis=1, dtype=np.float64)
    return averaged


def known_probabilities(seen: Observations) -> NDArray[np.float64]:
    """Ensemble probabilities of the inlier conditions, given that it is one, float64 [N, K]."""
    return given_known(probabilities_of(seen), seen.n_inliers)


def own_probabilities(seen: Observations, truth: NDArray[np.int64]) -> NDArray[np.float64]:
    """What each member gives the condition of every inlier, given that it is one, [N, K]."""
    assert seen.probabilities is not None  # `observe` makes them
    known = np.flatnonzero(truth >= 0)
    members = np.asarray(seen.probabilities[known], dtype=np.float64)
    return of_label(members, truth[known], seen.n_inliers)


def _score(method: Method, draw: Draw) -> Record:
    sets = draw.observations[method.head]
    fitted, fit_seconds = _timed(_fitted, method, draw)
    arrays, seconds, cases = {}, 0.0, 0
    for name, seen in sets.items():
        if name != TRAIN:
            arrays[name], taken = _timed(fitted.score, seen)
            seconds, cases = seconds + taken, cases + len(seen)
    return arrays, {"fit_seconds": fit_seconds, "score_seconds": 1000 * seconds / cases}


def _fitted(method: Method, draw: Draw) -> Score | Combination:
    sets = draw.observations[method.head]
    if method.key != COMBINATION:
        return make_score(method.key).fit(sets[TRAIN], draw.truth[TRAIN])
    return fit_combination(
        sets[TRAIN],
        draw.truth[TRAIN],
        sets[VALIDATION],
        draw.outliers[VALIDATION],
        met=draw.met[method.head],
    )


def _calibrator(method: Method, draw: Draw) -> Record:
    sets = draw.observations[method.head]
    distances: dict[str, NDArray[np.float64]] = {}
    if CALIBRATORS[method.key].info.needs_distance:
        far_away = make_score(DISTANCE).fit(sets[TRAIN], draw.truth[TRAIN])
        distances = {name: far_away.score(seen) for name, seen in sets.items() if name != TRAIN}
    truth = draw.truth[VALIDATION]
    known = truth >= 0
    distance = distances[VALIDATION][known] if distances else None
    calibrator = CALIBRATORS[method.key]()
    seen = known_probabilities(sets[VALIDATION])[known]
    _, fit_seconds = _timed(calibrator.fit, seen, truth[known], distance)
    arrays, seconds, cases = {}, 0.0, 0
    for name, part in sets.items():
        if name not in (TRAIN, VALIDATION, FAR):
            given = known_probabilities(part)
            arrays[name], taken = _timed(calibrator.calibrate, given, distances.get(name))
            seconds, cases = seconds + taken, cases + len(part)
    return arrays, {"fit_seconds": fit_seconds, "score_seconds": 1000 * seconds / cases}


def _conformal(method: Method, draw: Draw) -> Record:
    sets = draw.observations[method.head]
    truth = draw.truth[VALIDATION]
    known = truth >= 0
    seen = known_probabilities(sets[VALIDATION])[known]
    asked = known_probabilities(sets[TEST])
    arrays: Arrays = {}
    fit_seconds = seconds = 0.0
    for by, (fitted_on, asked_of) in _groupings(draw, known).items():
        kind: Grouping = "all" if by == "all" else "condition" if by == "condition" else "subgroup"
        predictor = CONFORMAL[method.key](alpha=1 - PROMISED, by=kind)
        _, taken = _timed(predictor.fit, seen, truth[known], fitted_on)
        fit_seconds += taken
        arrays[by], taken = _timed(predictor.sets, asked, asked_of)
        seconds += taken
    if not known.all():
        arrays |= _behind_the_gate(method, draw)
    header = {"fit_seconds": fit_seconds, "score_seconds": 1000 * seconds / len(asked)}
    return arrays, header


def _behind_the_gate(method: Method, draw: Draw) -> Arrays:
    """Sets of test cases that pass an OOD gate, calibrated on inliers that pass it.

    The gate stops most validation outliers and depends on them alone: of exchangeable inliers
    those that pass it are exchangeable again, so the coverage guarantee holds for them.
    """
    sets = draw.observations[method.head]
    truth = draw.truth[VALIDATION]
    score = {
        name: own_score(probabilities_of(sets[name]), len(draw.inliers))
        for name in (VALIDATION, TEST)
    }
    threshold = float(np.quantile(score[VALIDATION][truth < 0], 1 - STOPPED))
    calibrating = (truth >= 0) & passes(score[VALIDATION], threshold)
    if not calibrating.any():
        return {}
    predictor = CONFORMAL[method.key](alpha=1 - PROMISED)
    predictor.fit(known_probabilities(sets[VALIDATION])[calibrating], truth[calibrating])
    asked = predictor.sets(known_probabilities(sets[TEST]))
    found, answered = gated_sets(asked, score[TEST], threshold)
    return {GATE: found, ANSWERED: answered}


def _groupings(
    draw: Draw, known: NDArray[np.bool_]
) -> dict[str, tuple[NDArray[Any] | None, NDArray[Any] | None]]:
    """Groupings by which quantiles are fitted, for calibration and test cases."""
    found: dict[str, tuple[NDArray[Any] | None, NDArray[Any] | None]] = {
        "all": (None, None),
        "condition": (None, None),
    }
    for axis, levels in draw.subgroups[VALIDATION].items():
        found[axis] = np.array(levels)[known], np.array(draw.subgroups[TEST][axis])
    return found


def _timed(work: Callable[..., Any], *given: Any) -> tuple[Any, float]:
    start = time.perf_counter()
    result = work(*given)
    return result, time.perf_counter() - start


def _peak_memory(work: Callable[[], Any]) -> float:
    """Peak memory allocated by the work, MiB."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1] / 2**20
    finally:
        tracemalloc.stop()
