"""What is different between two versions of a data set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from triage.dataset_versions.version import DatasetMember, DatasetVersion


class Move(BaseModel):
    """Cases that went from one split to another."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    before: str
    after: str
    cases: tuple[str, ...]


class VersionDiff(BaseModel):
    """Keys of the cases that differ, in their order; a case may be in several lists.

    Parameters
    ----------
    before, after : str
        Roots.
    added, removed : tuple of str
    relabelled : tuple of str
        Another condition, or another provenance of the same one.
    images_changed : tuple of str
        The content, number or order of the images.
    moved : tuple of Move
        To another split.
    consent_changed, licence_changed, joined : tuple of str
        The last of another patient or cluster.
    by_condition : dict of dict of int
        Condition to the count of each list that is not empty; that of the later version, where the
        case is in both.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    before: str
    after: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    relabelled: tuple[str, ...]
    images_changed: tuple[str, ...]
    moved: tuple[Move, ...]
    consent_changed: tuple[str, ...]
    licence_changed: tuple[str, ...]
    joined: tuple[str, ...]
    by_condition: dict[str, dict[str, int]]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return self.before == self.after

    def counts(self) -> dict[str, int]:
        """Return how many cases are in each list."""
        moved = sum(len(move.cases) for move in self.moved)
        return {name: len(getattr(self, name)) for name in _LISTS} | {"moved": moved}


_LISTS = (
    "added", "removed", "relabelled", "images_changed", "consent_changed", "licence_changed",
    "joined",
)  # fmt: skip


def diff_versions(before: DatasetVersion, after: DatasetVersion) -> VersionDiff:
    """Return what is different in a later version."""
    was = {member.case_key: member for member in before.members}
    now = {member.case_key: member for member in after.members}
    both = [(was[key], now[key]) for key in sorted(was.keys() & now.keys())]
    lists = {
        "added": [now[key] for key in sorted(now.keys() - was.keys())],
        "removed": [was[key] for key in sorted(was.keys() - now.keys())],
        "relabelled": _changed(both, "condition", "label_hash"),
        "images_changed": _changed(both, "images"),
        "consent_changed": _changed(both, "consent"),
        "licence_changed": _changed(both, "licence"),
        "joined": _changed(both, "patient_key", "cluster_key"),
    }
    moves: dict[tuple[str, str], list[DatasetMember]] = {}
    for old, new in both:
        if old.split is not new.split:
            moves.setdefault((old.split, new.split), []).append(new)
    by_condition: dict[str, Counter[str]] = {}
    moved = [member for members in moves.values() for member in members]
    for name, members in (*lists.items(), ("moved", moved)):
        for member in members:
            by_condition.setdefault(member.condition, Counter())[name] += 1
    return VersionDiff(
        before=before.root,
        after=after.root,
        moved=tuple(
            Move(before=a, after=b, cases=_keys(members))
            for (a, b), members in sorted(moves.items())
        ),
        by_condition={name: dict(by_condition[name]) for name in sorted(by_condition)},
        **{name: _keys(members) for name, members in lists.items()},
    )


def _changed(
    both: Iterable[tuple[DatasetMember, DatasetMember]], *names: str
) -> list[DatasetMember]:
    return [
        new for old, new in both if any(getattr(old, name) != getattr(new, name) for name in names)
    ]


def _keys(members: Iterable[DatasetMember]) -> tuple[str, ...]:
    return tuple(member.case_key for member in members)
