"""Cases to be scored: a CSV with images, perhaps case, patient and subgroup columns, no labels."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from triage.data.csv_table import read_csv, shown_columns
from triage.data.manifest import Case, cases_of_rows
from triage.data.spec import DataSpec, Rows
from triage.data.validate import case_problems, doubled_images
from triage.errors import SpecError

IMAGE, CASE, PATIENT = "image", "case_id", "patient_id"
_NO_LABEL = "\0label"


def read_unlabelled(manifest: Path, root: Path, spec: DataSpec) -> list[Case]:
    """Read the cases of a manifest for scoring.

    Parameters
    ----------
    manifest : Path
        CSV with the column `image` and optionally `case_id`, `patient_id` and subgroups.
    root : Path
        Folder that image paths are relative to.
    spec : DataSpec
        Of the bundle that will score: subgroup axes and images a case.

    Returns
    -------
    list of Case
        Without labels, in order of first appearance.

    Raises
    ------
    SpecError
        If the table is unusable; lists every problem.
    """
    table = read_csv(manifest)
    if IMAGE not in table.columns:
        raise SpecError(
            f"the column `image` is missing; there are {shown_columns(table)}",
            where=str(manifest),
        )
    if table.empty:
        raise SpecError("no row to score", where=str(manifest))
    rows = Rows(
        manifest=manifest.name,
        condition=_NO_LABEL,
        case=CASE if CASE in table.columns else None,
        patient=PATIENT if PATIENT in table.columns else None,
    )
    problems = [
        f"row {number}: {name!r} is not a path below the root"
        for number, name in table[IMAGE].items()
        if not _stays_below(str(name))
    ]
    table[_NO_LABEL] = ""
    problems += doubled_images(table[IMAGE])
    problems += case_problems(table, rows, spec.max_images_per_case)
    if problems:
        raise SpecError("cannot be scored", where=str(manifest), problems=tuple(problems))
    plain = spec.model_copy(update={"rows": rows})
    return cases_of_rows(table, plain, root)


def _stays_below(name: str) -> bool:
    path = PurePosixPath(name)
    return bool(name) and not path.is_absolute() and ".." not in path.parts
