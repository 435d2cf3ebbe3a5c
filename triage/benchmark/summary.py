"""Result of a benchmark from its records: every table, with paired intervals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from triage import __version__
from triage.benchmark.arms import Arm
from triage.benchmark.draw_record import TEST, DrawRecord, read_draw
from triage.benchmark.methods import Method, heads_of
from triage.benchmark.protocol import Protocol
from triage.benchmark.records import Records
from triage.benchmark.resampling import CrossedResamples
from triage.benchmark.results import BenchmarkResult, Curve, ScoreRow, Skipped
from triage.benchmark.rows.conformal_rows import conformal_rows
from triage.benchmark.rows.head_rows import calibrator_rows, head_rows
from triage.benchmark.rows.pair_rows import pair_rows
from triage.benchmark.rows.rejection_rows import guarantee_rows, rejection_rows
from triage.benchmark.rows.score_rows import risk_curves, score_rows
from triage.benchmark.run_method import PROMISED
from triage.benchmark.score_pairs import Pair, measured_pairs, missing_pairs
from triage.progress import Progress

SEED = 0
"""Seed of the resamples: the same records give the same intervals."""


def summarise(
    protocol: Protocol,
    records: Records,
    seeds: Sequence[int],
    methods: Sequence[Method],
    skipped: list[Skipped],
    *,
    compare: Sequence[Pair] = (),
    n_resamples: int,
    command: str,
    report: Progress,
) -> BenchmarkResult:
    """Compute every table from the records.

    Parameters
    ----------
    protocol : Protocol
    records : Records
        Complete for these seeds and methods.
    seeds : sequence of int
    methods : sequence of Method
    skipped : list of Skipped
    compare : sequence of pair of Method
        Scores to compare in pairs, beside those that always are.
    n_resamples : int
    command : str
    report : callable
    """
    heads = heads_of(methods)
    of_kind = {
        kind: [method for method in methods if method.kind == kind]
        for kind in ("score", "calibrator", "conformal")
    }
    pairs = measured_pairs(compare, methods)
    draws = [read_draw(records, seed, heads, [method.name for method in methods]) for seed in seeds]
    resamples = CrossedResamples(
        [draw.all_clusters for draw in draws], n_resamples=n_resamples, seed=SEED
    )
    total = len(of_kind["score"]) + len(pairs) + len(of_kind["calibrator"]) + 1
    done = 0

    def tick() -> None:
        nonlocal done
        done += 1
        report("tables", done, total)

    scores, best = score_rows(
        draws,
        of_kind["score"],
        protocol.spec,
        resamples,
        tick,
        saw_outliers=[head for head in heads if Arm.parse(head).info.learns_outliers],
    )
    compared = pair_rows(draws, pairs, protocol.spec, resamples, tick)
    calibrators = calibrator_rows(draws, of_kind["calibrator"], resamples, tick)
    rejection = rejection_rows(draws, heads, protocol.spec, resamples)
    result = BenchmarkResult(
        **_provenance(protocol),
        command=command,
        seeds=list(seeds),
        n_resamples=n_resamples,
        outlier_share=float(np.mean([(draw.truth[TEST] < 0).mean() for draw in draws])),
        counts=_counts(draws),
        best_baseline=best,
        scores=scores,
        pairs=compared,
        heads=head_rows(draws, heads, resamples),
        calibrators=calibrators,
        conformal=conformal_rows(draws, of_kind["conformal"], PROMISED),
        rejection=rejection,
        guarantees=guarantee_rows(draws, heads, protocol.spec),
        curves=_curves(draws, scores, best, of_kind["score"], protocol),
        skipped=skipped,
        notes=[*_notes(draws, scores, protocol), *missing_pairs(compare, methods)],
    )
    tick()
    return result


def _provenance(protocol: Protocol) -> dict[str, Any]:
    """Fields of the result from the protocol, the version and the time."""
    return {
        "spec_name": protocol.spec.name,
        "spec_title": protocol.spec.title,
        "code_version": __version__,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "backbones": [reference.rsplit("/", 1)[-1] for reference in protocol.settings.backbones],
        "members": protocol.settings.members,
        "outlier_prevalence": protocol.spec.outlier_prevalence,
        "far": protocol.far_description,
    }


def _counts(draws: Sequence[DrawRecord]) -> dict[str, int]:
    counts = {
        name: round(np.mean([len(draw.truth[name]) for draw in draws]))
        for name in draws[0].truth
        if name != TEST
    }
    inliers = round(np.mean([(draw.truth[TEST] >= 0).sum() for draw in draws]))
    near = round(np.mean([(draw.truth[TEST] < 0).sum() for draw in draws]))
    return {"test inliers": inliers, "near": near} | counts


def _curves(
    draws: Sequence[DrawRecord],
    scores: Sequence[ScoreRow],
    best: str | None,
    methods: Sequence[Method],
    protocol: Protocol,
) -> list[Curve]:
    named = {method.name: method for method in methods}
    keys = dict.fromkeys([*(row.key for row in scores[:1]), *([best] if best else [])])
    return risk_curves(draws, [named[key] for key in keys], protocol.spec)


SUSPICIOUS = 0.80
"""A score fitted without outliers seldom ranks unseen conditions better than this."""


def _notes(
    draws: Sequence[DrawRecord], scores: Sequence[ScoreRow], protocol: Protocol
) -> list[str]:
    notes = [protocol.spec.roles.note] if protocol.spec.roles.note else []
    notes += protocol.seen_beforehand([draw.seed for draw in draws])
    if protocol.joined:
        notes.append(
            f"{len(protocol.joined)} pairs of groups are similar (above {protocol.similar:g}): "
            "each pair was kept in one split. The manifest does not list them: "
            "`triage spec duplicates` lists them."
        )
    if protocol.indistinct:
        notes.append(
            f"The embeddings of too many groups are similar (above {protocol.similar:g}) to detect "
            "near-duplicates: none were joined."
        )
    if rejected := sum(draw.rejected for draw in draws):
        notes.append(f"{rejected} cases were left out: an image could not be read.")
    if not any((draw.truth[TEST] < 0).any() for draw in draws):
        notes.append("The spec has no test outliers: there is no near set, and no threshold.")
    if any(
        not row.uses_outliers and (row.near["ood_auroc"].value or 0) > SUSPICIOUS for row in scores
    ):
        notes.append(
            f"A score without outliers exceeds {SUSPICIOUS:.2f} on the near set: look for a leak "
            "(near-duplicates across splits, a source that distinguishes the conditions)."
        )
    return notes
