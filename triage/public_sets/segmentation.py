"""One interface to sets with masks, independent of their layout on disk."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from triage.data.patient_split import unit_hash
from triage.errors import ImageRejected, SpecError, UsageError
from triage.public_sets import duke_dme, mask_rows, phantom_folder, retouch
from triage.public_sets.annotated import Annotated, Entry
from triage.public_sets.segmentation_spec import SegmentationSpec

LAYOUTS: dict[str, Callable[[SegmentationSpec, Path], list[Entry]]] = {
    "manifest": mask_rows.find,
    "phantoms": phantom_folder.find,
    "retouch": retouch.find,
    "duke_dme": duke_dme.find,
}


class SegmentationSet(Sequence[Annotated]):
    """Items of a set, read on request, so that memory does not grow with their number.

    Parameters
    ----------
    spec : SegmentationSpec
    root : Path
        Folder of the set.
    entries : sequence of Entry, optional
        A part of the set; found below `root` where not given.

    Raises
    ------
    SpecError
        If files are missing or the layout is another; lists every problem. What is wrong with
        pixels shows when an item is read, or all at once with `check`.
    """

    def __init__(
        self, spec: SegmentationSpec, root: Path, entries: Sequence[Entry] | None = None
    ) -> None:
        if not root.is_dir():
            raise SpecError("there is no such folder", where=str(root))
        self.spec = spec
        self.root = root
        self._entries = LAYOUTS[spec.layout](spec, root) if entries is None else list(entries)

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, place: int) -> Annotated: ...
    @overload
    def __getitem__(self, place: slice) -> SegmentationSet: ...
    def __getitem__(self, place: int | slice) -> Annotated | SegmentationSet:
        """Read one item, or name a part of the set without reading it.

        Raises
        ------
        SpecError, ImageRejected
            If the item's files do not fit together or cannot be read.
        """
        if isinstance(place, slice):
            return SegmentationSet(self.spec, self.root, self._entries[place])
        return self._entries[place].read()

    def __iter__(self) -> Iterator[Annotated]:
        for entry in self._entries:
            yield entry.read()

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each item."""
        return tuple(entry.name for entry in self._entries)

    @property
    def groups(self) -> tuple[str, ...]:
        """Group of each item."""
        return tuple(entry.group for entry in self._entries)

    def part(self, places: Sequence[int]) -> SegmentationSet:
        """Return a part of the set, such as one split, without reading it."""
        return SegmentationSet(self.spec, self.root, [self._entries[place] for place in places])

    def check(self) -> NDArray[np.int64]:
        """Read everything once.

        Returns
        -------
        int64 array [C]
            Pixels of each class over all annotated B-scans and graders.

        Raises
        ------
        SpecError
            Listing every item that cannot be read.
        """
        counts = np.zeros(256, dtype=np.int64)
        problems = []
        for entry in self._entries:
            try:
                item = entry.read()
            except (SpecError, ImageRejected) as error:
                problems += _problems(entry.name, error)
                continue
            for mask in item.masks.reshape(-1, *item.masks.shape[2:]):
                counts += np.bincount(mask.ravel(), minlength=256)
        if problems:
            raise SpecError("items cannot be read", where=self.spec.name, problems=tuple(problems))
        return counts[: len(self.spec.classes)]


def _problems(name: str, error: SpecError | ImageRejected) -> list[str]:
    where = error.where or name
    place = where if where.startswith(name) else f"{name}: {where}"
    inner = error.problems if isinstance(error, SpecError) else ()
    return [f"{place}: {text}" for text in inner or (error.what,)]


def split_by_group(
    groups: Sequence[str], shares: Mapping[str, float], seed: int = 0
) -> dict[str, tuple[int, ...]]:
    """Assign whole groups to splits.

    Groups are ordered by the hash that places cases (`triage.data.patient_split.unit_hash`) and
    assigned in that order. With the few eyes that annotated sets have, placing each by its hash
    alone would often leave a split empty; so here adding a group may move another.

    Parameters
    ----------
    groups : sequence of str, length N
        Group of each item, as `SegmentationSet.groups`.
    shares : mapping of str to float
        Share of the groups for each split; they sum to 1.
    seed : int

    Returns
    -------
    dict of tuple of int
        Places of the items in each split, ascending; a split with a share gets a group at least.

    Raises
    ------
    UsageError
        If shares are negative or do not sum to 1, or there are fewer groups than splits.
    """
    if min(shares.values(), default=-1.0) < 0 or abs(sum(shares.values()) - 1.0) > 1e-9:
        raise UsageError(f"shares {dict(shares)} are not positive numbers that sum to 1")
    named = sorted(set(groups), key=lambda group: (unit_hash(group, seed), group))
    wanted = [name for name, share in shares.items() if share > 0]
    if len(named) < len(wanted):
        raise UsageError(
            f"{len(named)} groups cannot fill {len(wanted)} splits",
            hint="Ask for fewer splits, or add eyes.",
        )
    # every split gets one, the rest goes where the gap to the share is largest
    sizes = dict.fromkeys(wanted, 1)
    for _ in range(len(named) - len(wanted)):
        gap = {name: shares[name] * len(named) - sizes[name] for name in wanted}
        sizes[max(gap, key=lambda name: gap[name])] += 1
    split_of = dict(zip(named, (name for name in wanted for _ in range(sizes[name])), strict=True))
    places: dict[str, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        places[split_of[group]].append(place)
    return {name: tuple(places[name]) for name in shares}
