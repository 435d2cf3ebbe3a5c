"""`triage spec duplicates`: cases that look alike although the manifest keeps them apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage.backbones.runtime.execution import TORCH_FLOAT32, Execution
from triage.csv_file import write_csv
from triage.data.clusters import joined_names
from triage.data.dataset import Dataset
from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.learning.default_backbones import check_backbones
from triage.models.load_backbone import load_backbone
from triage.progress import Progress, counting
from triage.systems.near_duplicates import CHAIN, Alike, near_duplicates
from triage.systems.photographs.system import embed_with


@dataclass(frozen=True)
class Duplicates:
    """What was found.

    Parameters
    ----------
    dataset : Dataset
    pairs : tuple of Alike
        The most alike first.
    rejected : int
        Cases that could not be read.
    """

    dataset: Dataset
    pairs: tuple[Alike, ...]
    rejected: int

    def astride(self) -> list[Alike]:
        """Pairs whose cases are in two different splits: these leak."""
        split = dict(
            zip((case.case_id for case in self.dataset.cases), self.dataset.splits, strict=True)
        )
        return [pair for pair in self.pairs if split[pair.case_a] != split[pair.case_b]]

    def cluster_pairs(self) -> tuple[tuple[str, str], ...]:
        """Clusters that must not straddle a split, in the order of their names."""
        return tuple(sorted((pair.cluster_a, pair.cluster_b) for pair in self.pairs))

    def groups(self) -> dict[str, str]:
        """Name of the group of each case that looks like one of another cluster."""
        clusters = [case.cluster for case in self.dataset.cases]
        pairs = self.cluster_pairs()
        names = joined_names(clusters, pairs)
        touched = {name for pair in pairs for name in pair}
        return {
            case.case_id: f"similar-{hash_bytes(name.encode())[:10]}"
            for case, name in zip(self.dataset.cases, names, strict=True)
            if case.cluster in touched
        }

    def largest(self) -> float:
        """Share of all cases in the largest group of cases that look alike."""
        sizes = Counter(self.groups().values())
        return max(sizes.values(), default=0) / len(self.dataset.cases)

    def indistinct(self) -> bool:
        """Whether the largest group is a chain of mere likeness, and no evidence."""
        return self.largest() > CHAIN


def find_duplicates(
    dataset: Dataset,
    references: Sequence[str],
    similar: float,
    *,
    cache_folder: str | Path | None = None,
    report: Progress = lambda *_: None,
    execution: Execution = TORCH_FLOAT32,
) -> Duplicates:
    """Compare all cases of a data set by the embeddings of pretrained backbones.

    Parameters
    ----------
    dataset : Dataset
    references : sequence of str
        Backbones as `load_backbone` reads them.
    similar : float
        Likeness above which two cases are near-duplicates.
    cache_folder : str or Path, optional
        Of embeddings.
    execution : Execution
        What runs the backbones.

    Raises
    ------
    UsageError
        If a backbone does not read what the spec is of, or is not pretrained: to random weights
        most pictures look alike.
    """
    check_backbones(dataset.spec, references)
    if any(reference.startswith("monai:") for reference in references):
        raise UsageError(
            "looking for near-duplicates needs pretrained backbones",
            hint="Name one: --backbone hf:<directory or hub name>.",
        )
    backbones = {
        reference: load_backbone(reference, execution=execution) for reference in references
    }
    cache = None if cache_folder is None else Path(cache_folder)
    total = sum(len(case.images) for case in dataset.cases) * len(backbones)
    tick = counting(report, "looking for near-duplicates", total)
    embedded, opened = embed_with(backbones, dataset.cases, cache, tick)
    found = near_duplicates(opened.cases, embedded, similar)
    ordered = sorted(found, key=lambda pair: -pair.likeness)
    return Duplicates(dataset, tuple(ordered), len(opened.rejected))


def write_groups(found: Duplicates, path: str | Path) -> None:
    """Write `case_id, group` of all cases that belong together, for a column of the manifest.

    Raises
    ------
    UsageError
        If the file cannot be written.
    """
    try:
        by_group = sorted((group, case) for case, group in found.groups().items())
        rows = [(case, group) for group, case in by_group]
        write_csv(Path(path), ("case_id", "similar_group"), rows)
    except OSError as error:
        raise UsageError(
            f"cannot be written ({error.strerror})", where=str(path), hint="Choose another --out."
        ) from error
