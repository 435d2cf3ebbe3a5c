"""An audit report of nothing, made by hand."""

from triage.auditing.audit_plan import AuditPlan
from triage.reports.audit_report import AuditReport, Registration, SystemFacts


def audit_report(**changes):
    plan = AuditPlan(
        title="Skin lesion phantoms", source="a test", created_at="2026-01-06T09:30:00+00:00"
    )
    content = {
        "plan_sha256": plan.sha256(),
        "facts": {},
        "excluded": {},
        "deviations": [],
        "n_cases": 0,
        "n_patients": 0,
        "n_labelled": 0,
        "patients_known": True,
        "classes": ["acne", "melanoma"],
        "levels": [],
        "estimates": [],
        "findings": [],
        "comparisons": [],
        "worst": [],
        "analyses": [],
        "report_id": "0" * 16,
        "title": plan.title,
        "generated_at": "2026-01-06T09:30:00+00:00",
        "code_version": "0",
        "command": "triage report",
        "plan": plan,
        "registration": Registration(kind="none", sentence="not registered in a ledger"),
        "system": SystemFacts(name="a system"),
    }
    return AuditReport(**content | changes)
