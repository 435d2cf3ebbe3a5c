"""A combination on disk: what it is made of as JSON, and each fitted score beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from triage.atomic_write import whole_file
from triage.errors import UsageError
from triage.named_file import MAX_JSON_BYTES, read_named_text
from triage.uncertainty.combination.combination import Combination, Component
from triage.uncertainty.fitted_file import load_fitted, save_fitted
from triage.uncertainty.scores import Score

NAME = "combination.json"


class _Content(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["triage-combination-1"] = "triage-combination-1"
    components: tuple[Component, ...]
    auroc: dict[str, float]
    reason: str


def save_combination(folder: Path, combination: Combination) -> None:
    """Write a combination into a folder, which is made.

    Raises
    ------
    UsageError
        If the place cannot be written to.
    """
    content = _Content(
        components=combination.components, auroc=combination.auroc, reason=combination.reason
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(folder / NAME) as partial:
            partial.write_text(content.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError("cannot be written to", where=str(folder)) from error
    for component, score in zip(combination.components, combination.scores, strict=True):
        save_fitted(folder / f"{component.key}.safetensors", score)


def load_combination(folder: Path) -> Combination | None:
    """Read what `save_combination` wrote; None where there is none.

    Raises
    ------
    UsageError
        If it is damaged, or a score is missing.
    """
    path = folder / NAME
    if not path.exists():
        return None
    text = read_named_text(path, "combination", UsageError, MAX_JSON_BYTES)
    try:
        content = _Content.model_validate_json(text)
    except ValueError as error:
        raise UsageError("is no combination of this version", where=str(path)) from error
    scores = tuple(
        load_fitted(folder / f"{component.key}.safetensors", Score)  # type: ignore[type-abstract]
        for component in content.components
    )
    return Combination(content.components, scores, content.auroc, content.reason)
