"""Data sets: the cases of a spec, their roles and their splits, with a content hash."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from triage.data.clusters import joined_names
from triage.data.manifest import Case, cases_of_rows, rows_of_spec
from triage.data.outside_root import files_outside
from triage.data.patient_split import EXCLUDED, GATE, split_cases
from triage.data.roles import RoleDraw, draw_roles
from triage.data.spec import DataSpec
from triage.data.validate import check_conditions, check_rows
from triage.errors import SpecError, UsageError
from triage.hashing import hash_json


@dataclass(frozen=True)
class Dataset:
    """Labelled cases with their split under one draw of roles.

    Parameters
    ----------
    spec : DataSpec
        The spec it was made from.
    draw : RoleDraw
        Role of each condition.
    cases : tuple of Case
        In order of first appearance.
    splits : tuple of str
        `train`, `validation`, `test`, `gate` or `excluded`, one a case.
    """

    spec: DataSpec
    draw: RoleDraw
    cases: tuple[Case, ...]
    splits: tuple[str, ...]

    def of_split(self, *names: str) -> list[Case]:
        """Return the cases of the named splits."""
        return [case for case, split in zip(self.cases, self.splits, strict=True) if split in names]

    def with_training_cases(self, extra: list[Case]) -> Dataset:
        """Return the data set with further training cases and otherwise unchanged splits.

        Cases of a cluster or patient that is already placed are left out, so that a
        label from the clinic never leaks a validation or test case into training. So are
        cases of conditions that may not train: outliers for validation and test.
        """
        known = {case.case_id for case in self.cases} | {case.cluster for case in self.cases}
        known |= {case.patient_id for case in self.cases}
        fresh = [
            case
            for case in extra
            if case.condition in self.draw.classes
            and not {case.case_id, case.cluster, case.patient_id} & known
        ]
        return replace(
            self,
            cases=(*self.cases, *fresh),
            splits=(*self.splits, *("train" for _ in fresh)),
        )

    def with_joined(self, pairs: Sequence[tuple[str, str]]) -> Dataset:
        """Return the data set split again with some clusters joined.

        Parameters
        ----------
        pairs : sequence of pairs of str
            Names of clusters that must stay in one split, such as near-duplicates that
            the manifest does not list.
        """
        if not pairs:
            return self
        names = joined_names([case.cluster for case in self.cases], pairs)
        cases = tuple(
            replace(case, cluster=name) for case, name in zip(self.cases, names, strict=True)
        )
        return replace(self, cases=cases, splits=tuple(split_cases(cases, self.spec, self.draw)))

    def with_held_out(self, column: str, level: str, *, split: str) -> Dataset:
        """Return the data set without one subgroup level in training and validation.

        Parameters
        ----------
        column, level : str
            A subgroup axis and the level to hold out, such as a device or a source.
        split : str
            Name of the new split, of the level's inlier cases. Whatever else hangs together
            with the level is excluded, so that no cluster straddles it.

        Raises
        ------
        UsageError
            If the spec has no such axis, no case has the level, or all have.
        """
        if column not in {axis.column for axis in self.spec.subgroups}:
            raise UsageError(f"the spec has no subgroup {column!r}", where=self.spec.name)
        held = [case.subgroups.get(column) == level for case in self.cases]
        if not any(held) or all(held):
            found = sorted({case.subgroups.get(column, "") for case in self.cases})
            raise UsageError(
                f"{'every' if any(held) else 'no'} case has {column} {level!r}",
                where=self.spec.name,
                hint=f"There are {', '.join(found)}.",
            )
        touched = {case.cluster for case, out in zip(self.cases, held, strict=True) if out}
        splits = list(self.splits)
        for row, case in enumerate(self.cases):
            if case.cluster in touched:
                stays = held[row] and case.condition in self.draw.inliers and splits[row] != GATE
                splits[row] = split if stays else EXCLUDED
        return replace(self, splits=tuple(splits))

    def with_gate(self, clusters: Collection[str]) -> Dataset:
        """Return the data set with some clusters in the gate split, wherever they were."""
        splits = (
            GATE if case.cluster in clusters else split
            for case, split in zip(self.cases, self.splits, strict=True)
        )
        return replace(self, splits=tuple(splits))

    def gate_clusters(self) -> frozenset[str]:
        """Return the names of the clusters of the gate split."""
        return frozenset(case.cluster for case in self.of_split(GATE))

    def counts(self) -> dict[str, dict[str, int]]:
        """Count cases by condition and split."""
        table: dict[str, Counter[str]] = {}
        for case, split in zip(self.cases, self.splits, strict=True):
            table.setdefault(str(case.condition), Counter())[split] += 1
        return {name: dict(row) for name, row in table.items()}

    def digest(self, *, votes: bool = False) -> str:
        """Hash of case identifiers, labels, splits and image names (not of pixels).

        Parameters
        ----------
        votes : bool
            Whether the readers' votes count, as where they are the targets of training. Where no
            case has votes the hash is the same.
        """
        cases = [
            [case.case_id, case.condition, case.cluster, split, [p.name for p in case.images]]
            for case, split in zip(self.cases, self.splits, strict=True)
        ]
        named = {case.case_id: sorted(case.votes.items()) for case in self.cases if case.votes}
        return hash_json({"cases": cases, "votes": named} if votes and named else cases)


def load_dataset(
    spec: DataSpec,
    root: Path,
    roles_seed: int | None = None,
    *,
    for_training: bool = True,
    need_outliers: bool = True,
) -> Dataset:
    """Read a spec's labelled cases and place them in splits.

    Parameters
    ----------
    spec : DataSpec
        The data spec.
    root : Path
        Folder of the data.
    roles_seed : int, optional
        Overrides the spec's seed for drawing `auto` roles.
    for_training : bool
        Demand what training and its threshold need; an evaluation needs test cases only.
    need_outliers : bool
        Whether training demands outliers in every split; a benchmark does without.

    Returns
    -------
    Dataset
        Images are not opened here; an unreadable one rejects its case later.

    Raises
    ------
    SpecError
        If the table or the labels make training or evaluation unsound, or a file lies outside
        the root; lists every problem.
    """
    root = Path(root)  # a str too, from notebooks
    table = rows_of_spec(spec, root)
    problems = check_rows(table, spec)
    if not problems:
        draw = draw_roles(spec, roles_seed)
        cases = tuple(cases_of_rows(table, spec, root))
        splits = tuple(split_cases(cases, spec, draw))
        problems = check_conditions(
            cases, splits, spec, draw, for_training=for_training, need_outliers=need_outliers
        )
        problems += files_outside(cases)
    if problems:
        raise SpecError("the data do not fit the spec", where=spec.name, problems=tuple(problems))
    return Dataset(spec=spec, draw=draw, cases=cases, splits=splits)
