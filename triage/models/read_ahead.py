"""Read images in parallel while others are embedded, each once for all backbones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

from triage.backbones.preprocessing import ImageReader, OpenedImage, open_for
from triage.data.manifest import Case
from triage.decoding.worker import default_pool
from triage.errors import ImageRejected
from triage.imaging.corruptions import Corruption
from triage.models.embedding_target import BATCH, EmbeddingTarget

MAX_HELD = 64 * 2**20
"""Bytes of opened images that may wait, above the few that every worker has at hand."""

Opened = dict[int, OpenedImage]
"""An image as each backbone takes it, by the place of its target."""


def image_key(image_hash: str, corruption: Corruption | None) -> str:
    """Cache key of an image's embedding; the hash of the file if it is not corrupted."""
    return image_hash if corruption is None else corruption.key(image_hash)


def read_ahead(
    cases: Sequence[Case], targets: Sequence[EmbeddingTarget], corruption: Corruption | None
) -> Iterator[tuple[Path, str | Opened | ImageRejected]]:
    """Read several images in parallel, in the order of the cases.

    About as many as are embedded in one call are read meanwhile, and at most `MAX_HELD` bytes of
    them wait, whatever the number of cases.

    Parameters
    ----------
    cases : sequence of Case
    targets : sequence of EmbeddingTarget
        Whoever takes an image must add it to these before it asks for the next.
    corruption : Corruption, optional
        Of every opened image.

    Yields
    ------
    path : Path
    found : str, dict of OpenedImage or ImageRejected
        The image for the targets that lack it, or why it is refused; of one that all of them
        know, only its hash.
    """
    every = tuple(range(len(targets)))
    reader = targets[0].reader
    begun: set[str] = set()
    held = _Held()

    def lacking(sha256: str) -> tuple[int, ...]:
        key = image_key(sha256, corruption)
        return tuple(place for place in every if not targets[place].knows(key))

    def images() -> Iterator[tuple[Path, Path | None, str | None, tuple[int, ...]]]:
        """Every image with who lacks it; its hash where the same content came before."""
        for path, root in ((path, case.root) for case in cases for path in case.images):
            sha256 = reader.content_hash(path, root)
            places = every if sha256 is None else lacking(sha256)
            again = sha256 is not None and (sha256 in begun or not places)
            if sha256 is not None:
                begun.add(sha256)
            yield path, root, sha256 if again else None, places

    def read(
        image: tuple[Path, Path | None, str | None, tuple[int, ...]],
    ) -> tuple[Path, Path | None, str | Opened | ImageRejected]:
        path, root, sha256, places = image
        found = sha256 or _open(targets, places, path, root, corruption)
        held.add(found)
        return path, root, found

    # Of pictures of several views fewer make a batch.
    most = max(1, BATCH // max(target.reader.n_views for target in targets))
    opened = default_pool().map(
        read, images(), lambda begun: begun < most and held.bytes < MAX_HELD
    )
    for path, root, found in opened:
        held.remove(found)
        if isinstance(found, ImageRejected):
            yield path, found
            continue
        sha256 = found if isinstance(found, str) else next(iter(found.values())).sha256
        if {*lacking(sha256)} - {*(() if isinstance(found, str) else found)}:
            # An image of this content came before, and was refused; or its file has changed.
            yield path, _open(targets, every, path, root, corruption)
        else:
            yield path, found


class _Held:
    """How many bytes of opened images wait; counted by the threads that read."""

    def __init__(self) -> None:
        self.bytes = 0
        self._lock = Lock()

    def add(self, found: str | Opened | ImageRejected) -> None:
        with self._lock:
            self.bytes += _size(found)

    def remove(self, found: str | Opened | ImageRejected) -> None:
        with self._lock:
            self.bytes -= _size(found)


def _size(found: str | Opened | ImageRejected) -> int:
    return sum(image.frames.nbytes for image in found.values()) if isinstance(found, dict) else 0


def _open(
    targets: Sequence[EmbeddingTarget],
    places: Sequence[int],
    path: Path,
    root: Path | None,
    corruption: Corruption | None,
) -> Opened | ImageRejected:
    """Open an image for some targets; those that read it the same way share it."""
    readers: list[ImageReader] = list(dict.fromkeys(targets[place].reader for place in places))
    try:
        images = open_for(readers, path, root)
    except ImageRejected as refusal:
        return refusal
    by_reader = dict(zip(readers, images, strict=True))
    if corruption is not None:
        by_reader = {reader: reader.corrupt(by_reader[reader], corruption) for reader in readers}
    return {place: by_reader[targets[place].reader] for place in places}
