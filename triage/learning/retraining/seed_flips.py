"""How many cases flip between two systems that differ in nothing but the seed of training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from triage.atomic_write import whole_file
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.errors import TrainingError
from triage.evaluation.from_predictions import outcomes_of
from triage.evaluation.metrics.classification import correct
from triage.hashing import hash_json
from triage.intake.score import score_cases
from triage.learning.retraining.measured import aligned
from triage.learning.retraining.request import Champion
from triage.named_file import MAX_JSON_BYTES
from triage.predictions import Predictions
from triage.progress import Progress, tagged
from triage.regular_file import read_regular
from triage.systems.families import family_of
from triage.systems.trained_system import TrainedSystem
from triage.vocabulary.learning import MemberSplit

SEED_STEP = 100_003
"""Added to the champion's seed, so that no member of the twin has the seed of one of its own."""
TWIN = "twin"
"""Name of the second champion, which is never written."""
_LARGEST_SEED = 2**31


def champion_data(dataset: Dataset, keys: Sequence[str], trained: Mapping[str, str] | None,
                  added: set[str]) -> Dataset:  # fmt: skip
    """Return the part of a data set that the champion was trained on.

    Parameters
    ----------
    dataset : Dataset
        Of the run.
    keys : sequence of str
        Key of each of its cases.
    trained : mapping of str to str, optional
        Split of each case of the champion's own run; None where no run made it.
    added : set of str
        `case_id` of the reviewed cases, which such a champion was not trained on.
    """
    if trained is None:
        splits = tuple(
            str(MemberSplit.EXCLUDED) if case.case_id in added else split
            for case, split in zip(dataset.cases, dataset.splits, strict=True)
        )
    else:
        splits = tuple(trained.get(key, str(MemberSplit.EXCLUDED)) for key in keys)
    return replace(dataset, splits=splits)


def seed_flip_rate(
    champion: Champion,
    data: Dataset,
    on_gate: Predictions,
    cases: Sequence[Case],
    spec: DataSpec,
    *,
    cache_folder: Path | None,
    checkpoints: Path,
    progress: Progress,
) -> float | None:
    """Return the share of inliers that one of two champions names rightly and the other wrongly.

    It is the mean of both directions, since neither of the two is the later one. The twin is
    trained with the champion's settings on the champion's data. The rate is kept in the cache by
    the champion's digest and the cases, so that it is measured once.

    Parameters
    ----------
    champion : Champion
    data : Dataset
        Of `champion_data`.
    on_gate : Predictions
        Of the champion, on the gate split.
    cases : sequence of Case
        The gate split.
    spec : DataSpec
    cache_folder : Path, optional
    checkpoints : Path
        Folder from which an interrupted training is resumed.
    progress : callable

    Returns
    -------
    float or None
        None where the twin cannot be trained, as on too few cases, or no inlier is measured.
    """
    key = hash_json(
        [
            "seed flips 1",
            champion.manifest.digest(),
            data.digest(votes=True),
            sorted(on_gate.cases["case_id"]),
            SEED_STEP,
        ]
    )
    kept = None if cache_folder is None else cache_folder / "seed_flips" / f"{key}.json"
    if kept is not None and (found := _read(kept)) is not None:
        return found
    settings = champion.manifest.settings
    seed = (settings.seed + SEED_STEP) % _LARGEST_SEED
    manifest = champion.manifest.model_copy(
        update={"settings": settings.model_copy(update={"seed": seed})}
    )
    try:
        fitted = family_of(spec.modality).refit(
            champion.system,
            manifest,
            data,
            TWIN,
            annotated=False,
            cache_folder=cache_folder,
            checkpoints=checkpoints,
            progress=tagged(progress, "second seed"),
        )
    except TrainingError:
        return None
    scored = score_cases(
        fitted.system, cases, cache_folder, tagged(progress, "second seed")
    ).predictions
    rate = _flips(champion, fitted.system, *aligned(on_gate, scored), spec)
    if rate is None:
        return None
    if kept is not None:
        with whole_file(kept) as partial:
            partial.write_text(json.dumps({"rate": rate}), encoding="utf-8")
    return rate


def _flips(
    champion: Champion, twin: TrainedSystem, one: Predictions, other: Predictions, spec: DataSpec
) -> float | None:
    first = outcomes_of(one, champion.system.policy, spec)
    second = outcomes_of(other, twin.policy, spec)
    known = ~first.is_outlier
    if not known.any():
        return None
    return float((correct(first) != correct(second))[known].mean() / 2)


def _read(path: Path) -> float | None:
    try:
        found = json.loads(read_regular(path, MAX_JSON_BYTES))["rate"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return float(found) if isinstance(found, int | float) and 0 <= found <= 1 else None
