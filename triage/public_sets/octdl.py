"""OCTDL: a table of labels and patients beside one folder per disease."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pandas as pd

from triage.data.csv_table import read_csv, shown_columns
from triage.errors import SpecError
from triage.public_sets.bscan_table import BscanRow, content_of, images_below, write_table

CLASSES = ("AMD", "DME", "ERM", "NO", "RAO", "RVO", "VID")
TABLE = "OCTDL_labels.csv"
_NEEDED = ("file_name", "disease", "patient_id")
_EYES = {"od": "R", "r": "R", "right": "R", "os": "L", "l": "L", "left": "L"}


def write_manifest(root: Path) -> Path:
    """Write the manifest of OCTDL from its table of labels.

    The table names files with or without their suffix. Images that it does not name have no
    label and are left out.

    Raises
    ------
    SpecError
        If there is not one `OCTDL_labels.csv` at or below `root`; or listing every row without
        image, patient or known disease, and every name given twice.
    """
    tables = sorted(root.rglob(TABLE))
    if len(tables) != 1:
        raise SpecError(
            f"holds {len(tables)} files {TABLE}",
            where=str(root),
            hint="Give the folder with the table and, beside or below it, the disease folders.",
        )
    table = read_csv(tables[0])
    if absent := [name for name in _NEEDED if name not in table.columns]:
        raise SpecError(
            f"columns {absent} are missing; {shown_columns(table, _NEEDED)}", where=TABLE
        )
    problems = [
        f"{name}: named {count} times"
        for name, count in Counter(map(_stem, table["file_name"])).items()
        if count > 1
    ]
    images = {(path.parent.name, path.stem): path for path in images_below(root)}
    rows = []
    for number, record in table.iterrows():
        disease, patient = record["disease"], record["patient_id"]
        path = images.get((disease, _stem(record["file_name"])))
        if disease not in CLASSES:
            problems.append(f"row {number}: disease {disease!r} is none of {', '.join(CLASSES)}")
        elif not patient:
            problems.append(f"row {number}: no patient is named")
        elif path is None:
            problems.append(f"row {number}: there is no image of that name in {disease}")
        else:
            try:
                rows.append(_row(record, path, root))
            except OSError:
                problems.append(f"row {number}: the image cannot be read")
    return write_table(root, rows, problems)


def _row(record: pd.Series, path: Path, root: Path) -> BscanRow:
    return BscanRow(
        image=path.relative_to(root).as_posix(),
        condition=record["disease"],
        patient_id=record["patient_id"],
        eye=_EYES.get(record.get("eye", "").strip().lower(), ""),
        sex=record.get("sex", "").strip().lower(),
        year=record.get("year", ""),
        finding=record.get("condition", ""),
        content=content_of(path),
    )


def _stem(name: str) -> str:
    return Path(name).stem if Path(name).suffix.lower() in {".jpg", ".jpeg", ".png"} else name
