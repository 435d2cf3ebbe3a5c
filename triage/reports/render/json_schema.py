"""The JSON Schema of `report.json`."""

from __future__ import annotations

import json

from triage.reports.audit_report import AuditReport

SCHEMA_NAME = "audit_report.schema.json"


def schema_text() -> str:
    """Return the exact content of the schema file, shipped beside those of data specs."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    schema |= AuditReport.model_json_schema(mode="serialization")
    return json.dumps(schema, indent=2) + "\n"
