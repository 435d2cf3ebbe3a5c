"""The data set of a first training: reviewed cases in every split, and the spec's cases if any."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

from triage.data.clusters import joined_names
from triage.data.dataset import Dataset
from triage.data.manifest import IMAGE_SUFFIXES, Case, cases_of_rows, rows_of_spec
from triage.data.outside_root import files_outside
from triage.data.patient_split import split_cases
from triage.data.roles import draw_roles
from triage.data.spec import DataSpec
from triage.data.validate import check_conditions, check_rows
from triage.errors import NotEnoughEvidence, SpecError
from triage.labels.reviewed_cases import LeftOut, ReviewedCase, check_files
from triage.learning.retraining.reviewed_labels import ReviewedLabels
from triage.named_file import open_named

_NO_CASE = ": no case at all"
_MAX_TABLE, _LOOKED_AT = 4 << 30, 100


def first_dataset(
    spec: DataSpec, root: Path, labels: ReviewedLabels, roles_seed: int | None
) -> tuple[Dataset, list[ReviewedCase], tuple[LeftOut, ...]]:
    """Return the data set of reviewed cases and of the spec's own, in splits by patient.

    Roles are those of the spec; the split of a case follows from the patient's name and the spec's
    seed, as for cases of a table. A reviewed case that the table has too is the table's.

    Parameters
    ----------
    spec : DataSpec
        Its table may be missing or empty.
    root : Path
    labels : ReviewedLabels
    roles_seed : int, optional

    Returns
    -------
    dataset : Dataset
    same : list of ReviewedCase
        Those that are in it.
    left_out : tuple of LeftOut
        Those whose files are not those that were received.

    Raises
    ------
    SpecError
        If the table cannot be used.
    NotEnoughEvidence
        If the cases are too few for a first training; says what is missing.
    """
    draw = draw_roles(spec, roles_seed)
    own = [] if _no_table(spec, root) else _cases(spec, root)
    same, left_out = check_files(labels.cases)
    known = {name for case in own for name in (case.case_id, case.cluster, case.patient_id)}
    fresh: dict[str, ReviewedCase] = {}
    for each in same:
        if not {each.case.case_id, each.case.cluster, each.case.patient_id} & known:
            fresh.setdefault(each.case.case_id, each)
    cases = [*own, *(each.case for each in fresh.values())]
    cases = _joined(cases, list(fresh.values()))
    splits = split_cases(cases, spec, draw)
    problems = [
        problem
        for problem in check_conditions(cases, splits, spec, draw)
        # An outlier condition that nobody has met yet teaches nothing, and needs no case.
        if not (problem.endswith(_NO_CASE) and _may_be_missing(problem, draw.validation, draw.test))
    ]
    if problems:
        few = "; ".join(problems[:5]) + (f"; and {len(problems) - 5} more" * (len(problems) > 5))
        raise NotEnoughEvidence(
            f"the {len(cases)} labelled cases are too few for a first training: {few}",
            where=spec.name,
            hint="Review more cases, or change the roles or shares of the data spec.",
        )
    return Dataset(spec, draw, tuple(cases), tuple(splits)), list(fresh.values()), tuple(left_out)


def _joined(cases: list[Case], reviewed: list[ReviewedCase]) -> list[Case]:
    """Join the clusters of reviewed cases that share a file, so that no split divides them."""
    first: dict[str, str] = {}
    pairs = []
    for each in reviewed:
        for image in each.images:
            other = first.setdefault(str(image.sha256), each.case.cluster)
            if other != each.case.cluster:
                pairs.append((other, each.case.cluster))
    if not pairs:
        return cases
    names = joined_names([case.cluster for case in cases], pairs)
    return [replace(case, cluster=name) for case, name in zip(cases, names, strict=True)]


def _may_be_missing(problem: str, *roles: tuple[str, ...]) -> bool:
    return any(problem == f"condition {name!r}{_NO_CASE}" for part in roles for name in part)


def _no_table(spec: DataSpec, root: Path) -> bool:
    """Whether the spec's table is missing or has no row below its header."""
    rows = spec.rows
    if rows.folders is not None:
        folder = root / rows.folders
        return not any(path.suffix.lower() in IMAGE_SUFFIXES for path in folder.glob("*/*"))
    path = root / str(rows.manifest)
    if not path.exists():
        return True
    with open_named(path, "table", SpecError, _MAX_TABLE) as stream:
        return sum(bool(line.strip()) for line in islice(stream, _LOOKED_AT)) <= 1


def _cases(spec: DataSpec, root: Path) -> list[Case]:
    table = rows_of_spec(spec, root)
    problems = check_rows(table, spec)
    cases = [] if problems else cases_of_rows(table, spec, root)
    problems += files_outside(cases)
    if problems:
        raise SpecError("the data do not fit the spec", where=spec.name, problems=tuple(problems))
    return cases
