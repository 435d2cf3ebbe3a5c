"""The three verdicts of an audit on a stated limit."""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What the evidence says of a limit."""

    MEETS = "meets"
    FAILS = "fails"
    NOT_ENOUGH = "not enough evidence"
