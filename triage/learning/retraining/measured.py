"""Champion and challenger on held-out cases: what the step `evaluate` writes and others read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.errors import UsageError, count_by_reason
from triage.evaluation import paired_difference
from triage.evaluation.from_predictions import outcomes_of
from triage.intake.score import score_cases
from triage.predictions import Predictions
from triage.progress import Progress, tagged
from triage.systems.trained_system import TrainedSystem

TEST, HELD_OUT = "test", "held_out"
"""Parts: the split that reports show, and the gate split with the frozen set."""
CHAMPION, CHALLENGER = "champion", "challenger"


def predict_parts(
    system: TrainedSystem,
    parts: dict[str, Sequence[Case]],
    who: str,
    folder: Path,
    cache_folder: Path | None,
    progress: Progress,
) -> dict[str, dict[str, int]]:
    """Write the predictions of a system on each part; return the rejected cases by reason.

    Cases of several parts are scored once.

    Raises
    ------
    UsageError
        If no case of a part could be read.
    """
    cases = list({case.case_id: case for part in parts.values() for case in part}.values())
    scored = score_cases(system, cases, cache_folder, tagged(progress, who))
    rejected = {}
    for name, part in parts.items():
        ids = {case.case_id for case in part}
        found = rows_of(scored.predictions, ids)
        if part and not len(found):
            raise UsageError(f"no case of the {name} split could be read", where=who)
        if part:
            found.save(folder / f"{name}-{who}.parquet")
        rejected[name] = count_by_reason(
            error for case, error in scored.rejected.items() if case in ids
        )
    return rejected


def rows_of(predictions: Predictions, ids: set[str]) -> Predictions:
    """Return the predictions of some cases, in their order."""
    mask = predictions.cases["case_id"].isin(ids).to_numpy()
    where = np.flatnonzero(mask)
    decisions = predictions.decisions
    return Predictions(
        cases=predictions.cases.iloc[where].reset_index(drop=True),
        classes=predictions.classes,
        n_inliers=predictions.n_inliers,
        members=predictions.members,
        probabilities=predictions.probabilities[where],
        embedding=predictions.embedding[where],
        provenance=predictions.provenance,
        decisions=None if decisions is None else decisions.iloc[where].reset_index(drop=True),
    )


def read_part(folder: Path, part: str, who: str) -> Predictions | None:
    """Return the predictions of a part that `predict_parts` wrote; None where it had no case."""
    path = folder / f"{part}-{who}.parquet"
    return Predictions.load(path) if path.exists() else None


def aligned(a: Predictions, b: Predictions) -> tuple[Predictions, Predictions]:
    """Return both tables without the cases that only one of them has, in the same order."""
    both = {*a.cases["case_id"]} & {*b.cases["case_id"]}
    first, second = rows_of(a, both), rows_of(b, both)
    place = {case: number for number, case in enumerate(second.cases["case_id"])}
    order = [place[case] for case in first.cases["case_id"]]
    if order == list(range(len(order))):
        return first, second
    raise UsageError("the two systems were measured on cases in different orders")


def compare_reported(
    folder: Path, champion: TrainedSystem | None, challenger: TrainedSystem, spec: DataSpec
) -> dict[str, Any]:
    """Compare both on the split that reports show.

    Returns
    -------
    dict
        By metric: `champion`, `challenger`, `value` (challenger less champion), `low`, `high`.
        Without a champion the values of the challenger alone.
    """
    after = read_part(folder, TEST, CHALLENGER)
    if after is None:
        return {}
    outcomes = outcomes_of(after, challenger.policy, spec)
    if champion is None:
        found = paired_difference(outcomes, outcomes, n_resamples=2)
        return {key: {"challenger": one.b, "unit": one.unit} for key, one in found.items()}
    before = read_part(folder, TEST, CHAMPION)
    assert before is not None, "both were scored on the same cases"
    before, after = aligned(before, after)
    differences = paired_difference(
        outcomes_of(before, champion.policy, spec), outcomes_of(after, challenger.policy, spec)
    )
    return {
        key: {
            "champion": one.a,
            "challenger": one.b,
            "value": one.value,
            "low": one.low,
            "high": one.high,
            "unit": one.unit,
            "n_cases": one.n_cases,
        }
        for key, one in differences.items()
    }
