"""Labels under the classes that a system learns, where readers name something else.

A reader of a volume names diagnoses, of which several may be true at once, and an urgency. A system
for volumes learns referral classes, of which one is true: the known condition of the data spec that
has the stated urgency. A rare condition is a class of its own, and comes before any diagnosis.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from triage.data.spec import Condition, DataSpec
from triage.modalities import MODALITIES
from triage.store import TrainingLabel
from triage.vocabulary.clinical import Urgency

NORMAL = "normal"
"""Key of the diagnosis that excludes the others."""


def with_spec_classes(labels: Iterable[TrainingLabel], spec: DataSpec) -> list[TrainingLabel]:
    """Return labels whose conditions are classes of a spec, one a read where reads name diagnoses.

    Parameters
    ----------
    labels : iterable of TrainingLabel
        Oldest first.
    spec : DataSpec
        Labels are returned unchanged unless its modality has diagnoses beside conditions.

    Returns
    -------
    list of TrainingLabel
        In order of each read's first label. A label that names a condition of the spec keeps it.
        One that names diagnoses gets the known condition of the urgency that its read states, and
        keeps its condition where there is none or several, or where it comes from no read.
    """
    titles = {title: key for key, title in MODALITIES[spec.modality].diagnoses.items()}
    if not titles:
        return list(labels)
    reads: dict[object, list[TrainingLabel]] = {}
    for number, label in enumerate(labels):
        own = ("label", number) if label.read_id is None else ("read", label.read_id)
        reads.setdefault(own, []).append(label)
    return [_of_read(found, spec, titles) for found in reads.values()]


def diagnoses_of(named: Iterable[str], titles: Mapping[str, str]) -> dict[str, bool]:
    """Return what is known of the diagnoses of a volume for which a reader named some.

    Named ones are true. The retina is not normal where another one is named, and where it is
    normal, no other is true. Nothing is known of the rest: a reader may name the main ones only.

    Parameters
    ----------
    named : iterable of str
        Conditions as the reader named them.
    titles : mapping of str to str
        Key of each diagnosis by its title.
    """
    found = {titles[name]: True for name in named if name in titles}
    if not found or NORMAL not in titles.values():
        return found
    if set(found) == {NORMAL}:
        return {key: key == NORMAL for key in titles.values()}
    return found | {NORMAL: False}


def _of_read(
    labels: list[TrainingLabel], spec: DataSpec, titles: Mapping[str, str]
) -> TrainingLabel:
    first, named = labels[0], [label.condition for label in labels]
    condition = _class_of(named, first.urgency, spec, titles) or first.condition
    return replace(first, condition=condition, diagnoses=diagnoses_of(named, titles))


def _class_of(
    named: list[str], urgency: Urgency | None, spec: DataSpec, titles: Mapping[str, str]
) -> str | None:
    """The class that a read belongs to; None where it names none and no urgency decides."""
    listed = [name for name in named if name in spec.by_name]
    if listed:
        return listed[0]
    if urgency is None or not any(name in titles for name in named):
        return None
    found = [one.name for one in spec.conditions if _is_referral(one, urgency)]
    return found[0] if len(found) == 1 else None


def _is_referral(condition: Condition, urgency: Urgency) -> bool:
    return condition.role == "inlier" and condition.urgency == urgency
