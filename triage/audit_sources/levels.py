"""Levels of the axes of an audit: from words, from bands of numbers, from the true condition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from triage.audit_sources.column_values import Coded, distinct_texts
from triage.auditing.audit_plan import AuditPlan, Axis
from triage.auditing.audit_table import LevelCodes
from triage.auditing.frame_columns import MAX_LEVELS
from triage.data.case_facts import band_names, most_frequent_spellings
from triage.data.identifiers import is_missing
from triage.data.spec import Subgroup, band_name, level_key
from triage.errors import UsageError
from triage.evaluation.results import level_order
from triage.vocabulary.clinical import Risk, Urgency
from triage.vocabulary.subgroup_levels import UNKNOWN

_RISKS = tuple(str(risk) for risk in reversed(Risk))
_URGENCIES = tuple(str(urgency) for urgency in Urgency)


@dataclass
class Bands:
    """Collects the bands of a column of numbers, however many different ones there are.

    A value that is the name of a band, as tables of ours hold it, is that band. `outside` counts
    the cases with a value that is in no band, which are unknown.
    """

    axis: Axis
    outside: int = 0
    _codes: list[NDArray[Any]] = field(default_factory=list)

    def add(self, column: pa.Array, keep: NDArray[np.bool_] | None) -> None:
        """Add the values of a batch."""
        codes, words = distinct_texts(column)
        places = self._places(words)
        stated = np.array([not is_missing(word) for word in words] + [False])
        lost = (stated & (places == len(_band_names(self.axis))))[codes]
        self.outside += int((lost if keep is None else lost & keep).sum())
        found = places[codes]
        self._codes.append(found if keep is None else found[keep])

    def _places(self, words: Sequence[str]) -> NDArray[np.int16]:
        names = _band_names(self.axis)
        bands = band_names(
            Subgroup(column=self.axis.name, bands=self.axis.bands),
            pd.Series(list(words), dtype=str),
        )
        place = {name: at for at, name in enumerate(names)}
        return np.array(
            [place.get(word, place.get(bands.get(word) or "", len(names))) for word in words]
            + [len(names)],
            dtype=np.int16,
        )

    def notes(self) -> list[str]:
        """Return what the report has to say of values in no band."""
        if not self.outside:
            return []
        return [
            f"Axis {self.axis.name}: {self.outside} values lie in none of the bands or are no "
            "numbers; their level is unknown."
        ]

    def levels(self) -> LevelCodes:
        """Return the band of each case."""
        codes = np.concatenate(self._codes) if self._codes else np.zeros(0, dtype=np.int16)
        return _without_empty((*_band_names(self.axis), UNKNOWN), codes)


def _band_names(axis: Axis) -> tuple[str, ...]:
    return tuple(band_name(low, high) for low, high in pairwise(axis.bands or ()))


def word_levels(axis: Axis, column: Coded) -> LevelCodes:
    """Return the level of each case of a column of words.

    Words for a missing value are "unknown"; spellings that differ in case and blanks only are one
    level, in the spelling that most cases have, as for data specs.

    Raises
    ------
    UsageError
        If there are more than `MAX_LEVELS`.
    """
    spelling = most_frequent_spellings(column.counts())
    names = [UNKNOWN if is_missing(word) else spelling[level_key(word)] for word in column.values]
    return _named(axis, names, column.codes, sorted({*names}, key=level_order))


def joined_spellings(column: Coded) -> int:
    """Return how many levels are written in several ways."""
    kept = [level_key(word) for word in column.values if not is_missing(word)]
    return sum(kept.count(key) > 1 for key in {*kept})


def property_levels(axis: Axis, plan: AuditPlan, labels: Coded) -> LevelCodes:
    """Return the risk, urgency, frequency or name of the true condition of each case.

    A case without a label, or of a condition that does not state it, is "unknown".
    """
    stated: dict[str, str] = {}
    for one in plan.conditions:
        value = one.name if axis.property == "condition" else getattr(one, axis.property or "")
        if value is not None:
            stated[one.name] = str(value)
    if axis.property == "condition" and not plan.conditions:
        stated = {name: name for name in labels.values if name}
    names = [stated.get(word, UNKNOWN) for word in labels.values]
    order = {"risk": _RISKS, "urgency": _URGENCIES}.get(axis.property or "")
    found = sorted({*names}, key=level_order)
    if order is not None:
        found = [name for name in (*order, UNKNOWN) if name in names]
    return _named(axis, names, labels.codes, found)


def crossed_levels(axis: Axis, single: Mapping[str, LevelCodes]) -> LevelCodes:
    """Return the pair of levels of each case; "unknown" where either is.

    Raises
    ------
    UsageError
        If there are more than `MAX_LEVELS`.
    """
    assert axis.of is not None
    first, second = (single[name] for name in axis.of)
    width = len(second.levels)
    pairs = first.codes.astype(np.int32) * width + second.codes
    names = [_pair(a, b) for a in first.levels for b in second.levels]
    present = dict.fromkeys(names[place] for place in np.unique(pairs))
    order = [name for name in present if name != UNKNOWN]
    return _named(axis, names, pairs, [*order, UNKNOWN] if UNKNOWN in present else order)


def _pair(first: str, second: str) -> str:
    return UNKNOWN if UNKNOWN in (first, second) else f"{first}, {second}"


def _named(
    axis: Axis, names: Sequence[str], codes: NDArray[Any], order: Sequence[str]
) -> LevelCodes:
    if len(order) > MAX_LEVELS:
        raise UsageError(
            f"the axis {axis.name!r} has {len(order)} levels, more than {MAX_LEVELS}",
            where=f"axes.{axis.name}",
            hint="Put numbers into bands (bands: [0, 30, 50, 70, 90]), or choose another column.",
        )
    place = {name: at for at, name in enumerate(order)}
    mapped = np.array([place.get(name, 0) for name in names] + [0], dtype=np.int16)
    return _without_empty(tuple(order), mapped[codes])


def _without_empty(levels: tuple[str, ...], codes: NDArray[np.int16]) -> LevelCodes:
    counts = np.bincount(codes, minlength=len(levels))
    kept = np.flatnonzero(counts)
    place = np.zeros(len(levels), dtype=np.int16)
    place[kept] = np.arange(len(kept))
    return LevelCodes(tuple(levels[at] for at in kept), place[codes])
