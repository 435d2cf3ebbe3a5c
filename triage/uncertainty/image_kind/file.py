"""The guard against pictures of another kind on disk: one safetensors file with a header."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from triage.array_file import Arrays, load_arrays, save_arrays
from triage.errors import UsageError
from triage.uncertainty.image_kind.image_kind import (
    EMBEDDING,
    STATISTICS,
    ImageKind,
    ImageKindSummary,
)
from triage.uncertainty.image_kind.neighbour_distance import NeighbourDistance

FORMAT = "triage-image-kind-1"
_FIELDS = ("centre", "axes", "table", "remainder")


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    format: str
    statistics: str
    backbones: tuple[str, ...]
    scales: dict[str, tuple[float, Annotated[float, Field(gt=0.0)]]]
    limit: float
    summary: ImageKindSummary


def save_image_kind(path: Path, kind: ImageKind, statistics: str) -> None:
    """Write the guard, whole or not at all.

    Parameters
    ----------
    path : Path
    kind : ImageKind
    statistics : str
        Version of the statistics that it reads.

    Raises
    ------
    UsageError
        If the place cannot be written to.
    """
    parts = [kind.statistics, *kind.embedding.values()]
    arrays: Arrays = {
        f"{number}.{name}": getattr(part, name)
        for number, part in enumerate(parts)
        for name in _FIELDS
        if getattr(part, name) is not None
    }
    header = _Header(
        format=FORMAT,
        statistics=statistics,
        backbones=tuple(kind.embedding),
        scales=dict(kind.scales),
        limit=kind.limit,
        summary=kind.summary,
    )
    save_arrays(path, arrays, header.model_dump(mode="json"))


def load_image_kind(
    path: Path, statistics: str, n_statistics: int, widths: dict[str, int]
) -> ImageKind | None:
    """Read what `save_image_kind` wrote; None where there is no such file.

    Parameters
    ----------
    path : Path
    statistics : str
        Version of the statistics that this version of the software computes.
    n_statistics : int
        How many these are.
    widths : dict of int
        Length of the embedding of each backbone of the system, by key.

    Raises
    ------
    UsageError
        If the file is damaged, of another version or of other backbones, or holds numbers that
        are not finite.
    """
    if not path.exists():
        return None
    found = load_arrays(path)
    if found is None:
        raise _unfit(path, "is damaged, or is no guard against pictures of another kind")
    arrays, content = found
    stated = content.get("format"), content.get("statistics")
    if stated != (FORMAT, statistics):
        raise _unfit(path, f"is of another version: it states {stated[0]!r} and {stated[1]!r}")
    try:
        header = _Header.model_validate(content)
    except ValidationError as error:
        raise _unfit(path, "has a header that this version does not read") from error
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise _unfit(path, "holds numbers that are not finite")
    keys = {STATISTICS, *(f"{EMBEDDING}.{key}" for key in header.backbones)}
    parts = [_part(arrays, number) for number in range(len(header.backbones) + 1)]
    embedding = dict(zip(header.backbones, parts[1:], strict=True))
    if (
        {key: len(part.centre) for key, part in embedding.items() if part is not None} != widths
        or parts[0] is None
        or len(parts[0].centre) != n_statistics
        or set(header.scales) != keys
        or len(arrays) != len(parts) * len(_FIELDS) - 1
    ):
        raise _unfit(path, "does not fit the backbones of the bundle")
    known = {key: part for key, part in embedding.items() if part is not None}
    return ImageKind(parts[0], known, header.scales, header.limit, header.summary)


def _part(arrays: Arrays, number: int) -> NeighbourDistance | None:
    """One of the distances, None where its arrays are missing or of shapes that do not fit."""
    centre, axes, table, remainder = (arrays.get(f"{number}.{name}") for name in _FIELDS)
    if centre is None or axes is None or table is None:
        return None
    shapes: tuple[Any, ...] = centre.shape, axes.shape, table.shape
    if [len(shape) for shape in shapes] != [1, 2, 2] or len(table) == 0:
        return None
    if axes.shape != (len(centre), table.shape[1]):
        return None
    if (remainder is None) is not (number == 0):
        return None
    if remainder is not None and remainder.shape != (len(table),):
        return None
    return NeighbourDistance(centre, axes, table, remainder)


def _unfit(path: Path, what: str) -> UsageError:
    return UsageError(
        what, where=str(path), hint="Restore the bundle from a copy, or train it again."
    )
