"""Which settings a spec's data are trained with: those of heads, or those of two stages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from triage.data.spec import DataSpec
from triage.data.strict_yaml import nearest_key, problems_of, read_mapping
from triage.errors import SpecError, UsageError
from triage.learning.recipes import Recipe, recipe_settings
from triage.learning.train import Settings
from triage.modalities import MODALITIES
from triage.models.oct.settings import OctSettings
from triage.models.settings import TrainSettings, default_settings
from triage.systems.families import family_of
from triage.systems.family import Family
from triage.vocabulary.modality import Modality

KIND = "settings file"


def settings_for(
    spec: DataSpec,
    backbones: Sequence[str],
    config: str | Path | None = None,
    *,
    recipe: Recipe = "default",
    **chosen: Any,
) -> Settings:
    """Settings that suit a spec's modality, with what the user chose on top.

    Parameters
    ----------
    spec : DataSpec
    backbones : sequence of str
        For photographs and B-scans; volumes have none.
    config : str or Path, optional
        YAML file with settings; what is in `chosen` overrides it.
    recipe : {'default', 'fast'}
        Settings of heads on frozen backbones that the file and `chosen` override.
    **chosen
        Fields of `TrainSettings` or `OctSettings`; None leaves a field as it is.

    Raises
    ------
    SpecError
        If the file cannot be used.
    UsageError
        If a setting is out of range, belongs to the other kind of data, or asks for a processor
        that is not there.
    """
    given = {key: value for key, value in chosen.items() if value is not None}
    family = family_of(spec.modality)
    settings = _resolved(family, spec.modality, backbones, config, given, recipe)
    family.check_machine(settings)
    return settings


def benchmark_settings(
    spec: DataSpec,
    backbones: Sequence[str],
    config: str | Path | None,
    members: int | None,
    recipe: Recipe = "default",
    **execution: str | None,
) -> TrainSettings:
    """Settings of a benchmark's ensembles: of heads, on frozen networks for volumes too.

    Parameters
    ----------
    **execution
        `runtime` and `embedding_precision` of pictures; None leaves a field as it is.

    Raises
    ------
    SpecError, UsageError
        See `settings_for`.
    """
    if not MODALITIES[spec.modality].volumes:
        settings = settings_for(
            spec, backbones, config, recipe=recipe, members=members, **execution
        )
        assert isinstance(settings, TrainSettings)
        return settings
    if config is not None:
        raise UsageError(
            "volumes are compared with the usual settings of heads",
            where="--config",
            hint="Leave it out.",
        )
    if any(execution.values()):
        raise UsageError(
            "volumes are described by torch, in the precision that their bundle records",
            where="--runtime" if execution.get("runtime") else "--embedding-precision",
            hint="Leave it out.",
        )
    return default_settings(tuple(backbones), members=members)


def oct_settings(config: str | Path | None, **chosen: Any) -> OctSettings:
    """Settings of the two stages: the demo's, then a file's, then what the user chose.

    Parameters
    ----------
    config : str or Path, optional
    **chosen
        Fields of `OctSettings`; `members` is another name of `instances`.

    Raises
    ------
    SpecError, UsageError
        See `settings_for`.
    """
    settings = read_oct_settings(config, **chosen)
    family_of(Modality.OCT_VOLUMES).check_machine(settings)
    return settings


def read_oct_settings(config: str | Path | None, **chosen: Any) -> OctSettings:
    """As `oct_settings`, whether or not this machine can work with them."""
    modality = Modality.OCT_VOLUMES
    settings = _resolved(family_of(modality), modality, (), config, chosen)
    assert isinstance(settings, OctSettings)
    return settings


def _resolved(
    family: Family[Any, Any],
    modality: Modality,
    backbones: Sequence[str],
    config: str | Path | None,
    given: dict[str, Any],
    recipe: Recipe = "default",
) -> Settings:
    """The family's defaults, then a recipe's, a file's settings, and what the user chose."""
    given = (read_config(config, modality) if config else {}) | family.renamed(given)
    try:
        defaults = family.default_settings(backbones, given)
        if isinstance(defaults, TrainSettings) and defaults.mode == "embed":
            given = recipe_settings(recipe, backbones) | given
        settings: Settings = family.settings_type.model_validate(
            _merged(defaults.model_dump(), given)
        )
    except ValidationError as error:
        raise _refusal(error, modality, family.settings_type) from error
    return settings


def _merged(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The defaults with what is given in their place, at every depth."""
    return defaults | {
        key: _merged(defaults[key], value)
        if isinstance(value, dict) and isinstance(defaults.get(key), dict)
        else value
        for key, value in given.items()
    }


def _refusal(error: ValidationError, modality: Modality, model: type[BaseModel]) -> UsageError:
    """What is wrong with the first setting that cannot be."""
    first = error.errors()[0]
    what, hint = first["msg"].removeprefix("Value error, "), None
    if first["type"] == "extra_forbidden":
        what = f"is no setting for {modality}"
        near = nearest_key(model, first["loc"])
        hint = f"Did you mean {near}?" if near else None
    where = ".".join(map(str, first["loc"]))
    return UsageError(what, where=f"--{where}" if where else "settings", hint=hint)


def read_config(path: str | Path, modality: Modality) -> dict[str, Any]:
    """Read a YAML file with settings for one kind of data, each checked; backbones are no part.

    Raises
    ------
    SpecError
        If the file is missing, is not YAML, or holds what is no setting; lists every problem.
    """
    content = read_mapping(Path(path), KIND)
    if "backbones" in content:
        raise SpecError(
            "names backbones", where=str(path), hint="Take them out, and name them by --backbone."
        )
    family = family_of(modality)
    try:
        family.check_config(content)
    except ValidationError as error:
        raise SpecError(
            f"does not hold settings for {modality}",
            where=str(path),
            problems=problems_of(error, family.settings_type),
        ) from error
    return content
