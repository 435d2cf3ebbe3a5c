"""Run an audit from a plan file to a folder of reports; command line and page both call this."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from triage import __version__
from triage.accounts import SYSTEM_ACTOR, Action, Actor
from triage.accounts.store_permission import require_for
from triage.auditing.audit_plan import AuditPlan
from triage.auditing.audit_table import AuditTable
from triage.auditing.measurement import AuditMeasurement
from triage.auditing.plan_file import load_plan
from triage.auditing.registered_plans import record_run
from triage.auditing.run import measure_audit
from triage.auditing.sources import read_table
from triage.errors import UsageError
from triage.hashing import hash_bytes
from triage.ledger.keys import load_key
from triage.progress import Progress
from triage.reports.archive import make_archive
from triage.reports.attachments import read_attachments
from triage.reports.audit_report import Attachment, AuditReport, Registration, SystemFacts
from triage.reports.registration import registration_of
from triage.reports.render import render_all
from triage.reports.suppression import suppress_small_cells
from triage.store import Store

COMMAND = "triage audit run"
PARTIAL = ".partial"
"""Folder in that of the reports: finished parts of an interrupted run, and files being written."""
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}


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
    actor: Actor = SYSTEM_ACTOR,
    progress: Progress = lambda *_: None,
) -> AuditRun:
    """Measure what a plan asks and write the reports, all of them or none.

    The same plan, data and code give the same bytes: no clock is read.

    Parameters
    ----------
    plan : Path
    out : Path
        Folder of `report.html`, `report.pdf`, `report.json`, `tables/` and `audit.zip`. An
        interrupted run goes on from the parts it has kept there.
    predictions : Path, optional
        A table of predictions. Without it the cases are those of `store`.
    store : Store, optional
        Case database: source of cases where no table is given, and of the plan's registration. The
        run is an event in its ledger.
    key : Path, optional
        Private key that signs.
    public : bool
        Suppress small cells.
    attachments : sequence of Path
    actor : Actor
        Who runs it, for the permission and the event.
    progress : callable

    Raises
    ------
    TriageError
        If the plan, the data, an attachment, the key or the folder cannot be used; nothing is
        written then.
    """
    if predictions is None and store is None:
        raise UsageError(
            "no cases are named", where="audit", hint="Give --predictions FILE or --db URL."
        )
    planned = load_plan(plan)
    if store is not None:
        require_for(store, actor, Action.AUDIT)
    signing = None if key is None else load_key(key)
    attached = read_attachments(attachments)
    registration, deviations = registration_of(planned, plan, store)
    with _folder(out):
        table = _cases(planned, predictions, store, progress)
        measured = measure_audit(table, planned, progress=progress, folder=_made(out / PARTIAL))
        report = _report(planned, table, measured, registration, deviations, attached)
        if public:
            report = suppress_small_cells(report)
        report = report.model_copy(update={"report_id": _content_id(report)})
        files = render_all(report)
        files["audit.zip"] = make_archive(files, report, signing)
        _write_all(out, files)
    if store is not None:
        record_run(
            store,
            planned,
            data_sha256=table.facts.get("predictions") or table.facts["cases"],
            report=report.report_id,
            public=public,
            actor=actor,
        )
    return AuditRun(report, out, tuple(files))


def _cases(
    plan: AuditPlan, predictions: Path | None, store: Store | None, progress: Progress
) -> AuditTable:
    assert predictions is not None
    return read_table(plan, predictions, progress)


def _report(
    plan: AuditPlan,
    table: AuditTable,
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
        system=SystemFacts(
            name=plan.system or "not stated",
            bundle=table.facts.get("bundle") or plan.bundle,
            facts=table.facts,
        ),
        attachments=attachments,
    )


def _content_id(report: AuditReport) -> str:
    """Identifier that follows from the content, after suppression: it tells nothing of the rest."""
    return hash_bytes(report.model_dump_json().encode())[:16]


@contextmanager
def _folder(out: Path) -> Iterator[None]:
    """Turn what goes wrong with the folder into one sentence, and leave none that was not there."""
    if out.exists() and not out.is_dir():
        raise UsageError("is a file, not a folder", where=str(out), hint="Name a folder.")
    before = out.exists()
    try:
        yield
    except OSError as error:
        reason = error.strerror or "unknown error"
        full = error.errno in _FULL
        raise UsageError(
            "the disk is full, and nothing was kept half-written"
            if full
            else f"the reports cannot be written ({reason})",
            where=str(out),
            hint="Free some space and run the same command again."
            if full
            else "Choose a folder you may write to.",
        ) from error
    finally:
        _remove_empty(out / PARTIAL)
        if not before:
            _remove_empty(out)


def _remove_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return  # it has content, or is not there


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _write_all(out: Path, files: Mapping[str, bytes]) -> None:
    """Write every file beside its place, then move all of them there."""
    staging = out / PARTIAL / "files"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for name, content in files.items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
        for part in sorted(staging.iterdir()):
            place = out / part.name
            if place.is_dir():
                shutil.rmtree(place)
            part.replace(place)
    except OSError:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    shutil.rmtree(out / PARTIAL, ignore_errors=True)
