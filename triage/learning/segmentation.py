"""`triage segment`: train and measure stage 1 on annotated scans, every group tested once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.atomic_write import whole_file
from triage.errors import UsageError
from triage.evaluation.segmentation import (
    SegmentationEvaluator,
    SegmentationResult,
    TruthAndPrediction,
)
from triage.models.oct.settings import OctSettings
from triage.progress import Progress
from triage.public_sets.annotated import Annotated
from triage.public_sets.segmentation import SegmentationSet, split_by_group
from triage.public_sets.segmentation_spec import SegmentationSpec
from triage.systems.oct.annotated import segment, train_on

N_RESAMPLES = 1000


@dataclass(frozen=True)
class SegmentationRun:
    """What cross-validation measured, against each grader and between graders.

    Parameters
    ----------
    spec : SegmentationSpec
    settings : OctSettings
    folds : int
    results : tuple of SegmentationResult
        One a grader.
    between_graders : SegmentationResult, optional
        The second grader against the first, where there are two.
    """

    spec: SegmentationSpec
    settings: OctSettings
    folds: int
    results: tuple[SegmentationResult, ...]
    between_graders: SegmentationResult | None

    def as_json(self) -> dict[str, Any]:
        """The run as plain JSON."""
        between = self.between_graders
        return {
            "spec": self.spec.name,
            "folds": self.folds,
            "settings": self.settings.model_dump(mode="json"),
            "results": [result.model_dump(mode="json") for result in self.results],
            "between_graders": between.model_dump(mode="json") if between else None,
        }


def cross_validate(
    spec: SegmentationSpec,
    root: str | Path,
    settings: OctSettings,
    *,
    folds: int = 5,
    report: Progress = lambda *_: None,
) -> SegmentationRun:
    """Train on all groups but some, measure on those, until every group was tested once.

    Parameters
    ----------
    spec : SegmentationSpec
    root : str or Path
        Folder of the set.
    settings : OctSettings
    folds : int
        At most the number of groups.

    Raises
    ------
    UsageError
        If there are fewer than two groups or folds.
    SpecError
        If the set cannot be read; lists every problem.
    """
    found = SegmentationSet(spec, Path(root))
    found.check()
    folds = min(folds, len(set(found.groups)))
    if folds < 2:
        raise UsageError("cross-validation needs two groups and two folds", where=spec.name)
    items = list(found)
    shares = {str(fold): 1 / folds for fold in range(folds)}
    parts = split_by_group(found.groups, shares)
    graders = max(len(item.masks) for item in items)
    evaluators = [SegmentationEvaluator(spec.classes) for _ in range(graders)]
    for fold in range(folds):
        test = set(parts[str(fold)])
        networks = train_on(
            (item for n, item in enumerate(items) if n not in test),
            len(spec.classes),
            settings,
            progress=_epochs(report, fold, folds, settings),
        )
        for place in sorted(test):
            probabilities = segment(networks, items[place], settings)
            for grader, volume in enumerate(_compared(items[place], probabilities)):
                evaluators[grader].add(volume)
    return SegmentationRun(
        spec,
        settings,
        folds,
        tuple(evaluator.result(n_resamples=N_RESAMPLES) for evaluator in evaluators),
        _between(items, spec),
    )


def save_run(run: SegmentationRun, path: str | Path) -> None:
    """Write a run as JSON, whole or not at all.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    text = json.dumps(run.as_json(), indent=2) + "\n"
    try:
        with whole_file(Path(path)) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _compared(item: Annotated, probabilities: NDArray[np.float32]) -> Iterator[TruthAndPrediction]:
    """The ensemble against each grader; pixels nobody judged count as agreed, of the first class.

    That flatters the first class, which is the background of every set we know.
    """
    averaged = probabilities.mean(axis=0)
    predicted = averaged.argmax(axis=1).astype(np.uint8)
    votes = probabilities.argmax(axis=2)
    uncertainty = 100 * (votes != predicted).mean(axis=0)
    n_classes = averaged.shape[1]
    for mask in item.masks:
        unknown = mask >= n_classes
        yield TruthAndPrediction(
            truth=np.where(unknown, 0, mask).astype(np.uint8),
            predicted=np.where(unknown, 0, predicted).astype(np.uint8),
            patient=item.group,
            spacing=_spacing(item),
            probabilities=np.moveaxis(averaged, 1, 0) if not unknown.any() else None,
            uncertainty=uncertainty,
        )


def _between(items: list[Annotated], spec: SegmentationSpec) -> SegmentationResult | None:
    twice = [item for item in items if len(item.masks) > 1]
    if not twice:
        return None
    evaluator = SegmentationEvaluator(spec.classes)
    for item in twice:
        first, second = item.masks[:2]
        judged = (first < len(spec.classes)) & (second < len(spec.classes))
        evaluator.add(
            TruthAndPrediction(
                truth=np.where(judged, first, 0).astype(np.uint8),
                predicted=np.where(judged, second, 0).astype(np.uint8),
                patient=item.group,
                spacing=_spacing(item),
            )
        )
    return evaluator.result(n_resamples=N_RESAMPLES)


def _spacing(item: Annotated) -> tuple[float, float, float] | None:
    return item.spacing.complete if item.spacing else None


def _epochs(report: Progress, fold: int, folds: int, settings: OctSettings) -> Any:
    total = settings.segmentation.fit.epochs

    def tell(instance: int, done: int, _: float) -> None:
        stage = f"fold {fold + 1}/{folds}, instance {instance + 1}/{settings.instances}"
        report(stage, done, total)

    return tell
