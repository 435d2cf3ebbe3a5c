"""Where the cases of an audit come from: tables in files, and the case database."""

from triage.auditing.sources.read_database import read_database
from triage.auditing.sources.read_table import read_table

__all__ = ["read_database", "read_table"]
