"""Read images in parallel while others are embedded, each once for all backbones."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from threading import Condition
from typing import NamedTuple

from triage.backbones.preprocessing import ImageReader, OpenedImage, open_for
from triage.data.manifest import Case
from triage.decoding.worker import default_pool
from triage.errors import ImageRejected
from triage.imaging.corruptions import Corruption
from triage.models.embedding_target import BATCH, EmbeddingTarget

MAX_HELD = 64 * 2**20
"""Bytes of opened images that may wait, above the few that every worker has at hand."""

ByTarget = dict[int, OpenedImage]
"""One image as each backbone takes it, by the place of its target."""


class _Image(NamedTuple):
    """An image to be opened.

    Parameters
    ----------
    place : int
        In the order of the cases.
    path, root : Path
    sha256 : str, optional
        Its hash, where the same content came before or is known to all.
    targets : tuple of int
        Places of the targets that lack it.
    """

    place: int
    path: Path
    root: Path | None
    sha256: str | None
    targets: tuple[int, ...]


def image_key(image_hash: str, corruption: Corruption | None) -> str:
    """Cache key of an image's embedding; the hash of the file if it is not corrupted."""
    return image_hash if corruption is None else corruption.key(image_hash)


def read_ahead(
    cases: Sequence[Case], targets: Sequence[EmbeddingTarget], corruption: Corruption | None
) -> Generator[tuple[Path, str | ByTarget | ImageRejected], None, None]:
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
    pool = default_pool()
    room = _Room(2 * pool.limits.workers)

    def lacking(sha256: str) -> tuple[int, ...]:
        key = image_key(sha256, corruption)
        return tuple(place for place in every if not targets[place].knows(key))

    def images() -> Iterator[_Image]:
        paths = ((path, case.root) for case in cases for path in case.images)
        for place, (path, root) in enumerate(paths):
            sha256 = reader.content_hash(path, root)
            places = every if sha256 is None else lacking(sha256)
            again = sha256 is not None and (sha256 in begun or not places)
            if sha256 is not None:
                begun.add(sha256)
            yield _Image(place, path, root, sha256 if again else None, places)

    def read(image: _Image) -> tuple[_Image, str | ByTarget | ImageRejected]:
        room.wait(image.place)
        found = image.sha256 or _open(targets, image.targets, image.path, image.root, corruption)
        room.add(found)
        return image, found

    # Of pictures of several views fewer make a batch.
    most = BATCH // max(target.reader.n_views for target in targets)
    try:
        for image, found in pool.map(read, images(), most):
            room.take(found)
            if not isinstance(found, ImageRejected):
                sha256 = found if isinstance(found, str) else next(iter(found.values())).sha256
                if {*lacking(sha256)} - {*(() if isinstance(found, str) else found)}:
                    # This content came before, and was refused; or the file has changed.
                    found = _open(targets, every, image.path, image.root, corruption)
            yield image.path, found
    finally:
        room.close()


class _Room:
    """Makes readers wait while much is opened that nobody has taken.

    Parameters
    ----------
    always : int
        So many images after the last one taken are opened whatever waits: it is these that whoever
        embeds waits for.
    """

    def __init__(self, always: int) -> None:
        self._always = always
        self._bytes = 0
        self._taken = 0
        self._closed = False
        self._change = Condition()

    def wait(self, place: int) -> None:
        """Wait until the image of this place in the order may be opened."""
        with self._change:
            self._change.wait_for(
                lambda: self._closed or self._bytes < MAX_HELD or place < self._taken + self._always
            )

    def add(self, found: str | ByTarget | ImageRejected) -> None:
        """Count an image that was opened."""
        with self._change:
            self._bytes += _size(found)

    def take(self, found: str | ByTarget | ImageRejected) -> None:
        """Count an image that was taken, in the order."""
        with self._change:
            self._bytes -= _size(found)
            self._taken += 1
            self._change.notify_all()

    def close(self) -> None:
        """Let every reader go on: nobody takes any more."""
        with self._change:
            self._closed = True
            self._change.notify_all()


def _size(found: str | ByTarget | ImageRejected) -> int:
    return sum(image.frames.nbytes for image in found.values()) if isinstance(found, dict) else 0


def _open(
    targets: Sequence[EmbeddingTarget],
    places: Sequence[int],
    path: Path,
    root: Path | None,
    corruption: Corruption | None,
) -> ByTarget | ImageRejected:
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
