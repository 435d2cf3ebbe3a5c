"""Protocol of a benchmark: data, draws, ensembles and sets, equal for all methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from triage.benchmark.modalities import bundle_digests, seen_by_stage_one, volumes_in
from triage.data.dataset import Dataset, load_dataset
from triage.data.manifest import IMAGE_SUFFIXES, Case
from triage.data.spec import DataSpec
from triage.errors import SpecError, UsageError
from triage.hashing import hash_bytes, hash_json
from triage.imaging.corruptions import FAR, Corruption, parse_corruption
from triage.learning.default_backbones import check_backbones
from triage.learning.find_duplicates import find_duplicates
from triage.modalities import MODALITIES
from triage.models.settings import DECIDING, TrainSettings
from triage.progress import Progress

TRIES = 5
"""Seeds tried for each draw: with few cases of a condition, a split may come out without any."""
MOST_FAR = 500
"""Images taken of a folder of far images, evenly spaced in the order of their names."""


@dataclass(frozen=True)
class Shift:
    """A covariate shift: the conditions stay the same, the appearance of the images changes.

    Parameters
    ----------
    name : str
        As the user wrote it.
    corruption : Corruption, optional
        Applied to the test inliers.
    held_out : pair of str, optional
        A subgroup column and its level: cases of that level neither train nor validate.
    """

    name: str
    corruption: Corruption | None = None
    held_out: tuple[str, str] | None = None


NO_SHIFT = "none"


def parse_shifts(texts: Sequence[str]) -> tuple[Shift, ...]:
    """Parse all shifts; none for the one word `none`.

    Raises
    ------
    UsageError
        If one is not a shift, or `none` is given with others.
    """
    if NO_SHIFT in texts:
        if len(texts) > 1:
            raise UsageError(
                f"{NO_SHIFT!r} excludes others",
                where="--shift",
                hint=f"Leave out {NO_SHIFT!r}, or the others.",
            )
        return ()
    return tuple(parse_shift(text) for text in texts)


def parse_shift(text: str) -> Shift:
    """Parse `column=level` (a device, a source) or `corruption:severity`."""
    column, equals, level = text.partition("=")
    if equals:
        return Shift(text, held_out=(column.strip(), level.strip()))
    return Shift(text, corruption=parse_corruption(text))


@dataclass(frozen=True)
class Protocol:
    """Settings of a benchmark except the methods and the number of draws.

    Parameters
    ----------
    spec : DataSpec
    root : Path
    settings : TrainSettings
        Of every ensemble; its head is replaced by each kind in turn.
    shifts : tuple of Shift
    far : Path, optional
        A folder of images of another kind, for volumes of other volumes; by
        default the test inliers, with nothing of the subject left in them.
    image_text : str, optional
        Directory or hub name of an image-text model.
    unknown_texts : tuple of str
        Sentences for what is out.
    similar : float
        Likeness above which cases of two clusters are near-duplicates; see
        `triage.systems.near_duplicates`.
    joined : tuple of pairs of str
        Clusters that are near-duplicates of each other and must stay in one split;
        `with_near_duplicates` finds them.
    indistinct : bool
        Whether so many cases have similar embeddings that none were joined.
    first_draw : int
        Number of the first draw, added to the seeds of the spec.

    Raises
    ------
    UsageError
        If the backbones or the image-text model do not read what the spec is of.
    """

    spec: DataSpec
    root: Path
    settings: TrainSettings
    shifts: tuple[Shift, ...] = ()
    far: Path | None = None
    image_text: str | None = None
    unknown_texts: tuple[str, ...] = ()
    similar: float = 1.0
    joined: tuple[tuple[str, str], ...] = ()
    indistinct: bool = False
    first_draw: int = 0

    def __post_init__(self) -> None:
        check_backbones(self.spec, self.settings.backbones)
        if self.of_volumes and self.image_text:
            raise UsageError(
                "an image-text model reads pictures, not volumes", hint="Leave out --image-text."
            )

    @property
    def of_volumes(self) -> bool:
        """Whether a case is a volume rather than pictures."""
        return MODALITIES[self.spec.modality].volumes

    def seeds(self, repeats: int) -> list[int]:
        """Seeds of the draws: the first ones whose splits have all required cases.

        Raises
        ------
        SpecError
            If too few of the tried ones do; the message states what the last one lacked.
        """
        found: list[int] = []
        start = self.spec.roles.seed + self.first_draw
        for seed in range(start, start + TRIES * repeats):
            try:
                self.dataset(seed)
                found.append(seed)
            except SpecError as error:
                refusal = error
            if len(found) == repeats:
                return found
        raise refusal

    def dataset(self, seed: int) -> Dataset:
        """The data under one draw of roles and splits.

        The split is drawn again as well: with few rare conditions there are few assignments of
        roles, and a repeated draw would add no evidence. The gate split of the spec as it is stays
        out of every draw.

        Raises
        ------
        UsageError
            If a held-out level has no case.
        """
        offset = seed - self.spec.roles.seed
        own = self.spec.split
        # What is kept for the gate is not drawn again.
        changes = {"seed": own.seed + offset, "test": own.test + (own.gate or 0.0), "gate": None}
        spec = self.spec.model_copy(update={"split": own.model_copy(update=changes)})
        dataset = load_dataset(spec, self.root, seed, need_outliers=False).with_joined(self.joined)
        if own.gate:
            as_it_is = load_dataset(self.spec, self.root, for_training=False)
            kept = as_it_is.with_joined(self.joined).gate_clusters()
            dataset = dataset.with_gate(kept)
        for shift in self.shifts:
            if shift.held_out is not None:
                dataset = dataset.with_held_out(*shift.held_out, split=shift.name)
        return dataset

    def with_near_duplicates(self, cache_folder: Path | None, report: Progress) -> Protocol:
        """Find near-duplicates by the backbones' embeddings.

        Networks that are trained end to end have no embeddings in advance. If many cases have
        similar embeddings, as with poor backbones, nothing is joined.

        Parameters
        ----------
        cache_folder : Path, optional
            Of embeddings.
        report : callable
        """
        if self.settings.mode != "embed" or self.similar >= 1.0:
            return self
        dataset = self.dataset(*self.seeds(1))
        found = find_duplicates(
            dataset,
            self.settings.backbones,
            self.similar,
            cache_folder=cache_folder,
            report=report,
            execution=self.settings.execution,
        )
        if found.indistinct():
            return replace(self, indistinct=True)
        return replace(self, joined=found.cluster_pairs())

    def far_cases(self) -> list[Case]:
        """Images of the far folder, or its volumes, each a case.

        Raises
        ------
        UsageError
            If the folder holds none.
        """
        assert self.far is not None
        kind = "volume" if self.of_volumes else "image"
        found = _images_in(self.far) if kind == "image" else volumes_in(self.far)
        if not found:
            raise UsageError(f"holds no {kind}", where=str(self.far), hint="Correct --far.")
        step = -(-len(found) // MOST_FAR)
        names = [hash_bytes(str(path.relative_to(self.far)).encode()) for path in found[::step]]
        return [
            Case(name, name, name, (path,), None, root=self.far)
            for name, path in zip(names, found[::step], strict=True)
        ]

    @property
    def far_description(self) -> str:
        """Description of the far set in a sentence."""
        if self.far is not None:
            what = "Other volumes" if self.of_volumes else "Images of another kind"
            return f"{what}, from the folder {self.far.name}."
        return f"Test inliers of which nothing is left to recognise ({FAR.name})."

    def seen_beforehand(self, seeds: list[int]) -> list[str]:
        """Notes on backbones that were trained on these data; see `seen_by_stage_one`."""
        if not self.of_volumes:
            return []
        draws = [self.dataset(seed) for seed in seeds]
        found = (
            seen_by_stage_one(name, self.spec, self.root, draws) for name in self.settings.backbones
        )
        return [note for note in found if note]

    def fingerprint(self) -> dict[str, Any]:
        """Settings that determine a record, to decide whether old ones are reused."""
        found = {
            "data": self.dataset(*self.seeds(1)).digest(),
            "spec": hash_json(self.spec.model_dump(mode="json")),
            "settings": self.settings.model_dump(mode="json", exclude={"head", *DECIDING}),
            "shifts": sorted(shift.name for shift in self.shifts),
            "far": [case.case_id for case in self.far_cases()] if self.far else FAR.digest,
            "image-text model": [self.image_text, *self.unknown_texts],
        }
        if self.of_volumes:  # a bundle may be trained again under its name
            found["bundles"] = bundle_digests(self.settings.backbones)
        return found


def _images_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()
    )
