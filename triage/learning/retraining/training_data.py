"""The data of a run: the spec's cases and the reviewed ones, their splits and their version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from triage.data.dataset import Dataset
from triage.data.manifest import Case
from triage.dataset_versions.hold_out import HoldOutRule, assign_splits
from triage.dataset_versions.snapshot import snapshot
from triage.dataset_versions.version import DatasetVersion, case_key
from triage.hashing import hash_file
from triage.labels.reviewed_cases import LeftOut, ReviewedCase, check_files
from triage.learning.retraining.reviewed_labels import ReviewedLabels
from triage.progress import Progress, counting
from triage.vocabulary.learning import Consent, MemberSplit

_HELD_OUT = ("validation", "test", "gate")


@dataclass(frozen=True)
class TrainingData:
    """What a run trains on and is judged on.

    Parameters
    ----------
    dataset : Dataset
        With the reviewed cases; its splits are those of `version`, so that neither a case of the
        gate split nor one of the frozen set trains or validates.
    reported : Dataset
        The same cases in the splits that reports show.
    version : DatasetVersion
    reviewed : tuple of ReviewedCase
        Those that train, with the hashes of their files.
    left_out : tuple of LeftOut
        Reviewed cases whose files are not those that were received.
    counts : dict
        How many labels were found, usable and used, and why others were not.
    sources : dict of str
        Source of the cases, by `case_id`, that come from elsewhere than the spec's source.
    """

    dataset: Dataset
    reported: Dataset
    version: DatasetVersion
    reviewed: tuple[ReviewedCase, ...]
    left_out: tuple[LeftOut, ...]
    counts: dict[str, Any]
    sources: Mapping[str, str]

    def keys_of(self, *splits: str) -> set[str]:
        """Return the keys of the cases of some splits."""
        return {self.key_of(case) for case in self.dataset.of_split(*splits)}

    def key_of(self, case: Case) -> str:
        """Return the key of a case."""
        source = self.sources.get(case.case_id, self.dataset.spec.case_source)
        return case_key(source, case.case_id)


def join_reviews(
    base: Dataset,
    labels: ReviewedLabels,
    rule: HoldOutRule,
    *,
    frozen_keys: Collection[str],
    consents: Mapping[str, Consent],
    parent: str | None,
    progress: Progress,
) -> TrainingData:
    """Add the reviewed cases that may train to the training split, and take the snapshot.

    A reviewed case is left out where its case, patient or cluster is in the data already, where a
    file of it is one that is held out, and where a file is not the one that was received.

    Parameters
    ----------
    base : Dataset
        The cases of the spec.
    labels : ReviewedLabels
    rule : HoldOutRule
    frozen_keys : collection of str
        Of the frozen regression set, once it was chosen.
    consents : mapping of str to Consent
        By patient key.
    parent : str, optional
        Root of the version before.
    progress : callable
    """
    hashes = hash_images(base.cases, progress)
    held_out = _contents(base.of_split(*_HELD_OUT), hashes)
    unseen = [
        each for each in labels.cases if not held_out & {image.sha256 for image in each.images}
    ]
    unique = list({each.case.case_id: each for each in reversed(unseen)}.values())[::-1]
    # Only the files of those that would train are hashed.
    wanted = base.with_training_cases([each.case for each in unique]).cases
    entering = {id(case) for case in wanted[len(base.cases) :]}
    same, left_out = check_files(each for each in unique if id(each.case) in entering)
    reported = base.with_training_cases([each.case for each in same])
    counts = {
        **labels.counts,
        "of_held_out_images": len(labels.cases) - len(unseen),
        "of_known_cases_or_patients": len(unique) - len(entering),
        "of_same_name": len(unseen) - len(unique),
        "left_out": dict(Counter(str(each.reason) for each in left_out)),
    }
    return _taken(reported, same, tuple(left_out), counts, labels, rule, hashes,
                  frozen_keys, consents, parent, progress)  # fmt: skip


def data_of_reviews(
    reported: Dataset,
    same: Sequence[ReviewedCase],
    left_out: tuple[LeftOut, ...],
    labels: ReviewedLabels,
    rule: HoldOutRule,
    *,
    frozen_keys: Collection[str],
    consents: Mapping[str, Consent],
    parent: str | None,
    progress: Progress,
) -> TrainingData:
    """Take the snapshot of a data set whose reviewed cases are in every split."""
    reviewed = {each.case.case_id for each in same}
    own = [case for case in reported.cases if case.case_id not in reviewed]
    counts = {**labels.counts, "left_out": dict(Counter(str(each.reason) for each in left_out))}
    return _taken(reported, same, left_out, counts, labels, rule, hash_images(own, progress),
                  frozen_keys, consents, parent, progress)  # fmt: skip


def _taken(
    reported: Dataset,
    same: Sequence[ReviewedCase],
    left_out: tuple[LeftOut, ...],
    counts: dict[str, Any],
    labels: ReviewedLabels,
    rule: HoldOutRule,
    hashes: dict[Path, str],
    frozen_keys: Collection[str],
    consents: Mapping[str, Consent],
    parent: str | None,
    progress: Progress,
) -> TrainingData:
    sources = {each.case.case_id: each.source for each in same}
    splits = assign_splits(reported, rule, frozen_keys, sources=sources)
    hashes = hashes | {
        path: str(image.sha256)
        for each in same
        for path, image in zip(each.case.images, each.images, strict=True)
    }
    own = reported.spec.case_source
    version = snapshot(
        reported,
        source=own,
        splits=splits,
        labels={
            case_key(each.source, each.case.case_id): labels.hashes[each.source, each.case.case_id]
            for each in same
        },
        consents=consents,
        image_hashes=hashes,
        sources=sources,
        parent=parent,
        progress=progress,
    )
    placed = {member.case_key: member.split for member in version.members}
    keys = [case_key(sources.get(c.case_id, own), c.case_id) for c in reported.cases]
    # Who withdrew consent is no member.
    final = tuple(str(placed.get(key, MemberSplit.EXCLUDED)) for key in keys)
    shown = zip(reported.splits, keys, strict=True)
    dataset = replace(reported, splits=final)
    reported = replace(
        reported,
        splits=tuple(part if key in placed else str(MemberSplit.EXCLUDED) for part, key in shown),
    )
    training = {case.case_id for case in dataset.of_split("train", "validation", "test")}
    trained = [each for each in same if each.case.case_id in training]
    counts |= {
        "trained_on": sum(case.case_id in sources for case in dataset.of_split("train")),
        "by_label_source": labels.by_source(trained),
        "conditions": {
            str(name): count
            for name, count in sorted(Counter(str(each.case.condition) for each in trained).items())
        },
    }
    return TrainingData(dataset, reported, version, tuple(trained), left_out, counts, sources)


def hash_images(cases: Iterable[Case], progress: Progress) -> dict[Path, str]:
    """Return the SHA-256 of every file of cases that can be read, each hashed now."""
    paths = [path for case in cases for path in case.images]
    tick = counting(progress, "hashing images", len(paths))
    found = {}
    for path in paths:
        try:
            found[path] = hash_file(path)
        except (OSError, ValueError):
            pass  # a folder, as of a volume, or a file that is rejected when it is opened
        tick(1)
    return found


def _contents(cases: Iterable[Case], hashes: Mapping[Path, str]) -> set[str]:
    return {hashes[path] for case in cases for path in case.images if path in hashes}
