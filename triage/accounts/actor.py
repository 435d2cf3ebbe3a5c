"""The person, or the software itself, on whose behalf a step is taken."""

from __future__ import annotations

from dataclasses import dataclass

from triage.vocabulary.roles import Role


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts.

    Parameters
    ----------
    name : str
        The account's name, as it stands in events.
    role : Role or None
        None of the software itself.
    """

    name: str
    role: Role | None


SYSTEM_ACTOR = Actor("system", None)
"""The software itself, where no person caused a step directly."""

LOCAL_ACTOR = Actor("Local user", Role.SENIOR_READER)
"""Whoever sits at a computer whose database has no account yet; only on the loopback address."""
