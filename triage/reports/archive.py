"""The export of an audit: a deterministic zip with a manifest and a detached signature."""

from __future__ import annotations

from collections.abc import Mapping

from triage.ledger.keys import SigningKey
from triage.reports.audit_report import AuditReport

# PLACEHOLDER of the skeleton: no archive.


def make_archive(
    files: Mapping[str, bytes], report: AuditReport, key: SigningKey | None = None
) -> bytes:
    """Return `audit.zip`: the files, `manifest.json` and, with a key, `manifest.sig`."""
    return b""
