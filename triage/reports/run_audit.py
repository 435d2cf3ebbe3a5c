"""Run an audit from a plan file to a folder of reports; command line and page both call this."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from triage import __version__
from triage.accounts import SYSTEM_ACTOR, Action, Actor
from triage.accounts.store_permission import require_for
from triage.audit_sources import read_database, read_table
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import AuditMeasurement
from triage.auditing.plan_file import load_plan
from triage.auditing.registered_plans import record_run
from triage.auditing.run import measure_audit
from triage.decisions.policy import Policy
from triage.engine import EngineSettings, open_executor
from triage.errors import UsageError
from triage.ledger.keys import load_key
from triage.named_file import MAX_JSON_BYTES
from triage.progress import Progress
from triage.regular_file import read_regular
from triage.reports import verify_report
from triage.reports.archive import make_archive
from triage.reports.attachments import read_attachments
from triage.reports.audit_report import (
    Attachment,
    AuditReport,
    Registration,
    SystemFacts,
    with_identity,
)
from triage.reports.audited_system import policy_in, system_facts
from triage.reports.registration import registration_of
from triage.reports.render import render_all
from triage.reports.report_folder import report_folder, write_all
from triage.reports.suppression import suppress_small_cells
from triage.store import Store

COMMAND = "triage audit run"


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
    bundle: Path | None = None,
    key: Path | None = None,
    public: bool = False,
    attachments: Sequence[Path] = (),
    actor: Actor = SYSTEM_ACTOR,
    engine: EngineSettings | None = None,
    progress: Progress = lambda *_: None,
) -> AuditRun:
    """Measure what a plan asks and write the reports, all of them or none.

    The same plan, data and code give the same bytes: no clock is read.

    Parameters
    ----------
    plan : Path
    out : Path
        Folder of `report.html`, `report.pdf`, `report.json`, `tables/`, `audit.zip`, and
        `verify_report.py`, which verifies it. An interrupted run goes on from the parts it has
        kept there.
    predictions : Path, optional
        A table of predictions. Without it the cases are those of `store`.
    store : Store, optional
        Case database: source of cases where no table is given, and of the plan's registration. The
        run is an event in its ledger.
    bundle : Path, optional
        Folder of the audited bundle, for the model card and for calibrated probabilities; without
        it the model card is that of the bundle that `store` names.
    key : Path, optional
        Private key that signs.
    public : bool
        Suppress small cells.
    attachments : sequence of Path
    actor : Actor
        Who runs it, for the permission and the event.
    engine : EngineSettings, optional
        Where axes and analyses are measured; by default in this process. Workers read the audited
        table from a file in `out`, which is removed in the end.
    progress : callable

    Raises
    ------
    TriageError
        If the plan, the data, an attachment, the key or the folder cannot be used; nothing is
        written then.
    """
    planned = load_plan(plan)
    if store is not None:
        require_for(store, actor, Action.AUDIT)
    signing = None if key is None else load_key(key)
    attached = read_attachments(attachments)
    registration, deviations = registration_of(planned, plan, store)
    with report_folder(out) as partial:
        policy = None if bundle is None else policy_in(bundle)
        table = cases_of(planned, predictions, store, progress, policy)
        system, notes = system_facts(planned, table, store, bundle)
        with open_executor(engine) as at:
            measured = measure_audit(table, planned, progress=progress, folder=partial, executor=at)
        report = _report(planned, system, measured, registration, [*deviations, *notes], attached)
        if public:
            report = suppress_small_cells(report)
        report = with_identity(report)
        files = render_all(report)
        files["audit.zip"] = make_archive(files, report, signing)
        files["verify_report.py"] = verifier()
        write_all(out, files)
    if store is not None:
        record_run(
            store, planned, data_sha256=data_sha256(table), report=report.report_id,
            public=public, actor=actor,
        )  # fmt: skip
    return AuditRun(report, out, tuple(files))


def cases_of(
    plan: AuditPlan,
    predictions: Path | None,
    store: Store | None,
    progress: Progress,
    policy: Policy | None = None,
) -> AuditTable:
    """Read the cases of a plan from a table, else from a case database.

    Raises
    ------
    UsageError
        If neither is given, or its cases cannot be used.
    """
    if predictions is not None:
        return read_table(plan, predictions, progress, policy)
    if store is not None:
        return read_database(plan, store, progress)
    raise UsageError(
        "no cases are named", where="audit", hint="Give --predictions FILE or --db URL."
    )


def data_sha256(table: AuditTable) -> str:
    """Return the hash of the file that cases were read from, else of the cases."""
    return table.facts.get("predictions") or table.facts["cases"]


def verifier() -> bytes:
    """Return the program that verifies an archive."""
    return read_regular(verify_report.__file__, MAX_JSON_BYTES)


def _report(
    plan: AuditPlan,
    system: SystemFacts,
    measured: AuditMeasurement,
    registration: Registration,
    deviations: Sequence[str],
    attachments: list[Attachment],
) -> AuditReport:
    content = dict(measured)
    content["deviations"] = [*deviations, *measured.deviations]
    return AuditReport(
        **content,
        report_id="",
        title=plan.title,
        generated_at=plan.created_at.isoformat(),
        code_version=__version__,
        command=COMMAND,
        plan=plan,
        registration=registration,
        system=system,
        attachments=attachments,
    )
