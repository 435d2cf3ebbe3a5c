"""Tables of the OCT page, made from the code; `python -m tests.oct_tables` renews them there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from triage.learning.settings import read_oct_settings
from triage.oct_imaging.volume import Flag
from triage.phantoms.oct import DEVICES, REFERRAL_RULES
from triage.vocabulary.diagnoses import DIAGNOSES

ROOT = Path(__file__).parents[1]
TRAINING = ROOT / "data_specs" / "training"
PAGE = ROOT / "docs" / "oct.md"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    lines = [[*head], *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def settings_table() -> str:
    """Every key of `--config`, with its value at each size."""
    files = ("oct_full_size.yaml", "oct_masks.yaml")
    sizes = [read_oct_settings(None), *(read_oct_settings(TRAINING / name) for name in files)]
    columns = [_flat(size.model_dump(mode="json")) for size in sizes]
    rows = [[f"`{key}`", *(_short(column[key]) for column in columns)] for key in columns[0]]
    return table(("setting", "demo (default)", *(f"`{name}`" for name in files)), rows)


def rules_table() -> str:
    """By which rule a phantom is referred."""
    return table(
        ("finding", "referral", "diagnosis", "why"),
        (
            [finding.value, rule.urgency.replace("_", "-"), DIAGNOSES[rule.diagnosis], rule.reason]
            for finding, rule in REFERRAL_RULES.items()
        ),
    )


def devices_table() -> str:
    """In what the phantom scanners differ."""
    facts = {
        "B-scans x rows x columns, by default": lambda d: _by(d.size),
        "field in mm (across B-scans, depth, along)": lambda d: _by(d.field),
        "grey shows": lambda d: (
            {"root": "cube root", "logarithm": "logarithm"}[d.tone] + " of intensity"
        ),
        "grey of no signal and of the brightest, 0 to 1": lambda d: f"{d.black:g}, {d.white:g}",
        "exponent of the tone curve": lambda d: f"{d.gamma:g}",
        "speckle (relative for A, in grey for B)": lambda d: f"{d.speckle:g}",
        "grain, rows and columns": lambda d: f"{d.grain[0]:g}, {d.grain[1]:g}",
        "blur, rows and columns": lambda d: f"{d.blur[0]:g}, {d.blur[1]:g}",
        "noise floor": lambda d: f"{d.floor:g}",
        "signal lost from top to bottom": lambda d: f"{d.roll_off:g}",
        "scans with a blank wedge": lambda d: f"{d.wedges:g}",
    }
    return table(
        ("", *(f"device {name}" for name in DEVICES)),
        ([name, *map(reported, DEVICES.values())] for name, reported in facts.items()),
    )


def flags_table() -> str:
    """What is doubtful about a volume."""
    return table(("flag", "meaning"), ([f"`{flag}`", flag.sentence] for flag in Flag))


TABLES = (settings_table, rules_table, devices_table, flags_table)


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in values.items():
        inner = isinstance(value, Mapping)
        found |= _flat(value, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return found


def _short(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_short, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _by(sides: Iterable[float]) -> str:
    return " x ".join(f"{side:g}" for side in sides)


def renew_tables(page: str, tables: Iterable[Callable[[], str]]) -> str:
    """The page with each table that begins like one of these as the code has it now."""
    for made in tables:
        new = made()
        head = new.split("\n", 1)[0]
        start = page.index(head)
        page = page[:start] + new + page[page.index("\n\n", start) :]
    return page


if __name__ == "__main__":
    PAGE.write_text(renew_tables(PAGE.read_text(encoding="utf-8"), TABLES), encoding="utf-8")
