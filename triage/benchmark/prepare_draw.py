"""Preparation of one draw: its sets of cases, and the predictions of each kind of ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.array_file import Arrays
from triage.backbones.backbone import Backbone
from triage.backbones.feature_maps import MapStatistics
from triage.backbones.image_text import load_image_text
from triage.benchmark.arms import Arm
from triage.benchmark.case_sets import CaseSet, case_sets
from triage.benchmark.draw_record import TEST, VALIDATION
from triage.benchmark.embedding import embed_sets
from triage.benchmark.protocol import Protocol
from triage.benchmark.records import cluster_codes
from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.data.spec import DataSpec
from triage.progress import Progress, tagged
from triage.systems.photographs.observe import observe
from triage.systems.photographs.system import Embedded
from triage.systems.photographs.training import train_pool
from triage.uncertainty.observations import ImageText, Observations
from triage.vocabulary.subgroup_levels import UNKNOWN


@dataclass(frozen=True)
class Draw:
    """One draw, ready for the methods.

    Parameters
    ----------
    seed : int
    inliers : tuple of str
    truth : dict of int array
        By set: index of each case's condition among the inliers, -1 for others.
    clusters : dict of int64 array
        By set: codes of the clusters.
    subgroups : dict of (dict of list of str)
        Level of each validation and test case, by set and axis.
    observations : dict of (dict of Observations)
        By arm, then by set; `train` holds inliers only.
    outliers : dict of str array
        Condition of each validation and test case that is an outlier, '' for inliers, by set.
    met : dict of tuple of str
        Outlier conditions that trained each arm.
    rejected : int
        Cases left out because an image could not be read.
    """

    seed: int
    inliers: tuple[str, ...]
    truth: dict[str, NDArray[np.int64]]
    clusters: dict[str, NDArray[np.int64]]
    subgroups: dict[str, dict[str, list[str]]]
    observations: dict[str, dict[str, Observations]]
    outliers: dict[str, NDArray[np.str_]]
    met: dict[str, tuple[str, ...]]
    rejected: int

    def record(self) -> tuple[Arrays, dict[str, object]]:
        """Data of the draw that the tables need."""
        arrays: Arrays = {f"truth/{name}": value for name, value in self.truth.items()}
        arrays |= {f"cluster/{name}": value for name, value in self.clusters.items()}
        header = {
            "inliers": self.inliers,
            "subgroups": self.subgroups[TEST],
            "outliers": self.outliers[TEST].tolist(),
            "validation": {
                "outliers": self.outliers[VALIDATION].tolist(),
                "subgroups": self.subgroups[VALIDATION],
            },
            "met": sorted({name for names in self.met.values() for name in names}),
            "sets": list(self.truth),
            "rejected": self.rejected,
        }
        return arrays, header


def prepare_draw(
    protocol: Protocol,
    seed: int,
    heads: Sequence[str],
    *,
    checkpoints: Path,
    cache_folder: Path | None,
    with_maps: bool,
    report: Progress,
) -> Draw:
    """Train the ensembles of a draw and compute their observations on all its sets.

    Parameters
    ----------
    protocol : Protocol
    seed : int
        Of the draw.
    heads : sequence of str
        Arms to train.
    checkpoints : Path
        Networks trained before with the same settings are loaded from there.
    with_maps : bool
        Whether a method needs feature maps.

    Raises
    ------
    TriageError
        If the data cannot be trained with.
    """
    dataset = protocol.dataset(seed)
    sets = case_sets(protocol, dataset)
    embedded: dict[tuple[str, ...], dict[str, Embedded]] = {}
    opened: dict[str, list[Case]] = {}
    observations: dict[str, dict[str, Observations]] = {}
    for kind in heads:
        settings = Arm.parse(kind).settings(protocol.settings)
        pool = train_pool(
            dataset,
            settings,
            cache_folder=cache_folder,
            checkpoints=checkpoints / kind,
            progress=tagged(report, kind),
        )
        digests = tuple(backbone.digest() for backbone in pool.backbones.values())
        if digests not in embedded:
            # Ensembles on frozen backbones share them, and each set is embedded once.
            found, opened = embed_sets(pool.backbones, sets, cache_folder, report)
            embedded[digests] = found
        observations[kind] = {
            name: observe(parts, pool.members, len(dataset.draw.inliers))
            for name, parts in embedded[digests].items()
        }
    rejected = sum(len(part.cases) - len(opened[name]) for name, part in sets.items())
    sets = {name: replace(part, cases=opened[name]) for name, part in sets.items()}
    extras = _Extras(sets, cache_folder, report)
    maps_of = next(iter(pool.backbones.values())) if with_maps else None
    for parts in extras.needed(protocol, dataset.draw.inliers, maps_of):
        observations = {
            kind: {name: replace(seen, **parts[name]) for name, seen in of_kind.items()}
            for kind, of_kind in observations.items()
        }
    return Draw(
        seed=seed,
        inliers=dataset.draw.inliers,
        truth={name: _truth(part.cases, dataset) for name, part in sets.items()},
        clusters={
            name: cluster_codes([case.cluster for case in part.cases])
            for name, part in sets.items()
        },
        subgroups={name: _subgroups(sets[name].cases, dataset.spec) for name in (VALIDATION, TEST)},
        observations=observations,
        outliers={name: _outliers(sets[name].cases, dataset) for name in (VALIDATION, TEST)},
        met={name: _training_outliers(name, dataset) for name in heads},
        rejected=rejected,
    )


@dataclass(frozen=True)
class _Extras:
    """Inputs of a few methods beside the ensembles, equal for every kind of head."""

    sets: dict[str, CaseSet]
    cache_folder: Path | None
    report: Progress

    def needed(
        self, protocol: Protocol, inliers: Sequence[str], backbone: Backbone | None
    ) -> list[dict[str, dict[str, Any]]]:
        """Feature maps if a backbone is given, image-text vectors if the protocol names a model."""
        found = []
        if backbone is not None:
            found.append(self.maps(backbone))
        if protocol.image_text is not None:
            found.append(self.image_text(protocol.image_text, inliers, protocol.unknown_texts))
        return found

    def maps(self, backbone: Backbone) -> dict[str, dict[str, Any]]:
        """Statistics of one backbone's feature maps, by set."""
        statistics = MapStatistics(backbone)
        found = self._through(statistics, "feature maps")
        return {name: {"maps": statistics.split(values)} for name, values in found.items()}

    def image_text(
        self, reference: str, inliers: Sequence[str], unknown: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        """Images and sentences in the space of an image-text model, by set."""
        model = load_image_text(reference)
        sentences = model.condition_vectors(inliers), model.sentence_vectors(unknown)
        found = {}
        for name, images in self._through(model.images, "image-text model").items():
            # the mean of a case's images is shorter than they are
            units = images / np.linalg.norm(images, axis=1, keepdims=True)
            found[name] = {"image_text": ImageText(units, *sentences, model.scale)}
        return found

    def _through(self, network: Backbone, stage: str) -> dict[str, NDArray[np.float32]]:
        embedded, _ = embed_sets({stage: network}, self.sets, self.cache_folder, self.report, stage)
        return {name: parts[stage] for name, parts in embedded.items()}


def _training_outliers(arm: str, dataset: Dataset) -> tuple[str, ...]:
    return dataset.draw.train if Arm.parse(arm).info.learns_outliers else ()


def _truth(cases: Sequence[Case], dataset: Dataset) -> NDArray[np.int64]:
    place = {name: index for index, name in enumerate(dataset.draw.inliers)}
    return np.array([place.get(str(case.condition), -1) for case in cases], dtype=np.int64)


def _outliers(cases: Sequence[Case], dataset: Dataset) -> NDArray[np.str_]:
    inliers = dataset.draw.inliers
    return np.array(["" if case.condition in inliers else str(case.condition) for case in cases])


def _subgroups(cases: Sequence[Case], spec: DataSpec) -> dict[str, list[str]]:
    return {
        axis.column: [case.subgroups.get(axis.column, UNKNOWN) for case in cases]
        for axis in spec.subgroups
    }
