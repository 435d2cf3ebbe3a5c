"""A trained OCT system in use: volumes in, `Predictions` and readings out, one volume at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from triage.data.manifest import Case
from triage.decisions.policy import Policy
from triage.errors import ImageRejected
from triage.hashing import hash_json
from triage.heads import HeadKind
from triage.imaging.provenance import FileProvenance
from triage.measurements.asymmetry import likely_eye
from triage.measurements.signal import ungradable
from triage.measurements.tissue_measurements import Measured, measure
from triage.models.oct.referral_network import ReferralNetwork
from triage.models.oct.settings import OctSettings
from triage.oct_imaging.volume import Flag
from triage.oct_reading import OctReading, ReadingFacts
from triage.predictions import Predictions
from triage.systems.case_features import Features, case_features
from triage.systems.oct.networks import (
    PairOutputs,
    TissueMaps,
    cells_of,
    map_tissue,
    run_pairs,
)
from triage.systems.oct.opening import OpenVolume, open_volume
from triage.systems.scored import Scored, case_table
from triage.uncertainty.acquisition_shift import AcquisitionShift
from triage.vocabulary.diagnoses import DIAGNOSES

NOT_READ = (Flag.UPSIDE_DOWN, Flag.NOT_MACULAR)
"""Scans the networks were never shown: what they say of them is no opinion."""
CONTRADICTION = 0.07
"""Strength of `likely_eye` from which a claimed eye is doubted (our default). On 225 exact maps of
phantoms the likely eye was the right one wherever it was told; healthy eyes have about 0.08."""


@dataclass(frozen=True)
class _Read:
    """What is kept of a volume once it is read."""

    provenance: FileProvenance
    outputs: PairOutputs
    findings: dict[str, object]
    problem: str
    unseen: str
    file: Path | None


class OctSystem:
    """Two stages of networks, with the policy that turns them into a recommendation.

    Parameters
    ----------
    segmenters : dict of Module
        Stage 1, by name.
    referrers : dict of ReferralNetwork
        Stage 2, by name; every pair of the two is a member of the ensemble.
    settings : OctSettings
    kind : HeadKind
    classes : tuple of str
        Referral classes first, then the outlier classes.
    n_inliers : int
    policy : Policy
    shift : AcquisitionShift
        Tells scans of an unseen device.
    annotations : tuple of str, optional
        SHA-256 of the annotations that were there when stage 1 was trained; None where that is not
        known, as of systems of earlier releases.
    provenance : dict of str
        Written into every predictions table and reading.
    """

    stage = "reading volumes"
    """What the work of `score` is called."""
    passes = 1
    """How often `score` reports each file."""

    def __init__(
        self,
        segmenters: dict[str, nn.Module],
        referrers: dict[str, ReferralNetwork],
        *,
        settings: OctSettings,
        kind: HeadKind,
        classes: tuple[str, ...],
        n_inliers: int,
        policy: Policy,
        shift: AcquisitionShift,
        provenance: dict[str, str],
        annotations: tuple[str, ...] | None = None,
    ) -> None:
        self.segmenters = segmenters
        self.referrers = referrers
        self.settings = settings
        self.kind = kind
        self.classes = classes
        self.n_inliers = n_inliers
        self.policy = policy
        self.shift = shift
        self.annotations = annotations
        self.provenance = provenance

    @property
    def members(self) -> tuple[str, ...]:
        """Names of the pairs of instances."""
        return pair_names(self.segmenters, self.referrers)

    def score(
        self,
        cases: Sequence[Case],
        cache_folder: Path | None = None,
        progress: Callable[[int], None] | None = None,
        *,
        readings: Path | None = None,
    ) -> Scored:
        """Read volumes one after another and decide; memory does not grow with their number.

        Parameters
        ----------
        cases : sequence of Case
        cache_folder : Path, optional
            Not used: a volume is read once.
        progress : callable, optional
            Called with the number of volumes finished.
        readings : Path, optional
            Folder for one `OctReading` a volume, named by hashes only.
        """
        read: dict[str, _Read] = {}
        rejected: dict[str, ImageRejected] = {}
        files: dict[Path, FileProvenance] = {}
        for case in cases:
            try:
                one = read[case.case_id] = self._read(case, readings)
                files[case.images[0]] = one.provenance
            except ImageRejected as refusal:
                rejected[case.case_id] = refusal
                files.update(
                    {path: FileProvenance(None) for path in case.images if path not in files}
                )
                if refusal.sha256 is not None:
                    files[case.images[0]] = FileProvenance(refusal.sha256)
            if progress is not None:
                progress(len(case.images))
        kept = [case for case in cases if case.case_id in read]
        raw = self._predictions(kept, [one.outputs for one in read.values()])
        quality = {case: one.problem for case, one in read.items() if one.problem}
        unseen = {case: one.unseen for case, one in read.items() if one.unseen}
        return Scored(
            raw.with_decisions(self.policy.decide(raw, quality, unseen)),
            rejected,
            quality,
            unseen=unseen,
            files=files,
            readings={case: one.file for case, one in read.items() if one.file is not None},
            findings=pd.DataFrame([one.findings for one in read.values()]),
            features=self._features(raw, quality),
        )

    def _features(self, raw: Predictions, quality: dict[str, str]) -> Features:
        """Vector of each volume: what the referral instances read of its tissue, one part each."""
        width = raw.embedding.shape[1] // len(self.referrers)
        blocks = [slice(n * width, (n + 1) * width) for n in range(len(self.referrers))]
        return case_features(raw, blocks, quality)

    def _predictions(self, cases: Sequence[Case], outputs: Sequence[PairOutputs]) -> Predictions:
        return pair_predictions(
            cases, outputs, self.members, self.classes, self.n_inliers, self.provenance
        )

    def _read(self, case: Case, readings: Path | None) -> _Read:
        """Read one volume; its pixels and maps are forgotten, its reading is on disk if asked."""
        opened = open_volume(case, self.settings.segmentation)
        maps = map_tissue(list(self.segmenters.values()), opened.bscans, self.settings)
        cells = cells_of(maps.hypotheses, opened.spacing, self.settings)
        found = run_pairs(list(self.referrers.values()), cells)
        measured = measure(
            maps.hypotheses,
            opened.spacing,
            opened.laterality,
            superior_first=opened.superior_first,
        )
        problem, file = _problem(opened, maps), None
        if readings is not None:
            reading = self._reading(case, opened, maps, found, measured, problem)
            file = readings / _name(reading.facts)
            reading.save(file)
        return _Read(
            provenance=FileProvenance(opened.sha256, opened.flags),
            outputs=found,
            findings=self._findings(case, opened, found, measured),
            problem=problem,
            unseen=self._unseen(opened),
            file=file,
        )

    def _findings(
        self,
        case: Case,
        opened: OpenVolume,
        found: PairOutputs,
        measured: Measured,
    ) -> dict[str, object]:
        """One row of the findings table; a measurement's column has its unit in brackets."""
        mean = found.diagnoses.mean(axis=(0, 1))
        return (
            {"case_id": case.case_id, "device_distance": self._distance(opened)}
            | {f"p_{name}": float(p) for name, p in zip(DIAGNOSES, mean, strict=True)}
            | {f"{each.name} ({each.unit})": each.value for each in measured.measurements}
        )

    def _distance(self, opened: OpenVolume) -> float:
        return float(self.shift.distance(opened.acquisition[None])[0])

    def _unseen(self, opened: OpenVolume) -> str:
        """Why a scan is taken for one of an unseen device, '' where it is not."""
        distance, limit = self._distance(opened), self.shift.limit
        if distance <= limit:
            return ""
        return (
            f"Its distance from the training scans is {distance:.1f}; up to {limit:.1f} is usual."
        )

    def _reading(
        self,
        case: Case,
        opened: OpenVolume,
        maps: TissueMaps,
        found: PairOutputs,
        measured: Measured,
        problem: str,
    ) -> OctReading:
        score = self.policy.ood_score(self._predictions([case], [found]))
        facts = ReadingFacts(
            classes=self.classes,
            n_inliers=self.n_inliers,
            diagnoses=tuple(DIAGNOSES),
            spacing=opened.spacing,
            laterality=opened.laterality,
            fovea=measured.fovea,
            measurements=measured.measurements,
            flags=_flags(opened, measured),
            p_unfamiliar=float(self.policy.outlier_probability(score)[0]),
            device_distance=self._distance(opened),
            device_limit=self.shift.limit,
            ungradable=problem,
            volume_sha256=opened.sha256,
            bundle=self.provenance.get("bundle", ""),
        )
        return OctReading(
            facts=facts,
            tissue=maps.tissue,
            hypotheses=maps.hypotheses,
            disagreement=maps.disagreement,
            referral=found.referral,
            diagnoses=found.diagnoses,
            thickness=measured.thickness,
            thickness_spread=measured.thickness_spread,
            signal=opened.signal,
        )


def _problem(opened: OpenVolume, maps: TissueMaps) -> str:
    """What makes a scan ungradable, '' where nothing does."""
    wrong = [flag.sentence for flag in NOT_READ if flag in opened.flags]
    return " ".join(filter(None, (*wrong, ungradable(opened.signal, maps.tissue))))


def _flags(opened: OpenVolume, measured: Measured) -> tuple[str, ...]:
    """What is doubtful about a scan, the shape of its retina included."""
    eye, strength = likely_eye(measured.thickness, opened.spacing, measured.fovea)
    told = opened.laterality is not None and eye is not None
    if told and eye != opened.laterality and strength >= CONTRADICTION:
        return (*opened.flags, str(Flag.LATERALITY_UNLIKELY))
    return opened.flags


def pair_names(segmenters: Iterable[str], referrers: Iterable[str]) -> tuple[str, ...]:
    """Names of all pairs, segmentation instance first."""
    second = tuple(referrers)
    return tuple(f"{one}-{other}" for one in segmenters for other in second)


def pair_predictions(
    cases: Sequence[Case],
    outputs: Sequence[PairOutputs],
    members: tuple[str, ...],
    classes: tuple[str, ...],
    n_inliers: int,
    provenance: dict[str, str],
) -> Predictions:
    """Put what the pairs say of some volumes into one table, without decisions."""
    empty = np.zeros((0, len(members), len(classes)), dtype=np.float32)
    rows = [found.referral.reshape(len(members), len(classes)) for found in outputs]
    vectors = [found.embedding for found in outputs]
    return Predictions(
        cases=case_table(cases),
        classes=classes,
        n_inliers=n_inliers,
        members=members,
        probabilities=np.stack(rows) if rows else empty,
        embedding=np.stack(vectors) if vectors else np.zeros((0, 1), dtype=np.float32),
        provenance=provenance,
    )


def _name(facts: ReadingFacts) -> str:
    return hash_json([facts.volume_sha256, facts.bundle])[:32] + ".safetensors"
