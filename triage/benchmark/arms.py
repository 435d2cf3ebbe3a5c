"""Arms of the benchmark: kinds of ensemble, written `head` or `head+mixup+swag`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from triage.errors import UsageError, unknown_name
from triage.heads import HEADS, HeadInfo, HeadKind
from triage.losses import CRITERIA
from triage.models.mixing import MIXINGS
from triage.models.settings import DECIDING, TrainSettings
from triage.posteriors import POSTERIORS

_OPTIONS: dict[str, Mapping[str, object]] = {
    "criterion": CRITERIA,
    "mixing": MIXINGS,
    "posterior": POSTERIORS,
    "hyperparameters": {"varied": None},
}


@dataclass(frozen=True)
class Arm:
    """Training configuration of a kind of ensemble.

    Parameters
    ----------
    head : HeadKind
    options : tuple of (str, str)
        Fields of `TrainSettings` beside the head, with their values.
    """

    head: HeadKind
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, text: str) -> Arm:
        """Parse `head` or `head+option+option`.

        Raises
        ------
        UsageError
            If a name is unknown (the nearest is suggested), or two set the same thing.
        """
        first, *rest = text.split("+")
        if first not in tuple(HeadKind):
            raise unknown_name("head", first, HeadKind, where="--methods")
        options: dict[str, str] = {}
        known = {key: field for field, registry in _OPTIONS.items() for key in registry}
        for key in rest:
            if key not in known:
                raise unknown_name(
                    "loss, mixing, posterior or option", key, known, where="--methods"
                )
            if known[key] in options:
                raise UsageError(f"sets its {known[key]} twice", where=text)
            options[known[key]] = key
        return cls(HeadKind(first), tuple(sorted(options.items())))

    @property
    def name(self) -> str:
        """Name in tables and records."""
        return "+".join([self.head, *(value for _, value in self.options)])

    @property
    def info(self) -> HeadInfo:
        """Description of its head."""
        return HEADS[self.head].info

    def settings(self, base: TrainSettings) -> TrainSettings:
        """Training settings of the arm, validated again; scores and sets are compared apart.

        Raises
        ------
        UsageError
            If the options do not go together.
        """
        chosen = base.model_dump(exclude={*DECIDING}) | {"head": self.head} | dict(self.options)
        try:
            return TrainSettings.model_validate(chosen)
        except ValidationError as error:
            reasons = "; ".join(one["msg"].removeprefix("Value error, ") for one in error.errors())
            raise UsageError(reasons, where=self.name) from error
