"""The sections that only the report of a bundle has."""

from __future__ import annotations

from triage.reports.audit_report import AuditReport
from triage.reports.bundle_extra import BundleExtra
from triage.reports.document import Section
from triage.reports.sections.bundle_abstention import abstention_section
from triage.reports.sections.bundle_calibration import calibration_section
from triage.reports.sections.bundle_data import answers_section, data_section, reviews_section
from triage.reports.sections.volumes import referral_section, tissue_section


def extra_sections(report: AuditReport) -> tuple[Section, ...]:
    """Return the sections on evaluations of a bundle beyond the table of metrics.

    Empty of the audit of a table or a database. Referral and tissue maps are there where they were
    measured, the reviews are unavailable where no case database was named.
    """
    extra = BundleExtra.of(report)
    if extra is None:
        return ()
    sections = [
        data_section(extra),
        answers_section(extra.confusion),
        calibration_section(extra),
        abstention_section(extra),
    ]
    if extra.referral is not None:
        sections.append(referral_section(extra.referral))
    if extra.tissue is not None:
        sections.append(tissue_section(extra.tissue))
    return (*sections, reviews_section(extra))
