"""Every problem of a spec with its data, each with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from triage.data.manifest import Case, cases_of_rows, image_folder, read_rows
from triage.data.roles import RoleDraw, draw_roles
from triage.data.spec import DataSpec
from triage.data.splits import EXCLUDED, SPLITS, split_cases
from triage.errors import ImageRejected, SpecError
from triage.imaging import read_picture

MIN_CLUSTERS = 3
"""An inlier condition needs a case to train, to validate and to test on."""
_SHOWN = 20


def check_rows(table: pd.DataFrame, spec: DataSpec) -> list[str]:
    """List problems of the raw rows: labels, splits, and rows of one case that disagree."""
    rows = spec.rows
    problems = []
    unknown = Counter(table[rows.condition]) - Counter({name: len(table) for name in spec.by_name})
    for name, count in sorted(unknown.items()):
        label = repr(name) if name else "no label"
        problems.append(
            f"{rows.condition}: {label} in {count} rows is no condition of the spec "
            "(add it, or set rows.unlisted_conditions to ignore)"
        )
    doubled = table[rows.image][table[rows.image].duplicated()]
    problems += [f"{rows.image}: {name} is listed twice" for name in doubled.unique()]
    if rows.split:
        for name in sorted(set(table[rows.split]) - {*SPLITS, ""}):
            problems.append(f"{rows.split}: {name!r} is none of {', '.join(SPLITS)}")
    if rows.case:
        for column in filter(None, (rows.condition, rows.patient, rows.split)):
            distinct = table[table[rows.case] != ""].groupby(rows.case)[column].nunique()
            problems += [
                f"{rows.case} {case}: its rows disagree on {column}"
                for case in distinct.index[distinct > 1]
            ]
        sizes = table[rows.case][table[rows.case] != ""].value_counts()
        problems += [
            f"{rows.case} {case}: {size} images, more than max_images_per_case "
            f"({spec.max_images_per_case})"
            for case, size in sizes.items()
            if size > spec.max_images_per_case
        ]
    return problems


def check_conditions(
    cases: Sequence[Case], splits: Sequence[str], spec: DataSpec, draw: RoleDraw
) -> list[str]:
    """List problems of the splits: groups astride, empty roles, conditions too small."""
    problems = []
    astride: dict[str, set[str]] = {}
    for case in cases:
        if case.split is not None:
            astride.setdefault(case.cluster, set()).add(case.split)
    problems += [
        f"{cluster}: its cases are in {' and '.join(sorted(where))}; a group belongs in one split"
        for cluster, where in astride.items()
        if len(where) > 1
    ]
    clusters: dict[str, set[str]] = {}
    placed: Counter[tuple[str, str]] = Counter()
    for case, split in zip(cases, splits, strict=True):
        clusters.setdefault(str(case.condition), set()).add(case.cluster)
        placed[str(case.condition), split] += 1
    for name in draw.inliers:
        found = len(clusters.get(name, ()))
        if found < MIN_CLUSTERS:
            problems.append(
                f"condition {name!r}: {found} independent cases; an inlier needs at least "
                f"{MIN_CLUSTERS} (make it an outlier or collect more)"
            )
            continue
        problems += [
            f"condition {name!r}: no case in {split} (change split.seed or its shares)"
            for split in SPLITS
            if not placed[name, split]
        ]
    for part, split, names in (
        ("training outliers", "train", draw.train),
        ("test outliers", "test", draw.test),
        ("validation outliers", "validation", draw.validation),
    ):
        stands_in = split == "validation" and spec.roles.validation_outliers == "held_out_cases"
        members = draw.train if stands_in else names
        if not any(placed[name, split] for name in members):
            problems.append(f"roles: no {part} with any case in {split}")
        empty = [name for name in names if not clusters.get(name)]
        problems += [f"condition {name!r}: no case at all" for name in empty]
    if len(draw.inliers) < 2:
        problems.append("conditions: at least two inliers are needed")
    return problems


def validate_data(
    spec: DataSpec,
    root: Path,
    *,
    decode: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[str], dict[str, dict[str, int]]]:
    """List every problem of a spec and its data.

    Parameters
    ----------
    spec : DataSpec
        The data spec.
    root : Path
        Folder of the data.
    decode : bool
        Read every image as well, not only look whether it is there.
    progress : callable, optional
        Called with (done, total) while images are looked at.

    Returns
    -------
    problems : list of str
        Empty when all is well.
    counts : dict
        Cases by condition and split.
    """
    try:
        table = read_rows(spec.rows, root)
    except SpecError as error:
        return [str(error)], {}
    if spec.rows.unlisted_conditions == "ignore":
        table = table[table[spec.rows.condition].isin(spec.by_name)].reset_index(drop=True)
    problems = check_rows(table, spec)
    listed = table[table[spec.rows.condition].isin(spec.by_name)].reset_index(drop=True)
    draw = draw_roles(spec)
    cases = cases_of_rows(listed, spec, root)
    splits = split_cases(cases, spec, draw)
    problems += check_conditions(cases, splits, spec, draw)
    problems += _check_images(table, spec, root, decode, progress)
    counts: dict[str, Counter[str]] = {}
    for case, split in zip(cases, splits, strict=True):
        counts.setdefault(str(case.condition), Counter())[split] += 1
    return problems, {name: dict(row) for name, row in counts.items()}


def _check_images(
    table: pd.DataFrame,
    spec: DataSpec,
    root: Path,
    decode: bool,
    progress: Callable[[int, int], None] | None,
) -> list[str]:
    problems = []
    folder = image_folder(spec.rows, root)
    for number, name in enumerate(table[spec.rows.image], start=1):
        path = folder / str(name)
        if not path.is_file():
            problems.append(f"row {number + 1}: {name}: missing file")
        elif path.stat().st_size == 0:
            problems.append(f"row {number + 1}: {name}: empty file")
        elif decode:
            try:
                read_picture(path)
            except ImageRejected as error:
                problems.append(f"row {number + 1}: {name}: {error.what}")
        if progress is not None:
            progress(number, len(table))
    return problems


def summarise(problems: Sequence[str], shown: int = _SHOWN) -> list[str]:
    """Return the first problems and how many more there are, for a terminal."""
    rest = len(problems) - shown
    return [*problems[:shown], *([f"... and {rest} more"] if rest > 0 else [])]


__all__ = ["EXCLUDED", "check_conditions", "check_rows", "summarise", "validate_data"]
