"""Compare two audits from their plans to a folder of reports."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from triage import __version__
from triage.accounts import SYSTEM_ACTOR, Action, Actor
from triage.accounts.store_permission import require_for
from triage.auditing.audit_plan import UNKNOWN_STATEMENT, AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.comparison import compare_audits
from triage.auditing.plan_file import load_plan
from triage.auditing.registered_plans import record_run
from triage.errors import UsageError
from triage.ledger.keys import load_key
from triage.progress import Progress
from triage.reports.archive import make_archive
from triage.reports.audit_report import with_identity
from triage.reports.audited_system import system_name
from triage.reports.comparison_report import ComparedAudit, ComparisonReport
from triage.reports.registration import registration_of
from triage.reports.render.comparison import render_comparison
from triage.reports.report_folder import report_folder, write_all
from triage.reports.run_audit import cases_of, data_sha256, verifier
from triage.store import Store

COMMAND = "triage audit compare"


@dataclass(frozen=True)
class ComparisonRun:
    """A finished comparison: the report and the files in its folder."""

    report: ComparisonReport
    folder: Path
    files: tuple[str, ...]


@dataclass(frozen=True)
class _Audit:
    """One of the audits: its plan as it was read, and its cases."""

    plan: AuditPlan
    table: AuditTable
    stated: ComparedAudit

    def name(self) -> str:
        """Name of its system, and its days where the plan has a period."""
        digest = self.table.facts.get("bundle") or self.plan.bundle
        name = system_name(self.plan, digest)
        period = self.plan.period
        if period is None:
            return self.plan.title if name == UNKNOWN_STATEMENT else name
        return f"{name}, {period.first:%Y-%m-%d} to {period.last:%Y-%m-%d}"


def run_comparison(
    plan: Path,
    out: Path,
    *,
    predictions: Path | None = None,
    against: Path | None = None,
    against_plan: Path | None = None,
    store: Store | None = None,
    key: Path | None = None,
    actor: Actor = SYSTEM_ACTOR,
    progress: Progress = lambda *_: None,
) -> ComparisonRun:
    """Compare two audits and write the reports, all of them or none.

    The same plans, data and code give the same bytes: no clock is read.

    Parameters
    ----------
    plan : Path
        Of the first audit.
    out : Path
        Folder of `comparison.html`, `comparison.pdf`, `comparison.json`, `tables/`,
        `comparison.zip`, and `verify_report.py`, which verifies it.
    predictions : Path, optional
        Table of the first audit. Without it the cases are those of `store`.
    against : Path, optional
        Table of the second; by default its cases come from where those of the first come from.
    against_plan : Path, optional
        Of the second audit; by default that of the first.
    store : Store, optional
        Case database: source of cases where no table is given, and of the plans' registration.
        That each plan was run is an event in its ledger.
    key : Path, optional
        Private key that signs.
    actor : Actor
        Who runs it, for the permission and the events.
    progress : callable

    Raises
    ------
    TriageError
        If a plan, the data, the key or the folder cannot be used; nothing is written then.
    """
    if against in (None, predictions) and against_plan is None:
        raise UsageError(
            "an audit cannot be compared with itself",
            where="audit compare",
            hint="Give another table with --against FILE, or another plan with --against-plan.",
        )
    if (out / "report.json").exists():
        raise UsageError(
            "is the folder of an audit, whose tables would be replaced",
            where=str(out),
            hint="Name another folder.",
        )
    if store is not None:
        require_for(store, actor, Action.AUDIT)
    signing = None if key is None else load_key(key)
    with report_folder(out):
        audits = (
            _audit(plan, predictions, store, progress),
            _audit(against_plan or plan, against or predictions, store, progress),
        )
        report = with_identity(_report(*audits, progress))
        files = render_comparison(report)
        files["comparison.zip"] = make_archive(files, report, signing)
        files["verify_report.py"] = verifier()
        write_all(out, files)
    if store is not None:
        for each in audits:
            record_run(
                store, each.plan, data_sha256=data_sha256(each.table), report=report.report_id,
                public=False, actor=actor,
            )  # fmt: skip
    return ComparisonRun(report, out, tuple(files))


def _audit(path: Path, predictions: Path | None, store: Store | None, progress: Progress) -> _Audit:
    plan = load_plan(path)
    registration, deviations = registration_of(plan, path, store)
    table = cases_of(plan, predictions, store, progress)
    stated = ComparedAudit(
        plan=plan, plan_sha256=plan.sha256(), registration=registration, facts=table.facts,
        excluded=table.excluded, deviations=[*deviations, *table.notes],
    )  # fmt: skip
    return _Audit(plan, table, stated)


def _report(first: _Audit, second: _Audit, progress: Progress) -> ComparisonReport:
    found = compare_audits(
        (first.table, first.plan), (second.table, second.plan), progress=progress
    )
    names = [each.name() for each in (first, second)]
    if names[0] == names[1]:
        names = [f"{each.name()}, cases {data_sha256(each.table)[:12]}" for each in (first, second)]
    content = dict(found) | dict(first.stated) | {"first": names[0], "second": names[1]}
    return ComparisonReport(
        **content,
        report_id="",
        title=f"{names[1]} compared with {names[0]}",
        generated_at=max(first.plan.created_at, second.plan.created_at).isoformat(),
        code_version=__version__,
        command=COMMAND,
        against=second.stated,
    )
