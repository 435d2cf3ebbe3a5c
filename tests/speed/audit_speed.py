"""Time and memory of audits: `python -m tests.speed.audit_speed [PART]` on a quiet machine.

Parts are `fairlearn` (the same metrics and resamples by fairlearn's MetricFrame), `clusters`,
`influence` (a million predictions of 5,000 and of 333,000 patients), `linear` (rows and resamples),
`cases` (10,000 cases), `workers` (the same by one and two processes) and `rows` (10 million rows).
Without one, each runs in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from triage.auditing.audit_plan import AuditPlan, IntervalSettings, Limit
from triage.auditing.audit_table import AuditTable, LevelCodes
from triage.auditing.run import measure_audit
from triage.engine import EngineSettings, open_executor

METRICS = (
    "accuracy", "balanced_accuracy", "sensitivity_urgent", "specificity_urgent",
    "under_triage_rate", "over_triage_rate", "clinical_cost", "abstention_rate", "coverage",
    "selective_accuracy", "ece", "adaptive_ece", "brier", "nll", "calibration_slope",
    "calibration_intercept", "auroc_urgent", "ood_auroc", "ood_fpr95", "aurc",
)  # fmt: skip
SHARED = (
    "accuracy", "balanced_accuracy", "sensitivity_urgent", "specificity_urgent", "nll", "brier",
    "auroc_urgent",
)  # fmt: skip
LIMITS = (Limit(metric="accuracy", at_least=0.5), Limit(metric="sensitivity", at_least=0.5))


def make_table(n: int, patients: int, *, axes: int = 8, classes: int = 5) -> AuditTable:
    """Random cases of patients, with axes of five levels."""
    g = np.random.default_rng(0)
    truth = g.integers(-1, classes, n, dtype=np.int16)
    p = g.standard_gamma(1.0, size=(n, classes), dtype=np.float32)
    p[np.arange(n), np.maximum(truth, 0)] += 2
    p /= p.sum(axis=1, keepdims=True)
    levels = tuple("abcde")
    return AuditTable(
        classes=tuple(f"c{place}" for place in range(classes)),
        truth=truth,
        cluster=(np.arange(n, dtype=np.int64) % patients).astype(np.int32),
        patients_known=True,
        axes={
            f"axis {place}": LevelCodes(levels, g.integers(0, 5, n, dtype=np.int16))
            for place in range(axes)
        },
        probabilities=p,
        ood_score=g.normal(size=n) + (truth < 0),
        abstained=g.random(n) < 0.2,
        cost=g.choice([0.0, 1.0, 5.0], n),
        true_urgency=(truth % 4).astype(np.int8),
        queue_urgency=g.integers(0, 4, n, dtype=np.int8),
        p_urgent=p[:, 0].copy(),
    )


def make_plan(metrics: tuple[str, ...] = METRICS, **settings: Any) -> AuditPlan:
    """The plan of a benchmark."""
    return AuditPlan(
        title="speed", source="nobody", created_at=datetime(2026, 1, 1, tzinfo=UTC),
        metrics=metrics, limits=LIMITS, intervals=IntervalSettings(**settings),
    )  # fmt: skip


def measured(table: AuditTable, plan: AuditPlan) -> float:
    """Seconds of an audit without the analyses beyond the table of metrics."""
    start = time.perf_counter()
    measure_audit(table, plan, analyses=False)
    return time.perf_counter() - start


def compare_fairlearn() -> None:
    """20,000 rows, 100 resamples, one axis of five levels, two classes, a patient a row."""
    from fairlearn.metrics import MetricFrame
    from sklearn import metrics as sk

    n = 20_000
    g = np.random.default_rng(0)
    urgent = g.random(n) < 0.3
    p = 1 / (1 + np.exp(-(g.normal(size=n) + 1.5 * urgent - 1)))
    levels = g.integers(0, 5, n, dtype=np.int16)
    rank = np.where(urgent, 0, 1).astype(np.int8)
    table = AuditTable(
        classes=("urgent", "other"), truth=rank.astype(np.int16),
        cluster=np.arange(n, dtype=np.int32), patients_known=True,
        axes={"group": LevelCodes(tuple("abcde"), levels)},
        probabilities=np.stack([p, 1 - p], axis=1).astype(np.float32), true_urgency=rank,
        queue_urgency=np.where(p > 0.5, 0, 1).astype(np.int8), p_urgent=p.astype(np.float32),
    )  # fmt: skip

    def cut(function: Callable[..., float], **given: Any) -> Callable[..., float]:
        return lambda truth, scores: function(truth, scores > 0.5, **given)

    functions = {
        "accuracy": cut(sk.accuracy_score),
        "balanced_accuracy": cut(sk.balanced_accuracy_score),
        "sensitivity_urgent": cut(sk.recall_score),
        "specificity_urgent": cut(sk.recall_score, pos_label=0),
        "nll": sk.log_loss,
        "brier": lambda truth, scores: 2 * sk.brier_score_loss(truth, scores),
        "auroc_urgent": sk.roc_auc_score,
    }
    start = time.perf_counter()
    frame = MetricFrame(
        metrics=functions, y_true=urgent.astype(int), y_pred=p, sensitive_features=levels,
        n_boot=100, ci_quantiles=[0.025, 0.975], random_state=0,
    )  # fmt: skip
    theirs = time.perf_counter() - start
    plan = make_plan(SHARED, replicates=100, max_bootstrap_patients=n)
    ours = min(measured(table, plan) for _ in range(3))
    found = measure_audit(table, plan, analyses=False)
    for place, level in enumerate("abcde"):
        for key in SHARED:
            estimate = found.estimate("group", level, key)
            assert estimate is not None
            assert abs(estimate.value - frame.by_group.loc[place, key]) < 1e-5, key
    print(f"fairlearn {theirs:.2f} s, ours {ours:.2f} s: {theirs / ours:.0f} times faster")


def million(patients: int) -> None:
    """A million predictions, 40 groups, 20 metrics, 1,000 resamples."""
    table = make_table(1_000_000, patients)
    took = measured(table, make_plan())
    print(f"1,000,000 predictions of {patients:,} patients: {took:.1f} s")


def linear() -> None:
    """Time at once, twice and four times as many rows, and resamples."""
    for n in (100_000, 200_000, 400_000):
        table = make_table(n, 5000, axes=2)
        print(f"{n:,} rows, 1,000 resamples: {measured(table, make_plan()):.1f} s")
    table = make_table(100_000, 5000, axes=2)
    for replicates in (2000, 4000):
        took = measured(table, make_plan(replicates=replicates))
        print(f"100,000 rows, {replicates:,} resamples: {took:.1f} s")


def cases() -> None:
    """10,000 cases, eight axes, every metric and analysis, 1,000 resamples."""
    table, plan = make_table(10_000, 4000), make_plan(())
    start = time.perf_counter()
    measure_audit(table, plan)
    print(f"10,000 cases x 8 axes, all metrics and analyses: {time.perf_counter() - start:.1f} s")


def workers() -> None:
    """10,000 cases, eight axes, every metric and analysis, by one process and by two.

    Workers that run already, as in an audit that is long against their start of a few seconds.
    """
    table, plan = make_table(10_000, 4000), make_plan(())
    seconds, found = [], []
    for number in (1, 2):
        settings = EngineSettings(engine="processes", workers=number)
        with open_executor(settings) as executor:
            measure_audit(make_table(300, 150, axes=number), plan, executor=executor)
            start = time.perf_counter()
            found.append(measure_audit(table, plan, executor=executor))
            seconds.append(time.perf_counter() - start)
    assert found[0] == found[1]
    one, two = seconds
    print(f"one process {one:.1f} s, two {two:.1f} s: {one / two:.2f} times faster")


def rows() -> None:
    """10 million rows, a patient a row in three."""
    table = make_table(10_000_000, 3_333_000, axes=2)
    before = _peak()
    took = measured(table, make_plan())
    print(f"10,000,000 rows x 2 axes: {took:.0f} s; columns {before:.2f} GiB")


PARTS: dict[str, Callable[[], None]] = {
    "fairlearn": compare_fairlearn,
    "clusters": lambda: million(5000),
    "influence": lambda: million(333_000),
    "linear": linear,
    "cases": cases,
    "workers": workers,
    "rows": rows,
}


def _peak() -> float:
    """Peak memory of this process in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main(part: str | None = None) -> None:
    """Run one part, or each in a process of its own."""
    if part is None:
        for each in PARTS:
            subprocess.run([sys.executable, "-m", "tests.speed.audit_speed", each], check=True)
        return
    cpu = time.process_time()
    PARTS[part]()
    print(f"  {part}: peak memory {_peak():.2f} GiB, CPU {time.process_time() - cpu:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
