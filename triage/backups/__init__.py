"""Copies of a case database: made while it is in use, and put back whole or not at all.

`back_up` and `restore` take a database of either kind: a file of SQLite, or one on PostgreSQL.
"""

from triage.backups.back_up import back_up, restore

__all__ = ["back_up", "restore"]
