"""Evaluation of the tissue maps of many volumes, added one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from triage.errors import UsageError
from triage.evaluation.bootstrap import cluster_weights
from triage.evaluation.bootstrap_intervals import CONFIDENCE
from triage.evaluation.estimates import estimate_of
from triage.evaluation.metrics.metric import Interval
from triage.evaluation.metrics.weighted import FloatArray, weighted_mean
from triage.evaluation.results import Estimate
from triage.evaluation.segmentation.calibration import VoxelCalibration
from triage.evaluation.segmentation.dice import dice, voxel_confusion
from triage.evaluation.segmentation.qubrats import qubrats
from triage.evaluation.segmentation.result import ClassScores, SegmentationResult
from triage.evaluation.segmentation.surface_distance import surface_distance

_UNITS = {"dice": "proportion", "assd": "um", "hd95": "um", "qubrats": "score"}


@dataclass(frozen=True)
class TruthAndPrediction:
    """One volume to evaluate.

    Parameters
    ----------
    truth, predicted : uint8 array [S, H, W]
    patient : str
        Unit of resampling.
    spacing : (bscan, depth, column) or None
        mm; without it no distance is measured.
    probabilities : float array [K, S, H, W], optional
        For the calibration error.
    uncertainty : float array [S, H, W], optional
        0 to 100, for the QU-BraTS score.
    """

    truth: NDArray[np.uint8] = field(repr=False)
    predicted: NDArray[np.uint8] = field(repr=False)
    patient: str
    spacing: tuple[float, float, float] | None = None
    probabilities: NDArray[np.floating] | None = field(default=None, repr=False)
    uncertainty: NDArray[np.floating] | None = field(default=None, repr=False)


class SegmentationEvaluator:
    """Evaluator to which volumes are added one by one.

    Parameters
    ----------
    classes : sequence of str
        Names of the K classes, in the order of the maps' values.
    distances : bool
        Whether to measure surface distances, the slow part.
    """

    def __init__(self, classes: Sequence[str], *, distances: bool = True) -> None:
        self.classes = tuple(classes)
        self._distances = distances
        self._patients: list[str] = []
        self._confusions: list[NDArray[np.int64]] = []
        self._rows: dict[str, list[FloatArray]] = {"assd": [], "hd95": [], "qubrats": []}
        self._calibration = VoxelCalibration(len(self.classes))
        self._calibrated = False

    def add(self, volume: TruthAndPrediction) -> None:
        """Measure one volume; its voxels are not kept.

        Raises
        ------
        UsageError
            If its arrays do not belong together.
        """
        n_classes = len(self.classes)
        confusion = voxel_confusion(volume.truth, volume.predicted, n_classes)
        assd, hd95, score = (np.full(n_classes, np.nan) for _ in range(3))
        if self._distances and volume.spacing is not None:
            for label in np.flatnonzero(confusion.sum(axis=1) * confusion.sum(axis=0)):
                assd[label], hd95[label] = surface_distance(
                    volume.truth == label, volume.predicted == label, volume.spacing
                )
        if volume.uncertainty is not None:
            score = qubrats(volume.truth, volume.predicted, volume.uncertainty, n_classes).score
        if volume.probabilities is not None:
            self._calibration.add(volume.probabilities, volume.truth)
            self._calibrated = True
        self._patients.append(volume.patient)
        self._confusions.append(confusion)
        for name, row in (("assd", assd), ("hd95", hd95), ("qubrats", score)):
            self._rows[name].append(row)

    def result(self, *, n_resamples: int = 1000, seed: int = 0) -> SegmentationResult:
        """Return the scores, with intervals from resampled patients.

        Raises
        ------
        UsageError
            If no volume was added.
        """
        if not self._patients:
            raise UsageError("there are no volumes to evaluate")
        confusions, patients = np.stack(self._confusions), np.array(self._patients)
        weights = np.concatenate(
            list(cluster_weights(patients, n_resamples=n_resamples, seed=seed))
        )
        true, predicted = confusions.sum(axis=2) > 0, confusions.sum(axis=1) > 0
        scores = {"dice": np.where(true, dice(confusions), np.nan)}
        scores |= {name: np.stack(rows) for name, rows in self._rows.items()}
        pooled = dice(confusions.sum(axis=0))
        ece, relevant = self._calibration.error(), self._calibration.error(relevant=True)
        classes = []
        for label, name in enumerate(self.classes):
            estimates = {
                metric: _estimate(metric, _UNITS[metric], values[:, label], patients, weights)
                for metric, values in scores.items()
            }
            classes.append(
                ClassScores(
                    name=name,
                    n_volumes=int(true[:, label].sum()),
                    n_missed=int((true & ~predicted)[:, label].sum()),
                    n_invented=int((predicted & ~true)[:, label].sum()),
                    dice_pooled=_number(pooled[label]),
                    ece=_number(ece[label]) if self._calibrated else None,
                    ece_relevant=_number(relevant[label]) if self._calibrated else None,
                    **estimates,
                )
            )
        return SegmentationResult(
            n_volumes=len(patients),
            n_patients=len(np.unique(patients)),
            n_resamples=n_resamples,
            seed=seed,
            confidence=CONFIDENCE,
            mean_dice=_mean_of_classes(scores["dice"], patients, weights),
            classes=classes,
        )


def evaluate_maps(
    volumes: Iterable[TruthAndPrediction],
    classes: Sequence[str],
    *,
    distances: bool = True,
    n_resamples: int = 1000,
    seed: int = 0,
) -> SegmentationResult:
    """Evaluate volumes from an iterable; see `SegmentationEvaluator`."""
    evaluator = SegmentationEvaluator(classes, distances=distances)
    for volume in volumes:
        evaluator.add(volume)
    return evaluator.result(n_resamples=n_resamples, seed=seed)


def _estimate(
    metric: str, unit: str, values: FloatArray, patients: NDArray[np.str_], weights: FloatArray
) -> Estimate:
    """Mean over the volumes that have a value, [N]."""
    known = np.isfinite(values)
    counted = np.where(known, values, 0.0)
    value = float(weighted_mean(counted, known, np.ones((1, len(values))))[0])
    resamples = weighted_mean(counted, known, weights)
    return _with_interval(metric, unit, value, resamples, known, patients)


def _mean_of_classes(
    values: FloatArray, patients: NDArray[np.str_], weights: FloatArray
) -> Estimate:
    """Mean over classes of their mean over volumes, [N, K]; classes never present left out."""
    known = np.isfinite(values)
    anything: NDArray[np.bool_] = np.asarray(known.any(axis=1))
    means = []
    for rows in (np.ones((1, len(values))), weights):
        number = rows @ known
        total = rows @ np.where(known, values, 0.0)
        mean = np.divide(total, number, out=np.zeros_like(total), where=number > 0)
        means.append(mean.sum(axis=1) / (number > 0).sum(axis=1))
    value, resamples = float(means[0][0]), means[1]
    return _with_interval("mean_dice", "proportion", value, resamples, anything, patients)


def _with_interval(
    metric: str,
    unit: str,
    value: float,
    resamples: FloatArray,
    known: NDArray[np.bool_],
    patients: NDArray[np.str_],
) -> Estimate:
    return estimate_of(
        metric,
        unit,
        value,
        resamples,
        Interval.PERCENTILE,
        n_cases=int(known.sum()),
        n_clusters=len(np.unique(patients[known])),
    )


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
