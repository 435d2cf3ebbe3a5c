"""Every problem of a spec with its data, each with its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from triage.array_file import load_arrays
from triage.data.manifest import Case, cases_of_rows, image_folder, rows_of_spec
from triage.data.outside_root import OUTSIDE, RootBoundary
from triage.data.roles import RoleDraw, draw_roles
from triage.data.spec import DataSpec, Modality, Rows
from triage.data.splits import SPLITS, split_cases
from triage.errors import ImageRejected, SpecError
from triage.imaging.oct.read import read_volume
from triage.imaging.oct.volume import Flag
from triage.imaging.read import read_picture

MIN_CLUSTERS = 3
"""An inlier condition needs a case to train, to validate and to test on."""
_UNUSABLE = (Flag.SINGLE_BSCAN, Flag.SPACING_MISSING)
"""A volume that can be looked at but not be read by a system."""


def check_rows(table: pd.DataFrame, spec: DataSpec) -> list[str]:
    """List problems of the raw rows: labels, subgroups, images, splits, and cases at odds."""
    rows = spec.rows
    problems = [
        f"subgroups: there is no column {axis.column!r}"
        for axis in spec.subgroups
        if axis.column not in table.columns
    ]
    unknown = Counter(table[rows.condition]) - Counter({name: len(table) for name in spec.by_name})
    for name, count in sorted(unknown.items()):
        label = repr(name) if name else "no label"
        problems.append(
            f"{rows.condition}: {label} in {count} rows is no condition of the spec "
            "(add it, or set rows.unlisted_conditions to ignore)"
        )
    problems += [f"row {row}: no image is named" for row in table.index[table[rows.image] == ""]]
    problems += doubled_images(table[rows.image])
    if rows.split:
        for name in sorted(set(table[rows.split]) - {*SPLITS, ""}):
            problems.append(f"{rows.split}: {name!r} is none of {', '.join(SPLITS)}")
    for column in rows.diagnoses:
        problems += [
            f"{column}: {value!r} is none of 1, 0 and nothing"
            for value in sorted(set(table[column]) - {"1", "0", ""})
        ]
    return problems + case_problems(table, rows, spec.max_images_per_case)


def doubled_images(names: pd.Series) -> list[str]:
    """List the images that several rows name."""
    doubled = names[names.duplicated() & (names != "")]
    return [f"{names.name}: {name} is listed twice" for name in doubled.unique()]


def case_problems(table: pd.DataFrame, rows: Rows, max_images: int) -> list[str]:
    """List the cases whose rows disagree (two patients in one case), or are too many."""
    if rows.case is None:
        return []
    named = table[table[rows.case] != ""]
    problems = []
    for column in filter(None, (rows.condition, rows.patient, rows.split)):
        distinct = named.groupby(rows.case)[column].nunique()
        problems += [
            f"{rows.case} {case}: its rows disagree on {column}"
            for case in distinct.index[distinct > 1]
        ]
    sizes = named[rows.case].value_counts()
    problems += [
        f"{rows.case} {case}: {size} images, more than max_images_per_case ({max_images})"
        for case, size in sizes.items()
        if size > max_images
    ]
    return problems


def check_conditions(
    cases: Sequence[Case],
    splits: Sequence[str],
    spec: DataSpec,
    draw: RoleDraw,
    *,
    for_training: bool = True,
    need_outliers: bool = True,
) -> list[str]:
    """List problems of the splits: groups astride, empty roles, conditions too small."""
    problems = _groups_astride(cases)
    if not for_training:
        return problems if "test" in splits else [*problems, "no case is in the test split"]
    clusters: dict[str, set[str]] = {}
    placed: Counter[tuple[str, str]] = Counter()
    for case, split in zip(cases, splits, strict=True):
        clusters.setdefault(str(case.condition), set()).add(case.cluster)
        placed[str(case.condition), split] += 1
    if len(draw.inliers) < 2:
        problems.append("conditions: at least two inliers are needed")
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
    stands_in = spec.roles.validation_outliers == "held_out_cases"
    for part, split, names in (
        ("training", "train", draw.train),
        ("validation", "validation", draw.train if stands_in else draw.validation),
        ("test", "test", draw.test),
    ):
        if need_outliers and not any(placed[name, split] for name in names):
            problems.append(f"roles: no {part} outlier has a case in {split}")
    for name in (*draw.train, *draw.validation, *draw.test):
        if name not in clusters:
            problems.append(f"condition {name!r}: no case at all")
        elif name in draw.train and not placed[name, "train"]:
            problems.append(f"condition {name!r}: no case in train, though its role is to train")
    return problems


def _groups_astride(cases: Sequence[Case]) -> list[str]:
    where: dict[str, set[str]] = {}
    for case in cases:
        if case.split is not None:
            where.setdefault(case.cluster, set()).add(case.split)
    return [
        f"{cluster}: its cases are in {' and '.join(sorted(splits))}; a group belongs in one split"
        for cluster, splits in where.items()
        if len(splits) > 1
    ]


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
        table = rows_of_spec(spec, root)
    except SpecError as error:
        listed = [f"{error.where}: {problem}" for problem in error.problems]
        return listed or [str(error)], {}
    problems = check_rows(table, spec)
    sound = table[table[spec.rows.condition].isin(spec.by_name)]
    if spec.rows.split:
        sound = sound[sound[spec.rows.split].isin((*SPLITS, ""))]
    counts: dict[str, Counter[str]] = {}
    if not sound.empty:
        draw = draw_roles(spec)
        cases = cases_of_rows(sound, spec, root)
        splits = split_cases(cases, spec, draw)
        problems += check_conditions(cases, splits, spec, draw)
        for case, split in zip(cases, splits, strict=True):
            counts.setdefault(str(case.condition), Counter())[split] += 1
    problems += _check_images(table, spec, root, decode, progress)
    return problems, {name: dict(row) for name, row in counts.items()}


def _check_images(
    table: pd.DataFrame,
    spec: DataSpec,
    root: Path,
    decode: bool,
    progress: Callable[[int, int], None] | None,
) -> list[str]:
    problems = []
    rows, folder = spec.rows, image_folder(spec.rows, root)
    boundary = RootBoundary(root)
    volumes = spec.modality is Modality.OCT_VOLUMES
    named = table[table[rows.image] != ""]
    for done, row in enumerate(named.index, start=1):
        name = str(named.at[row, rows.image])
        annotation = str(named.at[row, rows.annotation]) if rows.annotation else ""
        found = _file_problem(folder / name, boundary, decode=decode, volume=volumes)
        problems += [f"row {row}: {name}: {found}"] if found else []
        found = _annotation_problem(folder / annotation, boundary, decode) if annotation else ""
        problems += [f"row {row}: {annotation}: {found}"] if found else []
        if progress is not None:
            progress(done, len(named))
    return problems


def _file_problem(path: Path, boundary: RootBoundary, *, decode: bool, volume: bool) -> str:
    """What is wrong with an image or volume, '' if nothing; a volume may be a folder."""
    if problem := _place_problem(path, boundary, may_be_folder=volume):
        return problem
    if not decode:
        return ""
    try:
        if not volume:
            read_picture(path, root=boundary.root)
            return ""
        flags = read_volume(path, root=boundary.root).flags
    except ImageRejected as error:
        return error.what
    return " ".join(flag.sentence for flag in flags if flag in _UNUSABLE)


def _annotation_problem(path: Path, boundary: RootBoundary, decode: bool) -> str:
    if problem := _place_problem(path, boundary, may_be_folder=False):
        return problem
    return "is damaged" if decode and load_arrays(path) is None else ""


def _place_problem(path: Path, boundary: RootBoundary, *, may_be_folder: bool) -> str:
    """What is wrong with a file without opening it, '' if nothing."""
    if not _exists(path):
        return "missing file"
    if boundary.is_left_by(path):
        return OUTSIDE
    if path.is_dir() and may_be_folder:
        return ""
    if not path.is_file():
        return "not a file but a folder, a pipe, a socket or a device"
    return "" if path.stat().st_size else "empty file"


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that the system cannot have
        return False
