"""A recommendation as YAML for `triage train --config`: comments say how it was chosen."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from triage import __version__
from triage.benchmark.comparison import Compared
from triage.benchmark.protocol import Protocol
from triage.benchmark.results import Number
from triage.models.settings import TrainSettings

WIDTH = 96


@dataclass(frozen=True)
class Choice:
    """One choice: what was compared, and what was taken.

    Parameters
    ----------
    of : str
        What is chosen, in words.
    chosen, default : str
    by : str
        The validation number, in words.
    rows : tuple of Compared
        The best first.
    beside : tuple of Compared
        Of what must not be worse: accuracy of arms, coverage of sets.
    refused : dict of str
        Candidates that a bundle cannot have, and why.
    note : str
    """

    of: str
    chosen: str
    default: str = ""
    by: str = ""
    rows: tuple[Compared, ...] = ()
    beside: tuple[Compared, ...] = ()
    refused: dict[str, str] = field(default_factory=dict)
    note: str = ""


def recommendation_text(
    protocol: Protocol,
    seeds: Sequence[int],
    settings: TrainSettings,
    choices: Sequence[Choice],
) -> str:
    """Return the settings file; the same records give the same text."""
    backbones = [name.rsplit("/", 1)[-1] for name in settings.backbones]
    lines = [
        f"Settings for `triage train --config`, written by `triage benchmark --recommend`, "
        f"version {__version__}.",
        "Chosen on validation cases alone: no test case of any draw was read for it.",
        f"Data spec: {protocol.spec.name}. Seeds of the draws: {', '.join(map(str, seeds))}.",
        f"Backbones of the benchmark, to be named by --backbone: {', '.join(backbones)}.",
        "Another choice than the default is recommended only where the 95 % interval of its gain, "
        "paired over draws and clusters, lies above 0. The best of several is a little worse than "
        "it looks; `triage evaluate` measures it on the test split.",
    ]
    for choice in choices:
        lines += ["", *_lines(choice)]
    comments = [
        part
        for line in lines
        for part in (textwrap.wrap(line, WIDTH, subsequent_indent="  ") or [""])
    ]
    content = yaml.safe_dump(_content(settings), sort_keys=False, default_flow_style=False)
    return "".join(f"# {line}".rstrip() + "\n" for line in comments) + "\n" + content


def _lines(choice: Choice) -> list[str]:
    found = [f"{choice.of[:1].upper()}{choice.of[1:]}: {choice.chosen}. {_why(choice)}".strip()]
    if choice.note:
        found.append(choice.note)
    if choice.rows:
        found.append(f"By {choice.by}, mean over draws, gain over {choice.default}:")
        found += [f"  {row.name}: {_value(row.value)}{_gain(row.gain)}" for row in choice.rows]
    if choice.beside and len(choice.beside) > 1:
        what = "Accuracy on inliers" if choice.of == "score" else "Coverage"
        found.append(f"{what}, which must not be lower beyond its interval:")
        found += [f"  {row.name}: {_value(row.value)}{_gain(row.gain)}" for row in choice.beside]
    found += [f"Not possible in a bundle: {name}: {why}" for name, why in choice.refused.items()]
    return found


def _why(choice: Choice) -> str:
    if not choice.rows:
        return ""
    if choice.chosen != choice.default:
        return f"It is better than the default, {choice.default}, beyond noise."
    if choice.rows[0].name == choice.default:
        return "The default is the best of those compared."
    return (
        f"This is the default: {choice.rows[0].name} has the best number, but the difference is "
        "within noise, or another number is worse."
    )


def _value(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _gain(gain: Number) -> str:
    if gain.value is None:
        return ""
    if gain.low is None or gain.high is None:
        return f" ({gain.value:+.4f}, no interval)"
    return f" ({gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}])"


def _content(settings: TrainSettings) -> dict[str, Any]:
    """Every setting but the backbones, so that later defaults change nothing."""
    given = settings.model_dump(mode="json", exclude={"backbones", "ood"})
    given["selective"] = {k: v for k, v in given["selective"].items() if v is not None}
    return {key: value for key, value in given.items() if value is not None}
