"""The types of events in the ledger."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """What can happen; each happening is one row of the ledger."""

    LEDGER_BEGUN = "ledger_begun"
    CASE_CARRIED_OVER = "case_carried_over"

    CASE_RECEIVED = "case_received"
    IMAGES_CHECKED = "images_checked"
    IMAGES_SUPPLIED = "images_supplied"
    PATIENT_STATED = "patient_stated"
    CASE_SCORED = "case_scored"
    CASE_PLANTED = "case_planted"

    CASE_OPENED = "case_opened"
    FIRST_READ_LOCKED = "first_read_locked"
    AI_REVEALED = "ai_revealed"
    DECISION_MADE = "decision_made"
    DECISION_UNDONE = "decision_undone"
    SECOND_READ_GIVEN = "second_read_given"
    ADJUDICATION_OPENED = "adjudication_opened"
    ADJUDICATION_READ = "adjudication_read"
    ADJUDICATION_CLOSED = "adjudication_closed"
    CASE_SKIPPED = "case_skipped"
    CASE_UNGRADABLE = "case_ungradable"
    CASE_HANDED_OVER = "case_handed_over"
    CASE_SIGNED = "case_signed"
    CASE_EXPORTED = "case_exported"
    ADDENDUM_ADDED = "addendum_added"

    LABEL_ADDED = "label_added"
    LABEL_WITHDRAWN = "label_withdrawn"
    BUNDLE_REGISTERED = "bundle_registered"
    CHAMPION_SET = "champion_set"
    BUNDLE_WITHDRAWN = "bundle_withdrawn"
    POLICY_SET = "policy_set"
    AUDIT_PLANNED = "audit_planned"
    AUDIT_RUN = "audit_run"

    ACCOUNT_CREATED = "account_created"
    ACCOUNT_DISABLED = "account_disabled"
    ACCOUNT_ENABLED = "account_enabled"
    ROLE_CHANGED = "role_changed"
    PASSWORD_CHANGED = "password_changed"
    PASSWORD_REHASHED = "password_rehashed"
    SIGNED_IN = "signed_in"
    SIGN_IN_REFUSED = "sign_in_refused"
    SIGNED_OUT = "signed_out"
