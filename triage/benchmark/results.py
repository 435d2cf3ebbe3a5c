"""Results of a benchmark, as JSON-ready models with a schema version."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from triage.evaluation.coverage import CoverageRow
from triage.evaluation.results import ReliabilityBin


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Number(_Model):
    """A mean over role draws with its 95 % interval over draws and cases; None where undefined.

    `at_split_share` is the mean with as many outliers as the test cases hold, where `value` is
    given at the stated prevalence; None of what does not depend on it, and in files of versions
    that did not measure it.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    at_split_share: float | None = None


class Cost(_Model):
    """What a method costs: medians over draws; memory is the peak of the first draw."""

    fit_seconds: float
    score_seconds: float
    """For 1,000 cases."""
    memory_mib: float | None = None


class ScoreRow(_Model):
    """One score on one kind of head.

    `near` holds the metrics of test inliers against unseen conditions, `far` and `shifted`
    the AUROC of clean test inliers against those sets. AUPR, AURC, cost and abstentions are at
    the prevalence of the data spec. `difference` is near AUROC minus the best baseline's.
    """

    key: str
    score: str
    head: str
    title: str
    need: str
    baseline: bool
    uses_outliers: bool
    near: dict[str, Number]
    far: Number
    shifted: dict[str, Number]
    difference: Number | None
    near_auroc_by_draw: list[float | None]
    validation_auroc: float | None
    cost: Cost


class PairPart(_Model):
    """Two scores on a part of the near set: AUROC of each, and the paired difference.

    `axis` and `level` give the part: overall, outliers of one `risk` against all inliers, or
    one level of a subgroup. `draws` counts the draws with cases enough, `outliers` and
    `inliers` are means over those. If too few draws have, `reason` states it.
    """

    axis: str
    level: str
    draws: int
    outliers: float = 0.0
    inliers: float = 0.0
    a: Number = Number()
    b: Number = Number()
    difference: Number = Number()
    reason: str = ""


class PairRow(_Model):
    """Two scores compared: a minus b, overall first.

    `heads` holds the differences of accuracy and ECE of their ensembles on test inliers; it is
    empty where both work on one ensemble.
    """

    a: str
    b: str
    parts: list[PairPart]
    heads: dict[str, Number]


class HeadRow(_Model):
    """An ensemble itself, whatever its score: accuracy and calibration, clean and shifted.

    `joint` holds log-likelihoods of batches of labels, in nats a label, as the members give them:
    `joint`, `marginal` and their difference `gain`. It is empty where the records of a draw do not
    hold what each member said, as those of earlier versions.
    """

    head: str
    metrics: dict[str, Number]
    shifted: dict[str, dict[str, Number]]
    joint: dict[str, Number] = {}
    members: int | None = None


class CalibratorRow(_Model):
    """One calibrator on one kind of head, on test inliers; `shifted` holds the ECE there.

    `ece_floor` is the ECE that perfectly calibrated probabilities of the same confidences would
    show on as many cases: binning never measures less. No ECE below it is a merit.
    """

    key: str
    calibrator: str
    head: str
    title: str
    metrics: dict[str, Number]
    shifted: dict[str, Number]
    ece_floor: float
    reliability: list[ReliabilityBin]
    """Of the test cases of all draws together."""
    cost: Cost


class ConformalRow(_Model):
    """One kind of prediction set on one kind of head.

    `by` is the grouping of its quantiles: `all` cases, each `condition`, a subgroup axis, or all
    cases behind an OOD `gate`. `answered` and `outliers_answered` are the shares of test
    inliers and outliers that get a set at all; coverage is of those inliers.
    `rows` start with all cases together. They pool the draws: a case counts once a draw, and
    the intervals take its cluster for one.
    """

    key: str
    title: str
    head: str
    by: str
    promised: float
    answered: float
    outliers_answered: float | None
    rows: list[CoverageRow]


class RejectionRow(_Model):
    """One way of abstaining, its threshold fixed on validation, at the spec's prevalence."""

    key: str
    title: str
    head: str
    cost: Number
    abstained: Number
    difference: Number | None
    """Cost minus that of the policy in use."""


class GuaranteeRow(_Model):
    """A threshold certified on validation, and what it missed on test, draw by draw."""

    title: str
    alpha: float
    delta: float
    certified: list[bool]
    missed: list[float | None]
    n_high_risk: list[int]
    flagged: list[float | None]


class Curve(_Model):
    """Mean risk over draws at each coverage, answering the least suspicious cases first.

    `risk` is at the prevalence of the data spec, `at_split_share` with as many outliers as the
    test cases hold (empty in files of versions that did not measure it).
    """

    key: str
    coverage: list[float]
    risk: list[float]
    at_split_share: list[float] = []


class Skipped(_Model):
    """A method that could not run, and why."""

    key: str
    reason: str


class BenchmarkResult(_Model):
    """All that one benchmark measured."""

    schema_version: Literal["triage-benchmark-1"] = "triage-benchmark-1"
    spec_name: str
    spec_title: str
    code_version: str
    created_at: str
    command: str
    seeds: list[int]
    backbones: list[str]
    members: int
    n_resamples: int
    outlier_prevalence: float
    outlier_share: float | None = None
    """Share of outliers among test cases, mean over draws; None in files of before it was kept."""
    counts: dict[str, int]
    """Cases of each set, mean over draws: train, validation, inliers, near, far, shifted sets."""
    far: str
    """What the far set is, in a sentence."""
    best_baseline: str | None
    scores: list[ScoreRow]
    pairs: list[PairRow] = []
    heads: list[HeadRow]
    calibrators: list[CalibratorRow]
    conformal: list[ConformalRow]
    rejection: list[RejectionRow]
    guarantees: list[GuaranteeRow]
    curves: list[Curve]
    """The best score, the best baseline, and the control `random referral`."""
    skipped: list[Skipped]
    notes: list[str]

    def to_json(self) -> str:
        """Return the whole result as indented JSON."""
        return self.model_dump_json(indent=2)
