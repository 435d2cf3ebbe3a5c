"""Case, patient and cluster of each row of a table."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import pandas as pd

from triage.data.clusters import cluster_names
from triage.data.identifiers import (
    clean_column,
    identifier_column,
    is_missing,
    path_column,
)
from triage.data.spec import Rows
from triage.vocabulary.reserved_names import CASE_PREFIX, IMAGE_PREFIX


def identifier_columns(rows: Rows) -> list[str]:
    """Return the columns whose cells identify or join: case, patient and groups."""
    named = (rows.case, rows.patient, *rows.group)
    return list(dict.fromkeys(name for name in named if name))


def normalised_rows(table: pd.DataFrame, rows: Rows, folder: Path) -> pd.DataFrame:
    """Return a table with certainly equivalent cells written the same.

    Parameters
    ----------
    table : DataFrame of str
    rows : Rows
    folder : Path
        That image paths are relative to.

    Returns
    -------
    DataFrame
        Identifiers are clean and '' where missing, labels, splits, licences and consents clean,
        paths with `/`.
    """
    table = table.copy()
    paths = {name for name in (rows.image, rows.annotation) if name}
    for name in paths:
        table[name] = path_column(table[name], folder)
    identifiers = {*identifier_columns(rows)} - paths
    for name in identifiers:
        table[name] = identifier_column(table[name])
    stated = (rows.split, rows.licence, rows.consent, *rows.diagnoses)
    for name in {*filter(None, stated)} - paths - identifiers:
        clean = clean_column(table[name])
        table[name] = clean.where(~clean.map(is_missing), "")
    if rows.condition not in paths | identifiers:
        table[rows.condition] = clean_column(table[rows.condition])
    return table


def case_identifiers(table: pd.DataFrame, rows: Rows) -> pd.Series:
    """Return the case of each row: its own identifier, else its image.

    An image that has the name of another row's case is distinguished from it by `IMAGE_PREFIX`.
    """
    images = table[rows.image]
    if rows.case is None:
        return images
    own = table[rows.case]
    apart = images.where(~images.isin(own[own != ""]), IMAGE_PREFIX + images)
    return own.where(own != "", apart)


def patient_identifiers(table: pd.DataFrame, rows: Rows) -> pd.Series:
    """Return the patient of each row: its own identifier, else its case behind `CASE_PREFIX`."""
    fallback = case_identifiers(table, rows).map(lambda case: f"{CASE_PREFIX}{case}")
    if rows.patient is None:
        return fallback
    own = table[rows.patient]
    return own.where(own != "", fallback)


def clusters_of_rows(table: pd.DataFrame, rows: Rows) -> dict[Hashable, str]:
    """Cluster of each row: named by patient where there is one.

    So a further case leaves a patient in its split. A row without a patient is named by its case
    unless a patient has that name: placed as in releases that did not distinguish the two.
    """
    cases = case_identifiers(table, rows)
    joined = {"case": cases} | {f"group {name}": table[name] for name in rows.group}
    if rows.patient:
        own = table[rows.patient]
        alone = cases.where(~cases.isin(own[own != ""]), CASE_PREFIX + cases)
        joined = {"patient": own.where(own != "", alone)} | joined
    return dict(zip(table.index, cluster_names(joined), strict=True))
