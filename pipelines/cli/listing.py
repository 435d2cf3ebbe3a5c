"""The verb that lists the names other verbs take: heads, scores, losses and so on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipelines.cli.console import Json, say

Kind = Literal[
    "heads",
    "scores",
    "losses",
    "posteriors",
    "calibrators",
    "backbones",
    "corruptions",
    "metrics",
]
"""The registries that can be listed: the keys of `_LISTS`."""

Names = dict[str, str]
"""Name to title, in the order of the registry."""


def list_names(
    kind: Annotated[Kind, typer.Argument(help="What to list.", metavar="KIND")],
    as_json: Json = False,
) -> None:
    """List the names that settings and options take, each with its title.

    KIND is heads, scores, losses, posteriors, calibrators, backbones, corruptions or metrics.

    Example: triage list scores
    """
    names = _LISTS[kind]()
    width = max(map(len, names))
    say(
        as_json,
        {"kind": kind, "names": [{"name": key, "title": title} for key, title in names.items()]},
        *(f"{key:<{width}}  {title}" for key, title in names.items()),
    )


# The registries are imported where they are listed: some of them need torch, which takes seconds.


def _titles(registry: dict[Any, Any]) -> Names:
    return {str(key): entry.info.title for key, entry in registry.items()}


def _heads() -> Names:
    from triage.heads import HEADS

    return _titles(HEADS)


def _scores() -> Names:
    from triage.uncertainty.combination import COMBINATION, INFO
    from triage.uncertainty.scores import SCORES

    return _titles(SCORES) | {COMBINATION: INFO.title}


def _losses() -> Names:
    from triage.losses import CRITERIA

    return {key: entry.title for key, entry in CRITERIA.items()}


def _posteriors() -> Names:
    from triage.posteriors import POSTERIORS

    return _titles(POSTERIORS)


def _calibrators() -> Names:
    from triage.uncertainty.calibration import CALIBRATORS

    return _titles(CALIBRATORS)


def _backbones() -> Names:
    """The networks that need no files, and the pretrained ones that a verb would find here."""
    from triage.learning.default_backbones import FALLBACK, default_backbones
    from triage.models.load_backbone import MONAI_NETWORKS

    found = default_backbones(Path("data"))  # looks beside a folder of the working folder
    pretrained = {name: "pretrained, on this machine" for name in found if name != FALLBACK}
    return pretrained | {f"monai:{name}": title for name, title in MONAI_NETWORKS.items()}


def _corruptions() -> Names:
    from triage.imaging.corruptions import CORRUPTIONS

    return {key: entry.title for key, entry in CORRUPTIONS.items()}


def _metrics() -> Names:
    from triage.evaluation import METRICS

    return {key: entry.title for key, entry in METRICS.items()}


_LISTS: dict[Kind, Callable[[], Names]] = {
    "heads": _heads,
    "scores": _scores,
    "losses": _losses,
    "posteriors": _posteriors,
    "calibrators": _calibrators,
    "backbones": _backbones,
    "corruptions": _corruptions,
    "metrics": _metrics,
}
