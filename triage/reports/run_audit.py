"""Run an audit from a plan file to a folder of reports; command line and page both call this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage import __version__
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.run import measure_audit
from triage.auditing.sources import read_table
from triage.data.strict_yaml import load_model
from triage.ledger.keys import load_key
from triage.progress import Progress
from triage.reports.archive import make_archive
from triage.reports.attachments import read_attachments
from triage.reports.audit_report import AuditReport, Registration, SystemFacts
from triage.reports.render import render_all
from triage.reports.suppression import suppress_small_cells
from triage.store import Store

# PLACEHOLDER of the skeleton: no registration, no case database, files are not written at once.


@dataclass(frozen=True)
class AuditRun:
    """A finished audit: the report and the files in its folder."""

    report: AuditReport
    folder: Path
    files: tuple[str, ...]


def run_audit(
    plan: Path,
    out: Path,
    *,
    predictions: Path | None = None,
    store: Store | None = None,
    key: Path | None = None,
    public: bool = False,
    attachments: Sequence[Path] = (),
    progress: Progress = lambda *_: None,
) -> AuditRun:
    """Measure what a plan asks and write the reports, all of them or none.

    Parameters
    ----------
    plan : Path
    out : Path
        Folder of `report.html`, `report.pdf`, `report.json`, `tables/`, `audit.zip` and, with a
        key, `audit.zip.sig`'s signature within the archive. An interrupted run goes on from the
        parts it has kept there.
    predictions : Path, optional
        A table of predictions; exactly one of this and `store` is given.
    store : Store, optional
    key : Path, optional
        Private key that signs.
    public : bool
        Suppress small cells.
    attachments : sequence of Path
    progress : callable
    """
    planned = load_model(plan, AuditPlan, "audit plan")
    assert predictions is not None
    table = read_table(planned, predictions)
    measured = measure_audit(table, planned, progress=progress)
    report = AuditReport(
        **dict(measured),
        report_id=measured.plan_sha256[:16],
        title=planned.title,
        generated_at=planned.created_at.isoformat(),
        code_version=__version__,
        command="triage audit run",
        plan=planned,
        registration=Registration(kind="none", sentence="not registered in a ledger"),
        system=SystemFacts(name=planned.system or "not stated"),
        attachments=read_attachments(attachments),
    )
    if public:
        report = suppress_small_cells(report)
    files = render_all(report)
    signing = None if key is None else load_key(key)
    files["audit.zip"] = make_archive(files, report, signing)
    for name, content in files.items():
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return AuditRun(report, out, tuple(files))
