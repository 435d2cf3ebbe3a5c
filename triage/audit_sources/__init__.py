"""Where the cases of an audit come from, files and the case database, and plans made for them."""

from triage.audit_sources.read_database import read_database
from triage.audit_sources.read_table import read_table

__all__ = ["read_database", "read_table"]
