"""Files that a quality officer attaches to a report: incidents, risks, SBOM, approvals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from triage.reports.audit_report import Attachment

# PLACEHOLDER of the skeleton.


def read_attachments(paths: Sequence[Path]) -> list[Attachment]:
    """Read and check attached files; their kind follows from their columns or content."""
    return []
