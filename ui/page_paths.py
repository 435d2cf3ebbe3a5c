"""Addresses of the pages, below the root of the server."""

from __future__ import annotations

from enum import StrEnum


class PagePath(StrEnum):
    """Path of each page; the worklist is the first page, at the root."""

    WORKLIST = ""
    CASE = "case"
    ADD_CASE = "add-case"
    MY_CASES = "my-cases"
    SECOND_READS = "second-reads"
    LABELLING = "labelling"
    ADJUDICATION = "adjudication"
    SIGN_OFF = "sign-off"
    GOVERNANCE = "governance"
    MONITORING = "monitoring"
    AUDITS = "audits"
    AUDIT_CASES = "audit-cases"
    MODELS = "models"
    MODEL_CARD = "model-card"
    HELP = "help"
    ACCOUNT = "account"
