"""Results of an evaluation, as JSON-ready models with a schema version."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict

from triage.vocabulary.subgroup_levels import UNKNOWN

Evidence = Literal["enough", "not enough"]


def level_order(level: str) -> tuple[bool, list[tuple[bool, int, str]]]:
    """Sort key of subgroup levels: numbers in them by size, "unknown" last.

    Examples
    --------
    >>> sorted(["unknown", "site 10", "site 9", "100+", "20-39"], key=level_order)
    ['20-39', '100+', 'site 9', 'site 10', 'unknown']
    """
    parts = [part for part in re.split(r"([0-9]+)", level) if part]
    numbers = [part.isdecimal() and part.isascii() for part in parts]
    return level == UNKNOWN, [
        (not number, int(part) if number else 0, part)
        for number, part in zip(numbers, parts, strict=True)
    ]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Estimate(_Model):
    """One metric on one set of cases.

    `value` is None where the metric is undefined, `low` and `high` where it has no
    interval; `n_cases` counts the cases it is taken of, `n_clusters` the clusters of the
    scarcest kind it needs, `undefined_resamples` those its interval had to leave out.
    `at_split_share` is the value with as many outliers as the cases hold, where `value` is
    given at the stated prevalence; None of metrics that do not depend on it.
    """

    metric: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    n_cases: int
    n_clusters: int
    interval: str
    undefined_resamples: int
    evidence: Evidence
    at_split_share: float | None = None


class Level(_Model):
    """The cases of one level of one subgroup axis, and the metrics on them."""

    axis: str
    level: str
    n_cases: int
    n_clusters: int
    inliers: int
    inliers_abstained: int
    outliers: int
    outliers_abstained: int
    metrics: dict[str, Estimate]


class Confusion(_Model):
    """Counts of cases: a row for each true condition and outliers, a column for each answer.

    The last column counts abstentions, whatever the most probable condition was.
    """

    rows: list[str]
    columns: list[str]
    counts: list[list[int]]


class ReliabilityBin(_Model):
    """Inliers whose top-1 confidence lies in (lower, upper]; means are None in an empty bin."""

    lower: float
    upper: float
    count: int
    confidence: float | None
    accuracy: float | None
    low: float | None
    high: float | None


class RiskPoint(_Model):
    """Risk among the share of cases answered; `low` and `high` are its pointwise 95 % band."""

    coverage: float
    risk: float
    low: float
    high: float


class RiskCoverage(_Model):
    """Risk when the cases least out-of-distribution are answered first.

    Answering an outlier is an error, and so is naming the wrong condition of an inlier.
    `random_risk` is the control: referring cases at random leaves the risk where it is.
    The operating point is what the system did.
    """

    points: list[RiskPoint]
    random_risk: float
    operating_coverage: float
    operating_risk: float | None


class Evaluation(_Model):
    """All that was measured of one system on one set of labelled cases.

    `outlier_prevalence` is the share of outliers that costs, AUPR and rates of all cases are
    given at; None where they are given for the share these cases hold.
    """

    schema_version: Literal["triage-evaluation-1"] = "triage-evaluation-1"
    n_cases: int
    n_inliers: int
    n_outliers: int
    n_clusters: int
    n_resamples: int
    seed: int
    confidence: float
    min_clusters: int
    classes: list[str]
    overall: dict[str, Estimate]
    subgroups: list[Level]
    confusion: Confusion
    reliability: list[ReliabilityBin]
    risk_coverage: RiskCoverage
    outlier_prevalence: float | None = None

    @property
    def outlier_share(self) -> float:
        """Share of outliers among the cases measured."""
        return self.n_outliers / self.n_cases

    @property
    def axes(self) -> list[str]:
        """Subgroup axes in their given order."""
        return list(dict.fromkeys(level.axis for level in self.subgroups))

    def levels(self, axis: str) -> list[Level]:
        """Levels of one axis, "unknown" last."""
        return [level for level in self.subgroups if level.axis == axis]

    def to_json(self) -> str:
        """Return the whole evaluation as indented JSON."""
        return self.model_dump_json(indent=2)

    def table(self) -> list[dict[str, str | float | int | None]]:
        """One plain row per set of cases and metric, overall first, for any renderer."""
        scopes = [("overall", "all", self.overall)]
        scopes += [(level.axis, level.level, level.metrics) for level in self.subgroups]
        return [
            {"axis": axis, "level": name, **estimate.model_dump()}
            for axis, name, estimates in scopes
            for estimate in estimates.values()
        ]
