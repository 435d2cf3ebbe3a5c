"""Reports for people who must be able to check: one model, rendered as HTML and as JSON.

`build_report` puts evaluation, system, data and reviews into a `Report`; `write_report` writes it
as one self-contained page (no scripts, nothing loaded) and as JSON with the same numbers.
"""

from triage.reports.build import build_report
from triage.reports.model import DataFacts, Report
from triage.reports.write import write_report

__all__ = ["DataFacts", "Report", "build_report", "write_report"]
