"""The audit report: everything it says, once, for every rendering."""

from __future__ import annotations

from typing import Literal, TypeVar

from pydantic import Field, JsonValue

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.measurement import AuditMeasurement, ResultModel
from triage.hashing import hash_bytes


class Registration(ResultModel):
    """Where the plan was registered before the data were read.

    Parameters
    ----------
    kind : {'ledger', 'lock file', 'none'}
    sentence : str
        As the report says it.
    at : str
    sequence, head : optional
        Event of the ledger, and its hash.
    """

    kind: Literal["ledger", "lock file", "none"]
    sentence: str
    at: str = ""
    sequence: int | None = None
    head: str = ""


class Attachment(ResultModel):
    """A file that the quality officer attached: which section it fills, and its rows."""

    name: str
    kind: Literal["incidents", "risk", "sbom", "approvals"]
    sha256: str
    columns: list[str]
    rows: list[dict[str, str]]


class SystemFacts(ResultModel):
    """What is known of the audited system; None where nothing was stated.

    `manifest` is the content of the bundle's manifest, for the model card.
    """

    name: str
    version: str | None = None
    intended_use: str | None = None
    bundle: str | None = None
    facts: dict[str, str] = Field(default_factory=dict)
    manifest: dict[str, JsonValue] | None = None


class AuditReport(AuditMeasurement):
    """One audit report; `report.json` is this, and every page is made from nothing else.

    Parameters
    ----------
    generated_at : str
        The plan's date, so that the same inputs give the same bytes.
    public : bool
        Whether small cells are suppressed.
    extra : dict
        Evaluations of a bundle beyond the table of metrics, such as tissue maps.

    See `AuditMeasurement` for what was measured.
    """

    schema_version: Literal["triage-audit-report-1"] = "triage-audit-report-1"
    report_id: str
    title: str
    generated_at: str
    public: bool = False
    code_version: str
    command: str
    plan: AuditPlan
    registration: Registration
    system: SystemFacts
    attachments: list[Attachment] = Field(default_factory=list)
    extra: dict[str, JsonValue] = Field(default_factory=dict)

    @property
    def bundle(self) -> str | None:
        """Digest of the audited bundle, where it is known."""
        return self.system.bundle or self.plan.bundle


Identified = TypeVar("Identified", bound=ResultModel)


def with_identity(report: Identified) -> Identified:
    """Return the report with the identifier that follows from its content.

    After suppression it tells nothing of the numbers that were suppressed.
    """
    content = report.model_copy(update={"report_id": ""}).model_dump_json()
    return report.model_copy(update={"report_id": hash_bytes(content.encode())[:16]})
