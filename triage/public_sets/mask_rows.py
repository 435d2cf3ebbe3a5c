"""Layout `manifest`: a CSV table of single B-scans with their masks."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from triage.data.clusters import cluster_names
from triage.data.csv_table import read_csv, shown_columns
from triage.decoding.read_picture import read_picture
from triage.errors import ImageRejected, SpecError
from triage.public_sets.annotated import (
    Annotated,
    Entry,
    as_classes,
    between_surfaces,
    file_problem,
)
from triage.public_sets.segmentation_spec import MaskRows, SegmentationSpec

_MOST_PARTS = 100
_COLOURED = 32
"""Largest difference of a grey B-scan's channels: JPEG rounds each on its own."""


def find(spec: SegmentationSpec, root: Path) -> list[Entry]:
    """List the rows of the table; pixels are read later.

    Raises
    ------
    SpecError
        If the table or a column is missing, no row is left, a file is missing or named with a
        path that leaves the folder, or rows differ in their number of graders.
    """
    rows = spec.rows or MaskRows()
    path = root / rows.manifest
    table = read_csv(path)
    wanted = [rows.image, rows.mask, *rows.group, *rows.where]
    if absent := [name for name in wanted if name not in table.columns]:
        raise SpecError(
            f"columns {absent} are missing; {shown_columns(table, wanted)}", where=rows.manifest
        )
    for column, values in rows.where.items():
        table = table[table[column].isin(values)]
    if table.empty:
        raise SpecError("no row is left", where=rows.manifest)
    problems = [
        f"{rows.image}: {name} is listed twice"
        for name in table[rows.image][table[rows.image].duplicated()].unique()
    ]
    entries = []
    graders = set()
    for (row, record), group in zip(table.iterrows(), _groups(table, rows), strict=True):
        names = (record[rows.image], *record[rows.mask].split(rows.separator))
        graders.add(len(names) - 1)
        problems += [
            f"row {row}: {problem}"
            for name in names
            if (problem := file_problem(path.parent, name))
        ]
        entries.append(Entry(names[0], group, partial(_read, spec, path.parent, names, group)))
    if len(graders) > 1:
        problems.append(f"{rows.mask}: rows have {sorted(graders)} graders; all must have as many")
    if problems:
        raise SpecError(
            "the table does not fit its files", where=rows.manifest, problems=tuple(problems)
        )
    return entries


def _groups(table: pd.DataFrame, rows: MaskRows) -> list[str]:
    """Name the connected groups: rows that share a part of a group column."""
    mark = rows.group_mark or "\0"  # no CSV value holds a null character
    parts: dict[str, pd.Series] = {}
    for column in rows.group:
        # Splitting makes a column a part, of all rows: one value could make thousands.
        many = table[column].map(lambda value: value.count(mark)) >= _MOST_PARTS
        if many.any():
            raise SpecError(f"row {many.idxmax()}: more than {_MOST_PARTS} parts", where=column)
        pieces = table[column].str.split(mark, regex=False, expand=True).fillna("")
        for place in range(pieces.shape[1]):
            title = f"{column} part {place + 1}" if place else column
            parts[title] = pieces[place].str.strip()
    return cluster_names(parts or {rows.image: table[rows.image]})


def _read(spec: SegmentationSpec, folder: Path, names: tuple[str, ...], group: str) -> Annotated:
    rows = spec.rows or MaskRows()
    image = _grey(folder, names[0], _COLOURED)
    masks = []
    for name in names[1:]:
        if rows.surfaces:
            mask = _drawn(folder, name, rows.surfaces, image.shape, spec.ignore or 0)
        else:
            mask = as_classes(_grey(folder, name, 0), spec, name)
        if mask.shape != image.shape:
            raise SpecError(
                f"the mask has {mask.shape[0]} x {mask.shape[1]} pixels, the image "
                f"{image.shape[0]} x {image.shape[1]}",
                where=name,
            )
        masks.append(mask)
    return Annotated(image[None], (0,), np.stack(masks)[:, None], group, names[0])


def _drawn(
    folder: Path, name: str, surfaces: tuple[str, ...], shape: tuple[int, ...], ignore: int
) -> NDArray[np.uint8]:
    table = read_csv(folder / name)
    if absent := [column for column in surfaces if column not in table.columns]:
        raise SpecError(f"columns {absent} are missing", where=name)
    if len(table) != shape[1]:
        raise SpecError(
            f"there are {len(table)} lines for {shape[1]} columns of the image", where=name
        )
    text = table[list(surfaces)].replace("", "nan")
    try:
        return between_surfaces(text.to_numpy(dtype=np.float64).T, shape[0], ignore)
    except ValueError as error:
        raise SpecError("a boundary is no number", where=name) from error


def _grey(folder: Path, name: str, tolerance: int) -> NDArray[np.uint8]:
    """Read a picture of one frame whose channels differ by no more than a tolerance: [H, W]."""
    try:
        frames = read_picture(folder / name).frames
    except ImageRejected as refusal:
        raise ImageRejected(refusal.reason, refusal.what, where=name) from None
    if len(frames) > 1 or int(np.ptp(frames, axis=3).max()) > tolerance:
        raise SpecError(
            "is a picture in colour or of several frames; a B-scan is grey, and so is a mask "
            "whose grey value is the class",
            where=name,
        )
    return frames[0, :, :, 1].copy()
