"""The types of events in the ledger."""

from __future__ import annotations

from enum import StrEnum


class EventType(StrEnum):
    """What can happen; each happening is one row of the ledger."""

    CASE_RECEIVED = "case_received"
    IMAGES_SUPPLIED = "images_supplied"
    PATIENT_STATED = "patient_stated"
    CASE_SCORED = "case_scored"
    CASE_OPENED = "case_opened"
    FIRST_READ_LOCKED = "first_read_locked"
    AI_REVEALED = "ai_revealed"
    DECISION_MADE = "decision_made"
    LABEL_ADDED = "label_added"
    BUNDLE_REGISTERED = "bundle_registered"
    CHAMPION_SET = "champion_set"
