"""Further annotated cases for a retraining, from a folder with a table of its own."""

from __future__ import annotations

from pathlib import Path

from triage.data.dataset import Dataset
from triage.data.manifest import cases_of_rows, rows_of_spec
from triage.data.outside_root import files_outside
from triage.data.validate import check_rows
from triage.errors import SpecError, UsageError


def with_annotated(base: Dataset, folder: Path) -> Dataset:
    """Return a data set with the annotated cases of a folder in its training split.

    Parameters
    ----------
    base : Dataset
        Of the champion's spec; cases of a patient that it has are left out.
    folder : Path
        Holds a table as the spec describes it, with the spec's column of annotations.

    Raises
    ------
    SpecError
        If the table cannot be used.
    UsageError
        If no case of it is annotated and new.
    """
    spec = base.spec
    if spec.rows.annotation is None:
        raise UsageError(
            "the spec has no column of annotations",
            where="--annotated",
            hint="Leave it out: systems for such data learn from no annotations.",
        )
    table = rows_of_spec(spec, folder)
    problems = check_rows(table, spec)
    cases = [] if problems else cases_of_rows(table, spec, folder)
    problems = problems or files_outside(cases)
    if problems:
        raise SpecError(
            "the annotated data do not fit the spec", where=str(folder), problems=tuple(problems)
        )
    found = base.with_training_cases([case for case in cases if case.annotation is not None])
    if len(found.cases) == len(base.cases):
        raise UsageError(
            "holds no annotated case of a new patient and of a condition that trains",
            where=str(folder),
            hint="Check the columns of annotations, patients and conditions.",
        )
    return found
