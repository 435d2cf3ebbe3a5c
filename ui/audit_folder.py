"""The folder of audits: plans (`*.yaml`), and a folder of its own for the report of each run."""

from __future__ import annotations

import json
import os
import re
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.plan_file import load_plan
from triage.errors import TriageError, UsageError
from triage.named_file import read_named_text
from triage.reports.audit_report import AuditReport

REPORT = "report.json"
_MOST_BYTES = 64 << 20
"""Of a report; one of 40 groups and 20 metrics, each with a limit, has less than 2 MiB."""
_NAME = re.compile(r"[\w][\w .+-]{0,119}")
"""Names of plans and audits that are listed: of one folder, and not hidden."""
_SCHEMA = re.compile(r"triage-audit-report-([0-9]{1,9})")
_KEPT = 32


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A file that should be a plan.

    Parameters
    ----------
    path : Path
    plan : AuditPlan, optional
        None where it cannot be used.
    problem : str
        Why it cannot.
    """

    path: Path
    plan: AuditPlan | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class FinishedAudit:
    """A folder with the report of an audit.

    Parameters
    ----------
    name : str
        Of the folder.
    finished_at : datetime
        When the report was written.
    report : AuditReport, optional
        None where it cannot be read.
    problem : str
        Why it cannot.
    """

    name: str
    finished_at: datetime
    report: AuditReport | None
    problem: str = ""


def plans_in(folder: Path) -> list[PlanFile]:
    """Return the plans of a folder by name, those that cannot be used too.

    Raises
    ------
    UsageError
        If the folder cannot be read.
    """
    names = [name for name in _names(folder) if name.endswith((".yaml", ".yml"))]
    return [_plan(str(folder / name), *_state(folder / name)) for name in names]


def audits_in(folder: Path) -> list[FinishedAudit]:
    """Return the finished audits of a folder, the newest first.

    Raises
    ------
    UsageError
        If the folder cannot be read.
    """
    names = [name for name in _names(folder) if (folder / name / REPORT).is_file()]
    found = [_audit(str(folder / name / REPORT), *_state(folder / name / REPORT)) for name in names]
    return sorted(found, key=lambda one: (one.finished_at, one.name), reverse=True)


def audit_named(folder: Path, name: str) -> FinishedAudit | None:
    """Return the finished audit of a name; None where there is none."""
    if not is_audit_name(folder, name):
        return None
    place = folder / name / REPORT
    return _audit(str(place), *_state(place))


def is_audit_name(folder: Path, name: str) -> bool:
    """Whether a folder of audits has a finished one of that name, in itself and not by a link."""
    if not _NAME.fullmatch(name):
        return False
    place = folder / name
    try:
        return stat.S_ISDIR(os.lstat(place).st_mode) and (place / REPORT).is_file()
    except OSError:
        return False


def folder_of_run(plan: Path) -> Path:
    """Return where an audit of a plan is written: beside it, under its name.

    The first of ``NAME``, ``NAME-2``, ``NAME-3`` ... without a report, so that no report is
    replaced, and an interrupted run goes on from the parts in its folder.
    """
    place, number = plan.with_suffix(""), 1
    while (place / REPORT).exists():
        number += 1
        place = plan.with_name(f"{plan.stem}-{number}")
    return place


def _names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if _NAME.fullmatch(name))
    except OSError as error:
        raise UsageError(
            f"The folder of audits cannot be read ({error.strerror}).",
            where=str(folder),
            hint="Start the pages with --audits FOLDER again.",
        ) from error


def _state(path: Path) -> tuple[int, int]:
    """Time of the last change and size; a file that is the same in both is not read again."""
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@lru_cache(_KEPT)
def _plan(path: str, changed: int, size: int) -> PlanFile:
    try:
        return PlanFile(Path(path), load_plan(Path(path)))
    except TriageError as refused:
        problem = str(refused).removeprefix(f"{path}: ").replace("\n  - ", "; ")
        return PlanFile(Path(path), None, problem)


@lru_cache(_KEPT)
def _audit(path: str, changed: int, size: int) -> FinishedAudit:
    place = Path(path)
    name, at = place.parent.name, datetime.fromtimestamp(changed / 1e9, UTC)
    try:
        text = read_named_text(place, "report of an audit", UsageError, _MOST_BYTES)
        return FinishedAudit(name, at, _report(text))
    except UsageError as refused:
        return FinishedAudit(name, at, None, str(refused).removeprefix(f"{path}: "))


def _report(text: str) -> AuditReport:
    """Parse `report.json`.

    Raises
    ------
    UsageError
        If it is no report, or one that this release does not know.
    """
    try:
        content = json.loads(text)
        schema = str(content["schema_version"])
    except (ValueError, RecursionError, LookupError, TypeError):
        raise UsageError(
            "report.json is no report of an audit.", hint="Make the audit again."
        ) from None
    own = str(AuditReport.model_fields["schema_version"].default)
    found = _SCHEMA.fullmatch(schema)
    if schema != own:
        newer = found is not None and int(found[1]) > int(own.rpartition("-")[2])
        raise UsageError(
            f"report.json has the schema {schema[:80]}, "
            + ("of a newer release of this software." if newer else "which is not known here."),
            hint="Open it with that release." if newer else "Make the audit again.",
        )
    try:
        return AuditReport.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(
            f"report.json is malformed at {place}: {first['msg']}", hint="Make the audit again."
        ) from None
