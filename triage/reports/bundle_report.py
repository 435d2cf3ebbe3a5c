"""`triage report`: the audit of a bundle on the test split of its spec, with our default plan."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from triage import __version__
from triage.auditing.run import measure_audit
from triage.hashing import hash_json
from triage.learning.evaluate import SPLIT, EvaluationRun
from triage.modalities import MODALITIES
from triage.progress import Progress
from triage.reports.archive import make_archive
from triage.reports.audit_report import AuditReport, Registration, SystemFacts, with_identity
from triage.reports.bundle_extra import BundleExtra, DataFacts
from triage.reports.bundle_table import default_plan, table_of_run
from triage.reports.render import render_all
from triage.reports.report_folder import report_folder, write_all
from triage.reports.reviews import review_counts
from triage.store import Store, review_summary
from triage.vocabulary.abstention_reasons import AbstainReason
from triage.vocabulary.learning import Consent

ARCHIVE = "audit.zip"
NOT_REGISTERED = (
    "not registered in a ledger: the default plan, made together with the report and not before "
    "the data were read"
)


def write_audit(
    run: EvaluationRun, out: str | Path, store: Store | None, progress: Progress = lambda *_: None
) -> dict[str, Path]:
    """Write the audit report of an evaluated bundle in every format, all files or none.

    Parameters
    ----------
    run : EvaluationRun
        What was measured.
    out : str or Path
        Folder of `report.html`, `report.pdf`, `report.json`, `tables/` and `audit.zip`.
    store : Store, optional
        Where reviews are summarised from.
    progress : callable

    Returns
    -------
    dict of Path
        `html`, `pdf`, `json` and `archive`.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    report = audit_of_run(run, store, datetime.now(UTC).replace(microsecond=0), progress)
    out = Path(out)
    with report_folder(out):
        files = render_all(report)
        files[ARCHIVE] = make_archive(files, report)
        write_all(out, files)
    return {
        "html": out / "report.html",
        "pdf": out / "report.pdf",
        "json": out / "report.json",
        "archive": out / ARCHIVE,
    }


def audit_of_run(
    run: EvaluationRun,
    store: Store | None,
    created_at: datetime,
    progress: Progress = lambda *_: None,
) -> AuditReport:
    """Measure an evaluated bundle with the default plan; the same inputs give the same report."""
    plan = default_plan(run, created_at)
    measured = measure_audit(table_of_run(run, plan), plan, progress=progress)
    manifest = run.manifest
    report = AuditReport(
        **dict(measured),
        report_id="",
        title=plan.title,
        generated_at=plan.created_at.isoformat(),
        code_version=__version__,
        command="triage report --bundle BUNDLE --spec SPEC --root ROOT --out FOLDER",
        plan=plan,
        registration=Registration(kind="none", sentence=NOT_REGISTERED),
        system=SystemFacts(
            name=manifest.name,
            version=manifest.created_at,
            intended_use=manifest.intended_use,
            bundle=manifest.digest(),
            manifest=manifest.model_dump(mode="json"),
        ),
        extra=_extra(run, store).model_dump(mode="json"),
    )
    return with_identity(report)


def _extra(run: EvaluationRun, store: Store | None) -> BundleExtra:
    found = run.evaluation
    reviews: dict[str, Any] | None = None
    if store is not None:
        with store.reading() as session:
            reviews = asdict(review_summary(session))
    return BundleExtra(
        data=_data(run),
        confusion=found.confusion,
        reliability=found.reliability,
        risk_coverage=found.risk_coverage,
        abstention_reasons=_reasons(run),
        uncertainty=run.uncertainty,
        prediction_sets=run.prediction_sets,
        policy_costs=run.policy_costs,
        referral=run.referral,
        tissue=run.tissue,
        reviews=None if reviews is None else review_counts(reviews),
        review_tallies={
            key: tally for key, tally in (reviews or {}).items() if isinstance(tally, dict)
        },
    )


def _reasons(run: EvaluationRun) -> dict[str, int]:
    """Abstained cases by reason; of volumes the ways not to know are told even where none was."""
    counted = Counter(run.reasons)
    counted.update(dict.fromkeys(MODALITIES[run.dataset.spec.modality].reported_reasons, 0))
    return {
        f"{code} {AbstainReason(code).sentence}": count for code, count in sorted(counted.items())
    }


def _data(run: EvaluationRun) -> DataFacts:
    dataset = run.dataset
    spec = dataset.spec
    counts: dict[str, Counter[str]] = {}
    for case, split in zip(dataset.cases, dataset.splits, strict=True):
        counts.setdefault(split, Counter())[dataset.draw.role_of(str(case.condition))] += 1
    excluded = Counter(run.rejected)
    withdrawn = sum(case.consent is Consent.WITHDRAWN for case in dataset.cases)
    straddling = sum(counts.pop("excluded", Counter()).values()) - withdrawn
    if withdrawn:
        excluded["consent is withdrawn"] = withdrawn
    if straddling:
        excluded["group belongs to another split"] = straddling
    return DataFacts(
        spec=spec.name,
        title=spec.title,
        licence=spec.licence,
        source=spec.source,
        modality=spec.modality,
        hashes={
            "cases, labels and splits": dataset.digest(),
            "data spec": hash_json(spec.model_dump(mode="json")),
        },
        counts={split: dict(row) for split, row in sorted(counts.items())},
        notes=[note for note in (spec.roles.note, f"Measured on the {SPLIT} split.") if note],
        exclusions=dict(excluded),
    )
