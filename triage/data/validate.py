"""Validation of a spec against its data: every problem with its location."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from triage.data.case_facts import (
    in_rows,
    parse_age,
    parse_laterality,
    parse_visit,
    parsed,
    shown,
    subgroup_levels,
)
from triage.data.file_problems import file_problems
from triage.data.identifiers import reserved_problems
from triage.data.level_warnings import factor_warnings
from triage.data.lookalikes import nearest_name
from triage.data.manifest import Case, cases_of_rows, rows_of_spec
from triage.data.patient_split import GATE, SPLITS, split_cases
from triage.data.roles import RoleDraw, draw_roles
from triage.data.row_identity import identifier_columns, patient_identifiers
from triage.data.row_warnings import nearest_label, row_warnings, visit_problems
from triage.data.spec import DataSpec, Rows
from triage.errors import SpecError
from triage.vocabulary.learning import Consent
from triage.vocabulary.subgroup_levels import UNKNOWN

MIN_CLUSTERS = 3
"""An inlier condition needs a case to train, to validate and to test on."""
_LISTED = 200


@dataclass(frozen=True)
class DataReport:
    """Problems and warnings found in a spec's data.

    Parameters
    ----------
    problems : tuple of str
        Errors that must be corrected; empty if there are none.
    warnings : tuple of str
        Probable errors; each states whether the value is used or left out.
    counts : dict
        Cases by condition and split.
    patients : int or None
        How many there are: a case without a patient counts as one. None if no row can be read.
    """

    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    patients: int | None = None


def check_rows(table: pd.DataFrame, spec: DataSpec) -> list[str]:
    """List problems of the raw rows: labels, subgroups, images, splits, and cases at odds."""
    rows = spec.rows
    used = {axis.column for axis in spec.subgroups}
    problems = [
        f"subgroups: there is no column {axis.column!r}"
        + _nearest(axis.column, [name for name in table.columns if name not in used])
        for axis in spec.subgroups
        if axis.column not in table.columns
    ]
    unknown = Counter(table[rows.condition]) - Counter({name: len(table) for name in spec.by_name})
    for name, count in sorted(unknown.items()):
        label = repr(name) if name else "no label"
        problems.append(
            f"{rows.condition}: {label} in {count} rows is no condition of the spec "
            f"(add it, or set rows.unlisted_conditions to ignore){_respelt(name, spec.by_name)}"
        )
    problems += [f"row {row}: no image is named" for row in table.index[table[rows.image] == ""]]
    problems += doubled_images(table[rows.image])
    if rows.split:
        for name in sorted(set(table[rows.split]) - {*SPLITS, ""}):
            listed = ", ".join(SPLITS)
            problems.append(f"{rows.split}: {name!r} is none of {listed}{_respelt(name, SPLITS)}")
    if rows.consent:
        known = (Consent.GIVEN, Consent.WITHDRAWN)
        problems += [
            f"{rows.consent}: {name!r} is none of {', '.join(known)}{_respelt(name, known)}"
            for name in sorted(set(table[rows.consent]) - {*known, ""})
        ]
    for column in rows.diagnoses:
        problems += [
            f"{column}: {value!r} is none of 1, 0 and nothing"
            for value in sorted(set(table[column]) - {"1", "0", ""})
        ]
    for column in identifier_columns(rows):
        problems += reserved_problems(table[column])
    problems += visit_problems(table, rows)
    return problems + case_problems(table, rows, spec.max_images_per_case)


def _nearest(name: str, others: Sequence[str]) -> str:
    near = nearest_name(name, others)
    return f"; there is {near!r}" if near is not None else ""


def _respelt(name: str, known: Iterable[str]) -> str:
    """The known name most similar to a cell, for the end of a message."""
    near = nearest_label(name, known)
    return f"; it is almost {near!r}" if near is not None else ""


def doubled_images(names: pd.Series) -> list[str]:
    """List the images that several rows name, also in different spellings of one path."""
    plain = names.map({name: posixpath.normpath(name) for name in names.unique()})
    doubled = names[plain.duplicated() & (names != "")]
    return [f"{names.name}: {name} is listed twice" for name in doubled.unique()]


def case_problems(table: pd.DataFrame, rows: Rows, max_images: int) -> list[str]:
    """List the cases whose rows disagree (two patients in one case), or are too many."""
    if rows.case is None:
        return []
    named = table[table[rows.case] != ""]
    problems = []
    stated = (rows.condition, rows.patient, rows.split, rows.licence, rows.consent)
    for column in filter(None, stated):
        distinct = named.groupby(rows.case)[column].nunique()
        problems += [
            f"{rows.case} {case}: its rows disagree on {column}"
            for case in distinct.index[distinct > 1]
        ]
    facts = (rows.visit, parse_visit), (rows.laterality, parse_laterality), (rows.age, parse_age)
    for fact, parse in facts:
        if fact:
            values = named[fact].map(parsed(named[fact], parse))
            distinct = values.groupby(named[rows.case]).nunique(dropna=False)
            problems += [
                f"{rows.case} {case}: its rows disagree on {fact}"
                for case in distinct.index[distinct > 1]
            ]
    sizes = named[rows.case].value_counts()
    problems += [
        f"{rows.case} {case}: {size} images, more than max_images_per_case ({max_images})"
        for case, size in sizes.items()
        if size > max_images
    ]
    return problems


def level_conflicts(table: pd.DataFrame, spec: DataSpec) -> list[str]:
    """List the cases whose rows disagree on a subgroup, as warnings.

    Parameters
    ----------
    table : DataFrame
        Normalised, see `triage.data.row_identity.normalised_rows`.
    spec : DataSpec

    Returns
    -------
    list of str
        Each with the column, the rows and the level that is used: that of the first row. Rows
        without a level disagree with no other, but where the first row has none the case has none.
    """
    rows = spec.rows
    if rows.case is None:
        return []
    named = table[table[rows.case] != ""]
    # Two ages in one case are a problem, see `case_problems`.
    refused = {rows.condition, rows.patient, rows.split, rows.visit, rows.laterality, rows.age}
    found: list[str] = []
    more = 0
    for axis in spec.subgroups:
        if axis.column not in table.columns or axis.column in refused:
            continue
        levels = subgroup_levels(table, axis)[named.index]
        known = levels.where(levels != UNKNOWN)
        of_case = known.groupby(named[rows.case], sort=False)
        first = ~named[rows.case].duplicated()
        used = dict(zip(named[rows.case][first], levels[first], strict=True))
        several = {
            str(case)
            for case, count in of_case.nunique().items()
            if count > (0 if used[case] == UNKNOWN else 1)
        }
        listed = [case for case in used if case in several][: _LISTED - len(found)]
        more += len(several) - len(listed)
        shown_rows = levels[named[rows.case].isin(listed)]
        for case, own in shown_rows.groupby(named[rows.case], sort=False):
            found.append(
                f"{axis.column}: {in_rows(own.index)} of {rows.case} {case} disagree "
                f"({', '.join(map(shown, own.unique()))}): a case has one level, and that of its "
                f"first row is used, {shown(used[case])}"
            )
    return [*found, *([f"rows of {more} more cases disagree"] if more else [])]


def check_conditions(
    cases: Sequence[Case],
    splits: Sequence[str],
    spec: DataSpec,
    draw: RoleDraw,
    *,
    for_training: bool = True,
    need_outliers: bool = True,
) -> list[str]:
    """List problems of the splits: groups in several splits, empty roles, few cases."""
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
            if not placed[name, split] and (split != GATE or spec.split.gate)
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
    """List every problem of a spec and its data, with the cases by condition and split.

    Parameters
    ----------
    spec, root, decode, progress
        As for `examine_data`, which reports warnings and patients too.

    Returns
    -------
    problems : list of str
        Empty when all is well.
    counts : dict
        Cases by condition and split.
    """
    found = examine_data(spec, root, decode=decode, progress=progress)
    return list(found.problems), found.counts


def examine_data(
    spec: DataSpec,
    root: Path,
    *,
    decode: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> DataReport:
    """List every problem of a spec and its data, and probable errors as warnings.

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
    DataReport
    """
    warnings: list[str] = []
    try:
        table = rows_of_spec(spec, root, warnings)
    except SpecError as error:
        listed = [f"{error.where}: {problem}" for problem in error.problems]
        return DataReport(tuple(listed or [str(error)]), tuple(warnings))
    problems = check_rows(table, spec)
    warnings += row_warnings(table, spec) + level_conflicts(table, spec)
    warnings += factor_warnings(table, spec)
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
    problems += file_problems(table, spec, root, decode, progress)
    return DataReport(
        tuple(problems),
        tuple(warnings),
        {name: dict(row) for name, row in counts.items()},
        patients=int(patient_identifiers(table, spec.rows).nunique()),
    )
