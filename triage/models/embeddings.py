"""Embeddings of cases: read, resize, run the backbone once per image, pool by case."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from triage.backbones.backbone import Backbone
from triage.backbones.preprocessing import Preprocessing
from triage.data.manifest import Case
from triage.decoding.worker import default_pool
from triage.errors import ImageRejected
from triage.imaging.corruptions import Corruption
from triage.imaging.provenance import FileProvenance
from triage.models.case_inputs import ImageInputs
from triage.models.embedding_cache import EmbeddingCache
from triage.models.embedding_target import EmbeddingTarget
from triage.models.read_ahead import image_key, read_ahead
from triage.progress import Advance


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
    (embeddings,), opened = embed_all(
        cases, [EmbeddingTarget(backbone, cache, by_view)], progress, corruption
    )
    return embeddings, opened


def embed_all(
    cases: Sequence[Case],
    targets: Sequence[EmbeddingTarget],
    progress: Advance | None = None,
    corruption: Corruption | None = None,
) -> tuple[list[NDArray[np.float32]], Opened]:
    """Embed cases with several backbones; an image is opened once for all that lack it.

    Images are read while others are embedded. Those that wait take a fixed amount of memory.

    Parameters
    ----------
    cases : sequence of Case
    targets : sequence of EmbeddingTarget, length T > 0
    progress, corruption
        As of `embed_cases`; an image counts once a target.

    Returns
    -------
    embeddings : list of float32 array [N, D], or [N, V, D] by view, length T
    opened : Opened

    Raises
    ------
    MissingExtraError, TrainingError
        If this machine cannot run a backbone as its `execution` says.
    """
    for target in targets:
        target.backbone.prepare()
    hashes: dict[Path, str] = {}
    rejected: dict[Path, ImageRejected] = {}
    # Closed, so that no reader is left waiting where embedding fails or is interrupted.
    with closing(read_ahead(cases, targets, corruption)) as images:
        for path, found in images:
            if isinstance(found, ImageRejected):
                rejected[path] = found
            elif isinstance(found, str):
                hashes[path] = found
            else:
                for place, image in found.items():
                    # The hash of the very bytes that were decoded, should the file have changed.
                    hashes[path] = image.sha256
                    targets[place].add(image_key(image.sha256, corruption), image)
            if progress is not None:
                progress(len(targets))
    keys = {path: image_key(sha256, corruption) for path, sha256 in hashes.items()}
    for target in targets:
        target.finish(keys.values())
    opened = _opened(cases, keys, rejected, targets[0].kept)
    opened.files.update(_provenance(hashes, keys, rejected, targets[0].kept))
    return [_pool(opened.cases, keys, target) for target in targets], opened


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


def _opened(
    cases: Sequence[Case],
    keys: dict[Path, str],
    rejected: dict[Path, ImageRejected],
    cache: EmbeddingCache,
) -> Opened:
    opened = Opened(cases=[])
    for case in cases:
        bad = next((rejected[path] for path in case.images if path in rejected), None)
        if bad is not None:
            opened.rejected[case.case_id] = bad
            continue
        opened.cases.append(case)
        records = filter(None, (cache.get(keys[path]) for path in case.images))
        if problem := next((record.problem for record in records if record.problem), ""):
            opened.quality[case.case_id] = problem
    return opened


def _pool(
    cases: Sequence[Case], keys: dict[Path, str], target: EmbeddingTarget
) -> NDArray[np.float32]:
    """Mean over the images of each case, all of which were read."""
    pooled = np.zeros((len(cases), *target.shape), np.float32)
    for row, case in zip(pooled, cases, strict=True):
        records = filter(None, (target.kept.get(keys[path]) for path in case.images))
        row[...] = np.mean([record.vector for record in records], axis=0)
    return pooled


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
