"""The benchmark's tables for the terminal."""

from __future__ import annotations

from rich.table import Table

from pipelines.terminal.tables import plain_table
from triage.benchmark.results import BenchmarkResult, Number, PairRow
from triage.evaluation.coverage import OVERALL


def shown(number: Number | None, signed: bool = False) -> str:
    """Return `0.712 [0.690, 0.741]`, or a dash."""
    if number is None or number.value is None:
        return "-"
    sign = "+" if signed else ""
    text = f"{number.value:{sign}.3f}"
    if number.low is None or number.high is None:
        return text
    return f"{text} [{number.low:{sign}.3f}, {number.high:{sign}.3f}]"


def brief(number: Number | None) -> str:
    """Return `0.712`, or a dash."""
    return "-" if number is None or number.value is None else f"{number.value:.3f}"


def both(number: Number | None, signed: bool = False, *, interval: bool = True) -> str:
    """Return a number at the stated prevalence, and after a slash at the split's share."""
    text = shown(number, signed) if interval else brief(number)
    if number is None or number.at_split_share is None:
        return text
    return f"{text} / {number.at_split_share:{'+' if signed else ''}.3f}"


def tables(result: BenchmarkResult) -> list[Table]:
    """Scores, pairs of them, ensembles, calibrators, sets and rules."""
    found = [_near(result), _far(result)] if result.scores else []
    found += [_pair(pair) for pair in result.pairs]
    found.append(_heads(result))
    if any(row.joint for row in result.heads):
        found.append(_joint(result))
    if result.calibrators:
        found.append(_calibrators(result))
    if result.conformal:
        found.append(_sets(result))
    if result.rejection:
        found.append(_rejection(result))
    return found


def _near(result: BenchmarkResult) -> Table:
    keys = ("ood_aupr", "ood_fpr95", "aurc", "clinical_cost")
    rows = [
        [
            _named(row.key, result),
            shown(row.near["ood_auroc"]),
            shown(row.difference, signed=True),
            *(both(row.near[key], interval=False) for key in keys),
        ]
        for row in result.scores
    ]
    columns = ["score", "AUROC", "to best baseline", "AUPR", "FPR95", "AURC", "cost"]
    count = len(result.seeds)
    title = f"{result.spec_title}\nnear: unseen conditions, {count} draw{'s' * (count > 1)}"
    note = f"* best baseline, by validation\n{_populations(result)}"
    return plain_table(title, columns, rows, note)


def _populations(result: BenchmarkResult) -> str:
    """Say which share of outliers the numbers before and after a slash are for."""
    share = result.outlier_share
    own = "the split's own" if share is None else f"the split's own {share:.0%}"
    return f"a / b: a at {result.outlier_prevalence:.0%} outliers, as the spec states; b at {own}"


def _far(result: BenchmarkResult) -> Table:
    shifts = list(result.scores[0].shifted)
    rows = [
        [
            _named(row.key, result),
            brief(row.far),
            *(brief(row.shifted[shift]) for shift in shifts),
            f"{row.cost.fit_seconds:.2f}",
            f"{row.cost.score_seconds:.3f}",
            "-" if row.cost.memory_mib is None else f"{row.cost.memory_mib:.0f}",
        ]
        for row in result.scores
    ]
    columns = ["score", "far", *shifts, "fit, s", "1,000 cases, s", "MiB"]
    return plain_table("AUROC against far and shifted sets, and price", columns, rows, result.far)


def _named(key: str, result: BenchmarkResult) -> str:
    return f"{key} *" if key == result.best_baseline else key


def _pair(pair: PairRow) -> Table:
    rows = [
        [
            "all" if part.axis == OVERALL else f"{part.axis.replace('_', ' ')} {part.level}",
            str(part.draws),
            *("-" if part.reason else f"{count:.0f}" for count in (part.outliers, part.inliers)),
            brief(part.a),
            brief(part.b),
            shown(part.difference, signed=True),
        ]
        for part in pair.parts
    ]
    names = {"accuracy": "accuracy", "ece": "ECE"}
    rows += [
        [f"{names[key]} of inliers", "", "", "", "", "", shown(found, signed=True)]
        for key, found in pair.heads.items()
    ]
    columns = ["near AUROC", "draws", "outliers", "inliers", "first", "second", "difference"]
    reasons = dict.fromkeys(part.reason for part in pair.parts if part.reason)
    note = f"-: {'; '.join(reasons)}" if reasons else ""
    return plain_table(f"{pair.a} minus {pair.b}", columns, rows, note)


def _heads(result: BenchmarkResult) -> Table:
    rows = []
    for row in result.heads:
        sets = {"test": row.metrics} | row.shifted
        rows += [
            [f"{row.head}, {name}", shown(found["accuracy"]), shown(found["ece"])]
            for name, found in sets.items()
        ]
    columns = ["ensemble, inliers", "accuracy", "ECE"]
    return plain_table("Ensembles, temperature-scaled", columns, rows)


def _joint(result: BenchmarkResult) -> Table:
    rows = [
        [
            row.head,
            str(row.members),
            shown(row.joint["joint"]),
            shown(row.joint["marginal"]),
            shown(row.joint["gain"], signed=True),
        ]
        for row in result.heads
        if row.joint
    ]
    columns = ["ensemble", "members", "joint", "one by one", "gain"]
    return plain_table("Joint log-likelihood of test inliers, nats a label", columns, rows)


def _calibrators(result: BenchmarkResult) -> Table:
    keys = ("ece", "ece_equal_mass", "classwise_ece", "adaptive_ece", "nll", "brier", "accuracy")
    rows = [
        [row.key, shown(row.metrics["ece"]), *(brief(row.metrics[key]) for key in keys[1:])]
        for row in result.calibrators
    ]
    columns = [
        "calibrator", "ECE", "equal mass", "class-wise", "adaptive", "log loss", "Brier",
        "accuracy",
    ]  # fmt: skip
    return plain_table("Calibrators on test inliers", columns, rows)


def _sets(result: BenchmarkResult) -> Table:
    rows = []
    for row in result.conformal:
        overall, *levels = row.rows
        failing = [f"{level.axis} {level.level}" for level in levels if not level.holds]
        rows.append(
            [
                f"{row.key}, by {row.by}",
                f"{overall.covered:.3f} [{overall.low:.3f}, {overall.high:.3f}]",
                f"{overall.mean_size:.2f}",
                f"{row.answered:.2f}",
                "-" if row.outliers_answered is None else f"{row.outliers_answered:.2f}",
                "yes" if overall.holds else "NO",
                f"{len(failing)} of {len(levels)}",
            ]
        )
    promised = result.conformal[0].promised
    columns = ["sets", "covered", "size", "inliers", "outliers", "holds", "levels that fail"]
    note = "inliers, outliers: shares of them that get a set"
    return plain_table(f"Prediction sets that promise {promised:.0%}", columns, rows, note)


def _rejection(result: BenchmarkResult) -> Table:
    rows = [
        [row.key, both(row.cost), both(row.difference, signed=True), both(row.abstained)]
        for row in result.rejection
    ]
    columns = ["rule", "cost of a case", "to the rule in use", "abstained"]
    title = f"Rules of abstaining, at {result.outlier_prevalence:.0%} outliers"
    return plain_table(title, columns, rows, _populations(result))
