"""Which settings a spec's data are trained with: those of heads, or those of two stages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from pipelines.train import Settings
from triage.data.spec import DataSpec, Modality
from triage.data.strict_yaml import parse_yaml
from triage.errors import UsageError
from triage.models.oct.settings import OctSettings
from triage.models.settings import TrainSettings, default_settings


def settings_for(
    spec: DataSpec, backbones: Sequence[str], config: Path | None = None, **chosen: Any
) -> Settings:
    """Settings that suit a spec's modality, with what the user chose on top.

    Parameters
    ----------
    spec : DataSpec
    backbones : sequence of str
        For photographs and B-scans; volumes have none.
    config : Path, optional
        YAML file with settings; what is in `chosen` overrides it.
    **chosen
        Fields of `TrainSettings` or `OctSettings`; None leaves a field as it is.

    Raises
    ------
    UsageError
        If a setting is unknown, out of range, or belongs to the other kind of data.
    """
    given = {key: value for key, value in chosen.items() if value is not None}
    read = read_config(config) if config else {}
    try:
        if spec.modality is Modality.OCT_VOLUMES:
            if "members" in given:
                given["instances"] = given.pop("members")
            return OctSettings.model_validate(read | given)
        if read:
            named = {"backbones": list(backbones)} | read | given
            return TrainSettings.model_validate(named)
        return default_settings(tuple(backbones), given.pop("mode", None), **given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        if first["type"] == "extra_forbidden":
            what = f"is no setting for {spec.modality}"
        raise UsageError(what, where=f"--{name}") from error


def read_config(path: Path) -> dict[str, Any]:
    """Read a YAML file of settings.

    Raises
    ------
    UsageError
        If it is missing or no YAML mapping.
    """
    try:
        content = parse_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError("there is no such file", where=str(path)) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UsageError("is not readable YAML", where=str(path)) from error
    if not isinstance(content, dict):
        raise UsageError("is not a mapping of settings", where=str(path))
    return content
