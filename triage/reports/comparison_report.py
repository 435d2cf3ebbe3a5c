"""The report of two audits compared: everything it says, once, for every rendering."""

from __future__ import annotations

from triage.auditing.audit_plan import AuditPlan
from triage.auditing.comparison_result import AuditComparison
from triage.auditing.measurement import ResultModel
from triage.reports.audit_report import Registration


class ComparedAudit(ResultModel):
    """One of the two audits that are compared: its plan, and what was read by it.

    Parameters
    ----------
    facts : dict of str
        Hashes and versions of what was read.
    excluded : dict of int
        Rows left out, by reason.
    deviations : list of str
        Where the run departs from the plan.
    """

    plan: AuditPlan
    plan_sha256: str
    registration: Registration
    facts: dict[str, str]
    excluded: dict[str, int]
    deviations: list[str]


class ComparisonReport(AuditComparison, ComparedAudit):
    """Two audits compared; `comparison.json` is this.

    What `ComparedAudit` states is that of the first audit.

    Parameters
    ----------
    generated_at : str
        The later date of both plans, so that the same inputs give the same bytes.
    against : ComparedAudit
        The second audit.

    See `AuditComparison` for what was compared.
    """

    report_id: str
    title: str
    generated_at: str
    code_version: str
    command: str
    against: ComparedAudit

    @property
    def bundle(self) -> str | None:
        """Digest of the first audit's bundle, where it is known."""
        return self.facts.get("bundle") or self.plan.bundle
