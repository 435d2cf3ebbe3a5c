"""Cases from rows: read a spec's table of images and join the images of each case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from triage.data.case_facts import (
    parse_age,
    parse_laterality,
    parse_visit,
    parsed,
    subgroup_levels,
)
from triage.data.csv_table import read_csv, shown_columns
from triage.data.identifiers import clean_column, clean_text
from triage.data.lookalikes import nearest_name
from triage.data.row_identity import (
    case_identifiers,
    clusters_of_rows,
    normalised_rows,
    patient_identifiers,
)
from triage.data.row_warnings import (
    column_warnings,
    ignored_conditions,
    left_out_rows,
    missing_words,
    unnamed_patient_warnings,
)
from triage.data.spec import DataSpec, Rows
from triage.errors import SpecError
from triage.vocabulary.learning import Consent
from triage.vocabulary.reserved_names import CASE_PREFIX

__all__ = [
    "IMAGE_SUFFIXES", "Case", "cases_of_rows", "image_folder", "read_rows",
    "rows_of_spec", "subgroup_levels",
]  # fmt: skip

IMAGE_SUFFIXES = {
    ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp", ".heic", ".heif", ".avif",
    ".dcm", ".dicom", ".dic",
}  # fmt: skip
"""Suffixes of images in a folder; a manifest may name a file with any suffix."""
_Column = Any
"""An Arrow array of text, or a NumPy one of Python strings."""
_CONSENTS = {str(consent): consent for consent in Consent}


@dataclass(frozen=True)
class Case:
    """One case: one to a few images of one finding of one patient.

    Parameters
    ----------
    case_id, patient_id : str
        Identifiers of the manifest, normalised by `triage.data.identifiers`. A case without one is
        named by its first image, a patient without one by the case, behind `CASE_PREFIX`.
    cluster : str
        Name of the connected group (patient and near-duplicates) that must not
        be divided between splits and is resampled together.
    images : tuple of Path
        Image files, absolute.
    condition : str or None
        The label; None where unknown.
    subgroups : dict of str
        Level of each subgroup axis; `unknown` where missing.
    split : str or None
        The manifest's own split, if it has one.
    diagnoses : dict of bool
        Known state of each diagnosis of an OCT volume.
    annotation : Path or None
        Tissue map of an OCT volume.
    root : Path or None
        Folder that the files may not leave, by `..` or by links; None where it does not matter.
    visit : int or None
        Whole days since the patient's first visit.
    laterality : str or None
        `left`, `right` or `both`.
    age : float or None
        In years.
    id_derived : bool
        Whether `case_id` is the path of the case's image, because the table names no case.
    licence : str or None
        Where it is another than the data set's.
    consent : Consent
        As the table states it.
    votes : dict of int
        How many readers named each condition; empty where it is not known.
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
    visit: int | None = None
    laterality: str | None = None
    age: float | None = None
    id_derived: bool = False
    licence: str | None = None
    consent: Consent = Consent.NOT_RECORDED
    votes: dict[str, int] = field(default_factory=dict)

    @property
    def stated_patient(self) -> str | None:
        """Patient that the table names; None if the case has none and counts as its own."""
        return None if self.patient_id.startswith(CASE_PREFIX) else self.patient_id


def read_rows(rows: Rows, root: Path, warnings: list[str] | None = None) -> pd.DataFrame:
    """Read the table unprocessed: one row per image, every column a string, missing values ''.

    Parameters
    ----------
    rows : Rows
        Where the rows are.
    root : Path
        Folder that `rows.manifest` or `rows.folders` is relative to.
    warnings : list of str, optional
        Receives the cells that count as missing and the columns with similar names.

    Returns
    -------
    DataFrame
        Indexed by row number in the file, see `read_csv`. Identifiers, paths and labels are
        normalised, see `normalised_rows`.

    Raises
    ------
    SpecError
        If there is no such table, it lacks a named column, or no row is left.
    """
    if rows.folders is not None:
        table = _rows_of_folders(root / rows.folders, rows)
    else:
        table = read_csv(root / str(rows.manifest))
    wanted = _wanted_columns(rows)
    if absent := [name for name in wanted if name not in table.columns]:
        raise SpecError(
            f"columns {absent} are missing; {shown_columns(table, wanted)}",
            where=str(rows.manifest or rows.folders),
            hint=_almost(absent, [name for name in table.columns if name not in wanted]),
        )
    if warnings is not None:
        warnings += left_out_rows(table, rows)
    for column, values in rows.where.items():
        table = table[clean_column(table[column]).isin([clean_text(value) for value in values])]
    if table.empty:
        raise SpecError("no row is left", where=str(rows.manifest or rows.folders))
    if warnings is not None:
        warnings += missing_words(table, rows)
        warnings += unnamed_patient_warnings(list(table.columns), rows)
    return normalised_rows(table, rows, image_folder(rows, root))


def _wanted_columns(rows: Rows) -> list[str]:
    single = [
        rows.image, rows.condition, rows.case, rows.patient, rows.split, rows.annotation,
        rows.visit, rows.laterality, rows.age, rows.licence, rows.consent,
    ]  # fmt: skip
    return [name for name in (*single, *rows.group, *rows.diagnoses, *rows.where) if name]


def _almost(absent: list[str], there: list[str]) -> str | None:
    near = [(name, nearest_name(name, there)) for name in absent]
    listed = [f"{name!r} is almost {found!r}" for name, found in near if found is not None]
    if listed:
        return f"{'; '.join(listed)}: rename the column, or name it in the spec."
    return "Is the first row of the table its header?" if len(absent) > 1 else None


def rows_of_spec(spec: DataSpec, root: Path, warnings: list[str] | None = None) -> pd.DataFrame:
    """Read a spec's rows without the conditions that it ignores.

    Parameters
    ----------
    spec : DataSpec
    root : Path
    warnings : list of str, optional
        Gets the warnings of `read_rows`, and the subgroup columns that are named almost right.

    Returns
    -------
    DataFrame
        As `read_rows`, with conditions spelt as in the spec.

    Raises
    ------
    SpecError
        As `read_rows`, or if every condition is ignored.
    """
    table = read_rows(spec.rows, root, warnings)
    own = {clean_text(name): name for name in spec.by_name}
    table[spec.rows.condition] = table[spec.rows.condition].map(lambda name: own.get(name, name))
    if warnings is not None:
        axes = [axis.column for axis in spec.subgroups]
        warnings += column_warnings(list(table.columns), _wanted_columns(spec.rows), axes)
        warnings += ignored_conditions(table[spec.rows.condition], spec)
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
    """Join the rows of each case, in order of first appearance; see `RowCases`."""
    joined = RowCases(table, spec, root)
    return joined.take(0, len(joined))


class RowCases:
    """The cases of a table, made when they are asked for: columns take less memory than cases.

    They are in order of first appearance. Patient, condition and subgroups of a case are those of
    its first row; `triage.data.validate` reports rows that disagree. All that depends on several
    cases is decided here for the whole table: clusters, and how a level is spelt.

    Parameters
    ----------
    table : DataFrame
        Normalised, see `normalised_rows`.
    spec : DataSpec
    root : Path
    """

    def __init__(self, table: pd.DataFrame, spec: DataSpec, root: Path) -> None:
        rows = spec.rows
        self._rows = rows
        self._root = root
        self._folder = image_folder(rows, root)
        codes, names = pd.factorize(case_identifiers(table, rows))
        self._order = np.argsort(codes, kind="stable")
        self._starts = np.searchsorted(codes[self._order], np.arange(len(names) + 1))
        self._names = _compact(names)
        self._patients = _compact(patient_identifiers(table, rows))
        self._clusters = _compact([*clusters_of_rows(table, rows).values()])
        self._levels = {
            axis.column: _compact(subgroup_levels(table, axis)) for axis in spec.subgroups
        }
        self._visits = parsed(table[rows.visit], parse_visit) if rows.visit else {}
        self._sides = parsed(table[rows.laterality], parse_laterality) if rows.laterality else {}
        self._ages = parsed(table[rows.age], parse_age) if rows.age else {}
        self._cells = {name: _compact(table[name]) for name in _wanted_columns(rows)}

    def __len__(self) -> int:
        return len(self._names)

    def take(self, start: int, stop: int) -> list[Case]:
        """Return the cases from one place to before another one.

        Parameters
        ----------
        start, stop : int
            0 <= start <= stop <= the number of cases.
        """
        places = self._order[self._starts[start] : self._starts[stop]]
        bounds = self._starts[start : stop + 1] - self._starts[start]
        # Lists in the loop: looking up one cell of a frame takes 10 microseconds.
        cells = {name: _texts(column, places) for name, column in self._cells.items()}
        levels = {axis: _texts(column, places) for axis, column in self._levels.items()}
        patients = _texts(self._patients, places)
        clusters = _texts(self._clusters, places)
        names = _texts(self._names, np.arange(start, stop))
        rows = self._rows

        def cell(row: int, column: str | None) -> str:
            return cells[column][row] if column else ""

        return [
            Case(
                case_id=case_id,
                patient_id=patients[first],
                cluster=clusters[first],
                images=tuple(self._folder / name for name in cells[rows.image][first:end]),
                condition=cells[rows.condition][first] or None,
                subgroups={axis: level[first] for axis, level in levels.items()},
                split=cell(first, rows.split) or None,
                diagnoses={
                    name: cells[name][first] == "1" for name in rows.diagnoses if cells[name][first]
                },
                annotation=_file(cell(first, rows.annotation), self._folder),
                root=self._root,
                visit=self._visits.get(cell(first, rows.visit)),
                laterality=self._sides.get(cell(first, rows.laterality)),
                age=self._ages.get(cell(first, rows.age)),
                id_derived=not cell(first, rows.case),
                licence=cell(first, rows.licence) or None,
                consent=_CONSENTS.get(cell(first, rows.consent), Consent.NOT_RECORDED),
            )
            for case_id, (first, end) in zip(names, pairwise(bounds.tolist()), strict=True)
        ]


def _compact(values: Iterable[object]) -> _Column:
    """A column of text in Arrow's memory, a third of what Python strings take."""
    try:
        return pa.array(map(str, values), pa.large_string())
    except UnicodeEncodeError:  # names of files that are not UTF-8
        return np.array(list(map(str, values)), dtype=object)


def _texts(column: _Column, places: NDArray[np.int64]) -> list[str]:
    found: list[str] = column.take(places).tolist()
    return found


def _file(name: str, folder: Path) -> Path | None:
    return folder / name if name else None
