"""Columns as a source has them, and the table of cases that is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from triage.audit_sources.column_values import Coded, truth_values
from triage.audit_sources.levels import crossed_levels, property_levels
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import MISSING, OUTLIER, UNLABELLED, AuditTable, LevelCodes
from triage.auditing.frame_columns import MAX_LEVELS, urgency_ranks
from triage.auditing.true_classes import true_classes
from triage.data.identifiers import is_missing
from triage.data.spec import level_key
from triage.decisions.cost_matrix import CostMatrix, case_costs
from triage.errors import UsageError
from triage.vocabulary.clinical import NO_AI_OPINION, Urgency

_ABSTAINED = {NO_AI_OPINION, "abstain", "abstained", "no opinion", ""}
"""Words of a recommendation for no opinion."""
_URGENT_ROWS = 1 << 20


@dataclass
class RawCases:
    """The columns of N cases as they were found; see `AuditTable` for what becomes of them.

    Parameters
    ----------
    classes : tuple of str
        Conditions that the system knows.
    labels : Coded
        '' of a case without a label.
    axes : dict of LevelCodes
        Those that come from columns.
    """

    classes: tuple[str, ...]
    labels: Coded
    cluster: NDArray[np.int32]
    patients_known: bool
    axes: dict[str, LevelCodes]
    probabilities: NDArray[np.float32] | None = None
    predicted: Coded | None = None
    recommendation: Coded | None = None
    queue_urgency: Coded | None = None
    abstained: Coded | None = None
    true_urgency: Coded | None = None
    ood_score: NDArray[np.float64] | None = None
    cost: NDArray[np.float64] | None = None
    first_read: Coded | None = None
    final_decision: Coded | None = None
    first_urgency: Coded | None = None
    final_urgency: Coded | None = None
    seconds: NDArray[np.float32] | None = None
    ai_shown: Coded | None = None
    case_numbers: NDArray[np.int64] | None = None
    case_names: pa.Array | None = None
    facts: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    excluded: dict[str, int] = field(default_factory=dict)


def audit_table(plan: AuditPlan, raw: RawCases) -> AuditTable:
    """Return the table of cases that a plan asks for.

    Raises
    ------
    UsageError
        If a case has no label although the plan does not exclude those, a label is that of no
        class, or there are fewer than two classes.
    """
    if not len(raw.labels.codes):
        raise UsageError(
            "there are no cases to audit", hint="Check the period and the cohorts of the plan."
        )
    labels, truth = _truth(plan, raw.classes, _labels(plan, raw))
    predicted = _predicted(raw, plan)
    abstained = _abstained(raw)
    queue = _urgency(plan, raw, "recommendation")
    if raw.queue_urgency is not None:
        queue = _urgency(plan, raw, "queue_urgency")
    true_urgency = _true_urgency(plan, raw, labels)
    cost = raw.cost
    if cost is None and plan.costs is not None and predicted is not None:
        cost = _costs(plan.costs, labels, truth, predicted == truth, queue, abstained)
    axes = dict(raw.axes)
    for axis in plan.axes:
        if axis.property is not None:
            axes[axis.name] = property_levels(axis, plan, labels)
    for axis in plan.axes:
        if axis.of is not None:
            axes[axis.name] = crossed_levels(axis, axes)
    return AuditTable(
        classes=raw.classes,
        truth=truth,
        cluster=raw.cluster,
        patients_known=raw.patients_known,
        axes={axis.name: axes[axis.name] for axis in plan.axes},
        predicted=predicted,
        probabilities=raw.probabilities,
        ood_score=raw.ood_score,
        abstained=abstained,
        cost=cost,
        true_urgency=true_urgency,
        queue_urgency=queue,
        p_urgent=_p_urgent(plan, raw),
        first_right=_right(raw.first_read, labels, truth),
        final_right=_right(raw.final_decision, labels, truth),
        first_urgency=_urgency(plan, raw, "first_urgency"),
        final_urgency=_urgency(plan, raw, "final_urgency"),
        seconds=raw.seconds,
        ai_shown=_shown(raw),
        label_names=labels.values,
        label_codes=labels.mapped(
            [at if word else MISSING for at, word in enumerate(labels.values)], np.int16
        ),
        case_numbers=raw.case_numbers,
        case_names=raw.case_names,
        facts=raw.facts,
        notes=tuple(raw.notes),
        excluded=raw.excluded,
    )


def _labels(plan: AuditPlan, raw: RawCases) -> Coded:
    """Labels with '' for each word that means there is none; checked that there are enough."""
    named = {*raw.classes, *plan.outliers, *(one.name for one in plan.conditions)}
    words = tuple(
        "" if is_missing(word) and word not in named else word for word in raw.labels.values
    )
    labels = Coded(words, raw.labels.codes)
    absent = labels.mapped([int(not word) for word in words], np.int8).astype(np.bool_)
    if absent.any() and plan.unlabelled == "refuse":
        raise UsageError(
            f"{int(absent.sum())} of {len(absent)} cases have no label, the first of them case "
            f"{int(absent.argmax()) + 1} (counted from 1)",
            where="columns.label",
            hint="Leave them out, complete them, or write `unlabelled: exclude` into the plan, "
            "which reports the share that was verified.",
        )
    if absent.all():
        raise UsageError("no case has a label", where="columns.label")
    return labels


def _truth(
    plan: AuditPlan, classes: tuple[str, ...], labels: Coded
) -> tuple[Coded, NDArray[np.int16]]:
    """Return the labels by name, also where the column holds positions, and the true classes."""
    given = [word for word in labels.values if word]
    whole = all(word.removeprefix("-").isdecimal() and word.isascii() for word in given)
    series = pd.Series([int(word) for word in given] if whole else given)
    outside = {*plan.outliers} | {one.name for one in plan.conditions} - {*classes}
    column = plan.columns.label
    others = 0 if whole else len({*given} - {*classes} - outside)
    if others > MAX_LEVELS:  # identifiers perhaps, so that none is quoted
        raise UsageError(
            f"column {column!r} holds {others} different values that are no class",
            where="columns.label",
            hint=f"Name the column of true conditions. The classes are {', '.join(classes)}.",
        )
    found = true_classes(pd.DataFrame({column: series}), column, classes, outside)
    place = dict(zip(given, found.tolist(), strict=True))
    places = [place.get(word, UNLABELLED) for word in labels.values]
    names = [
        classes[at] if at >= 0 else word for at, word in zip(places, labels.values, strict=True)
    ]
    return Coded(tuple(names), labels.codes), labels.mapped(places, np.int16)


def _predicted(raw: RawCases, plan: AuditPlan) -> NDArray[np.int16] | None:
    if raw.predicted is None:
        if raw.probabilities is None:
            return None
        return _most_probable(raw.probabilities)
    place = {name: at for at, name in enumerate(raw.classes)}
    outside = {*plan.outliers} | {one.name for one in plan.conditions}
    for word in raw.predicted.values:
        if word not in place and word not in outside and not is_missing(word):
            raise UsageError(
                "the named condition is no condition of the plan",
                where="columns.predicted",
                hint=f"The conditions are {', '.join(raw.classes)}.",
            )
    return raw.predicted.mapped(
        [place.get(word, MISSING) for word in raw.predicted.values], np.int16
    )


def _most_probable(probabilities: NDArray[np.float32]) -> NDArray[np.int16]:
    found = np.empty(len(probabilities), dtype=np.int16)
    for start in range(0, len(found), _URGENT_ROWS):
        part = slice(start, start + _URGENT_ROWS)
        found[part] = probabilities[part].argmax(axis=1)
    return found


def _abstained(raw: RawCases) -> NDArray[np.bool_] | None:
    if raw.abstained is not None:
        found = truth_values(raw.abstained, "abstained", "columns.abstained")
        if (found < 0).any():
            raise UsageError("has missing values", where="columns.abstained")
        return found.astype(np.bool_)
    given = raw.recommendation
    if given is None:
        return None
    return given.mapped([int(_no_opinion(word)) for word in given.values], np.int8).astype(np.bool_)


def _no_opinion(word: str) -> bool:
    return word.casefold() in _ABSTAINED or is_missing(word)


def _urgency(plan: AuditPlan, raw: RawCases, role: str) -> NDArray[np.int8] | None:
    """Ranks of urgencies; `MISSING` where there is no word or a word for no opinion."""
    column: Coded | None = getattr(raw, role)
    if column is None:
        return None
    stated = [word for word in column.values if not _no_opinion(word)]
    if len(stated) > 2 * len(Urgency):
        raise UsageError(
            f"holds {len(stated)} different values, so it is no column of urgencies",
            where=f"columns.{role}",
            hint=f"Use {', '.join(Urgency)}, or ranks from 0, the most urgent, to 3.",
        )
    name = getattr(plan.columns, role) or role
    ranks = urgency_ranks(pd.DataFrame({name: stated}), name, f"columns.{role}").tolist()
    place = dict(zip(stated, ranks, strict=True))
    return column.mapped([place.get(word, MISSING) for word in column.values], np.int8)


def _true_urgency(plan: AuditPlan, raw: RawCases, labels: Coded) -> NDArray[np.int8] | None:
    if raw.true_urgency is not None:
        return _urgency(plan, raw, "true_urgency")
    stated = plan.urgency_of
    if not stated:
        return None
    ranks = [stated[word].rank if word in stated else MISSING for word in labels.values]
    return labels.mapped(ranks, np.int8)


def _p_urgent(plan: AuditPlan, raw: RawCases) -> NDArray[np.float32] | None:
    """Sum of the probabilities of urgent conditions, where all known ones state an urgency."""
    stated = plan.urgency_of
    if raw.probabilities is None or any(name not in stated for name in raw.classes):
        return None
    urgent = np.array([stated[name] is Urgency.URGENT for name in raw.classes])
    if not urgent.any():
        return None
    found = np.empty(len(raw.probabilities), dtype=np.float32)
    for start in range(0, len(found), _URGENT_ROWS):
        part = slice(start, start + _URGENT_ROWS)
        found[part] = raw.probabilities[part][:, urgent].sum(axis=1)
    return np.minimum(found, np.float32(1.0))


def _costs(
    matrix: CostMatrix,
    labels: Coded,
    truth: NDArray[np.int16],
    right: NDArray[np.bool_],
    queue: NDArray[np.int8] | None,
    abstained: NDArray[np.bool_] | None,
) -> NDArray[np.float64] | None:
    """Cost of each case, looked up among the few kinds of cases; NaN without a label.

    None where the queue of a case or whether there was an opinion is not known, or the matrix does
    not have its condition.
    """
    if queue is None or abstained is None or (queue < 0).any():
        return None
    known = [word if word in matrix.conditions else matrix.conditions[0] for word in labels.values]
    there = [word in matrix.conditions for word in labels.values]
    kinds = [
        (at, outlier, correct, rank, silent)
        for at in range(len(known))
        for outlier in (False, True)
        for correct in (False, True)
        for rank in range(len(Urgency))
        for silent in (False, True)
    ]
    at, outlier, correct, rank, silent = (np.array(each) for each in zip(*kinds, strict=True))
    priced = case_costs(matrix, [known[one] for one in at], outlier, correct, rank, silent).reshape(
        len(known), 2, 2, len(Urgency), 2
    )
    priced[~np.array(there)] = np.nan
    found: NDArray[np.float64] = priced[
        labels.codes,
        (truth == OUTLIER).astype(np.int8),
        right.astype(np.int8),
        queue,
        abstained.astype(np.int8),
    ]
    return None if np.isnan(found[truth != UNLABELLED]).any() else found


def _right(read: Coded | None, labels: Coded, truth: NDArray[np.int16]) -> NDArray[np.int8] | None:
    """Whether a person named the true condition; `MISSING` without a read or a label."""
    if read is None:
        return None
    keys = {level_key(word): at for at, word in enumerate(labels.values) if word}
    named = read.mapped(
        [MISSING if is_missing(word) else keys.get(level_key(word), len(keys) + 1)
         for word in read.values],
        np.int32,
    )  # fmt: skip
    true = labels.mapped(
        [keys.get(level_key(word), MISSING) if word else MISSING for word in labels.values],
        np.int32,
    )
    found: NDArray[np.int8] = (named == true).astype(np.int8)
    found[(named == MISSING) | (truth == UNLABELLED)] = MISSING
    return found


def _shown(raw: RawCases) -> NDArray[np.int8] | None:
    if raw.ai_shown is None:
        return None
    return truth_values(raw.ai_shown, "ai_shown", "columns.ai_shown")
