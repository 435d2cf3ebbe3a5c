"""Cases to embeddings: read, resize, run the backbone once per image, pool by case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.data.manifest import Case
from triage.errors import ImageRejected, TriageError
from triage.imaging.corruptions import Corruption
from triage.models.backbone import BATCH, Backbone
from triage.models.embedding_cache import EmbeddingCache
from triage.models.inputs import ImageInputs
from triage.models.preprocessing import OpenedImage, Preprocessing

Progress = Callable[[int], None]
Embed = Callable[[Sequence[OpenedImage]], NDArray[np.float32]]


@dataclass(frozen=True)
class Opened:
    """Cases whose every image could be read.

    Parameters
    ----------
    cases : list of Case, length N
    rejected : dict of ImageRejected
        Cases left out, by case_id, with the reason of their first bad image.
    quality : dict of str
        Kept cases with an unusable image, by case_id, with the problem in a sentence.
    """

    cases: list[Case]
    rejected: dict[str, ImageRejected] = field(default_factory=dict)
    quality: dict[str, str] = field(default_factory=dict)


def embed_cases(
    cases: Sequence[Case],
    backbone: Backbone,
    cache: EmbeddingCache,
    progress: Progress | None = None,
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
        Of this backbone; images found there are not opened, unless asked for by view.
    progress : callable, optional
        Called with the number of images finished since the last call.
    corruption : Corruption, optional
        What to do to every image once it is resized; quality is judged before. Corrupted
        images stand in the cache beside the clean ones, under keys of their own.
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
    keys: dict[Path, str] = {}
    rejected: dict[Path, ImageRejected] = {}
    waiting: dict[str, OpenedImage] = {}
    for path in (path for case in cases for path in case.images):
        try:
            key = _key(reader.content_hash(path), corruption)
            if kept.get(key) is None and key not in waiting:
                image = reader.open(path)
                # The hash of the very bytes that were decoded, should the file have changed.
                key = _key(image.sha256, corruption)
                if kept.get(key) is None:
                    shifted = corruption and reader.corrupt(image, corruption)
                    waiting[key] = shifted or image
            keys[path] = key
        except ImageRejected as error:
            rejected[path] = error
        if sum(len(image.frames) for image in waiting.values()) >= BATCH:
            _keep(kept, waiting, embed, backbone.reference)
            waiting = {}
        if progress is not None:
            progress(1)
    _keep(kept, waiting, embed, backbone.reference)
    kept.flush()
    shape: tuple[int, ...] = (backbone.width,)
    if by_view is not None:
        _keep_means(by_view, cache, keys.values())
        shape = (reader.n_views, backbone.width)
    return _pool(cases, keys, rejected, kept, shape)


def _key(image_hash: str, corruption: Corruption | None) -> str:
    """What an image's embedding is kept under; the file's own hash where it is clean."""
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
        kept.put(key, vector, image.problem)


def _keep_means(by_view: EmbeddingCache, cache: EmbeddingCache, keys: Iterable[str]) -> None:
    """Keep the mean over the views as well, so that scoring opens none of these images again."""
    for key in keys:
        known = by_view.get(key)
        if known is not None and cache.get(key) is None:
            cache.put(key, known[0].mean(axis=0), known[1])
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
        rows.append(np.mean([vector for vector, _ in records], axis=0))
        if problem := next((text for _, text in records if text), ""):
            opened.quality[case.case_id] = problem
    stacked = np.stack(rows) if rows else np.zeros((0, *shape))
    return stacked.astype(np.float32), opened


def open_images(
    cases: Sequence[Case], preprocessing: Preprocessing, progress: Progress | None = None
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
    for case in cases:
        try:
            parts = list(_frames_of(case, preprocessing, progress))
        except ImageRejected as error:
            opened.rejected[case.case_id] = error
            continue
        opened.cases.append(case)
        images += parts
        counts.append(sum(len(part) for part in parts))
    size = preprocessing.size
    stacked = np.concatenate(images) if images else np.zeros((0, size, size, 3), np.uint8)
    return ImageInputs(torch.from_numpy(stacked), torch.tensor(counts), preprocessing), opened


def _frames_of(
    case: Case, preprocessing: Preprocessing, progress: Progress | None
) -> Iterator[NDArray[np.uint8]]:
    for path in case.images:
        yield preprocessing.open(path).frames
        if progress is not None:
            progress(1)
