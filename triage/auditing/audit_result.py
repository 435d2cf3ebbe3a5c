"""What an audit of a table found, as data frames, a chart and HTML."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from triage.auditing.arguments import OVERALL, metric_keys
from triage.auditing.frame_columns import level_text
from triage.auditing.level_difference import level_difference
from triage.auditing.measurement import AuditEstimate, AuditMeasurement
from triage.charts.forest import forest_plot
from triage.charts.standalone import Chart, standalone
from triage.errors import UsageError, unknown_name
from triage.evaluation.metrics.audit_registry import AUDIT_METRICS

_ESTIMATE = ("value", "low", "high", "n_cases", "n_clusters", "evidence")
_PLOTTED = ("accuracy", "ood_auroc", "coverage", "under_triage_rate", "ece", "nll")
_PANELS = 3


@dataclass(frozen=True)
class _Level:
    """One level of a group, and the metrics on it."""

    axis: str
    level: str
    n_cases: int
    metrics: dict[str, AuditEstimate]


@dataclass(frozen=True)
class _Plotted:
    """What a forest plot reads."""

    n_cases: int
    overall: Mapping[str, AuditEstimate]
    axes: Sequence[str]
    levels: Callable[[str], Sequence[_Level]]


@dataclass(frozen=True)
class AuditResult:
    """The metrics of a table, overall and in every level of every group.

    Made by `triage.audit`. Intervals are of 95 %; `evidence` is "not enough" where there are too
    few patients of a kind that the metric needs, or too many resamples without a value.

    Parameters
    ----------
    measurement : AuditMeasurement
        All that was measured, as `triage audit run` writes it.
    """

    measurement: AuditMeasurement

    @property
    def metrics(self) -> tuple[str, ...]:
        """Keys of the metrics measured."""
        return tuple(self._overall)

    @property
    def n_cases(self) -> int:
        """Rows of the table."""
        return self.measurement.n_cases or 0

    @property
    def n_patients(self) -> int | None:
        """Patients of the table; None where no column named them."""
        return self.measurement.n_patients if self.measurement.patients_known else None

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes, in the order of their probability columns."""
        return tuple(self.measurement.classes)

    @property
    def groups(self) -> tuple[str, ...]:
        """The group columns."""
        return tuple(dict.fromkeys(level.axis for level in self._levels))

    @cached_property
    def _overall(self) -> dict[str, AuditEstimate]:
        # All cases come first: a group of a result may have any name.
        count = len({each.metric for each in self.measurement.estimates})
        return {each.metric: each for each in self.measurement.estimates[:count]}

    @cached_property
    def _levels(self) -> list[_Level]:
        count, (_, *levels) = len(self._overall), self.measurement.levels
        estimates = self.measurement.estimates[count:]
        return [
            _Level(
                level.axis, level.level, level.n_cases or 0,
                {each.metric: each for each in estimates[place * count : (place + 1) * count]},
            )
            for place, level in enumerate(levels)
        ]  # fmt: skip

    def _levels_of(self, group: str) -> list[_Level]:
        return [level for level in self._levels if level.axis == group]

    @property
    def overall(self) -> pd.DataFrame:
        """Metrics of all cases: a row each, indexed by key, with interval and sample size."""
        table = self._rows([(OVERALL, "all", self._overall)])
        return table.drop(columns=["group", "level"]).set_index("metric")

    @property
    def by_group(self) -> pd.DataFrame:
        """Metrics of the groups: a row for each (group, level), columns (metric, what).

        `result.by_group["accuracy"]` holds value, low, high, n_cases, n_clusters and evidence of
        each level.
        """
        levels = self._levels
        index = (
            pd.MultiIndex.from_tuples(
                [(level.axis, level.level) for level in levels], names=["group", "level"]
            )
            if levels
            else pd.MultiIndex.from_arrays([[], []], names=["group", "level"])
        )
        data = {
            (key, what): [_cell(level.metrics[key], what) for level in levels]
            for key in self.metrics
            for what in _ESTIMATE
        }
        table = pd.DataFrame(data, index=index)
        table.columns.names = ["metric", None]
        return table

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each metric, of all cases and then of each level of each group.

        Columns are group and level ("overall" and "all" of all cases), metric, title, unit, value,
        low, high, n_cases, n_clusters, evidence and the kind of interval. A value that is
        undefined, as an AUROC without outliers, is NaN.
        """
        scopes = [(OVERALL, "all", self._overall)]
        scopes += [(each.axis, each.level, each.metrics) for each in self._levels]
        return self._rows(scopes)

    def _rows(self, scopes: Sequence[tuple[str, str, Mapping[str, AuditEstimate]]]) -> pd.DataFrame:
        return pd.DataFrame(
            [
                {
                    "group": group,
                    "level": level,
                    "metric": key,
                    "title": estimates[key].title,
                    "unit": estimates[key].unit,
                    **{what: _cell(estimates[key], what) for what in _ESTIMATE},
                    "interval": estimates[key].interval,
                }
                for group, level, estimates in scopes
                for key in self.metrics
            ]
        )

    def difference(self, reference: Mapping[str, object] | None = None) -> pd.DataFrame:
        """Return how much the levels of each group differ, with an interval.

        Parameters
        ----------
        reference : mapping of group to level, optional
            Each other level less this one. By default, of each group the largest value less the
            smallest: the difference of levels chosen for being far apart is larger than the true
            one, and the interval is not corrected for the choice.

        Returns
        -------
        DataFrame
            A row for each pair of levels and metric: group, metric, level, other_level, value
            (level less other_level), low, high, evidence. NaN where there are not two levels with
            enough evidence; `triage.auditing.level_difference` has the formula.

        Raises
        ------
        UsageError
            If the reference is no mapping, or names a group or a level that is not there.
        """
        rows = []
        reference = self._reference_levels(reference)
        for group in self.groups if reference is None else reference:
            levels = self._levels_of(group)
            for key in self.metrics:
                for level, other in self._pairs(levels, key, group, reference):
                    found = level_difference(
                        level.metrics[key] if level else None, other.metrics[key] if other else None
                    )
                    rows.append(
                        {
                            "group": group,
                            "metric": key,
                            "level": level.level if level else None,
                            "other_level": other.level if other else None,
                            **found._asdict(),
                        }
                    )
        names = ("group", "metric", "level", "other_level", "value", "low", "high", "evidence")
        return pd.DataFrame(rows, columns=pd.Index(names))

    def plot(self, metrics: Sequence[str] | None = None) -> Chart:
        """Draw estimates and intervals of all cases and of each level, a panel for each metric.

        Parameters
        ----------
        metrics : sequence of str, optional
            Keys of the metrics; up to three of the most usual by default.

        Returns
        -------
        Chart
            SVG, shown by notebooks; `save` writes a file.

        Raises
        ------
        UsageError
            If a metric was not measured, or this is not a key or a list of keys.
        """
        usual = [key for key in _PLOTTED if key in self.metrics][:_PANELS]
        keys = metric_keys(usual if metrics is None else metrics)
        for key in keys:
            if key not in self.metrics:
                raise self._not_measured(key)
        # AuditEstimate has what a chart reads of an Estimate.
        plotted: Any = _Plotted(self.n_cases, self._overall, self.groups, self._levels_of)
        return standalone(forest_plot(plotted, tuple(keys), {}))

    def __repr__(self) -> str:
        who = "cases" if self.n_patients is None else f"cases of {self.n_patients} patients"
        shown = self.overall[["value", "low", "high", "n_cases", "evidence"]]
        return f"Audit of {self.n_cases} {who}\n{shown.to_string()}"

    def _repr_html_(self) -> str:
        who = "" if self.n_patients is None else f" of {self.n_patients} patients"
        by_level = self.to_frame().drop(columns=["interval"])
        shown = by_level.to_html(
            escape=True, index=False, float_format="{:.3f}".format, na_rep="undefined"
        )
        title = escape(f"Audit of {self.n_cases} cases{who}; intervals of 95 %")
        return f"<div><p>{title}</p>{shown}</div>"

    def _not_measured(self, key: str) -> UsageError:
        if key not in AUDIT_METRICS:
            return unknown_name("metric", key, self.metrics, where="metrics")
        return UsageError(
            f"{key!r} was not measured: the table lacks what it needs",
            where="metrics",
            hint=f"Measured were {', '.join(self.metrics)}.",
        )

    def _reference_levels(self, reference: object) -> dict[str, str] | None:
        """Return the name of the reference level of each group; None where there is none."""
        if reference is None:
            return None
        if not isinstance(reference, Mapping):
            raise UsageError(
                f"is of type {type(reference).__name__}, not a mapping of group to level",
                where="reference",
                hint="Give a level for each group, such as {'sex': 'f'}.",
            )
        named = {str(group): level_text(level) for group, level in reference.items()}
        for group, level in named.items():
            if group not in self.groups:
                raise unknown_name("group", group, self.groups, where="reference")
            names = [each.level for each in self._levels_of(group)]
            if level not in names:
                raise unknown_name(f"level of {group}", level, names, where="reference")
        return named

    @staticmethod
    def _pairs(
        levels: list[_Level], key: str, group: str, reference: Mapping[str, str] | None
    ) -> list[tuple[_Level | None, _Level | None]]:
        if reference is not None:
            name = reference[group]
            other = next(each for each in levels if each.level == name)
            return [(each, other) for each in levels if each.level != name]
        known = [
            (value, each)
            for each in levels
            if (value := each.metrics[key].value) is not None
            and each.metrics[key].evidence == "enough"
        ]
        if len(known) < 2:
            return [(None, None)]
        largest = max(known, key=lambda pair: pair[0])[1]
        return [(largest, min((k for k in known if k[1] is not largest), key=lambda p: p[0])[1])]


_NAMES = {"n_cases": "n", "n_clusters": "n_patients"}


def _cell(estimate: AuditEstimate, what: str) -> object:
    found = getattr(estimate, _NAMES.get(what, what))
    if what in ("value", "low", "high"):
        return np.nan if found is None or not math.isfinite(found) else float(found)
    return found
