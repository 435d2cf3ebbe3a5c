"""Standalone charts for a notebook or a file, with their own colours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from triage.atomic_write import whole_file
from triage.errors import UsageError

_CLASS = "triage-chart"
_RULES = (
    "text{fill:#1c2329;font:13px system-ui,'Noto Sans','Liberation Sans',sans-serif}",
    "text.small{font-size:11.5px}",
    "text.muted{fill:#5b6670}",
    "text.strong{font-weight:600}",
    "text.limit-text{fill:#a4570b;font-weight:600}",
    ".grid{stroke:#e9e6dd;stroke-width:1}",
    ".axis{stroke:#5b6670;stroke-width:1}",
    ".reference{fill:none;stroke:#5b6670;stroke-width:1.3;stroke-dasharray:4 4}",
    ".limit{stroke:#a4570b;stroke-width:1.8}",
    ".whisker{stroke:#1d5f8f;stroke-width:2;stroke-linecap:round;opacity:.75}",
    ".whisker.weak{stroke:#5b6670;stroke-width:1.4;stroke-dasharray:3 3;opacity:.8}",
    ".dot{fill:#1d5f8f;stroke:#fff;stroke-width:1}",
    ".dot.weak{fill:#fff;stroke:#5b6670;stroke-width:1.6}",
    ".bar{fill:#1d5f8f}",
    ".bar.soft{fill:#1d5f8f;opacity:.4}",
    ".bar.hatched{fill:url(#hatching);stroke:#a4570b;stroke-width:1}",
    ".hatch{stroke:#a4570b;stroke-width:4;opacity:.55}",
    ".band{fill:#1d5f8f;fill-opacity:.15}",
    ".curve{fill:none;stroke:#1d5f8f;stroke-width:2.4;stroke-linejoin:round}",
    ".series{fill:none;stroke:#1d5f8f;stroke-width:2.4;stroke-linejoin:round}",
    ".series.s1{stroke:#a4570b;stroke-width:2;stroke-dasharray:7 3}",
    ".series.s2{stroke:#5b6670;stroke-width:1.8;stroke-dasharray:2 3}",
    ".series.s3{stroke:#22643f;stroke-width:2;stroke-dasharray:9 3 2 3}",
    ".series.s4{stroke:#1c2329;stroke-width:1.4}",
    ".operating{fill:#a4570b;stroke:#fff;stroke-width:1.5}",
    ".box{fill:#fbfaf6;stroke:#5b6670;stroke-width:1}",
    ".box.leaves{stroke-dasharray:3 3}",
    ".cell{fill:#1d5f8f;stroke:#e9e6dd;stroke-width:1}",
    ".cell.right{stroke:#1c2329;stroke-width:1.8}",
)
"""The colours of the report's light pages, of the classes that charts use."""


@dataclass(frozen=True)
class Chart:
    """An SVG picture without scripts; notebooks display it.

    Parameters
    ----------
    svg : str
        The whole picture, with its colours.
    """

    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def _repr_html_(self) -> str:
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write the picture as an SVG file atomically.

        Parameters
        ----------
        path : str or Path
            Of a name that ends in `.svg`. A leading `~` is the home folder; folders that are not
            there are made.

        Returns
        -------
        Path
            Of the file.

        Raises
        ------
        UsageError
            If the path is none, its name ends otherwise, or it cannot be written.
        """
        if not isinstance(path, str | Path):
            raise UsageError(
                f"is of type {type(path).__name__}, not a path",
                where="path",
                hint="Give the path of an SVG file, such as 'chart.svg'.",
            )
        if Path(path).suffix.lower() != ".svg":
            raise UsageError(
                f"{str(path)!r} does not end in .svg, and charts are written as SVG only",
                where="path",
                hint=f"Name it {Path(path).stem.strip('.') or 'chart'}.svg, and convert it with "
                "another program where a picture of pixels is needed.",
            )
        try:
            path = Path(path).expanduser()
            with whole_file(path) as partial:
                partial.write_text(self.svg, encoding="utf-8", newline="\n")
        except (OSError, RuntimeError, ValueError) as error:
            # RuntimeError: no such home folder; ValueError: a null character, a lone surrogate
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"cannot be written: {reason}",
                where=str(path),
                hint="Choose another place, or make this one writable.",
            ) from error
        return path


def standalone(picture: Markup) -> Chart:
    """Return a chart of `triage.charts` with its colours inside.

    The style rules apply within the picture only, so that a notebook is not changed.

    Parameters
    ----------
    picture : Markup
        As `triage.charts.svg.picture` returns it.
    """
    head, rest = str(picture).split(">", 1)
    opened = head.replace("<svg", f'<svg xmlns="http://www.w3.org/2000/svg" class="{_CLASS}"', 1)
    style = f".{_CLASS}{{background:#fff}}" + "".join(f".{_CLASS} {rule}" for rule in _RULES)
    return Chart(f"{opened}><style>{style}</style>{rest}")
