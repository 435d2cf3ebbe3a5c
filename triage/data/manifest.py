"""Rows to cases: read a spec's table of images and join the images of each case."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from triage.data.clusters import cluster_names
from triage.data.csv_table import read_csv, shown_columns
from triage.data.spec import DataSpec, Rows, Subgroup
from triage.errors import SpecError

IMAGE_SUFFIXES = {
    ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".heic", ".heif", ".avif",
    ".dcm", ".dicom", ".dic",
}  # fmt: skip
"""What is taken for an image in a folder; a manifest may name a file with any suffix."""
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Case:
    """One case: one to a few images of one finding of one patient.

    Parameters
    ----------
    case_id, patient_id : str
        Identifiers as the manifest gives them.
    cluster : str
        Name of the connected group (patient and near-duplicates) that must not
        straddle a split and is resampled together.
    images : tuple of Path
        Image files, absolute.
    condition : str or None
        The label; None where unknown.
    subgroups : dict of str
        Level of each subgroup axis; `unknown` where missing.
    split : str or None
        The manifest's own split, if it has one.
    diagnoses : dict of bool
        What is known of each diagnosis of an OCT volume.
    annotation : Path or None
        Tissue map of an OCT volume.
    root : Path or None
        Folder that the files may not leave, by `..` or by links; None where it does not matter.
    """

    case_id: str
    patient_id: str
    cluster: str
    images: tuple[Path, ...]
    condition: str | None
    subgroups: dict[str, str] = field(default_factory=dict)
    split: str | None = None
    diagnoses: dict[str, bool] = field(default_factory=dict)
    annotation: Path | None = None
    root: Path | None = None


def read_rows(rows: Rows, root: Path) -> pd.DataFrame:
    """Read the raw table: one row an image, every column a string, missing values ''.

    Parameters
    ----------
    rows : Rows
        Where the rows are.
    root : Path
        Folder that `rows.manifest` or `rows.folders` is relative to.

    Returns
    -------
    DataFrame
        Indexed by row number in the file, see `read_csv`.

    Raises
    ------
    SpecError
        If there is no such table, it lacks a named column, or no row is left.
    """
    if rows.folders is not None:
        table = _rows_of_folders(root / rows.folders, rows)
    else:
        table = read_csv(root / str(rows.manifest))
    columns = [rows.image, rows.condition, rows.case, rows.patient, rows.split, rows.annotation]
    wanted = [name for name in (*columns, *rows.group, *rows.diagnoses, *rows.where) if name]
    if absent := [name for name in wanted if name not in table.columns]:
        raise SpecError(
            f"columns {absent} are missing; there are {shown_columns(table)}",
            where=str(rows.manifest or rows.folders),
        )
    for column, values in rows.where.items():
        table = table[table[column].isin(values)]
    if table.empty:
        raise SpecError("no row is left", where=str(rows.manifest or rows.folders))
    return table


def rows_of_spec(spec: DataSpec, root: Path) -> pd.DataFrame:
    """Read a spec's rows without the conditions that it ignores.

    Raises
    ------
    SpecError
        As `read_rows`, or if every condition is ignored.
    """
    table = read_rows(spec.rows, root)
    if spec.rows.unlisted_conditions == "ignore":
        table = table[table[spec.rows.condition].isin(spec.by_name)]
    if table.empty:
        raise SpecError("no row has a condition of the spec", where=spec.rows.condition)
    return table


def _rows_of_folders(folder: Path, rows: Rows) -> pd.DataFrame:
    found = [
        {rows.image: f"{path.parent.name}/{path.name}", rows.condition: path.parent.name}
        for path in sorted(folder.glob("*/*"))
        if path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")
    ]
    if not found:
        raise SpecError("no images in one folder per condition were found", where=str(folder))
    return pd.DataFrame(found, index=range(1, len(found) + 1), dtype=str)


def image_folder(rows: Rows, root: Path) -> Path:
    """Return the folder that image paths are relative to: the manifest's own."""
    return root / rows.folders if rows.folders else (root / str(rows.manifest)).parent


def cases_of_rows(table: pd.DataFrame, spec: DataSpec, root: Path) -> list[Case]:
    """Join the rows of each case, in order of first appearance.

    The first row of a case speaks for its patient, condition and subgroups;
    `triage.data.validate` reports rows that disagree.
    """
    rows = spec.rows
    folder = image_folder(rows, root)
    case_ids = table[rows.case] if rows.case else table[rows.image]
    case_ids = case_ids.where(case_ids != "", table[rows.image])
    patients = table[rows.patient] if rows.patient else case_ids
    patients = patients.where(patients != "", case_ids)
    # Named by patient where there is one, so that a further case leaves a patient in its split.
    joined = {"patient": patients} if rows.patient else {}
    joined |= {"case": case_ids} | {f"group {name}": table[name] for name in rows.group}
    clusters = dict(zip(table.index, cluster_names(joined), strict=True))
    levels = {axis.column: subgroup_levels(table, axis) for axis in spec.subgroups}
    cases = []
    for case_id, index in table.groupby(case_ids, sort=False).groups.items():
        first = index[0]
        cases.append(
            Case(
                case_id=str(case_id),
                patient_id=str(patients[first]),
                cluster=clusters[first],
                images=tuple(folder / str(name) for name in table.loc[index, rows.image]),
                condition=str(table.at[first, rows.condition]) or None,
                subgroups={axis: str(level[first]) for axis, level in levels.items()},
                split=(str(table.at[first, rows.split]) or None) if rows.split else None,
                diagnoses={
                    name: str(table.at[first, name]) == "1"
                    for name in rows.diagnoses
                    if str(table.at[first, name])
                },
                annotation=_file(table, first, rows.annotation, folder),
                root=root,
            )
        )
    return cases


def _file(table: pd.DataFrame, row: Hashable, column: str | None, folder: Path) -> Path | None:
    name = str(table.at[row, column]) if column else ""
    return folder / name if name else None


def subgroup_levels(table: pd.DataFrame, axis: Subgroup) -> pd.Series:
    """Return the level of each row on one subgroup axis, `unknown` where missing."""
    if axis.column not in table.columns:
        return pd.Series(UNKNOWN, index=table.index)
    values = table[axis.column]
    if axis.bands is None:
        return values.where(values != "", UNKNOWN)
    names = [f"{low:g}-{high:g}" for low, high in zip(axis.bands, axis.bands[1:], strict=False)]
    numbers = pd.to_numeric(values, errors="coerce")
    banded = pd.cut(numbers, list(axis.bands), right=False, labels=names)
    return banded.astype(object).where(banded.notna(), UNKNOWN)
