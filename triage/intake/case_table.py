"""Cases to be scored: a CSV with images, perhaps case, patient and subgroup columns, no labels."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from triage.data.case_facts import in_rows
from triage.data.csv_table import read_csv, shown_columns
from triage.data.identifiers import has_drive, reserved_problems
from triage.data.lookalikes import nearest_name
from triage.data.manifest import Case, RowCases
from triage.data.outside_root import RootBoundary
from triage.data.row_identity import identifier_columns, normalised_rows
from triage.data.row_warnings import column_warnings, missing_words, row_warnings, visit_problems
from triage.data.spec import DataSpec, Rows
from triage.data.validate import case_problems, doubled_images, level_conflicts
from triage.errors import SpecError

IMAGE, CASE, PATIENT = "image", "case_id", "patient_id"
VISIT, LATERALITY, AGE = "visit", "laterality", "age"
_OPTIONAL = (CASE, PATIENT, VISIT, LATERALITY, AGE)
_NO_LABEL = "\0label"
_MANIFEST = "manifest.csv"
"""Stands for whatever holds the rows: images are relative to the root itself."""


def read_unlabelled(
    manifest: Path, root: Path, spec: DataSpec, warnings: list[str] | None = None
) -> list[Case]:
    """Read the cases of a manifest for scoring.

    Parameters
    ----------
    manifest : Path
        CSV with the column `image` and optionally `case_id`, `patient_id`, `visit`, `laterality`,
        `age` and subgroups.
    root : Path
        Folder that image paths are relative to.
    spec : DataSpec
        Of the bundle that will score: subgroup axes and images a case.
    warnings : list of str, optional
        Gets what is probably wrong with the table, see `triage.data.row_warnings`.

    Returns
    -------
    list of Case
        Without labels, in order of first appearance.

    Raises
    ------
    SpecError
        If the table is unusable; lists every problem.
    """
    rows = unlabelled_rows(read_csv(manifest), root, spec, warnings, where=str(manifest))
    return rows.take(0, len(rows))


def unlabelled_cases(
    table: pd.DataFrame,
    root: Path,
    spec: DataSpec,
    warnings: list[str] | None = None,
    *,
    where: str,
) -> list[Case]:
    """Return the cases of a table of text; parameters and errors as `unlabelled_rows`."""
    rows = unlabelled_rows(table, root, spec, warnings, where=where)
    return rows.take(0, len(rows))


def unlabelled_rows(
    table: pd.DataFrame,
    root: Path,
    spec: DataSpec,
    warnings: list[str] | None = None,
    *,
    where: str,
) -> RowCases:
    """Check the whole table and return its cases, made when they are asked for.

    Other parameters and errors are those of `read_unlabelled`.

    Parameters
    ----------
    table : DataFrame of str
        Missing values are ''. Its index numbers the rows in messages.
    where : str
        What the table is, for messages.
    """
    if IMAGE not in table.columns:
        near = nearest_name(IMAGE, table.columns)
        raise SpecError(
            f"the column `image` is missing; {shown_columns(table, (IMAGE, *_OPTIONAL))}",
            where=where,
            hint=f"Rename the column {near!r}." if near is not None else None,
        )
    if table.empty:
        raise SpecError("no row to score", where=where)
    optional = {name: name if name in table.columns else None for name in _OPTIONAL}
    rows = Rows(
        manifest=_MANIFEST,
        condition=_NO_LABEL,
        case=optional[CASE],
        patient=optional[PATIENT],
        visit=optional[VISIT],
        laterality=optional[LATERALITY],
        age=optional[AGE],
    )
    table = table.assign(**{_NO_LABEL: ""})
    plain = spec.model_copy(update={"rows": rows})
    found = _missing_warnings(table, plain)
    table = normalised_rows(table, rows, root)
    found += row_warnings(table, plain) + level_conflicts(table, plain)
    problems = _problems(table, plain)
    found += _paths_elsewhere(table[IMAGE], root)
    # A table that was scored before the column meant anything is still scored.
    (problems if spec.rows.visit else found).extend(visit_problems(table, rows))
    if problems:
        raise SpecError("cannot be scored", where=where, problems=tuple(problems))
    if warnings is not None:
        warnings += found
    return RowCases(table, plain, root)


def _missing_warnings(table: pd.DataFrame, spec: DataSpec) -> list[str]:
    wanted = dict.fromkeys((*_OPTIONAL, *(axis.column for axis in spec.subgroups)))
    columns = [str(name) for name in table.columns]
    found = column_warnings(columns, (IMAGE, *wanted), wanted)
    return found + missing_words(table, spec.rows)


def _problems(table: pd.DataFrame, spec: DataSpec) -> list[str]:
    problems = [f"row {row}: no image is named" for row in table.index[table[IMAGE] == ""]]
    problems += doubled_images(table[IMAGE])
    for column in identifier_columns(spec.rows):
        problems += reserved_problems(table[column])
    return problems + case_problems(table, spec.rows, spec.max_images_per_case)


def _paths_elsewhere(names: pd.Series, root: Path) -> list[str]:
    """List the rows whose path lies elsewhere: their cases are refused when files are read.

    `..` and links are followed, as when files are read: a path may leave the root and return.
    """
    found = []
    boundary = RootBoundary(root)
    kinds = (
        ("is a path of another computer", has_drive),
        ("is not a path below the root", lambda name: not boundary.holds(root / name)),
    )
    left = names[names != ""]
    for what, test in kinds:
        elsewhere = left.map(test).astype(bool)
        if elsewhere.any():
            found.append(
                f"{names.name}: {in_rows(left.index[elsewhere])} {what}: the case is refused"
            )
        left = left[~elsewhere]
    return found
