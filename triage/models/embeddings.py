"""Embeddings of cases: read, resize, run the backbone once per image, pool by case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.backbones.backbone import BATCH, Backbone
from triage.backbones.preprocessing import ImageReader, OpenedImage, Preprocessing
from triage.data.manifest import Case
from triage.decoding.worker import default_pool
from triage.errors import ImageRejected, TriageError
from triage.imaging.corruptions import Corruption
from triage.imaging.provenance import FileProvenance
from triage.models.case_inputs import ImageInputs
from triage.models.embedding_cache import EmbeddingCache
from triage.progress import Advance

Embed = Callable[[Sequence[OpenedImage]], NDArray[np.float32]]


@dataclass(frozen=True)
class Opened:
    """Cases whose images could all be read.

    Parameters
    ----------
    cases : list of Case, length N
    rejected : dict of ImageRejected
        Cases left out, by case_id, with the reason of their first bad image.
    quality : dict of str
        Kept cases with an unusable image, by case_id, with the problem in a sentence.
    files : dict of FileProvenance
        Of every image, those of rejected cases too, by path.
    """

    cases: list[Case]
    rejected: dict[str, ImageRejected] = field(default_factory=dict)
    quality: dict[str, str] = field(default_factory=dict)
    files: dict[Path, FileProvenance] = field(default_factory=dict)


def embed_cases(
    cases: Sequence[Case],
    backbone: Backbone,
    cache: EmbeddingCache,
    progress: Advance | None = None,
    corruption: Corruption | None = None,
    *,
    by_view: EmbeddingCache | None = None,
) -> tuple[NDArray[np.float32], Opened]:
    """Embed cases with one backbone, each image once.

    Parameters
    ----------
    cases : sequence of Case
    backbone : Backbone
        Put into evaluation mode.
    cache : EmbeddingCache
        Of this backbone; images found there are not opened, unless `by_view` is set.
    progress : callable, optional
        Called with the number of images finished since the last call.
    corruption : Corruption, optional
        Corruption of every resized image; quality is assessed before. Corrupted
        images are cached beside the clean ones, under keys of their own.
    by_view : EmbeddingCache, optional
        Asks for the embedding of every view; where those are kept, and found. Their means are kept
        in `cache` all the same.

    Returns
    -------
    embeddings : float32 array [N, D], or [N, V, D] by view
        Mean over the images of each case that could be read whole.
    opened : Opened
        Which cases those are, and why others are not.
    """
    backbone.eval()
    embed, kept = backbone.embed, cache
    if by_view is not None:
        embed, kept = backbone.embed_views, by_view
    reader = backbone.preprocessing
    hashes: dict[Path, str] = {}
    rejected: dict[Path, ImageRejected] = {}
    waiting: dict[str, OpenedImage] = {}

    def known(sha256: str) -> bool:
        key = _key(sha256, corruption)
        return key in waiting or kept.get(key) is not None

    for path, found in _read_ahead(cases, reader, known):
        if isinstance(found, ImageRejected):
            rejected[path] = found
        elif isinstance(found, str):
            hashes[path] = found
        else:
            # The hash of the very bytes that were decoded, should the file have changed.
            hashes[path] = found.sha256
            if not known(found.sha256):
                image = reader.corrupt(found, corruption) if corruption else found
                waiting[_key(found.sha256, corruption)] = image
        if sum(len(image.frames) for image in waiting.values()) >= BATCH:
            _keep(kept, waiting, embed, backbone.reference)
            waiting.clear()
        if progress is not None:
            progress(1)
    _keep(kept, waiting, embed, backbone.reference)
    kept.flush()
    keys = {path: _key(sha256, corruption) for path, sha256 in hashes.items()}
    shape: tuple[int, ...] = (backbone.width,)
    if by_view is not None:
        _keep_means(by_view, cache, keys.values())
        shape = (reader.n_views, backbone.width)
    stacked, opened = _pool(cases, keys, rejected, kept, shape)
    opened.files.update(_provenance(hashes, keys, rejected, kept))
    return stacked, opened


def _read_ahead(
    cases: Sequence[Case], reader: ImageReader, known: Callable[[str], bool]
) -> Iterator[tuple[Path, str | OpenedImage | ImageRejected]]:
    """Read several images in parallel, in the order of the cases.

    Parameters
    ----------
    cases : sequence of Case
    reader : ImageReader
    known : callable
        Whether an image of this hash is not needed, or no longer.

    Yields
    ------
    path : Path
    found : str, OpenedImage or ImageRejected
        The image, or why it is refused; of one that is known, only its hash.
    """
    begun: set[str] = set()

    def images() -> Iterator[tuple[Path, Path | None, str | None]]:
        """Every image; with its hash where the same content came before, in this very order."""
        for path, root in ((path, case.root) for case in cases for path in case.images):
            sha256 = reader.content_hash(path, root)
            again = sha256 is not None and (sha256 in begun or known(sha256))
            if sha256 is not None:
                begun.add(sha256)
            yield path, root, sha256 if again else None

    def read(path: Path, root: Path | None) -> OpenedImage | ImageRejected:
        try:
            return reader.open(path, root)
        except ImageRejected as refusal:
            return refusal

    def read_once(
        image: tuple[Path, Path | None, str | None],
    ) -> tuple[Path, Path | None, str | OpenedImage | ImageRejected]:
        path, root, sha256 = image
        return path, root, read(path, root) if sha256 is None else sha256

    for path, root, found in default_pool().map(read_once, images()):
        if isinstance(found, str) and not known(found):
            # An image of this content came before, and was refused, or its file has changed.
            yield path, read(path, root)
        else:
            yield path, found


def _provenance(
    hashes: dict[Path, str],
    keys: dict[Path, str],
    rejected: dict[Path, ImageRejected],
    kept: EmbeddingCache,
) -> dict[Path, FileProvenance]:
    """Provenance of each file, decoded now, decoded before, or refused."""
    found = {path: FileProvenance(refusal.sha256) for path, refusal in rejected.items()}
    for path, sha256 in hashes.items():
        image = kept.get(keys[path])
        found[path] = FileProvenance(sha256, image.flags if image else ())
    return found


def _key(image_hash: str, corruption: Corruption | None) -> str:
    """Cache key of an image's embedding; the hash of the file if it is not corrupted."""
    return image_hash if corruption is None else corruption.key(image_hash)


def _keep(
    kept: EmbeddingCache, waiting: dict[str, OpenedImage], embed: Embed, reference: str
) -> None:
    if not waiting:
        return
    vectors = embed(list(waiting.values()))
    if not np.isfinite(vectors).all():
        raise TriageError("the backbone gives values that are not finite", where=reference)
    for (key, image), vector in zip(waiting.items(), vectors, strict=True):
        kept.put(key, vector, image.problem, image.flags)


def _keep_means(by_view: EmbeddingCache, cache: EmbeddingCache, keys: Iterable[str]) -> None:
    """Cache the mean over the views as well, so that scoring opens no image again."""
    for key in keys:
        known = by_view.get(key)
        if known is not None and cache.get(key) is None:
            cache.put(key, known.vector.mean(axis=0), known.problem, known.flags)
    cache.flush()


def _pool(
    cases: Sequence[Case],
    keys: dict[Path, str],
    rejected: dict[Path, ImageRejected],
    cache: EmbeddingCache,
    shape: tuple[int, ...],
) -> tuple[NDArray[np.float32], Opened]:
    opened = Opened(cases=[])
    rows: list[NDArray[np.float32]] = []
    for case in cases:
        bad = next((rejected[path] for path in case.images if path in rejected), None)
        if bad is not None:
            opened.rejected[case.case_id] = bad
            continue
        found = [cache.get(keys[path]) for path in case.images]
        records = [record for record in found if record is not None]
        opened.cases.append(case)
        rows.append(np.mean([record.vector for record in records], axis=0))
        if problem := next((record.problem for record in records if record.problem), ""):
            opened.quality[case.case_id] = problem
    stacked = np.stack(rows) if rows else np.zeros((0, *shape))
    return stacked.astype(np.float32), opened


def open_images(
    cases: Sequence[Case], preprocessing: Preprocessing, progress: Advance | None = None
) -> tuple[ImageInputs, Opened]:
    """Read and resize all images of cases into memory, for fine-tuning.

    Returns
    -------
    inputs : ImageInputs
        Of the N cases that could be read whole.
    opened : Opened
        Which cases those are, and why others are not.
    """
    opened = Opened(cases=[])
    images: list[NDArray[np.uint8]] = []
    counts: list[int] = []

    def read(case: Case) -> list[NDArray[np.uint8]] | ImageRejected:
        """The frames of each image of a case, or why it is refused."""
        try:
            return [preprocessing.open(path, case.root).frames for path in case.images]
        except ImageRejected as refusal:
            return refusal

    for case, parts in zip(cases, default_pool().map(read, cases), strict=True):
        if isinstance(parts, ImageRejected):
            opened.rejected[case.case_id] = parts
        else:
            opened.cases.append(case)
            images += parts
            counts.append(sum(len(part) for part in parts))
        if progress is not None:
            progress(len(case.images))
    size = preprocessing.size
    stacked = np.concatenate(images) if images else np.zeros((0, size, size, 3), np.uint8)
    return ImageInputs(torch.from_numpy(stacked), torch.tensor(counts), preprocessing), opened
