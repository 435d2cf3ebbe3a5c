"""`triage report`: one audit report of a bundle, as a self-contained page and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from triage.hashing import hash_json
from triage.learning.evaluate import SPLIT, EvaluationRun
from triage.modalities import MODALITIES
from triage.reports import build_report, write_report
from triage.store import Store, review_summary
from triage.vocabulary.abstention_reasons import AbstainReason


def write_audit(run: EvaluationRun, out: str | Path, store: Store | None) -> tuple[Path, Path]:
    """Write `report.html` and `report.json`.

    Parameters
    ----------
    run : EvaluationRun
        What was measured.
    out : str or Path
        Folder for both files.
    store : Store, optional
        Where reviews are summarised from.
    """
    reviews: dict[str, Any] | None = None
    if store is not None:
        with store.reading() as session:
            reviews = asdict(review_summary(session))
    report = build_report(
        run.evaluation,
        bundle=run.manifest.model_dump(mode="json"),
        data=_data(run),
        reviews=reviews,
        predictions_hash=hash_json(run.predictions.mean_probabilities().round(6).tolist()),
        generated_at=datetime.now(UTC).isoformat(timespec="seconds"),
        abstention_reasons=_reasons(run),
        referral=run.referral,
        tissue=run.tissue,
        uncertainty=run.uncertainty,
        prediction_sets=run.prediction_sets,
        policy_costs=run.policy_costs,
    )
    return write_report(report, Path(out))


def _reasons(run: EvaluationRun) -> dict[str, int]:
    """Abstained cases by reason; of volumes the ways not to know are told even where none was."""
    counted = Counter(run.reasons)
    counted.update(dict.fromkeys(MODALITIES[run.dataset.spec.modality].reported_reasons, 0))
    return {
        f"{code} {AbstainReason(code).sentence}": count for code, count in sorted(counted.items())
    }


def _data(run: EvaluationRun) -> dict[str, Any]:
    dataset = run.dataset
    counts: dict[str, Counter[str]] = {}
    for case, split in zip(dataset.cases, dataset.splits, strict=True):
        counts.setdefault(split, Counter())[dataset.draw.role_of(str(case.condition))] += 1
    excluded = Counter(run.rejected)
    straddling = sum(counts.pop("excluded", Counter()).values())
    if straddling:
        excluded["group belongs to another split"] = straddling
    return {
        "spec": dataset.spec.name,
        "title": dataset.spec.title,
        "licence": dataset.spec.licence,
        "source": dataset.spec.source,
        "modality": dataset.spec.modality,
        "hashes": {
            "cases, labels and splits": dataset.digest(),
            "data spec": hash_json(dataset.spec.model_dump(mode="json")),
        },
        "counts": {split: dict(row) for split, row in sorted(counts.items())},
        "notes": [
            note for note in (dataset.spec.roles.note, f"Measured on the {SPLIT} split.") if note
        ],
        "exclusions": dict(excluded),
    }
