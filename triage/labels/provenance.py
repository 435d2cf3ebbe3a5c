"""A label with where it comes from, and the hash that data set versions keep of it."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from triage.hashing import hash_json
from triage.vocabulary.label_sources import LabelSource


class LabelProvenance(BaseModel):
    """One label of one case. It names no reader, so it may stand in files.

    Parameters
    ----------
    value : str
        A condition.
    source : LabelSource or None
        None of a label that the table of a data set states without more.
    readers : int
        How many people or laboratories the label stands for; 0 where that is not known.
    agreement : float or None
        Share of the votes that name the condition that most name; None without votes.
    bundle_shown : str or None
        Digest of the bundle whose opinion a reader of the label had seen; None where none was.
    votes : dict of int
        How many readers named each condition, each reader once; empty where it is not known.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    value: str
    source: LabelSource | None = None
    readers: int = Field(0, ge=0)
    agreement: float | None = Field(None, ge=0, le=1)
    bundle_shown: str | None = None
    votes: dict[str, int] = {}

    @model_validator(mode="after")
    def _votes_are_counts(self) -> Self:
        if any(count < 1 for count in self.votes.values()):
            raise ValueError("a condition without a vote is left out of votes")
        return self

    def label_hash(self) -> str:
        """Return the SHA-256 of its canonical JSON, in hexadecimal digits."""
        return hash_json(self.model_dump(mode="json"))
