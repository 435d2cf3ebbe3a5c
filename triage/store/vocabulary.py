"""The fixed words of the store: states, label sources, kinds of event."""

from __future__ import annotations

from enum import StrEnum

NOT_LISTED = "not_listed"
"""A reader's condition when none of the system's conditions fits."""

CHAMPION = "champion"
"""Alias of the bundle in use; at most one bundle carries it."""


class CaseState(StrEnum):
    """How far a case has come."""

    RECEIVED = "received"
    SCORED = "scored"
    REVIEWED = "reviewed"


class Modality(StrEnum):
    """What a case's images are; a data spec's `modality` uses the same words."""

    PHOTOGRAPHS = "photographs"
    OCT_VOLUMES = "oct_volumes"


class Laterality(StrEnum):
    """Which side of the body, or which eye; a data spec's `laterality` gives the same words."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class LabelSource(StrEnum):
    """Where a label comes from; ``AI_VISIBLE`` means a reader who had seen the AI's opinion."""

    BLIND = "blind"
    AI_VISIBLE = "ai_visible"
    ADJUDICATED = "adjudicated"
    HISTOLOGY = "histology"


class EventKind(StrEnum):
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
