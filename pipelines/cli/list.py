"""The verb that lists the names other verbs take: heads, scores, losses and so on."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from pipelines.cli.console import Json, say
from triage.errors import UsageError
from triage.registry import Info, Registry

Kind = Literal[
    "heads",
    "losses",
    "mixings",
    "posteriors",
    "scores",
    "calibrators",
    "conformal",
    "corruptions",
    "strategies",
    "backbones",
    "metrics",
]
"""What can be listed: the keys of `REGISTRIES`, and metrics."""

REGISTRIES: dict[str, tuple[str, str]] = {
    "heads": ("triage.heads", "HEADS"),
    "losses": ("triage.losses", "CRITERIA"),
    "mixings": ("triage.models.mixing", "MIXINGS"),
    "posteriors": ("triage.posteriors", "POSTERIORS"),
    "scores": ("triage.uncertainty.scores", "SCORES"),
    "calibrators": ("triage.uncertainty.calibration", "CALIBRATORS"),
    "conformal": ("triage.uncertainty.conformal", "CONFORMAL"),
    "corruptions": ("triage.imaging.corruptions", "CORRUPTIONS"),
    "strategies": ("triage.acquisition", "STRATEGIES"),
    "backbones": ("triage.models.load_backbone", "BACKBONES"),
}
"""Module and name of each registry, imported where it is listed: some need torch, which is slow."""

Row = dict[str, Any]


def list_names(
    kind: Annotated[Kind, typer.Argument(help="What to list.", metavar="KIND")],
    throughput: Annotated[
        bool,
        typer.Option(
            "--throughput",
            help="Of backbones: measure how many pictures a second those that are here embed.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """List the names that settings and options take, each with its title.

    KIND is heads, losses, mixings, posteriors, scores, calibrators, conformal, corruptions,
    strategies, backbones or metrics.

    Example: triage list scores
    """
    if throughput and kind != "backbones":
        raise UsageError("is for backbones", where="--throughput", hint="Leave it out.")
    rows = _rows(kind)
    rows = [_measured(row, throughput) for row in rows]
    width = max(len(row["name"]) for row in rows)
    say(
        as_json,
        {"kind": kind, "names": rows},
        *(f"{row['name']:<{width}}  {row['title']}{_rates(row)}" for row in rows),
    )


def registry(kind: str) -> Registry[Any]:
    """Import and return the registry of a kind.

    Parameters
    ----------
    kind : str
        Key of `REGISTRIES`.
    """
    module, name = REGISTRIES[kind]
    found: Registry[Any] = getattr(import_module(module), name)
    return found


def _rows(kind: Kind) -> list[Row]:
    if kind == "metrics":
        return _metrics()
    if kind == "backbones":
        return _backbones()
    infos = registry(kind).infos()
    if kind == "scores":
        from triage.uncertainty.combination import INFO

        infos = (*infos, INFO)
    return _described(infos)


def _described(infos: Iterable[Info], prefix: str = "", suffix: str = "") -> list[Row]:
    return [
        {
            "name": f"{prefix}{info.key}{suffix}",
            "title": info.title,
            "source": info.source,
            "needs": [*info.needs],
        }
        for info in infos
    ]


def _backbones() -> list[Row]:
    """The kinds of references, the networks that have names, and what is found here."""
    from triage.backbones.efficientnet_lite import LITE_VARIANTS
    from triage.backbones.lite_weights import LICENCE, lite_module
    from triage.backbones.monai_networks import MONAI_NETWORKS
    from triage.extras import is_installed
    from triage.learning.default_backbones import default_backbones

    found = default_backbones(Path("data"))  # searches beside a folder of the working folder
    lite = (
        {
            "name": f"lite:{number}",
            "title": f"{variant.title} trained on ImageNet, {variant.size} pixels, {LICENCE}, "
            + ("installed" if is_installed(lite_module(number)) else "not installed"),
            "source": "",
            "needs": ["the extra `weights`"],
            "here": is_installed(lite_module(number)),
        }
        for number, variant in LITE_VARIANTS.items()
    )
    here = (_found_here(name) for name in found if name.startswith("hf:"))
    kinds = _described(registry("backbones").infos(), suffix=":")
    return [*kinds, *lite, *_described(MONAI_NETWORKS.infos(), prefix="monai:"), *here]


def _found_here(name: str) -> Row:
    """A pretrained network in a folder; its licence is what the folder's origin states."""
    from triage.backbones.pretrained import folder_input_size

    size = folder_input_size(Path(name.partition(":")[2]))
    pixels = f"{size} pixels" if size else "input size unknown"
    title = f"pretrained, on this machine, {pixels}, licence: see its origin"
    return {"name": name, "title": title, "source": "", "needs": [], "here": True}


def _measured(row: Row, throughput: bool) -> Row:
    """A row, where asked for with the speed of a network that is on this machine."""
    if not row.pop("here", False) or not throughput:
        return row
    from triage.models.throughput import offered_executions, pictures_per_second

    rates = {
        str(execution): round(pictures_per_second(row["name"], execution), 1)
        for execution in offered_executions()
    }
    return row | {"throughput": rates}


def _rates(row: Row) -> str:
    rates = row.get("throughput", {}).items()
    return "".join(f"; {way}: {rate:g} pictures a second" for way, rate in rates)


def _metrics() -> list[Row]:
    from triage.evaluation import METRICS

    return [
        {"name": key, "title": metric.title, "source": "", "needs": []}
        for key, metric in METRICS.items()
    ]
