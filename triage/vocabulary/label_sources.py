"""Where a label comes from."""

from __future__ import annotations

from enum import StrEnum


class LabelSource(StrEnum):
    """Where a label comes from; ``AI_VISIBLE`` means a reader who had seen the AI's opinion."""

    BLIND = "blind"
    AI_VISIBLE = "ai_visible"
    ADJUDICATED = "adjudicated"
    HISTOLOGY = "histology"
